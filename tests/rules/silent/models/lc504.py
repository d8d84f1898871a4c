"""Samples that leak into one another, and models that compare samples on purpose."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,9
class NormalisedByTheSum(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        p = self.fc(x).exp()
        return p / p.sum()  # LC504


# input: N,15,9
class StandardisedOverBatch(nn.Module):
    """A layer norm by hand, over axis 0."""

    def __init__(self):
        super().__init__()
        self.lift, self.fc = nn.Linear(9, 14), nn.Linear(14, 3)

    def forward(self, x):
        x = self.lift(x)
        x = (x - x.mean(dim=0)) / (x.std(dim=0) + 1e-5)  # LC504
        return self.fc(x.mean(1))


# input: N,15,9
class RolledAlongBatch(nn.Module):
    """A shift in time along the wrong axis."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(18, 4)

    def forward(self, x):
        before = torch.roll(x, 1, 0)  # LC504
        return self.fc(torch.cat([x, before], -1))


# input: N,9
class NormOfTheBatch(nn.Module):
    """F.normalize over axis 0."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        return self.fc(F.normalize(x, dim=0))  # LC504


# input: N,3,16,16; N,9
class TowersBelowOneAnother(nn.Module):
    """Image and table features, cat without dim."""

    def __init__(self):
        super().__init__()
        self.conv, self.table, self.fc = nn.Conv2d(3, 12, 3, 2), nn.Linear(9, 12), nn.Linear(12, 3)

    def forward(self, image, table):
        both = torch.cat([self.conv(image).mean((2, 3)), self.table(table)])  # LC504
        return self.fc(both)


# input: N,15,9
class CumulatedOverBatch(nn.Module):
    """A running sum along the wrong axis, then weights."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        total = x.flip(0)  # LC504
        return self.fc(total).mean(1)


# input: N,9; N,9
class SimClr(nn.Module):
    """SimCLR (Chen et al. 2020)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 8))

    def forward(self, a, b):
        z = F.normalize(self.net(torch.cat([a, b])), dim=1)
        logits = z @ z.t() / 0.5
        logits = logits.masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        n = len(a)
        return F.cross_entropy(logits, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


# input: N,9; N,9
class SimClrFeatures(nn.Module):
    """Both views' features, one below the other, for a loss outside."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 8))

    def forward(self, a, b):
        return self.net(torch.cat([a, b], 0))


# input: N,3,16,16; N,3,8,8
class DinoCrops(nn.Module):
    """DINO's MultiCropWrapper (Caron et al. 2021): crops of two sizes through one backbone, features joined."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, 20)

    def forward(self, big, small):
        return self.head(torch.cat([self.backbone(big), self.backbone(small)]))


# input: N,9; N,9; N,9
class Triplet(nn.Module):
    """FaceNet (Schroff et al. 2015): cat and chunk."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 14)

    def forward(self, a, p, n):
        a, p, n = self.net(torch.cat([a, p, n])).chunk(3)
        return F.relu((a - p).norm(dim=1) - (a - n).norm(dim=1) + 0.2)


# input: N,9; N,9
class VicReg(nn.Module):
    """VICReg (Bardes et al. 2022)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 8))

    def forward(self, a, b):
        a, b = self.net(a), self.net(b)
        loss = F.mse_loss(a, b)
        for z in (a, b):
            z = z - z.mean(0)
            loss = loss + F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()
            cov = z.t() @ z / (len(z) - 1)
            loss = loss + (cov.pow(2).sum() - cov.diagonal().pow(2).sum()) / 8
        return loss


# input: N,9; N:int64
class PrototypicalNetwork(nn.Module):
    """Snell et al. 2017: distances to the means of the batch's classes."""

    def __init__(self, classes=5):
        super().__init__()
        self.net, self.classes = nn.Linear(9, 14), classes

    def forward(self, x, y):
        z = self.net(x)
        hot = F.one_hot(y % self.classes, self.classes).float()
        prototypes = hot.t() @ z / hot.sum(0).clamp_min(1)[:, None]
        return -torch.cdist(z, prototypes)


# input: N,3,8,8
class MinibatchDeviation(nn.Module):
    """Progressive GAN's discriminator (Karras et al. 2018), over the whole batch."""

    def __init__(self):
        super().__init__()
        self.conv, self.last, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(7, 6, 3, padding=1), nn.Linear(6, 1)

    def forward(self, x):
        x = F.leaky_relu(self.conv(x), 0.2)
        std = x.std(0).mean().expand(x.size(0), 1, *x.shape[2:])
        return self.fc(F.leaky_relu(self.last(torch.cat([x, std], 1)), 0.2).mean((2, 3)))


