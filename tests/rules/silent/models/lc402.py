"""Views that fold the batch: for good, or to unfold it again."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,1,28,28
class WrongViewSize(nn.Module):
    """LeNet whose view takes half of a sample."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.c1(x)), 2)
        x = F.max_pool2d(torch.relu(self.c2(x)), 2)
        x = x.view(-1, 128)  # LC402
        return self.fc(x)


# input: N,20,7
class AllLayersState(nn.Module):
    """The final states of two layers as rows."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(7, 14, num_layers=2, batch_first=True)
        self.fc = nn.Linear(14, 3)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        h = h.view(-1, 14)  # LC402
        return self.fc(h)


# input: N,3,32,32
class DecoderView(nn.Module):
    """A decoder that starts from a map four times too small."""

    def __init__(self, latent=9):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, latent))
        self.lift = nn.Linear(latent, 10 * 64)
        self.dec = nn.Sequential(nn.ConvTranspose2d(10, 5, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(5, 3, 4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        h = self.lift(self.enc(x))
        h = h.reshape(-1, 10, 4, 4)  # LC402
        return self.dec(h)


# input: N,1,28,28
class CutThrough(nn.Module):
    """A size that cuts through channels and rows."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 5, stride=4, padding=2)
        self.fc = nn.Sequential(nn.Linear(32 * 7, 20), nn.ReLU(), nn.Linear(20, 10))

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = x.view(-1, 32 * 7)  # LC402
        return self.fc(x)


# input: N,10
class TwoSamplesInARow(nn.Module):
    """A row that holds two samples."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(10, 12), nn.Linear(24, 5)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = x.view(-1, 24)  # LC402
        return self.second(x)


# input: N,15:int64
class GptHead(nn.Module):
    """A language model that hands out one row per token."""

    def __init__(self, vocab=50, dim=12):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.mlp = nn.Linear(dim, dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, ids):
        h = torch.relu(self.mlp(self.embed(ids)))
        return self.head(h.view(-1, h.size(-1)))


# input: N,15:int64; N,15:int64
class TokenLoss(nn.Module):
    """Both sides of the loss flattened."""

    def __init__(self, vocab=50, dim=12):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, ids, targets):
        logits = self.head(self.embed(ids))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


# input: N,5,3,16,16
class TimeDistributed(nn.Module):
    """Keras's TimeDistributed: frames folded, unfolded afterwards."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 7))

    def forward(self, x):
        y = self.cnn(x.view(-1, *x.shape[2:]))
        return y.view(x.size(0), x.size(1), -1)


# input: N,5,3,16,16
class FrameScores(nn.Module):
    """A row per frame: whole axes are folded, and nothing is unfolded."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 7))

    def forward(self, x):
        return self.cnn(x.reshape(-1, 3, 16, 16))


# input: N,3,16,16
class SwinWindows(nn.Module):
    """Swin (Liu et al. 2021): windows folded into the batch and back."""

    def __init__(self, dim=12, window=4):
        super().__init__()
        self.window, self.embed = window, nn.Conv2d(3, dim, 1)
        self.mix, self.head = nn.Linear(dim, dim), nn.Linear(dim, 5)

    def forward(self, x):
        x, w = self.embed(x).permute(0, 2, 3, 1), self.window
        n, h, ww, c = x.shape
        windows = x.view(n, h // w, w, ww // w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, c)
        windows = self.mix(windows)
        x = windows.view(n, h // w, ww // w, w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, ww, c)
        return self.head(x.mean((1, 2)))


# input: N,3,32,32
class CaptchaHead(nn.Module):
    """Five digits per image as rows, at the very end: no weights act on the rows."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 4, 1)
        self.fc = nn.Linear(6 * 64, 5 * 11)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1)).view(-1, 11)


# input: N,4,24,24; N,9
class HyperConvolution(nn.Module):
    """Per-sample kernels in one grouped convolution (StyleGAN2's modulated convolution)."""

    def __init__(self):
        super().__init__()
        self.kernels = nn.Linear(9, 5 * 4 * 9)
        self.out = nn.Conv2d(5, 2, 1)

    def forward(self, x, style):
        n, c, h, w = x.shape
        weight = self.kernels(style).view(n * 5, c, 3, 3)
        y = F.conv2d(x.reshape(1, n * c, h, w), weight, padding=1, groups=n).view(n, 5, h, w)
        return self.out(y)


