"""Right models after real architectures, for every silent rule at once."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,3,16,16
class AdaptiveFourierOperator(nn.Module):
    """AFNO (Guibas et al. 2022): block-diagonal weights on Fourier modes."""

    def __init__(self, dim=12, blocks=3):
        super().__init__()
        self.blocks, self.embed, self.head = blocks, nn.Conv2d(3, dim, 2, 2), nn.Linear(dim, 5)
        self.weight = nn.Parameter(torch.randn(2, blocks, dim // blocks, dim // blocks) * 0.1)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        f = torch.fft.rfft2(x, dim=(1, 2), norm="ortho").reshape(n, h, w // 2 + 1, self.blocks, c // self.blocks)
        real = torch.einsum("...bi,bio->...bo", f.real, self.weight[0]) - torch.einsum("...bi,bio->...bo", f.imag, self.weight[1])
        imaginary = torch.einsum("...bi,bio->...bo", f.imag, self.weight[0]) + torch.einsum("...bi,bio->...bo", f.real, self.weight[1])
        f = torch.complex(F.relu(real), F.relu(imaginary)).reshape(n, h, w // 2 + 1, c)
        return self.head((x + torch.fft.irfft2(f, s=(h, w), dim=(1, 2), norm="ortho")).mean((1, 2)))


# input: N,12:int64
class BiLstmCrf(nn.Module):
    """BiLSTM-CRF (Lample et al. 2016): the forward algorithm over time."""

    def __init__(self, tags=5):
        super().__init__()
        self.embed, self.lstm, self.emit = nn.Embedding(50, 10), nn.LSTM(10, 7, batch_first=True, bidirectional=True), nn.Linear(14, tags)
        self.transitions = nn.Parameter(torch.randn(tags, tags))

    def forward(self, ids):
        emissions = self.emit(self.lstm(self.embed(ids))[0])
        alpha = emissions[:, 0]
        for t in range(1, ids.size(1)):
            alpha = torch.logsumexp(alpha.unsqueeze(2) + self.transitions.unsqueeze(0), 1) + emissions[:, t]
        return torch.logsumexp(alpha, 1)


# input: N,10,12
class Conformer(nn.Module):
    """Conformer's convolution module (Gulati et al. 2020)."""

    def __init__(self, dim=12):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(dim), nn.Conv1d(dim, 2 * dim, 1), nn.Conv1d(dim, dim, 1)
        self.depthwise, self.bn = nn.Conv1d(dim, dim, 7, padding=3, groups=dim), nn.BatchNorm1d(dim)

    def forward(self, x):
        y = F.glu(self.up(self.norm(x).transpose(1, 2)), dim=1)
        return x + self.down(F.silu(self.bn(self.depthwise(y)))).transpose(1, 2)


# input: N,3,24,24
class MiniDetr(nn.Module):
    """DETR (Carion et al. 2020), time first as in its demo, for any batch."""

    def __init__(self, dim=16, queries=6):
        super().__init__()
        self.conv, self.transformer = nn.Conv2d(3, dim, 8, 8), nn.Transformer(dim, 2, 1, 1, 32)
        self.queries, self.rows, self.columns = (
            nn.Parameter(torch.rand(queries, dim)),
            nn.Parameter(torch.rand(9, 8)),
            nn.Parameter(torch.rand(9, 8)),
        )
        self.classes, self.boxes = nn.Linear(dim, 5), nn.Linear(dim, 4)

    def forward(self, x):
        h = self.conv(x)
        height, width = h.shape[-2:]
        position = torch.cat(
            [self.columns[:width].unsqueeze(0).repeat(height, 1, 1), self.rows[:height].unsqueeze(1).repeat(1, width, 1)], -1
        )
        h = self.transformer(
            position.flatten(0, 1).unsqueeze(1) + h.flatten(2).permute(2, 0, 1), self.queries.unsqueeze(1).repeat(1, len(x), 1)
        )
        return self.classes(h).transpose(0, 1), self.boxes(h).transpose(0, 1).sigmoid()