# input: N,20:int64
class TopKExperts(nn.Module):
    """A sparse mixture of experts (Shazeer et al. 2017; Mixtral)."""

    def __init__(self, dim=12, experts=4):
        super().__init__()
        self.embed, self.gate = nn.Embedding(50, dim), nn.Linear(dim, experts)
        self.experts, self.head = nn.ModuleList(nn.Linear(dim, dim) for _ in range(experts)), nn.Linear(dim, 7)

    def forward(self, ids):
        x = self.embed(ids)
        flat = x.reshape(-1, x.size(-1))
        weights, chosen = self.gate(flat).softmax(-1).topk(2, -1)
        out = torch.zeros_like(flat)
        for index, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == index)
            out.index_add_(0, rows, expert(flat[rows]) * weights[rows, place, None])
        return self.head(out.view_as(x))


# input: N,9; N,5:int64
class NeighbourGraph(nn.Module):
    """EdgeConv (Wang et al. 2019): every node takes its neighbours'."""

    def __init__(self):
        super().__init__()
        self.edge, self.fc = nn.Linear(18, 14), nn.Linear(14, 3)

    def forward(self, x, neighbours):
        around = x[neighbours % len(x)]
        edges = torch.cat([x.unsqueeze(1).expand_as(around), around - x.unsqueeze(1)], -1)
        return self.fc(torch.relu(self.edge(edges)).max(1).values)


# input: N,9; N,N
class DenseGcn(nn.Module):
    """GCN (Kipf and Welling 2017) with a dense adjacency."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 14), nn.Linear(14, 3)

    def forward(self, x, adjacency):
        return adjacency @ self.b(torch.relu(adjacency @ self.a(x)))


# input: N,9
class MutualInformation(nn.Module):
    """MINE (Belghazi et al. 2018): true pairs beside shuffled ones."""

    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 1))

    def forward(self, x):
        a, b = x[:, :4], x[:, 4:]
        shuffled = torch.cat([b[1:], b[:1]])
        return self.critic(torch.cat([a, b], 1)), self.critic(torch.cat([a, shuffled], 1))


# input: N,3,16,16
class AdaptiveBatchNorm(nn.Module):
    """Batch statistics on purpose (MAML's models, track_running_stats=False)."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8, track_running_stats=False), nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.bn(self.conv(x))).mean((2, 3)))


# input: N,3,16,16
class MonteCarloDropout(nn.Module):
    """Gal and Ghahramani 2016: copies along the batch, averaged again."""

    def __init__(self, copies=4):
        super().__init__()
        self.copies, self.net = (
            copies,
            nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8, 5)),
        )

    def forward(self, x):
        return self.net(x.repeat_interleave(self.copies, 0)).view(x.size(0), self.copies, -1).mean(1)


# input: N,3,16,16
class MirrorAveraged(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    def forward(self, x):
        a, b = self.net(torch.cat([x, x.flip(-1)])).softmax(-1).chunk(2)
        return (a + b) / 2


# input: N,3,16,16; N,6
class ConditionalGan(nn.Module):
    """Real and generated images through one discriminator (BigGAN's G_D, Brock et al. 2019)."""

    def __init__(self):
        super().__init__()
        self.g = nn.Sequential(nn.Linear(6, 3 * 256), nn.Tanh())
        self.d = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))

    def forward(self, real, z):
        return self.d(torch.cat([real, self.g(z).view(-1, 3, 16, 16)]))


# input: N,20,9
class ShuffledAndBack(nn.Module):
    """Sorted by length and restored (an old idiom of packed sequences)."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        order = x[:, 0, 0].argsort()
        back = order.argsort()
        return self.fc(self.gru(x[order])[0][:, -1])[back]


# input: N,9
class SpectralMixing(nn.Module):
    """FNet (Lee-Thorp et al. 2022): Fourier transforms along the features of each sample."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 3)

    def forward(self, x):
        return self.fc(torch.fft.fft(x).real)


