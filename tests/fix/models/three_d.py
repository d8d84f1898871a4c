# input: 1,16,24,24
import torch
from torch import nn


class Nodule3D(nn.Module):
    def __init__(self, base=4):
        super().__init__()
        self.conv1 = nn.Conv3d(1, base, 3, padding=1)
        self.norm1 = nn.GroupNorm(2, base)
        self.conv2 = nn.Conv3d(base, base * 2, 3, padding=1)
        self.norm2 = nn.GroupNorm(2, base * 2)
        self.pool = nn.MaxPool3d(2)
        self.fc = nn.Linear(base * 2 * 4 * 6 * 6, 2)

    def forward(self, volume):
        x = self.pool(torch.relu(self.norm1(self.conv1(volume))))
        x = self.pool(torch.relu(self.norm2(self.conv2(x))))
        return self.fc(x.flatten(1))