# input: N,6,9
class GraphAttention(nn.Module):
    """GAT (Velickovic et al. 2018) on a batch of small graphs, the adjacency fixed."""

    def __init__(self):
        super().__init__()
        self.w, self.a, self.out = nn.Linear(9, 8), nn.Linear(16, 1), nn.Linear(8, 3)
        self.register_buffer("adjacency", torch.ones(6, 6).tril() + torch.ones(6, 6).triu(-1))

    def forward(self, x):
        h = self.w(x)
        n, v, d = h.shape
        pairs = torch.cat([h.unsqueeze(2).expand(n, v, v, d), h.unsqueeze(1).expand(n, v, v, d)], -1)
        e = F.leaky_relu(self.a(pairs).squeeze(-1)).masked_fill(self.adjacency == 0, -1e9)
        return self.out((e.softmax(-1) @ h).mean(1))


# input: N,20,6
class SelectiveScan(nn.Module):
    """Mamba's recurrence (Gu and Dao 2023), step by step."""

    def __init__(self, dim=6, state=4):
        super().__init__()
        self.a, self.b, self.c, self.delta = (
            nn.Parameter(torch.randn(dim, state)),
            nn.Linear(dim, state),
            nn.Linear(dim, state),
            nn.Linear(dim, dim),
        )

    def forward(self, x):
        n, t, d = x.shape
        delta, b, c = F.softplus(self.delta(x)), self.b(x), self.c(x)
        decay = torch.exp(delta.unsqueeze(-1) * -self.a.exp())
        h, outputs = x.new_zeros(n, d, self.a.size(1)), []
        for step in range(t):
            h = decay[:, step] * h + delta[:, step].unsqueeze(-1) * b[:, step].unsqueeze(1) * x[:, step].unsqueeze(-1)
            outputs.append((h * c[:, step].unsqueeze(1)).sum(-1))
        return torch.stack(outputs, 1)


# input: N,14,12
class LinearAttention(nn.Module):
    """Linear transformers (Katharopoulos et al. 2020)."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).unbind(2)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        context = torch.einsum("nthd,nthe->nhde", k, v)
        z = 1 / torch.einsum("nthd,nhd->nth", q, k.sum(1))
        return self.out(torch.einsum("nthd,nhde,nth->nthe", q, context, z).reshape(n, t, c))


# input: N,16,12
class Linformer(nn.Module):
    """Linformer (Wang et al. 2020): keys projected along time."""

    def __init__(self, dim=12, length=16, k=5):
        super().__init__()
        self.q, self.kv, self.e = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Parameter(torch.randn(length, k))

    def forward(self, x):
        keys = torch.einsum("ntd,tk->nkd", self.kv(x), self.e)
        return (self.q(x) @ keys.transpose(1, 2) / math.sqrt(12)).softmax(-1) @ keys


# input: N,3,16,16; N:int64=7
class DiffusionUnet(nn.Module):
    """DDPM's U-Net (Ho et al. 2020): time added per channel, skip connections."""

    def __init__(self, dim=8):
        super().__init__()
        self.time, self.a, self.b = (
            nn.Sequential(nn.Linear(dim, dim), nn.SiLU()),
            nn.Conv2d(3, dim, 3, padding=1),
            nn.Conv2d(dim, 2 * dim, 3, 2, 1),
        )
        self.shift, self.up, self.out = (
            nn.Linear(dim, 2 * dim),
            nn.ConvTranspose2d(2 * dim, dim, 4, 2, 1),
            nn.Conv2d(2 * dim, 3, 3, padding=1),
        )

    def forward(self, x, t):
        frequencies = torch.exp(torch.arange(4) * -1.5)
        angles = t[:, None].float() * frequencies[None]
        t = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        a = F.silu(self.a(x))
        b = F.silu(self.b(a)) + self.shift(t)[:, :, None, None]
        return self.out(torch.cat([self.up(b), a], 1))


