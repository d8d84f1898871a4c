"""Linears along the width of a map: by chance (wrong), or meant."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,3,32,32
class TutorialNet(nn.Module):
    """PyTorch's CIFAR tutorial without its flatten; 16 channels, 16 columns."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3, padding=1)
        self.fc1 = nn.Linear(16, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = F.relu(self.fc1(x))  # LC103
        return self.fc2(x)


# input: N,3,64,64
class FlattenFromTwo(nn.Module):
    """`flatten(2)`, as ViT's patch embedding has it, in a classifier."""

    def __init__(self, num_classes=43):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 12, 5, 2, 2), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(8 * 8, num_classes)

    def forward(self, x):
        x = self.features(x).flatten(2)
        return self.classifier(x)  # LC103


# input: N,1,40,40
class ViewWithChannels(nn.Module):
    """A view that keeps the channels."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 14, 5)
        self.c2 = nn.Conv2d(14, 28, 5)
        self.out = nn.Linear(49, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.c1(x)), 2)
        x = F.max_pool2d(torch.relu(self.c2(x)), 2)
        x = x.view(x.size(0), 28, -1)
        return self.out(x)  # LC103


# input: N,2,96
class KeywordCnn(nn.Module):
    """A one-dimensional net whose length fits."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 20, 5, padding=2), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(20, 36, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(24, 12)

    def forward(self, x):
        return self.head(self.body(x))  # LC103


# input: N,3,48,48
class HeadInSequential(nn.Module):
    """No flatten inside a Sequential: reported where the Linear is built."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 9, 3, padding=1),
            nn.BatchNorm2d(9),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(6),
            nn.Linear(6, 5),  # LC103
        )

    def forward(self, x):
        return self.net(x)


# input: N,3,32,32
class LeNet(nn.Module):
    """LeCun et al. 1998."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(400, 120), nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc2(torch.relu(self.fc1(torch.flatten(x, 1))))


# input: N,3,32,32
class VisionTransformerStem(nn.Module):
    """ViT (Dosovitskiy et al. 2021): flatten(2), then transpose."""

    def __init__(self, dim=24):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 8, 8)
        self.proj = nn.Linear(dim, dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.proj(x).mean(1))


# input: N,3,32,32
class MlpMixer(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021): a Linear along the patches of (N, C, patches)."""

    def __init__(self, dim=20, patches=16):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 8, 8)
        self.norm = nn.LayerNorm(dim)
        self.token = nn.Sequential(nn.Linear(patches, 32), nn.GELU(), nn.Linear(32, patches))
        self.channel = nn.Sequential(nn.Linear(dim, 40), nn.GELU(), nn.Linear(40, dim))
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = x + self.token(self.norm(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channel(self.norm(x))
        return self.head(x.mean(1))


# input: N,4,32,64
class TfcTdf(nn.Module):
    """TFC-TDF of Choi et al. 2020 for source separation: a Linear along the frequencies of a map."""

    def __init__(self, bins=64, channels=24):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(4, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.tdf = nn.Sequential(nn.Linear(bins, bins // 8), nn.ReLU(), nn.Linear(bins // 8, bins))
        self.out = nn.Conv2d(channels, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.out(x + self.tdf(x))


# input: N,7,96
class LtsfConv(nn.Module):
    """A forecast per variable (Zeng et al. 2023, LTSF-Linear, with a depthwise smoothing in front)."""

    def __init__(self, variables=7, length=96, horizon=24):
        super().__init__()
        self.smooth = nn.Conv1d(variables, variables, 5, padding=2, groups=variables)
        self.linear = nn.Linear(length, horizon)

    def forward(self, x):
        return self.linear(self.smooth(x))


# input: N,3,32,32
class ImageToImage(nn.Module):
    """A learned resampling of the columns at the end: a map comes back."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.columns = nn.Linear(32, 32)

    def forward(self, x):
        return self.columns(torch.relu(self.conv(x)))


# input: N,1,64,80
class SpectrogramRows(nn.Module):
    """DeepSpeech 2 (Amodei et al. 2016): convolutions, then channels and frequencies side by side for each frame."""

    def __init__(self, n_mels=80):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.pre = nn.Linear(n_mels, 16)
        self.rnn = nn.GRU(8 * 16, 20, batch_first=True)
        self.out = nn.Linear(20, 29)

    def forward(self, x):
        x = torch.relu(self.pre(torch.relu(self.conv(x))))
        n, c, t, f = x.shape
        x, _ = self.rnn(x.permute(0, 2, 1, 3).reshape(n, t, c * f))
        return self.out(x)


# input: N,3,32,32
class SqueezeExcite(nn.Module):
    """SE-Net (Hu et al. 2018)."""

    def __init__(self, channels=16):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        self.fc = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels), nn.Sigmoid())
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        gate = self.fc(x.mean((2, 3)))[:, :, None, None]
        return self.head((x * gate).mean((2, 3)))


# input: N,3,32,32
class ConvNextBlock(nn.Module):
    """ConvNeXt (Liu et al. 2022): Linears on channels-last maps that are as wide as deep."""

    def __init__(self, dim=32):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 1)
        self.dw = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm, self.up, self.down = nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = self.stem(x)
        y = self.dw(x).permute(0, 2, 3, 1)
        return x + self.down(F.gelu(self.up(self.norm(y)))).permute(0, 3, 1, 2)


# input: N,3,32,32
class CoordinateAttentionMlp(nn.Module):
    """Coordinate attention (Hou et al. 2021) with a Linear along the pooled rows; the map comes back through a convolution."""

    def __init__(self, channels=18):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.along = nn.Linear(32, 32)
        self.out = nn.Conv2d(channels, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        rows = torch.sigmoid(self.along(x.mean(3))).unsqueeze(3)
        return self.out(x * rows)
