# input: 30
from torch import nn


class HousePrices(nn.Module):
    def __init__(self, n_features=30, sizes=(128, 64, 32)):
        super().__init__()
        layers = []
        width = n_features
        for size in sizes:
            layers.append(nn.Linear(width, size))
            layers.append(nn.BatchNorm1d(size))
            layers.append(nn.ReLU())
            width = size
        self.body = nn.Sequential(*layers)
        self.price = nn.Linear(width, 1)

    def forward(self, x):
        return self.price(self.body(x))