# input: N,30
class WaveNet(nn.Module):
    """WaveNet's gated dilated stack (van den Oord et al. 2016)."""

    def __init__(self, dim=8):
        super().__init__()
        self.inp = nn.Conv1d(1, dim, 1)
        self.filters = nn.ModuleList(nn.Conv1d(dim, 2 * dim, 2, dilation=2**i) for i in range(3))
        self.out = nn.Conv1d(dim, 16, 1)

    def forward(self, x):
        x = self.inp(x.unsqueeze(1))
        for i, conv in enumerate(self.filters):
            a, b = conv(F.pad(x, (2**i, 0))).chunk(2, 1)
            x = x + a.tanh() * b.sigmoid()
        return self.out(x)


# input: N,9,5
class MemoryNetwork(nn.Module):
    """End-to-end memory networks (Sukhbaatar et al. 2015)."""

    def __init__(self, dim=8):
        super().__init__()
        self.a, self.c, self.query, self.out = nn.Linear(5, dim), nn.Linear(5, dim), nn.Linear(5, dim), nn.Linear(dim, 4)

    def forward(self, x):
        u = self.query(x[:, -1])
        for _ in range(2):
            p = torch.softmax((self.a(x) * u.unsqueeze(1)).sum(-1), -1)
            u = u + (p.unsqueeze(-1) * self.c(x)).sum(1)
        return self.out(u)