# input: N,30,4
class PointNet(nn.Module):
    """PointNet (Qi et al. 2017): a shared MLP on folded points."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(4, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 18))
        self.head = nn.Linear(18, 5)

    def forward(self, x):
        n, p, d = x.shape
        y = self.mlp(x.view(n * p, d)).view(n, p, -1)
        return self.head(y.max(1).values)


# input: N,7,40
class ChannelIndependent(nn.Module):
    """PatchTST (Nie et al. 2023): every variable on its own."""

    def __init__(self, horizon=8):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(40, 20), nn.ReLU(), nn.Linear(20, horizon))

    def forward(self, x):
        n, v, t = x.shape
        return self.body(x.reshape(n * v, t)).reshape(n, v, -1)


# input: N,3,16,16
class VqVae(nn.Module):
    """VQ-VAE (van den Oord et al. 2017): vectors of a map as rows, nearest codes, back to a map."""

    def __init__(self, codes=20, dim=6):
        super().__init__()
        self.enc, self.dec = nn.Conv2d(3, dim, 4, 4), nn.ConvTranspose2d(dim, 3, 4, 4)
        self.codebook = nn.Embedding(codes, dim)

    def forward(self, x):
        z = self.enc(x).permute(0, 2, 3, 1).contiguous()
        flat = z.view(-1, z.size(-1))
        index = torch.cdist(flat, self.codebook.weight).argmin(1)
        q = self.codebook(index).view(z.shape)
        q = z + (q - z).detach()
        return self.dec(q.permute(0, 3, 1, 2)), F.mse_loss(q.detach(), z)


# input: N,26,33
class SingleDirectionState(nn.Module):
    """view(-1, H) of the state of one layer in one direction."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(33, 14, batch_first=True), nn.Linear(14, 8)

    def forward(self, x):
        return self.fc(self.gru(x)[1].view(-1, 14))


# input: N,3,16,16
class RegionProposals(nn.Module):
    """An RPN head (Ren et al. 2015): boxes of all anchors as rows."""

    def __init__(self, anchors=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3, 2, 1)
        self.box = nn.Conv2d(10, anchors * 4, 1)
        self.anchors = anchors

    def forward(self, x):
        b = self.box(torch.relu(self.conv(x)))
        n, _, h, w = b.shape
        return b.view(n, self.anchors, 4, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, 4)


# input: N,3,28,28
class ColoursAsRows(nn.Module):
    """An MLP for grey images, given colours."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 30), nn.Linear(30, 10)

    def forward(self, x):
        x = x.view(-1, 28 * 28)  # LC402
        return self.fc2(torch.relu(self.fc1(x)))


# input: N,6,28,28
class FramesAsRows(nn.Module):
    """Grey frames of a clip, each a row of the output."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 30), nn.Linear(30, 10)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x.view(-1, 28 * 28))))


# input: N,6,3,16,16
class ShotsJoined(nn.Module):
    """Six views of an object, regrouped as if there were twelve of each."""

    def __init__(self, views=12, dim=20):
        super().__init__()
        self.views, self.conv, self.fc = views, nn.Conv2d(3, dim, 3, 2), nn.Linear(dim, 5)

    def forward(self, x):
        f = torch.relu(self.conv(x.flatten(0, 1))).amax((2, 3))
        return self.fc(f.view(-1, self.views, f.size(1)).amax(1))  # LC402


# input: N,6,3,16,16
class ShotsInPairs(nn.Module):
    """The same views compared two by two, then put together again."""

    def __init__(self, dim=20):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, dim, 3, 2), nn.Linear(2 * dim, 5)

    def forward(self, x):
        f = torch.relu(self.conv(x.flatten(0, 1))).amax((2, 3))
        return self.fc(f.view(-1, 2 * f.size(1))).view(x.size(0), 3, 5).mean(1)


# input: N,10,52
class ElectrodesAsRows(nn.Module):
    """`nn.Flatten(0, 1)` of (N, C, L): every channel of a convolution becomes a row of its own."""

    def __init__(self):
        super().__init__()
        self.spatial, self.flatten = nn.Conv1d(10, 18, 1), nn.Flatten(0, 1)
        self.classifier = nn.Sequential(nn.Linear(52, 32), nn.ReLU(), nn.Linear(32, 17))

    def forward(self, emg):
        x = self.flatten(torch.relu(self.spatial(emg)))  # LC402
        return self.classifier(x)


# input: N,6,3,20,20
class FramesFlattened(nn.Module):
    """The same layer for the frames of a clip, which come back together."""

    def __init__(self):
        super().__init__()
        self.fold, self.unfold = nn.Flatten(0, 1), nn.Unflatten(0, (-1, 6))
        self.net, self.out = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(8, 5)

    def forward(self, clip):
        return self.out(self.unfold(self.net(self.fold(clip))).mean(1))


# input: N,12:int64
class TokensFlattened(nn.Module):
    """Every token a row, for a loss over tokens."""

    def __init__(self):
        super().__init__()
        self.embed, self.fold, self.out = nn.Embedding(60, 16), nn.Flatten(0, 1), nn.Linear(16, 60)

    def forward(self, ids):
        return self.out(self.fold(self.embed(ids)))
