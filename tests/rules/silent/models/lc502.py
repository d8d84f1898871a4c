"""Layers that nothing uses, and layers that only look unused."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,9
class ForgottenLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(9, 14)
        self.fc2 = nn.Linear(14, 14)  # LC502
        self.out = nn.Linear(14, 3)

    def forward(self, x):
        return self.out(torch.relu(self.fc1(x)))


# input: N,3,16,16
class ForgottenNorm(nn.Module):
    """The same norm twice, the second one never."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.bn2 = nn.BatchNorm2d(8)  # LC502
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn1(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.body = nn.Linear(dim, dim)
        self.shortcut = nn.Linear(dim, dim)  # LC502

    def forward(self, x):
        return x + torch.relu(self.body(x))


# input: N,9
class ForgottenShortcut(nn.Module):
    """A block of the author's own, used twice: one finding."""

    def __init__(self):
        super().__init__()
        self.a, self.b = Block(9), Block(9)

    def forward(self, x):
        return self.b(self.a(x))


# input: N,15:int64
class ForgottenHead(nn.Module):
    """A whole Sequential."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 12)
        self.attention = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1))  # LC502
        self.fc = nn.Linear(12, 3)

    def forward(self, ids):
        return self.fc(self.embed(ids).mean(1))


# input: N,3,32,32
class AuxiliaryHead(nn.Module):
    """GoogLeNet (Szegedy et al. 2015): the auxiliary head works in training only."""

    def __init__(self):
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2)
        self.aux, self.fc = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        y = self.fc(torch.relu(self.body(x)).mean((2, 3)))
        return (y, self.aux(x.mean((2, 3)))) if self.training else y


# input: N,15:int64
class TiedDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.decoder = nn.Embedding(50, 12), nn.Linear(12, 50)
        self.decoder.weight = self.embed.weight

    def forward(self, ids):
        return F.linear(self.embed(ids), self.decoder.weight)


# input: N,15,16
class PlainAttention(nn.Module):
    """`out_proj` is never called as a module."""

    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        return self.attn(x, x, x)[0]


# input: N,9
class VaeWithSampler(nn.Module):
    """The decoder is for `sample` alone."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(9, 4), nn.Linear(4, 9)

    def forward(self, x):
        return self.encoder(x)

    def sample(self, n):
        return self.decoder(torch.randn(n, 4))


# input: N,9
class LookedUpByName(nn.Module):
    """Layers by name (torchvision's DenseNet features)."""

    def __init__(self):
        super().__init__()
        self.layer0, self.layer1 = nn.Linear(9, 9), nn.Linear(9, 9)
        self.spare = nn.Linear(9, 9)

    def forward(self, x):
        for index in range(2):
            x = torch.relu(getattr(self, f"layer{index}")(x))
        return x


# input: N,9
class Frozen(nn.Module):
    """LoRA-like: the base's weight is read, the layer never called."""

    def __init__(self):
        super().__init__()
        self.base, self.a, self.b = nn.Linear(9, 5), nn.Linear(9, 2, bias=False), nn.Linear(2, 5, bias=False)

    def forward(self, x):
        return x @ self.base.weight.t() + self.b(self.a(x))


# input: N,9
class MomentumTeacher(nn.Module):
    """BYOL (Grill et al. 2020): the teacher answers in training, and follows by `parameters()`."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(9, 5), nn.Linear(9, 5)

    def update(self):
        for mine, theirs in zip(self.student.parameters(), self.teacher.parameters(), strict=True):
            theirs.data.lerp_(mine.data, 0.01)

    def forward(self, x):
        return self.student(x)


# input: N,9
class StochasticDepth(nn.Module):
    """A list of which the last block is dropped."""

    def __init__(self, depth=3):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(9, 9) for _ in range(depth))

    def forward(self, x):
        for block in self.blocks[:-1]:
            x = x + torch.relu(block(x))
        return x


# input: N,3,16,16
class OptionalProjection(nn.Module):
    """A branch that this configuration does not take."""

    def __init__(self, project=False):
        super().__init__()
        self.conv, self.projection, self.fc, self.project = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.Linear(8, 4), project

    def forward(self, x):
        x = torch.relu(self.conv(x))
        if self.project:
            x = self.projection(x)
        return self.fc(x.mean((2, 3)))


# input: N,9
class Parameterless(nn.Module):
    """A dropout that is not used has no weights."""

    def __init__(self):
        super().__init__()
        self.fc, self.drop, self.loss = nn.Linear(9, 3), nn.Dropout(0.5), nn.CrossEntropyLoss()

    def forward(self, x):
        return self.fc(x)


class BaseClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(9, 14)
        self.head = nn.Linear(14, 3)

    def forward(self, x):
        return self.head(self.features(x))

    def features(self, x):
        return self.body(x)


# input: N,9
class InheritedHead(BaseClassifier):
    """The base class reads what this one replaces."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(14, 7)
