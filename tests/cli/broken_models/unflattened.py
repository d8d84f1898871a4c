import torch
from torch import nn


# linearcheck: input-shape=1,28,28
class Unflattened(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(8 * 12 * 12, 10)

    def forward(self, x):
        return torch.log_softmax(self.classifier(self.features(x)), dim=1)  # expect LC102 classifier
