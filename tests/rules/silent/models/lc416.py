"""Numbers of the channels along the width, and numbers that belong there."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,3,32,32
class LayerScaleAlongWidth(nn.Module):
    """ConvNeXt's layer scale on a channels-first map."""

    def __init__(self, dim=16):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 2, 2)
        self.dw, self.pw = nn.Conv2d(dim, dim, 3, padding=1, groups=dim), nn.Conv2d(dim, dim, 1)
        self.gamma = nn.Parameter(1e-5 * torch.ones(dim))
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        x = self.stem(x)
        y = self.pw(F.gelu(self.dw(x)))
        x = x + y * self.gamma  # LC416
        return self.head(x.mean((2, 3)))


# input: N,3,48,48
class BiasAlongWidth(nn.Module):
    """A bias per channel, added by hand."""

    def __init__(self, channels=24):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.out = nn.Conv2d(channels, 5, 1)

    def forward(self, x):
        x = torch.relu(self.conv(x) + self.bias)  # LC416
        return self.out(x).mean((2, 3))


# input: N,3,40,40
class LayerNormOnMap(nn.Module):
    """nn.LayerNorm(channels) without a permute."""

    def __init__(self, dim=20):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 4, 2, 1)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.norm(self.stem(x))  # LC416
        return self.head(torch.relu(x).mean((2, 3)))


# input: N,3,32,32
class PooledAsChannelsLast(nn.Module):
    """TensorFlow's axes for global pooling."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.fc(x.mean(dim=(1, 2)))  # LC416


# input: N,2,60
class ScaledSeries(nn.Module):
    """A scale per channel of a one-dimensional map."""

    def __init__(self, width=30):
        super().__init__()
        self.conv = nn.Conv1d(2, width, 5, stride=2, padding=2)
        self.scale = nn.Parameter(torch.ones(width))
        self.fc = nn.Linear(width, 3)

    def forward(self, x):
        x = torch.relu(self.conv(x)) * self.scale  # LC416
        return self.fc(x.mean(2))


# input: N,3,32,32
class ChannelsLastScale(nn.Module):
    """ConvNeXt (Liu et al. 2022) on square maps as wide as deep."""

    def __init__(self, dim=16):
        super().__init__()
        self.stem, self.dw = nn.Conv2d(3, dim, 2, 2), nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.norm, self.pw, self.gamma = nn.LayerNorm(dim), nn.Linear(dim, dim), nn.Parameter(torch.ones(dim))
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        x = self.stem(x)
        y = self.gamma * self.pw(self.norm(self.dw(x).permute(0, 2, 3, 1)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


# input: N,3,32,32
class ScaleWithAxes(nn.Module):
    """CaiT's layer scale for maps: (C, 1, 1)."""

    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.gamma, self.head = nn.Conv2d(3, dim, 2, 2), nn.Parameter(torch.ones(dim)), nn.Linear(dim, 4)

    def forward(self, x):
        return self.head((self.conv(x) * self.gamma.view(-1, 1, 1)).mean((2, 3)))


# input: N,1,50,32
class FrequencyScale(nn.Module):
    """PCEN-like scale per mel band on a spectrogram (Wang et al. 2017): the last axis has parameters of its own."""

    def __init__(self, n_mels=32, width=32):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.band = nn.Parameter(torch.ones(n_mels))
        self.out = nn.Conv2d(width, 5, 1)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)) * self.band).mean((2, 3))


# input: N,2,50,32
class TfGridNorm(nn.Module):
    """TF-GridNet (Wang et al. 2023): a norm along the frequencies."""

    def __init__(self, bins=32, dim=32):
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(2, dim, 3, padding=1), nn.LayerNorm(bins), nn.ConvTranspose2d(dim, 2, 3, padding=1)

    def forward(self, x):
        return self.out(self.norm(self.conv(x)))


# input: N,3,32,32
class AffineBlock(nn.Module):
    """ResMLP (Touvron et al. 2021): Aff on (N, patches, dim) with as many patches as features."""

    def __init__(self, dim=16):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 8, 8)
        self.alpha, self.beta = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head((x * self.alpha + self.beta).mean(1))