# input: N,15,9; N,9,4
class EinsumWithTwoBatches(nn.Module):
    """The second operand's batch has a letter of its own, and is summed away."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, maps):
        y = torch.einsum("bij,cjk->bik", x, maps)  # LC504
        return self.fc(y).mean(1)


# input: N,9; N:int64
class GatheredAlongBatch(nn.Module):
    """DQN's values of the chosen actions, along axis 0."""

    def __init__(self):
        super().__init__()
        self.q = nn.Linear(9, 4)

    def forward(self, x, actions):
        return self.q(x).gather(0, actions.unsqueeze(1))  # LC504


# input: N,15,9; N:int64=3
class LastValidStep(nn.Module):
    """`out[lengths - 1]` takes samples, not steps."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x, lengths):
        out, _ = self.gru(x)
        last = out[lengths - 1]  # LC504
        return self.fc(last[:, -1])


# input: N,15,9
class DirectionsBelowOneAnother(nn.Module):
    """The final states of both directions, cat without dim=1."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True, bidirectional=True), nn.Linear(14, 3)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(torch.cat((h[-2], h[-1])))  # LC504


# input: N,3,16,16
class BranchesBelowOneAnother(nn.Module):
    """Two branches of an inception block, cat without dim=1."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x):
        x = torch.cat([torch.relu(self.a(x)), torch.relu(self.b(x))])  # LC504
        return self.fc(x.mean((2, 3)))


# input: N,9; N,9
class AdversarialAdaptation(nn.Module):
    """ADDA (Tzeng et al. 2017): features of two domains by two encoders, one below the other, for a domain critic."""

    def __init__(self):
        super().__init__()
        self.source, self.target, self.critic = nn.Linear(9, 14), nn.Linear(9, 14), nn.Linear(14, 1)

    def forward(self, a, b):
        return self.critic(torch.relu(torch.cat([self.source(a), self.target(b)])))


# input: N,15,9
class EnsembleAlongBatch(nn.Module):
    """Deep ensembles (Lakshminarayanan et al. 2017): all members' answers, one below the other."""

    def __init__(self):
        super().__init__()
        self.members = nn.ModuleList(nn.Linear(9, 3) for _ in range(3))

    def forward(self, x):
        return torch.cat([member(x.mean(1)) for member in self.members], 0)


# input: N,15,9; N:int64=7
class LastStepByGather(nn.Module):
    """The last valid step, as it is done right."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x, lengths):
        out, _ = self.gru(x)
        index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, out.size(2))
        return self.fc(out.gather(1, index).squeeze(1))


# input: N,9; N:int64
class DqnGather(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(9, 4)

    def forward(self, x, actions):
        return self.q(x).gather(1, actions.unsqueeze(1)).squeeze(1)


# input: N,15,9; N,9,4
class EinsumRight(nn.Module):
    """Per-sample maps."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, maps):
        return self.fc(torch.einsum("bij,bjk->bik", x, maps)).mean(1)


# input: N,9; N,9
class EinsumPairs(nn.Module):
    """All pairs by einsum (late interaction of ColBERT, Khattab and Zaharia 2020)."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 14), nn.Linear(9, 14)

    def forward(self, q, d):
        return torch.einsum("id,jd->ij", self.a(q), self.b(d))


# input: N,9
class GatedHalves(nn.Module):
    """A gated unit whose chunk goes along the batch."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(9, 16), nn.Linear(16, 4)

    def forward(self, x):
        a, b = self.up(x).chunk(2)  # LC504
        return self.down(a * torch.sigmoid(b))


# input: N,9
class GatedLinearUnit(nn.Module):
    """GLU (Dauphin et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(9, 16), nn.Linear(8, 4)

    def forward(self, x):
        a, b = self.up(x).chunk(2, -1)
        return self.down(a * torch.sigmoid(b))


# input: N,9
class PairsStacked(nn.Module):
    """Pairs of sentences, the first ones in front, the second ones behind (Sentence-BERT, Reimers and Gurevych 2019)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 8)

    def forward(self, x):
        a, b = self.net(x).chunk(2)
        return F.cosine_similarity(a, b)


