# input: 3,64,64
import torch
import torch.nn as nn


class Separable(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(c_in, c_in, 3, stride=stride, padding=1, groups=c_in, bias=False)
        self.pointwise = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return torch.relu(self.bn(self.pointwise(self.depthwise(x))))


class MobileNet(nn.Module):
    def __init__(self, width=8, num_classes=12):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(
            Separable(width, width * 2),
            Separable(width * 2, width * 4, stride=2),
            Separable(width * 4, width * 4),
        )
        self.dropout = nn.Dropout(p=0.2)
        self.fc = nn.Linear(width * 4, num_classes)

    def forward(self, x):
        x = self.blocks(self.stem(x))
        x = x.mean([2, 3])
        return self.fc(self.dropout(x))