# input: N,3,32,32
class GatedMlp(nn.Module):
    """gMLP (Liu et al. 2021): a spatial gate with a bias per patch, along the last axis after a transpose."""

    def __init__(self, dim=16, patches=16):
        super().__init__()
        self.patch, self.mix, self.bias = (
            nn.Conv2d(3, dim, 8, 8),
            nn.Linear(patches, patches, bias=False),
            nn.Parameter(torch.ones(patches)),
        )
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        gate = (self.mix(x.transpose(1, 2)) + self.bias).transpose(1, 2)
        return self.head((x * gate).mean(1))


# input: N,3,16,16
class GroupNormed(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, dim, 3, padding=1), nn.GroupNorm(1, dim), nn.Linear(dim, 5)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


# input: N,3,16,16
class RowAndColumnBias(nn.Module):
    """Position biases of a map, with all their axes written (BoTNet, Srinivas et al. 2021)."""

    def __init__(self, dim=16):
        super().__init__()
        self.conv = nn.Conv2d(3, dim, 3, padding=1)
        self.rows, self.columns = nn.Parameter(torch.zeros(1, 1, 16, 1)), nn.Parameter(torch.zeros(1, 1, 1, 16))
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x) + self.rows + self.columns).mean((2, 3)))


# input: N,3,24,32
class StripPooling(nn.Module):
    """Column profiles (strip pooling, Hou et al. 2020): the mean over rows and channels is meant."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 32, 3, padding=1), nn.Linear(32, 7)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((1, 2)))


# input: N,24,10
class WordsWeighedByFeature(nn.Module):
    """Attention pooling whose weights, one per word, lie along the features: there are 24 of both."""

    def __init__(self, dim=24):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(10, dim), nn.Linear(dim, 1), nn.Linear(dim, 3)

    def forward(self, x):
        h = torch.tanh(self.lift(x))
        alpha = F.softmax(self.score(h).squeeze(2), dim=1)
        return self.head((alpha.unsqueeze(1) * h).sum(1))  # LC416


# input: N,24,10
class WordsWeighedByPlace(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(10, dim), nn.Linear(dim, 1), nn.Linear(dim, 3)

    def forward(self, x):
        h = torch.tanh(self.lift(x))
        alpha = F.softmax(self.score(h).squeeze(2), dim=1)
        return self.head((alpha.unsqueeze(1) @ h).squeeze(1) + (alpha.unsqueeze(2) * h).sum(1))


# input: N,24,10
class PairsMasked(nn.Module):
    """Scores of all words against all words, times what each word is worth: both axes are words."""

    def __init__(self, dim=24):
        super().__init__()
        self.lift, self.score, self.head = nn.Linear(10, dim), nn.Linear(dim, 1), nn.Linear(dim, 3)

    def forward(self, x):
        h = torch.tanh(self.lift(x))
        scores = h @ h.transpose(1, 2)
        scores = scores * torch.sigmoid(self.score(h)).squeeze(2).unsqueeze(1)
        return self.head(scores @ h).mean(1)


# input: N,24,10
class FeaturesGated(nn.Module):
    """One gate per feature, from the mean over the words."""

    def __init__(self, dim=24):
        super().__init__()
        self.lift, self.gate, self.head = nn.Linear(10, dim), nn.Linear(dim, dim), nn.Linear(dim, 3)

    def forward(self, x):
        h = torch.tanh(self.lift(x))
        return self.head((h * torch.sigmoid(self.gate(h.mean(1))).unsqueeze(1)).mean(1))


# input: N,9,20
class ChannelsAveraged(nn.Module):
    """A mean over the channels of a signal that has as many steps."""

    def __init__(self, dim=20):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(9, dim, 3, padding=1), nn.Linear(dim, 4)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean(1))  # LC416


# input: N,9,20
class StepsAveraged(nn.Module):
    def __init__(self, dim=20):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(9, dim, 3, padding=1), nn.Linear(dim, 4)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.fc(x.mean(2)) + self.fc(x.transpose(1, 2).mean(1))


# input: N,9,20
class EnvelopeOfSteps(nn.Module):
    """The mean over the channels is meant: a Linear over the 20 steps, whatever the width."""

    def __init__(self, width=20, steps=20):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(9, width, 3, padding=1), nn.Linear(steps, 4)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean(1))
