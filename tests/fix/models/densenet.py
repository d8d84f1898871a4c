# input: 3,32,32
import torch
import torch.nn as nn


class DenseLayer(nn.Module):
    def __init__(self, c_in, growth):
        super().__init__()
        self.norm = nn.BatchNorm2d(c_in)
        self.conv = nn.Conv2d(c_in, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(torch.relu(self.norm(x)))], 1)


class DenseNet(nn.Module):
    def __init__(self, growth=8, n_layers=3, num_init=16, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(3, num_init, 3, padding=1)
        self.block = nn.Sequential(*[DenseLayer(num_init + i * growth, growth) for i in range(n_layers)])
        num_features = num_init + n_layers * growth
        self.norm = nn.BatchNorm2d(num_features)
        self.classifier = nn.Linear(num_features, num_classes)

    def forward(self, x):
        x = torch.relu(self.norm(self.block(self.first(x))))
        return self.classifier(x.mean(dim=(2, 3)))