# input: N,3,16,16
class InvolutionNet(nn.Module):
    """Involution (Li et al. 2021): unfold, kernels per position."""

    def __init__(self, dim=8, k=3, groups=2):
        super().__init__()
        self.k, self.groups, self.stem, self.kernel, self.fc = (
            k,
            groups,
            nn.Conv2d(3, dim, 1),
            nn.Conv2d(dim, k * k * groups, 1),
            nn.Linear(dim, 5),
        )

    def forward(self, x):
        x = self.stem(x)
        n, c, h, w = x.shape
        kernel = self.kernel(x).view(n, self.groups, 1, self.k**2, h, w)
        patches = F.unfold(x, self.k, padding=1).view(n, self.groups, c // self.groups, self.k**2, h, w)
        return self.fc((kernel * patches).sum(3).view(n, c, h, w).mean((2, 3)))


# input: N,3,16,16
class AxialMlp(nn.Module):
    """Strips mixed along rows and columns (Vision Permutator, Hou et al. 2022)."""

    def __init__(self, dim=8, size=8):
        super().__init__()
        self.patch, self.rows, self.columns, self.mix, self.head = (
            nn.Conv2d(3, dim, 2, 2),
            nn.Linear(size, size),
            nn.Linear(size, size),
            nn.Linear(dim, dim),
            nn.Linear(dim, 5),
        )

    def forward(self, x):
        x = self.patch(x).permute(0, 2, 3, 1)
        h = self.rows(x.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)
        w = self.columns(x.permute(0, 1, 3, 2)).permute(0, 1, 3, 2)
        return self.head((h + w + self.mix(x)).mean((1, 2)))


# input: N,3,32,32
class ShiftedMlp(nn.Module):
    """S2-MLP (Yu et al. 2022) and Swin: rolls along the map, never along the batch."""

    def __init__(self, dim=8):
        super().__init__()
        self.patch, self.mix, self.head = nn.Conv2d(3, dim, 4, 4), nn.Linear(dim, dim), nn.Linear(dim, 5)

    def forward(self, x):
        x = self.patch(x).permute(0, 2, 3, 1)
        a, b = x.chunk(2, -1)
        x = torch.cat([a.roll(1, 1), b.roll(-1, 2)], -1)
        return self.head(self.mix(torch.roll(x, (-1, -1), (1, 2))).mean((1, 2)))


# input: N,3,16,16; N,3,16,16
class SiameseContrastive(nn.Module):
    """Siamese network (Hadsell et al. 2006)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6))

    def forward(self, a, b):
        return F.pairwise_distance(self.net(a), self.net(b))


# input: N,9; N,9
class Byol(nn.Module):
    """BYOL (Grill et al. 2020): a predictor, a teacher without gradients, a loss of rows."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher, self.predictor = nn.Linear(9, 8), nn.Linear(9, 8), nn.Linear(8, 8)

    def forward(self, a, b):
        p = self.predictor(self.student(a))
        with torch.no_grad():
            z = self.teacher(b)
        return 2 - 2 * F.cosine_similarity(p, z, dim=-1).mean()


# input: N,9; N,9
class SwavSinkhorn(nn.Module):
    """SwAV (Caron et al. 2020): assignments normalised over the batch on purpose, for a loss."""

    def __init__(self, prototypes=7):
        super().__init__()
        self.net, self.prototypes = nn.Linear(9, 8), nn.Linear(8, prototypes, bias=False)

    def forward(self, a, b):
        a, b = self.prototypes(F.normalize(self.net(a), dim=1)), self.prototypes(F.normalize(self.net(b), dim=1))
        with torch.no_grad():
            q = torch.exp(a / 0.05).t()
            q = q / q.sum()
            for _ in range(3):
                q = q / q.sum(1, keepdim=True) / q.size(0)
                q = q / q.sum(0, keepdim=True) / q.size(1)
        return -(q.t() * q.size(1) * (b / 0.1).log_softmax(1)).sum(1).mean()


# input: N,9; N:int64
class ArcFace(nn.Module):
    """ArcFace (Deng et al. 2019)."""

    def __init__(self, classes=6):
        super().__init__()
        self.net, self.weight = nn.Linear(9, 8), nn.Parameter(torch.randn(classes, 8))

    def forward(self, x, y):
        cosine = F.linear(F.normalize(self.net(x)), F.normalize(self.weight)).clamp(-0.999, 0.999)
        hot = F.one_hot(y % 6, 6).float()
        return 30 * torch.where(hot > 0, torch.cos(torch.acos(cosine) + 0.5), cosine)


# input: N,9; N:int64
class CenterLoss(nn.Module):
    """Center loss (Wen et al. 2016)."""

    def __init__(self, classes=6):
        super().__init__()
        self.net, self.centers = nn.Linear(9, 8), nn.Parameter(torch.randn(classes, 8))

    def forward(self, x, y):
        z = self.net(x)
        distances = z.pow(2).sum(1, keepdim=True) + self.centers.pow(2).sum(1) - 2 * z @ self.centers.t()
        return (distances * F.one_hot(y % 6, 6)).clamp(1e-12).sum() / z.size(0)


# input: N,4,20,20
class DuelingAtari(nn.Module):
    """Dueling DQN on frames (Wang et al. 2016)."""

    def __init__(self, actions=5):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(4, 8, 4, 2), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten())
        self.value, self.advantage = nn.Linear(8 * 49, 1), nn.Linear(8 * 49, actions)

    def forward(self, x):
        h = self.conv(x)
        a = self.advantage(h)
        return self.value(h) + a - a.mean(1, keepdim=True)


# input: N,9
class CategoricalDqn(nn.Module):
    """C51 (Bellemare et al. 2017): atoms per action."""

    def __init__(self, actions=3, atoms=11):
        super().__init__()
        self.actions, self.net = actions, nn.Linear(9, actions * atoms)
        self.register_buffer("support", torch.linspace(-1, 1, atoms))

    def forward(self, x):
        p = self.net(x).view(-1, self.actions, self.support.numel()).softmax(-1)
        return (p * self.support).sum(-1)


# input: 9; 14; no batch
class RecurrentPolicy(nn.Module):
    """A3C-LSTM (Mnih et al. 2016) on one observation."""

    def __init__(self):
        super().__init__()
        self.cell, self.pi, self.v = nn.GRUCell(9, 14), nn.Linear(14, 4), nn.Linear(14, 1)

    def forward(self, obs, state):
        state = self.cell(obs.unsqueeze(0), state.unsqueeze(0))
        return self.pi(state).squeeze(0).softmax(0), self.v(state).squeeze(), state.squeeze(0)


