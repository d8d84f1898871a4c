"""Squeezes that take the batch away at one sample, and squeezes that do not."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,3,24,24
class PooledEmbedding(nn.Module):
    """A ResNet-like end."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.fc = nn.Conv2d(3, 10, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Linear(10, 7)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        x = torch.squeeze(x)  # LC408
        return self.fc(x)


# input: N,15,9
class FinalStateSqueezed(nn.Module):
    """(1, N, H).squeeze()."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h.squeeze())  # LC408


# input: N,1,28,28
class ThenAnAxis(nn.Module):
    """What comes later fails at one sample."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(28, 14, batch_first=True), nn.Linear(14, 10)

    def forward(self, x):
        x = x.squeeze()  # LC408
        out, _ = self.rnn(x)
        return self.fc(out[:, -1, :])


# input: N,6,9
class WeightsSqueezed(nn.Module):
    """Attention weights (N, T, 1) as (N, T)."""

    def __init__(self):
        super().__init__()
        self.score, self.fc = nn.Linear(9, 1), nn.Linear(9, 3)

    def forward(self, x):
        weights = F.softmax(self.score(x).squeeze(), -1)  # LC408
        return self.fc(torch.einsum("bt,btd->bd", weights, x))


# input: N,3,24,24
class NamedAxes(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 10, 3, 2, 1), nn.Linear(10, 7)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1)
        return self.fc(x.squeeze(-1).squeeze(-1))


# input: N,9
class Regression(nn.Module):
    """One number per sample, as sklearn wants it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 1))

    def forward(self, x):
        return self.net(x).squeeze()


# input: N,9
class SqueezedLastAxis(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 1))

    def forward(self, x):
        return torch.sigmoid(self.net(x)).squeeze(-1)


# input: N,1,28,28
class ChannelSqueezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(28, 14, batch_first=True), nn.Linear(14, 10)

    def forward(self, x):
        return self.fc(self.rnn(x.squeeze(1))[0][:, -1])


# input: N,9
class SqueezedParameter(nn.Module):
    """A parameter has no batch (WaveNet's bias)."""

    def __init__(self):
        super().__init__()
        self.bias, self.fc = nn.Parameter(torch.zeros(1, 4, 1)), nn.Linear(9, 4)

    def forward(self, x):
        return self.fc(x) + self.bias.squeeze()


# input: N,6,9
class LossWithSqueeze(nn.Module):
    """A scalar comes out whatever is squeezed."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 1)

    def forward(self, x):
        return self.fc(x).squeeze().pow(2).mean()


# input: N,6,9
class FlattenedInstead(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(9, 1), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(self.fc(x).flatten(1))


# input: N,3,24,24
class MeanInstead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 10, 3, 2, 1), nn.Linear(10, 7)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


# input: N,15,9
class StateByIndex(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        return self.fc(self.gru(x)[1].squeeze(0))


# input: N,9
class SqueezeAndBack(nn.Module):
    """Squeezed inside, the batch restored by its size."""

    def __init__(self):
        super().__init__()
        self.score, self.fc = nn.Linear(9, 1), nn.Linear(9, 3)

    def forward(self, x):
        gate = torch.sigmoid(self.score(x).squeeze()).reshape(x.size(0), 1)
        return self.fc(x * gate)
