# input: 9
import torch
from torch import nn


def mlp(sizes, act=nn.Tanh):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(act())
    return nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self, n_in=9, code=6, hidden=(20, 14), n_out=3):
        super().__init__()
        self.encode = mlp([n_in, *hidden, code])
        self.decode = mlp([code + n_in] + list(hidden[::-1]) + [n_out], act=nn.ReLU)

    def forward(self, x):
        return self.decode(torch.cat([self.encode(x), x], dim=1))
