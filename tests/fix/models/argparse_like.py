# input: 10
from types import SimpleNamespace

import torch.nn as nn

args = SimpleNamespace(n_in=10, n_hidden=50, n_out=2)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(args.n_in, args.n_hidden)
        self.l2 = nn.Linear(args.n_hidden, args.n_hidden)
        self.l3 = nn.Linear(args.n_hidden, args.n_out)

    def forward(self, x):
        x = self.l1(x).tanh()
        x = self.l2(x).tanh()
        return self.l3(x)
