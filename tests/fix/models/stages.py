# input: 1,40,40
import torch
import torch.nn as nn


class Block(nn.Module):
    expansion = 2

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = downsample

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn(self.conv2(torch.relu(self.conv1(x))))
        return torch.relu(out + identity)


class Stages(nn.Module):
    def __init__(self, block=Block, layers=(2, 3), num_classes=7):
        super().__init__()
        self.inplanes = 20
        self.conv1 = nn.Conv2d(1, 20, 3, padding=1)
        self.layer1 = self._make_layer(block, 20, layers[0])
        self.layer2 = self._make_layer(block, 36, layers[1], stride=2)
        self.fc = nn.Linear(36 * block.expansion, num_classes)

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Conv2d(self.inplanes, planes * block.expansion, 1, stride)
        layers = []
        layers.append(block(self.inplanes, planes, stride, downsample))
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = self.layer2(self.layer1(x))
        return self.fc(x.mean((2, 3)))
