# input: 1,28,28
# input: 1,28,28
import torch
import torch.nn as nn


class Siamese(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Flatten())
        self.embed = nn.Linear(16 * 7 * 7, dim)
        self.same = nn.Linear(2 * dim, 1)

    def forward(self, a, b):
        pair = torch.cat([self.embed(self.cnn(a)), self.embed(self.cnn(b))], dim=1)
        return self.same(pair)
