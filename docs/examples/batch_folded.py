import torch.nn as nn


class Digits(nn.Module):
    """Runs without a word: 64 images go in, 128 rows of scores come out."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5),
            nn.ReLU(),
            nn.MaxPool2d(3),
            nn.Conv2d(8, 16, 5),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(128, 10)

    def forward(self, x):
        x = self.features(x)
        x = x.view(-1, 128)
        return self.classifier(x)
