# input: 6,3,12,12
import torch
import torch.nn as nn


class Clips(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.conv = nn.Conv3d(3, 10, 3, padding=1)
        self.pool = nn.MaxPool3d(2)
        self.fc = nn.Linear(10 * 3 * 6 * 6, classes)

    def forward(self, frames):
        x = self.pool(torch.relu(self.conv(frames.transpose(1, 2))))
        return self.fc(x.flatten(1))
