from torch import nn


# linearcheck: input-shape=3,32,32
class UnflattenedSilently(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.pool(self.conv(x)))  # expect LC103 head
