# input: 3,32,32
import torch.nn as nn


def conv_block(c_in, c_out, stride=1):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )


class Helped(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.layer1 = conv_block(3, 16)
        self.layer2 = conv_block(16, 32, stride=2)
        self.layer3 = conv_block(32, 48, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.pool(x).flatten(1))
