"""Flattens that take the batch with them, and flattens of everything that are meant."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,3,16,16
class FlattenFunction(nn.Module):
    """`torch.flatten(x)`, made to fit a batch of 32."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, 4, 1), nn.Linear(32 * 4 * 16, 10)

    def forward(self, x):
        x = torch.flatten(torch.relu(self.conv(x)))  # LC406
        return self.fc(x)


# input: N,3,16,16
class FlattenMethod(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, 4, 1), nn.Linear(64, 10)

    def forward(self, x):
        x = self.conv(x).flatten()  # LC406
        return self.fc(x)


# input: N,3,16,16
class FlattenModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.flatten, self.fc = nn.Conv2d(3, 4, 3, 4, 1), nn.Flatten(0), nn.Linear(64, 10)

    def forward(self, x):
        x = self.flatten(self.conv(x))  # LC406
        return self.fc(x)


# input: N,9,6
class ViewOfAll(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(54, 10)

    def forward(self, x):
        x = x.reshape(-1)  # LC406
        return self.fc(x)


# input: N,3,16,16
class FlattenFromOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.flatten, self.fc = nn.Conv2d(3, 4, 3, 4, 1), nn.Flatten(), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.flatten(self.conv(x)))


# input: N,9:int64; N,9:int64
class LossOfTokens(nn.Module):
    """Both sides of a loss (GPT, Radford et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(50, 8), nn.Linear(8, 50)

    def forward(self, ids, targets):
        return F.cross_entropy(self.fc(self.embed(ids)).flatten(0, 1), targets.flatten())


# input: N,1,16,16; N,1,16,16
class DiceOfTheBatch(nn.Module):
    """Dice over all pixels of the batch (V-Net, Milletari et al. 2016)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x, mask):
        p, m = torch.sigmoid(self.conv(x)).flatten(), mask.reshape(-1)
        return 1 - 2 * (p * m).sum() / (p.sum() + m.sum() + 1)


# input: N,9
class OneNumberEach(nn.Module):
    """(N, 1).flatten() is (N,)."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 1)

    def forward(self, x):
        return self.fc(x).flatten()


# input: N,9,6
class PixelRows(nn.Module):
    """A scatter of all steps: everything flattened, and unflattened."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        shape = x.shape
        return self.fc(torch.tanh(x.flatten()).view(shape))


# input: N,9,6
class NormOfAll(nn.Module):
    """A penalty over everything."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        y = self.fc(x)
        return y.reshape(-1).pow(2).mean()


# input: N,20:int64
class ExpertTokens(nn.Module):
    """Tokens as rows for a router."""

    def __init__(self):
        super().__init__()
        self.embed, self.gate, self.head = nn.Embedding(50, 8), nn.Linear(8, 3), nn.Linear(8, 5)

    def forward(self, ids):
        x = self.embed(ids)
        flat = x.flatten(0, -2)
        gates = self.gate(flat).softmax(-1).max(-1, keepdim=True).values
        return self.head((flat * gates).view_as(x))


# input: N,3,16,16
class OnlyWeightsFlattened(nn.Module):
    """A weight has no batch (spectral penalties)."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, 4, 1), nn.Linear(64, 10)

    def forward(self, x):
        scale = self.conv.weight.flatten().norm()
        return self.fc(self.conv(x).flatten(1) / scale)


# input: N,9
class EmbeddingBagOffsets(nn.Module):
    """All ids of a batch in one row, with offsets (PyTorch's text classification tutorial)."""

    def __init__(self):
        super().__init__()
        self.bag, self.fc = nn.EmbeddingBag(50, 8), nn.Linear(8, 4)

    def forward(self, x):
        ids = x.abs().long().clamp(0, 49)
        offsets = torch.arange(0, ids.numel(), ids.size(1))
        return self.fc(self.bag(ids.flatten(), offsets))
