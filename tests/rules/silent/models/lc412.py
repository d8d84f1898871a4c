"""Tables of positions, sliced by the length or by the batch size."""

import math

import torch
import torch.nn as nn


class PositionalEncoding(nn.Module):
    """The PyTorch tutorial's table for (T, N, dim)."""

    def __init__(self, dim, max_len=100):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
        pe = torch.zeros(max_len, 1, dim)
        pe[:, 0, 0::2], pe[:, 0, 1::2] = torch.sin(position * div), torch.cos(position * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[: x.size(0)]  # LC412 in BatchFirstEncoder


# input: N,15:int64
class BatchFirstEncoder(nn.Module):
    """The tutorial's table for time-first input, used batch first."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed, self.pos = nn.Embedding(50, dim), PositionalEncoding(dim)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 32, batch_first=True), 1)
        self.head = nn.Linear(dim, 3)

    def forward(self, ids):
        return self.head(self.encoder(self.pos(self.embed(ids))).mean(1))


# input: N,15,9
class LearnedTable(nn.Module):
    """A learned table with an axis in the wrong place."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift, self.position = nn.Linear(9, dim), nn.Parameter(torch.randn(90, 1, dim))
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.lift(x)
        x = x + self.position[: len(x)]  # LC412
        return self.head(torch.relu(x)).mean(1)


# input: N,15,9
class CountedRows(nn.Module):
    """Positions counted along the wrong axis."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift, self.position = nn.Linear(9, dim), nn.Embedding(90, dim)
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.lift(x)
        steps = torch.arange(x.shape[0], device=x.device)
        x = x + self.position(steps).unsqueeze(1)  # LC412
        return self.head(torch.relu(x)).mean(1)


# input: N,15,9
class UnsqueezedTable(nn.Module):
    """(90, dim), sliced by the batch, an axis put in to make it run."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift = nn.Linear(9, dim)
        self.register_buffer("table", torch.randn(90, dim))
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.lift(x)
        x = x + self.table[: x.size(0)].unsqueeze(1)  # LC412
        return self.head(torch.relu(x)).mean(1)


# input: T,N,9
class TimeFirstEncoder(nn.Module):
    """The PyTorch tutorial as it is."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift, self.pos = nn.Linear(9, dim), PositionalEncoding(dim)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 32), 1)

    def forward(self, x):
        return self.encoder(self.pos(self.lift(x)))


# input: N,15,9
class SlicedByLength(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.lift = nn.Linear(9, dim)
        self.register_buffer("table", torch.randn(90, dim))
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.lift(x)
        return self.head(torch.relu(x + self.table[: x.size(1)])).mean(1)


# input: N,15:int64
class GptPositions(nn.Module):
    """GPT-2 (Radford et al. 2019)."""

    def __init__(self, dim=16):
        super().__init__()
        self.wte, self.wpe, self.head = nn.Embedding(50, dim), nn.Embedding(90, dim), nn.Linear(dim, 50, bias=False)

    def forward(self, ids):
        positions = torch.arange(ids.size(1), device=ids.device)
        return self.head(torch.relu(self.wte(ids) + self.wpe(positions)))


# input: N,3,16,16
class ClassTokenViT(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.patch, self.cls, self.pos = (
            nn.Conv2d(3, dim, 4, 4),
            nn.Parameter(torch.zeros(1, 1, dim)),
            nn.Parameter(torch.zeros(1, 17, dim)),
        )
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], 1) + self.pos
        return self.head(torch.relu(x)[:, 0])


# input: N,9
class StatefulRnn(nn.Module):
    """A learned first state for as many samples as come."""

    def __init__(self):
        super().__init__()
        self.h0 = nn.Parameter(torch.zeros(1, 14))
        self.cell, self.out = nn.GRUCell(9, 14), nn.Linear(14, 3)

    def forward(self, x):
        return self.out(self.cell(x, self.h0.expand(x.size(0), -1)))


# input: N,9
class StateBuffer(nn.Module):
    """States kept for the largest batch, sliced to the present one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("state", torch.zeros(100, 14))
        self.cell, self.out = nn.GRUCell(9, 14), nn.Linear(14, 3)

    def forward(self, x):
        return self.out(self.cell(x, self.state[: x.size(0)]))


# input: N,9
class MemoryBank(nn.Module):
    """Instance discrimination (Wu et al. 2018): similarities to a bank."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 14)
        self.register_buffer("bank", torch.randn(200, 14))

    def forward(self, x):
        z = self.net(x)
        return z @ self.bank.t()


# input: N,12,9
class DiffusionTime(nn.Module):
    """DDPM (Ho et al. 2020): one embedding of time per sample, computed from an input."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift, self.time, self.out = nn.Linear(9, dim), nn.Embedding(100, dim), nn.Linear(dim, 9)

    def forward(self, x):
        t = x[:, 0, 0].abs().clamp(0, 99).long()
        return self.out(torch.relu(self.lift(x) + self.time(t)[:, None]))


# input: T,N,9
class RelativeBias(nn.Module):
    """A table along time, T first, for every sample the same."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift, self.table, self.out = nn.Linear(9, dim), nn.Parameter(torch.randn(90, 1, dim)), nn.Linear(dim, 2)

    def forward(self, x):
        return self.out(self.lift(x) + self.table[: x.shape[0]])
