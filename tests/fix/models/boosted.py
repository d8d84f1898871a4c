# input: 24
import torch
import torch.nn as nn


class Stage(nn.Module):
    def __init__(self, n_in, n_out, depth):
        super().__init__()
        self.skip = nn.Identity() if n_in == n_out else nn.Linear(n_in, n_out)
        self.body = nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU(), nn.Linear(n_out, n_out))

    def forward(self, x):
        return self.skip(x) + self.body(x)


class Learner(nn.Module):
    def __init__(self, lookback, horizon, width=15):
        super().__init__()
        self.features = nn.Sequential(Stage(lookback, width, 0), Stage(width, width, 1))
        self.past = nn.Linear(width, lookback)
        self.future = nn.Linear(width, horizon)

    def forward(self, x):
        h = self.features(x)
        return self.past(h), self.future(h)


class Boosted(nn.Module):
    def __init__(self, lookback=24, horizon=6, n_learners=3):
        super().__init__()
        self.learners = nn.ModuleList([Learner(lookback, horizon) for _ in range(n_learners)])

    def forward(self, x):
        total = 0
        for learner in self.learners:
            past, future = learner(x)
            x = x - past
            total = total + future
        return total