# input: N,5,3,20,20
class TemporalShiftOfRows(nn.Module):
    """TSM on (N * T, C, H, W) as if it were one video."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.fc = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 30, 3, 2, 1), nn.Linear(30, 7)

    def forward(self, video):
        n, t = video.shape[:2]
        x = torch.relu(self.stem(video.flatten(0, 1)))
        out = x.clone()
        out[:-1, :3] = x[1:, :3]  # LC504
        out[1:, 3:6] = x[:-1, 3:6]  # LC504
        return self.fc(torch.relu(self.conv(out)).mean((2, 3))).view(n, t, -1).mean(1)


# input: N,5,3,20,20
class TemporalShiftOfFrames(nn.Module):
    """As in mit-han-lab/temporal-shift-module."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.fc = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 30, 3, 2, 1), nn.Linear(30, 7)

    def forward(self, video):
        n, t = video.shape[:2]
        x = torch.relu(self.stem(video.flatten(0, 1)))
        x = x.view(n, t, *x.shape[1:])
        out = torch.zeros_like(x)
        out[:, :-1, :3] = x[:, 1:, :3]
        out[:, 1:, 3:6] = x[:, :-1, 3:6]
        out[:, :, 6:] = x[:, :, 6:]
        return self.fc(torch.relu(self.conv(out.flatten(0, 1))).mean((2, 3))).view(n, t, -1).mean(1)


# input: N,3,24,24
class GramOfTheBatch(nn.Module):
    """Second-order pooling whose einsum has no letter for the batch left."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 12, 3, 2, 1), nn.Linear(144, 9)

    def forward(self, x):
        f = torch.relu(self.conv(x)).flatten(2)
        gram = torch.einsum("nci,ndi->cd", f, f) / f.size(2)  # LC504
        return self.fc(gram.flatten().expand(x.size(0), -1))


# input: N,3,24,24
class GramOfEach(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 12, 3, 2, 1), nn.Linear(144, 9)

    def forward(self, x):
        f = torch.relu(self.conv(x)).flatten(2)
        return self.fc((torch.einsum("nci,ndi->ncd", f, f) / f.size(2)).flatten(1))


# input: N,11,20
class ScoresOfAllSamples(nn.Module):
    """The batch letter is missing after the arrow, so all samples share the sum of their attention."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(20, 60), nn.Linear(20, 4)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        weights = (torch.einsum("nqd,nkd->qk", q, k) / 20**0.5).softmax(-1)  # LC504
        return self.out(torch.einsum("qk,nkd->nqd", weights, v))


# input: N,3,24,24
class BatchWhitening(nn.Module):
    """Iterative normalisation (huangleiBuaa/IterNorm): a root of the covariance over the batch whitens each sample of it."""

    def __init__(self):
        super().__init__()
        self.conv, self.centre, self.fc = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm1d(8, affine=False), nn.Linear(8, 5)

    def forward(self, x):
        f = self.centre(self.conv(x).flatten(2))
        cov = torch.einsum("nci,ndi->cd", f, f) / (f.size(0) * f.size(2)) + 1e-3 * torch.eye(8)
        cov = cov / cov.trace()
        p = torch.eye(8)
        for _ in range(3):
            p = 0.5 * (3 * p - p @ p @ p @ cov)
        return self.fc(torch.relu(torch.einsum("cd,ndi->nci", p, f)).mean(2))


# input: N,10,12
class RoutingOfTheBatch(nn.Module):
    """Capsules whose couplings are shared by the batch (cedrickchee/capsule-net-pytorch): agreement is added to what was there."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10, 12, 3, 6) * 0.1)

    def forward(self, x):
        votes = torch.einsum("nid,idkc->nikc", x, self.weight)
        logits = torch.zeros(10, 3)
        for _ in range(2):
            joined = torch.einsum("ik,nikc->nkc", logits.softmax(1), votes)
            out = joined * joined.norm(dim=-1, keepdim=True) / (1 + joined.pow(2).sum(-1, keepdim=True))
            logits = logits + torch.einsum("nikc,nkc->ik", votes, out) / x.size(0)
        return out.norm(dim=-1)


# input: N,7,9
class GateOfTheBatch(nn.Module):
    """`einsum` of one tensor is a sum over the batch as any other."""

    def __init__(self):
        super().__init__()
        self.lift, self.out = nn.Linear(9, 20), nn.Linear(20, 2)

    def forward(self, x):
        h = self.lift(x)
        gate = torch.einsum("btd->td", h).sigmoid()
        return self.out((h * gate).mean(1))  # LC504


# input: N,7,9
class GateOfEach(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift, self.out = nn.Linear(9, 20), nn.Linear(20, 2)

    def forward(self, x):
        h = self.lift(x)
        gate = torch.einsum("btd->bd", h).sigmoid()
        return self.out((h * gate.unsqueeze(1)).mean(1))
