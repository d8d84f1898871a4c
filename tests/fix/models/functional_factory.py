# input: 12
import torch.nn as nn


def make_mlp(sizes, activation=nn.ReLU):
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), activation()]
    return nn.Sequential(*layers[:-1])


class Critic(nn.Module):
    def __init__(self, obs_dim=12, hidden=(64, 32)):
        super().__init__()
        self.trunk = make_mlp([obs_dim, *hidden])
        self.value = nn.Linear(hidden[-1], 1)

    def forward(self, obs):
        return self.value(self.trunk(obs))
