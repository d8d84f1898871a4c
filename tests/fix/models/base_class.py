# input: 3,48,48
from torch import nn


class Classifier(nn.Module):
    feature_dim = 64

    def __init__(self, n_classes=4):
        super().__init__()
        self.backbone = self.build()
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(self.feature_dim, n_classes)

    def build(self):
        raise NotImplementedError

    def forward(self, image):
        return self.head(self.pool(self.backbone(image)).flatten(1))


class SmallClassifier(Classifier):
    feature_dim = 32

    def build(self):
        return nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU())
