# input: 20
import torch.nn as nn


class MLP(nn.Module):
    def __init__(self, n_features=20, hidden=64, bottleneck=16, n_targets=3, p=0.1):
        super().__init__()
        self.inp = nn.Linear(n_features, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.act = nn.GELU()
        self.drop = nn.Dropout(p)
        self.mid = nn.Linear(hidden, bottleneck)
        self.out = nn.Linear(bottleneck, n_targets)

    def forward(self, x):
        x = self.drop(self.act(self.norm(self.inp(x))))
        return self.out(self.act(self.mid(x)))