# input: N,15,9
class DetachedState(nn.Module):
    """A stateful language model: the hidden state is kept and detached."""

    def __init__(self):
        super().__init__()
        self.rnn, self.out, self.state = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 5), None

    def forward(self, x):
        if self.state is None or self.state.size(1) != x.size(0):
            self.state = x.new_zeros(1, x.size(0), 14)
        y, state = self.rnn(x, self.state)
        self.state = state.detach()
        return self.out(y)


# input: N,18,9
class TemporalShift(nn.Module):
    """TSM (Lin et al. 2019): channels shifted along time."""

    def __init__(self, fold=3):
        super().__init__()
        self.fold, self.fc = fold, nn.Linear(9, 4)

    def forward(self, x):
        out = torch.zeros_like(x)
        out[:, :-1, : self.fold] = x[:, 1:, : self.fold]
        out[:, 1:, self.fold : 2 * self.fold] = x[:, :-1, self.fold : 2 * self.fold]
        out[:, :, 2 * self.fold :] = x[:, :, 2 * self.fold :]
        return self.fc(out.mean(1))


# input: N,3,8,12,12
class R2Plus1D(nn.Module):
    """R(2+1)D (Tran et al. 2018): frames folded for a 2-D convolution and back."""

    def __init__(self, dim=6):
        super().__init__()
        self.spatial, self.temporal, self.fc = nn.Conv2d(3, dim, 3, 2, 1), nn.Conv1d(dim, dim, 3, padding=1), nn.Linear(dim, 4)

    def forward(self, x):
        n, c, t, h, w = x.shape
        y = self.spatial(x.transpose(1, 2).reshape(n * t, c, h, w))
        c, h, w = y.shape[1:]
        y = y.view(n, t, c, h, w).permute(0, 3, 4, 2, 1).reshape(n * h * w, c, t)
        return self.fc(self.temporal(y).view(n, h, w, c, t).mean((1, 2, 4)))


# input: N,3,24,24
class YoloHead(nn.Module):
    """YOLOv3's head (Redmon and Farhadi 2018): anchors split off the channels, boxes flattened."""

    def __init__(self, anchors=3, classes=4):
        super().__init__()
        self.anchors, self.outputs, self.conv = anchors, classes + 5, nn.Conv2d(3, anchors * (classes + 5), 8, 8)

    def forward(self, x):
        p = self.conv(x)
        n, _, h, w = p.shape
        p = p.view(n, self.anchors, self.outputs, h, w).permute(0, 1, 3, 4, 2).contiguous()
        p[..., :2] = p[..., :2].sigmoid()
        return p.view(n, -1, self.outputs)


# input: N,3,16,16
class NonLocalBlock(nn.Module):
    """Non-local networks (Wang et al. 2018)."""

    def __init__(self, dim=8):
        super().__init__()
        self.stem, self.theta, self.phi, self.g, self.w, self.fc = (
            nn.Conv2d(3, dim, 2, 2),
            nn.Conv2d(dim, 4, 1),
            nn.Conv2d(dim, 4, 1),
            nn.Conv2d(dim, 4, 1),
            nn.Conv2d(4, dim, 1),
            nn.Linear(dim, 5),
        )

    def forward(self, x):
        x = self.stem(x)
        n, _, h, w = x.shape
        theta, phi, g = self.theta(x).view(n, 4, -1).permute(0, 2, 1), self.phi(x).view(n, 4, -1), self.g(x).view(n, 4, -1).permute(0, 2, 1)
        y = torch.softmax(theta @ phi, -1) @ g
        return self.fc((x + self.w(y.permute(0, 2, 1).contiguous().view(n, 4, h, w))).mean((2, 3)))


