"""Outputs that lost the batch, and outputs that need none."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,15:int64
class LastSample(nn.Module):
    """`out[-1]` of a batch-first layer."""

    def __init__(self):
        super().__init__()
        self.embed, self.gru, self.fc = nn.Embedding(50, 12), nn.GRU(12, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, ids):
        out, _ = self.gru(self.embed(ids))
        return self.fc(out[-1])  # LC501


# input: N,15:int64
class MeanOverBatch(nn.Module):
    """Mean pooling over the wrong axis."""

    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(50, 12), nn.Linear(12, 3)

    def forward(self, ids):
        h = self.embed(ids).mean(dim=0)  # LC501
        return self.fc(h)


# input: N,30,9
class StatisticsOverBatch(nn.Module):
    """Statistics pooling of an x-vector network over the wrong axis."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(9, 14, 5), nn.Linear(28, 3)

    def forward(self, x):
        h = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        mean, deviation = h.mean(dim=0), h.std(dim=0)  # LC501
        return self.fc(torch.cat([mean, deviation], -1))


# input: T,N,9
class StatisticsOverSteps(nn.Module):
    """The same, time first."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14), nn.Linear(28, 3)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.fc(torch.cat([h.mean(dim=0), h.std(dim=0)], -1))


# input: N,15,9
class MaxOverBatch(nn.Module):
    """Max pooling over time, they think."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        out, _ = self.gru(x)
        pooled, _ = out.max(0)  # LC501
        return self.fc(pooled)


# input: N,15,9
class LastSampleOfState(nn.Module):
    """`h[:, -1]` of (layers, N, H)."""

    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(9, 14, 2, batch_first=True), nn.Linear(14, 3)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.fc(h[:, -1])  # LC501


# input: N,15,16
class SummedOverBatch(nn.Module):
    """Attention weights summed over the wrong axis."""

    def __init__(self):
        super().__init__()
        self.attn, self.fc = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        h, _ = self.attn(x, x, x)
        return self.fc(h.sum(0))  # LC501


# input: N,9; N:int64
class ScalarLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x, y):
        return F.cross_entropy(self.fc(x), y)


# input: T,N:int64
class TokenRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(50, 12), nn.Linear(12, 50)

    def forward(self, ids):
        return self.head(self.embed(ids)).view(-1, 50)


# input: N,9
class BarlowMatrix(nn.Module):
    """The cross-correlation itself (Zbontar et al. 2021)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 14)

    def forward(self, x):
        z = self.net(x)
        z = (z - z.mean(0)) / z.std(0)
        return z.t() @ z / z.size(0)


# input: N,9; N:int64
class ClassPrototypes(nn.Module):
    """Prototypical networks (Snell et al. 2017): one row per class, by a product with one-hot labels."""

    def __init__(self, classes=5):
        super().__init__()
        self.net, self.classes = nn.Linear(9, 14), classes

    def forward(self, x, y):
        hot = F.one_hot(y % self.classes, self.classes).float()
        return hot.t() @ self.net(x) / hot.sum(0).clamp_min(1).unsqueeze(1)


# input: N,1,20,20
class AttentionMil(nn.Module):
    """Attention MIL (Ilse et al. 2018): N instances of one bag."""

    def __init__(self):
        super().__init__()
        self.conv, self.score, self.fc = nn.Conv2d(1, 8, 3, 2), nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, bag):
        h = torch.relu(self.conv(bag)).mean((2, 3))
        weights = torch.softmax(self.score(h).t(), 1)
        return self.fc(weights @ h)


# input: N,1,20,20
class MeanMil(nn.Module):
    """Mean pooling over the instances of one bag."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 8, 3, 2), nn.Linear(8, 2)

    def forward(self, bag):
        return self.fc(torch.relu(self.conv(bag)).mean((2, 3)).mean(0))


# input: N,4
class DeepSets(nn.Module):
    """DeepSets (Zaheer et al. 2017) on one set."""

    def __init__(self):
        super().__init__()
        self.phi, self.rho = nn.Linear(4, 14), nn.Linear(14, 1)

    def forward(self, x):
        return self.rho(torch.relu(self.phi(x)).sum(0))


# input: N,3,16,16
class DetectionLists(nn.Module):
    """Boxes image by image, as torchvision's detectors return them."""

    def __init__(self):
        super().__init__()
        self.conv, self.box = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        maps = self.box(torch.relu(self.conv(x)))
        return [{"boxes": image.flatten(1).t()} for image in maps]


# input: N,9
class ClipLogits(nn.Module):
    """CLIP (Radford et al. 2021)."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 14), nn.Linear(9, 14)

    def forward(self, x):
        return F.normalize(self.a(x), dim=1) @ F.normalize(self.b(x), dim=1).t()


# input: T,N,9
class TimeFirstLastStep(nn.Module):
    """`out[-1]` of (T, N, H): the last step."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14), nn.Linear(14, 3)

    def forward(self, x):
        return self.fc(self.gru(x)[0][-1])


# input: N,3,16,16
class SiameseOfTwo(nn.Module):
    """The first sample against the last."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x):
        h = self.conv(x).mean((2, 3))
        return (h[0] - h[-1]).abs()


# input: N,3,16,16
class AugmentedTwice(nn.Module):
    """Test-time augmentation: the mean over views stacked in front."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    def forward(self, x):
        return torch.stack([self.net(x), self.net(x.flip(-1))]).mean(0)
