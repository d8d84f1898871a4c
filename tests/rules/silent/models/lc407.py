"""Batch sizes written as numbers, and numbers that are not the batch."""

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 64


# input: N,24
class NoiseOfABatch(nn.Module):
    """A VAE's noise."""

    def __init__(self):
        super().__init__()
        self.mu, self.log_var, self.dec = nn.Linear(24, 7), nn.Linear(24, 7), nn.Linear(7, 24)

    def forward(self, x):
        mu, log_var = self.mu(x), self.log_var(x)
        std = torch.exp(0.5 * log_var)
        eps = torch.randn(BATCH, 7)  # LC407
        return self.dec(mu + eps * std)


# input: N,15,9
class HiddenOfABatch(nn.Module):
    """A first state for 32 samples."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        h0 = torch.zeros(1, 32, 14)  # LC407
        out, _ = self.gru(x, h0)
        return self.fc(out[:, -1])


# input: N,1,28,28
class ViewOfABatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        x = x.view(50, -1)  # LC407
        return self.fc(x)


# input: N,9,12,16
class ViewOfABatchOfSteps(nn.Module):
    """The rest of the batch goes into the last axis before anything fails."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9 * 16, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        x = x.permute(0, 2, 1, 3).contiguous()
        x = x.view(BATCH, 12, -1)  # LC407
        return self.fc(self.gru(x)[0][:, -1])


# input: N,9
class MaskOfABatch(nn.Module):
    """A column of ones for a bias, 100 rows of it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 3)

    def forward(self, x):
        ones = torch.ones(100, 1)  # LC407
        return self.fc(torch.cat([x, ones], 1))


# input: N,24
class Vae(nn.Module):
    """Kingma and Welling 2014."""

    def __init__(self):
        super().__init__()
        self.mu, self.log_var, self.dec = nn.Linear(24, 7), nn.Linear(24, 7), nn.Linear(7, 24)

    def forward(self, x):
        mu, log_var = self.mu(x), self.log_var(x)
        std = torch.exp(0.5 * log_var)
        return self.dec(mu + torch.randn_like(std) * std)


# input: N,15,9
class HiddenOfTheBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, 2, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        out, _ = self.gru(x, torch.zeros(2, x.size(0), 14))
        return self.fc(out[:, -1])


# input: N,9:int64
class FourQueries(nn.Module):
    """Four learned queries, four heads (Perceiver IO, Jaegle et al. 2022)."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed, self.q = nn.Embedding(50, dim), nn.Parameter(torch.randn(4, dim))
        self.attn, self.fc = nn.MultiheadAttention(dim, 4, batch_first=True), nn.Linear(4 * dim, 1)

    def forward(self, ids):
        x = self.embed(ids)
        y, _ = self.attn(self.q.expand(len(ids), 4, -1), x, x)
        return self.fc(y.reshape(len(ids), -1))


# input: N,3,8,8
class MinibatchStd(nn.Module):
    """Progressive GAN (Karras et al. 2018): groups of four."""

    def __init__(self, group=4):
        super().__init__()
        self.group, self.conv, self.fc = group, nn.Conv2d(3, 6, 3, padding=1), nn.Linear(7, 1)

    def forward(self, x):
        x = F.leaky_relu(self.conv(x), 0.2)
        n, c, h, w = x.shape
        g = min(self.group, n)
        y = x.view(g, n // g, c, h, w)
        y = y - y.mean(0, keepdim=True)
        y = (y.square().mean(0) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
        y = y.repeat(g, 1, h, w)
        return self.fc(torch.cat([x, y], 1).mean((2, 3)))


# input: N,9; N,9
class MocoQueue(nn.Module):
    """MoCo (He et al. 2020): a queue whose length is a multiple of the batch."""

    def __init__(self, dim=14, length=96):
        super().__init__()
        self.q, self.k = nn.Linear(9, dim), nn.Linear(9, dim)
        self.register_buffer("queue", F.normalize(torch.randn(dim, length), dim=0))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.long))

    def forward(self, a, b):
        q, k = F.normalize(self.q(a), dim=1), F.normalize(self.k(b), dim=1).detach()
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        n, p = k.size(0), int(self.pointer)
        if self.queue.size(1) % n == 0:
            self.queue[:, p : p + n] = k.t()
            self.pointer[0] = (p + n) % self.queue.size(1)
        return torch.cat([positive, negative], 1) / 0.07


# input: N,6,9
class StackedBranches(nn.Module):
    """A literal that is an axis of the data."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(54, 3)

    def forward(self, x):
        return self.fc((x * torch.ones(6, 9)).view(-1, 54))


# input: N,12
class NoiseChannels(nn.Module):
    """Noise of one sample for all (StyleGAN's constant)."""

    def __init__(self):
        super().__init__()
        self.const, self.fc = nn.Parameter(torch.randn(1, 12)), nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(x + self.const.expand(x.shape[0], -1) + torch.zeros(1, 12))


# input: N,10,9
class GhostBatchNorm(nn.Module):
    """Ghost batch normalisation (TabNet, Arik and Pfister 2021): chunks of a virtual batch."""

    def __init__(self, virtual=8):
        super().__init__()
        self.virtual, self.bn, self.fc = virtual, nn.BatchNorm1d(90), nn.Linear(90, 2)

    def forward(self, x):
        x = x.flatten(1)
        parts = x.chunk(-(-x.size(0) // self.virtual), 0)
        return self.fc(torch.cat([self.bn(part) for part in parts], 0))


# input: N,9
class LossOfBothHalves(nn.Module):
    """Two halves of the batch (mixup of FixMatch): N must be even."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        weak, strong = self.fc(x).chunk(2, 0)
        return F.kl_div(strong.log_softmax(1), weak.softmax(1).detach(), reduction="batchmean")