# input: N,3,16,16
class BilinearPooling(nn.Module):
    """Bilinear CNN (Lin et al. 2015) and style losses: Gram matrices per sample."""

    def __init__(self, dim=7):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, dim, 3, 2, 1), nn.Linear(dim * dim, 5)

    def forward(self, x):
        x = self.conv(x).flatten(2)
        return self.fc(F.normalize((x @ x.transpose(1, 2) / x.size(2)).flatten(1)))


# input: N,3,16,16
class NetVlad(nn.Module):
    """NetVLAD (Arandjelovic et al. 2016)."""

    def __init__(self, clusters=5, dim=7):
        super().__init__()
        self.conv, self.assign, self.centers, self.fc = (
            nn.Conv2d(3, dim, 4, 4),
            nn.Conv2d(dim, clusters, 1),
            nn.Parameter(torch.rand(clusters, dim)),
            nn.Linear(clusters * dim, 4),
        )

    def forward(self, x):
        x = F.normalize(self.conv(x), dim=1)
        a = self.assign(x).flatten(2).softmax(1)
        residual = x.flatten(2).unsqueeze(1) - self.centers[None, :, :, None]
        v = F.normalize((residual * a.unsqueeze(2)).sum(-1), dim=2)
        return self.fc(F.normalize(v.flatten(1)))


# input: N,3,16,16
class StyleModulated(nn.Module):
    """StyleGAN2's generator block (Karras et al. 2020): modulation, demodulation, noise."""

    def __init__(self, dim=6):
        super().__init__()
        self.weight, self.style, self.noise, self.rgb = (
            nn.Parameter(torch.randn(dim, 3, 3, 3)),
            nn.Linear(4, 3),
            nn.Parameter(torch.zeros(1)),
            nn.Conv2d(dim, 3, 1),
        )

    def forward(self, x):
        n, c, h, w = x.shape
        s = self.style(x.mean((2, 3)).repeat(1, 2)[:, :4])
        weight = self.weight.unsqueeze(0) * (s[:, None, :, None, None] + 1)
        weight = weight * torch.rsqrt(weight.pow(2).sum((2, 3, 4), keepdim=True) + 1e-8)
        y = F.conv2d(x.reshape(1, n * c, h, w), weight.view(-1, c, 3, 3), padding=1, groups=n).view(n, -1, h, w)
        return self.rgb(y + self.noise * torch.randn(n, 1, h, w))


# input: N,4,14,14
class EnsembleMembers(nn.Module):
    """BatchEnsemble (Wen et al. 2020): members along the batch, answers averaged."""

    def __init__(self, members=3):
        super().__init__()
        self.members, self.conv, self.fc = members, nn.Conv2d(4, 6, 3), nn.Linear(6, 4)
        self.r, self.s = nn.Parameter(torch.randn(members, 4)), nn.Parameter(torch.randn(members, 6))

    def forward(self, x):
        n = x.size(0)
        x = x.repeat(self.members, 1, 1, 1)
        r, s = self.r.repeat_interleave(n, 0), self.s.repeat_interleave(n, 0)
        x = self.conv(x * r[:, :, None, None]) * s[:, :, None, None]
        return self.fc(x.mean((2, 3))).view(self.members, n, -1).mean(0)


# input: N,16,5
class NystromAttention(nn.Module):
    """Landmarks by segment means (Nystromformer, Xiong et al. 2021), the inverse per sample."""

    def __init__(self, dim=5, landmarks=4):
        super().__init__()
        self.m, self.q, self.k, self.v = landmarks, nn.Linear(dim, 8), nn.Linear(dim, 8), nn.Linear(dim, 8)

    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        n, t, d = q.shape
        ql, kl = q.reshape(n, self.m, t // self.m, d).mean(2), k.reshape(n, self.m, t // self.m, d).mean(2)
        a, b, c = (q @ kl.transpose(1, 2)).softmax(-1), (ql @ kl.transpose(1, 2)).softmax(-1), (ql @ k.transpose(1, 2)).softmax(-1)
        return a @ torch.linalg.pinv(b) @ (c @ v)


# input: N,12:int64
class ProductKeyEmbedding(nn.Module):
    """fastText (Joulin et al. 2017): a bag of embeddings, padding ignored."""

    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(50, 10, padding_idx=0), nn.Linear(10, 4)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1).float()
        return self.fc((self.embed(ids) * mask).sum(1) / mask.sum(1).clamp_min(1))


