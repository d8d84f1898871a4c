from torch import nn


# linearcheck: input-shape=N,224,224,3
class ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)

    def forward(self, images):
        return self.stem(images)  # expect LC202 stem


# linearcheck: input-shape=28,28
class NoChannelAxis(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(8 * 26 * 26, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))  # expect LC203 conv


# linearcheck: input-shape=16,3,3
class KernelTooLarge(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(16, 32, 5)

    def forward(self, x):
        return self.conv(x)  # expect LC205 conv
