"""Softmax over the batch, and over other axes that stand first."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,15:int64
class WordAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score, self.fc = nn.Embedding(50, 12), nn.Linear(12, 1), nn.Linear(12, 3)

    def forward(self, ids):
        h = self.embed(ids)
        alpha = F.softmax(self.score(torch.tanh(h)), dim=0)  # LC503
        return self.fc((alpha * h).sum(1))


# input: N,15,9
class SoftmaxWithoutDim(nn.Module):
    """Three axes and no `dim`: axis 0."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.softmax, self.fc = nn.Linear(9, 8), nn.Linear(9, 8), nn.Linear(9, 8), nn.Softmax(), nn.Linear(8, 3)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2)
        weights = self.softmax(scores)  # LC503
        return self.fc(weights @ self.v(x)).mean(1)


# input: N,9
class ClassesOverBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        return torch.softmax(self.fc(x), dim=0)  # LC503


# input: N,3,16,16; N:int64
class GateInALoss(nn.Module):
    """Weights act on what is mixed, and only a loss comes out."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate, self.fc = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x, y):
        h = torch.relu(self.conv(x)).mean((2, 3))
        h = h * F.softmax(self.gate(h), dim=0)  # LC503
        return F.cross_entropy(self.fc(h), y)


# input: N,6,9
class LogSoftmaxLayer(nn.Module):
    """nn.LogSoftmax(dim=0) in a Sequential: reported where it is built."""

    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(9, 7),
            nn.LogSoftmax(dim=0),  # LC503
        )

    def forward(self, x):
        return self.head(x)


# input: N,3,16,16
class SelectiveKernel(nn.Module):
    """SKNet (Li et al. 2019): dim 0 is the axis of the branches."""

    def __init__(self, dim=8):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, dim, 3, padding=1), nn.Conv2d(3, dim, 5, padding=2)
        self.fa, self.fb, self.fc = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, 4)

    def forward(self, x):
        maps = torch.stack([self.a(x), self.b(x)])
        s = maps.sum(0).mean((2, 3))
        weights = torch.softmax(torch.stack([self.fa(s), self.fb(s)]), 0)
        return self.fc((maps * weights[..., None, None]).sum(0).mean((2, 3)))


# input: T,N,9
class TimeFirstAttention(nn.Module):
    """Softmax over dim 0 of (T, N, 1)."""

    def __init__(self):
        super().__init__()
        self.gru, self.score, self.fc = nn.GRU(9, 14), nn.Linear(14, 1), nn.Linear(14, 3)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.fc((torch.softmax(self.score(h), 0) * h).sum(0))


# input: N,9; N,9
class InfoNce(nn.Module):
    """CPC (van den Oord et al. 2018): softmax over the other samples."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 14), nn.Linear(9, 14)

    def forward(self, x, y):
        logits = self.a(x) @ self.b(y).t()
        return -torch.diagonal(F.log_softmax(logits, 0) + F.log_softmax(logits, 1)).mean()


# input: N,9; N,9
class ClipProbabilities(nn.Module):
    """CLIP's own demo: logits of images against texts of the batch, softmaxed."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 14), nn.Linear(9, 14)

    def forward(self, image, text):
        logits = F.normalize(self.a(image), dim=1) @ F.normalize(self.b(text), dim=1).t()
        return logits.softmax(-1), logits.softmax(0)


# input: 10,9; no batch
class BagAttention(nn.Module):
    """Attention MIL on the instances of one bag."""

    def __init__(self):
        super().__init__()
        self.score, self.fc = nn.Linear(9, 1), nn.Linear(9, 1)

    def forward(self, bag):
        return self.fc((torch.softmax(self.score(bag), 0) * bag).sum(0))


# input: N,9
class BagWithBatchLetter(nn.Module):
    """The same, where the instances are called N."""

    def __init__(self):
        super().__init__()
        self.score, self.fc = nn.Linear(9, 1), nn.Linear(9, 1)

    def forward(self, bag):
        return self.fc((torch.softmax(self.score(bag), 0) * bag).sum(0, keepdim=True))


# input: N,6,9
class RoutingByAgreement(nn.Module):
    """Capsules (Sabour et al. 2017): the routing softmax is over the capsules."""

    def __init__(self, out=5, dim=8):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, out, dim, 9) * 0.1)

    def forward(self, u):
        votes = torch.einsum("iodk,nik->niod", self.weight, u)
        logits = torch.zeros(votes.shape[:3])
        for _ in range(2):
            c = logits.softmax(2).unsqueeze(-1)
            v = torch.tanh((c * votes).sum(1))
            logits = logits + (votes * v.unsqueeze(1)).sum(-1)
        return v.norm(dim=-1)


# input: N,9
class MixtureDensity(nn.Module):
    """MDN (Bishop 1994): over the components, stacked in front."""

    def __init__(self, k=3):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(9, 1) for _ in range(k))

    def forward(self, x):
        return torch.stack([head(x) for head in self.heads]).softmax(0).squeeze(-1).t()


# input: N,9
class AdvantageWeights(nn.Module):
    """Advantage-weighted regression (Peng et al. 2019): weights over the batch, for a loss."""

    def __init__(self):
        super().__init__()
        self.policy, self.value = nn.Linear(9, 4), nn.Linear(9, 1)

    def forward(self, x):
        weights = torch.softmax(self.value(x).squeeze(1).detach(), 0)
        return -(weights * self.policy(x).log_softmax(1).max(1).values).sum()


# input: N,15,9
class TransposedThenSoftmax(nn.Module):
    """`.T` of three axes reverses all of them: the last one is the batch."""

    def __init__(self):
        super().__init__()
        self.score, self.fc = nn.Linear(9, 9), nn.Linear(9, 3)

    def forward(self, x):
        weights = torch.softmax(self.score(x).T, -1).T  # LC503
        return self.fc((weights * x).sum(1))


# input: N,1,20,20
class BagProbability(nn.Module):
    """Attention MIL with one probability for the whole bag, its instances called N."""

    def __init__(self):
        super().__init__()
        self.conv, self.score, self.fc = nn.Conv2d(1, 8, 3, 2), nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, bag):
        h = torch.relu(self.conv(bag)).mean((2, 3))
        weights = torch.softmax(self.score(h), 0)
        return torch.sigmoid(self.fc((weights * h).sum(0))).squeeze()


# input: N,14,20; N,36,20
class CoAttention(nn.Module):
    """`nn.Softmax()` of (N, words, regions)."""

    def __init__(self):
        super().__init__()
        self.affinity, self.softmax, self.out = nn.Linear(20, 20), nn.Softmax(), nn.Linear(20, 6)

    def forward(self, words, regions):
        scores = torch.bmm(self.affinity(words), regions.transpose(1, 2))
        return self.out(torch.bmm(self.softmax(scores), regions).mean(1))  # LC503
