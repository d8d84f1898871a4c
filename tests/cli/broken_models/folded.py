import torch
from torch import nn


# linearcheck: input-shape=3,32,32
class Folded(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 5)
        self.fc = nn.Linear(16 * 5 * 5, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv(x), 2)
        x = x.view(-1, 16 * 7 * 7)  # expect LC402
        return self.fc(x[:, :400])


# linearcheck: input-shape=3,8,8
class FlattenedWhole(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, 10)

    def forward(self, x):
        return self.fc(torch.flatten(x))  # expect LC406 fc


# linearcheck: input-shape=64
class Unpacked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        n, c, h, w = x.shape  # expect LC414
        return self.fc(x.reshape(n, -1))


# linearcheck: input-shape=6,6
class Inverse(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        return torch.linalg.inv(self.fc(x))  # expect LC499
