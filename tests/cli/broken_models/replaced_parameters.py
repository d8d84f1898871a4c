import torch
from torch import nn


# linearcheck: input-shape=20
class ReplacedParameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(20, 8)
        self.decoder = nn.Linear(8, 20)
        self.encoder.weight.data = torch.randn(20, 8)

    def forward(self, x):
        return self.decoder(self.encoder(x))  # expect LC105 encoder


# linearcheck: input-shape=3,32,32
class ReplacedKernel(nn.Module):
    def __init__(self):
        super().__init__()
        self.edges = nn.Conv2d(3, 8, 3)
        self.edges.weight = nn.Parameter(torch.randn(8, 1, 3, 3))

    def forward(self, x):
        return self.edges(x)  # expect LC206 edges
