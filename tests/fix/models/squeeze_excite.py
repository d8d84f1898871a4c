# input: 3,40,40
from collections import OrderedDict

import torch.nn as nn


class SELayer(nn.Module):
    def __init__(self, channel, reduction=4):
        super(SELayer, self).__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


def conv_bn(inp, oup, stride):
    return nn.Sequential(OrderedDict([
        ("conv", nn.Conv2d(inp, oup, 3, stride, 1, bias=False)),
        ("bn", nn.BatchNorm2d(oup)),
        ("act", nn.ReLU6(inplace=True)),
    ]))


class SENet(nn.Module):
    cfg = [(12, 2), (20, 2), (28, 1)]

    def __init__(self, num_classes=7):
        super(SENet, self).__init__()
        blocks, channels = [], 3
        for out, stride in self.cfg:
            blocks.append(conv_bn(channels, out, stride))
            blocks.append(SELayer(out))
            channels = out
        self.features = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Linear(28 * 2 * 2, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = self.pool(x)
        x = x.view(x.size(0), -1)
        return self.classifier(x)