# input: N,20,6
class TokenPruning(nn.Module):
    """DynamicViT-like top-k tokens (Rao et al. 2021), gathered per sample."""

    def __init__(self, keep=7):
        super().__init__()
        self.keep, self.score, self.fc = keep, nn.Linear(6, 1), nn.Linear(6, 3)

    def forward(self, x):
        index = self.score(x).squeeze(-1).topk(self.keep, 1).indices
        kept = torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, x.size(-1)))
        return self.fc(kept.mean(1))


# input: N,15,6
class MaskedAutoencoder(nn.Module):
    """MAE (He et al. 2022): shuffle, keep, restore, per sample."""

    def __init__(self, keep=5):
        super().__init__()
        self.keep, self.enc, self.token, self.dec = keep, nn.Linear(6, 8), nn.Parameter(torch.zeros(1, 1, 8)), nn.Linear(8, 6)

    def forward(self, x):
        n, t, _ = x.shape
        order = torch.rand(n, t).argsort(1)
        restore = order.argsort(1)
        h = self.enc(torch.gather(x, 1, order[:, : self.keep, None].expand(-1, -1, 6)))
        h = torch.cat([h, self.token.expand(n, t - self.keep, -1)], 1)
        return self.dec(torch.gather(h, 1, restore.unsqueeze(-1).expand(-1, -1, 8)))


# input: N,16,10
class SwitchRouting(nn.Module):
    """Switch transformer (Fedus et al. 2022): one expert per token, a capacity counted over all tokens."""

    def __init__(self, dim=10, experts=3):
        super().__init__()
        self.gate, self.experts = nn.Linear(dim, experts), nn.ModuleList(nn.Linear(dim, dim) for _ in range(experts))

    def forward(self, x):
        flat = x.reshape(-1, x.size(-1))
        p, chosen = self.gate(flat).softmax(-1).max(-1)
        hot = F.one_hot(chosen, len(self.experts))
        place = (hot.cumsum(0) * hot).sum(1)
        keep = (place <= flat.size(0) // 2).float() * p
        y = sum(hot[:, i, None] * expert(flat) for i, expert in enumerate(self.experts))
        return x + (y * keep[:, None]).view_as(x)


# input: N,1,20,20
class SpatialTransformer(nn.Module):
    """STN (Jaderberg et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.loc, self.theta, self.fc = nn.Sequential(nn.Conv2d(1, 6, 7, 3), nn.ReLU()), nn.Linear(6 * 25, 6), nn.Linear(400, 10)

    def forward(self, x):
        theta = self.theta(self.loc(x).view(-1, 6 * 25)).view(-1, 2, 3)
        grid = F.affine_grid(theta, x.size(), align_corners=False)
        return self.fc(F.grid_sample(x, grid, align_corners=False).flatten(1))


# input: N,24,3
class DynamicGraphCnn(nn.Module):
    """DGCNN (Wang et al. 2019): neighbours by index into the folded points."""

    def __init__(self, k=4):
        super().__init__()
        self.k, self.edge, self.fc = k, nn.Linear(6, 10), nn.Linear(10, 4)

    def forward(self, x):
        n, p, d = x.shape
        index = torch.cdist(x, x).topk(self.k, largest=False).indices
        flat = (index + torch.arange(n).view(-1, 1, 1) * p).view(-1)
        near = x.reshape(n * p, d)[flat].view(n, p, self.k, d)
        here = x.unsqueeze(2).expand_as(near)
        return self.fc(self.edge(torch.cat([near - here, here], -1)).relu().max(2).values.max(1).values)
