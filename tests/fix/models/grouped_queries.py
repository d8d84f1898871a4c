# input: 2,96
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, channels=2, length=96, dim=30, heads=6, groups=2, classes=4):
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, dim // heads
        self.stem1, self.stem2 = nn.Conv1d(channels, dim, 5, 2, 2), nn.Conv1d(dim, dim, 5, 2, 2)
        self.norm = nn.LayerNorm(dim)
        self.table = nn.Parameter(torch.zeros(1, length // 4, dim))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.near = nn.Embedding(2 * length, heads)
        self.q, self.kv = nn.Linear(dim, dim), nn.Linear(dim, 2 * groups * self.size)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = torch.relu(self.stem1(x))
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        x = self.stem2(x).transpose(1, 2) + self.table
        n, t, d = x.shape
        q = self.q(x).view(n, t, self.heads, self.size).transpose(1, 2)
        k, v = (part.view(n, t, self.groups, self.size).transpose(1, 2) for part in self.kv(x).chunk(2, dim=-1))
        k = k.repeat_interleave(self.heads // self.groups, dim=1)
        v = v.repeat_interleave(self.heads // self.groups, dim=1)
        steps = torch.arange(t)
        bias = self.near(steps[None] - steps[:, None] + t).permute(2, 0, 1)[None]
        attention = (q @ k.transpose(2, 3) + bias).softmax(-1)
        return self.head((attention @ v).transpose(1, 2).reshape(n, t, d).mean(1))
