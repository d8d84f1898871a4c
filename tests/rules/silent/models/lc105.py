"""Weights and biases that were given another shape than declared, without an exception."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


# input: N,3
class WarmStart(nn.Module):
    """A weight from a list: (3,) where (1, 3) is declared."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1, bias=False)
        self.linear.weight.data = torch.tensor([0.3, -0.1, 1.2])

    def forward(self, x):
        return self.linear(x)  # LC105


# input: N,6
class SharedBias(nn.Module):
    """One bias for eleven outputs."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 11)
        self.out.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.out(x)  # LC105


# input: N,9,6
class BiasPerStep(nn.Module):
    """A bias for every step of the sequence."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 11)
        self.out.bias = nn.Parameter(torch.zeros(9, 11))

    def forward(self, x):
        return self.out(x)  # LC105


# input: N,6
class ColumnBias(nn.Module):
    """A bias as a column, as numpy gives it, for one output."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(6, 5)
        self.out = nn.Linear(5, 5)
        self.out.bias.data = torch.zeros(1, 5)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))  # LC105


# input: N,12
class PrunedMlp(nn.Module):
    """Structured pruning: weight and bias shrunk together, the declaration left as it was."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 20), nn.Linear(20, 5)
        keep = torch.arange(0, 20, 2)
        self.fc1.weight = nn.Parameter(self.fc1.weight[keep].detach())
        self.fc1.bias = nn.Parameter(self.fc1.bias[keep].detach())
        self.fc2.weight = nn.Parameter(self.fc2.weight[:, keep].detach())

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


# input: N,9:int64
class TiedLanguageModel(nn.Module):
    """Tied weights (Press and Wolf 2017)."""

    def __init__(self, vocab=50, dim=14):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.decoder = nn.Linear(dim, vocab, bias=False)
        self.decoder.weight = self.embed.weight

    def forward(self, ids):
        return self.decoder(self.embed(ids))


# input: N,9
class SpectralCritic(nn.Module):
    """SN-GAN (Miyato et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(spectral_norm(nn.Linear(9, 14)), nn.LeakyReLU(), spectral_norm(nn.Linear(14, 1)))

    def forward(self, x):
        return self.net(x)


# input: N,9
class WeightNormed(nn.Module):
    """Weight normalisation (Salimans and Kingma 2016)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(weight_norm(nn.Linear(9, 14)), nn.ELU(), weight_norm(nn.Linear(14, 3)))

    def forward(self, x):
        return self.net(x)


# input: N,9
class LoraLinear(nn.Module):
    """LoRA (Hu et al. 2022)."""

    def __init__(self, rank=2):
        super().__init__()
        self.base = nn.Linear(9, 14)
        self.a, self.b = nn.Parameter(torch.randn(rank, 9)), nn.Parameter(torch.zeros(14, rank))

    def forward(self, x):
        return F.linear(x, self.base.weight + self.b @ self.a, self.base.bias)


# input: N,12
class InitialisedByHand(nn.Module):
    """Identity initialisation (IRNN, Le et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 12)
        self.fc.weight.data = torch.eye(12)
        self.fc.bias.data = torch.zeros(12)
        self.out = nn.Linear(12, 3)

    def forward(self, x):
        return self.out(torch.relu(self.fc(x)))


# input: N,12
class GrownHead(nn.Module):
    """Incremental learning (iCaRL, Rebuffi et al. 2017): more classes, old rows kept."""

    def __init__(self, old=5, new=7):
        super().__init__()
        self.head = nn.Linear(12, old)
        weight, bias = torch.zeros(new, 12), torch.zeros(new)
        weight[:old], bias[:old] = self.head.weight.data, self.head.bias.data
        self.head.weight, self.head.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x):
        return self.head(x)


# input: N,12
class PriorBias(nn.Module):
    """Focal loss's prior for the last bias (Lin et al. 2017)."""

    def __init__(self, classes=7):
        super().__init__()
        self.head = nn.Linear(12, classes)
        self.head.bias.data = torch.full((classes,), -4.6)

    def forward(self, x):
        return self.head(x)
