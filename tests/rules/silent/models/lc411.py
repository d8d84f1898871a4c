"""Reshapes where a permute is meant, and reshapes that only split and merge."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,30,9
class HeadsMergedUnmoved(nn.Module):
    """(N, heads, T, d) into (N, T, heads * d)."""

    def __init__(self, dim=32, heads=4):
        super().__init__()
        self.heads, self.lift, self.proj = heads, nn.Linear(9, 3 * dim), nn.Linear(dim, 5)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.lift(x).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        out = torch.softmax(q @ k.transpose(-2, -1), -1) @ v
        return self.proj(out.reshape(n, t, 32))  # LC411


# input: N,30,32
class HeadsSplitUnmoved(nn.Module):
    """(N, T, heads * d) into (N, heads, T, d)."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 4)

    def forward(self, x):
        n, t, c = x.shape
        q, k = self.q(x).view(n, 4, t, 8), self.k(x).view(n, 4, t, 8)  # LC411
        v = self.v(x).view(n, t, 4, 8).transpose(1, 2)
        y = torch.softmax(q @ k.transpose(2, 3) / 8**0.5, -1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, c))


# input: N,15:int64
class BothDirectionsState(nn.Module):
    """(2, N, H) viewed as (N, 2H)."""

    def __init__(self):
        super().__init__()
        self.embed, self.gru, self.fc = nn.Embedding(50, 12), nn.GRU(12, 14, batch_first=True, bidirectional=True), nn.Linear(28, 3)

    def forward(self, ids):
        _, h = self.gru(self.embed(ids))
        return self.fc(h.view(-1, 28))  # LC411


# input: N,3,20,24
class MapAsTokens(nn.Module):
    """(N, C, H, W) viewed as (N, H * W, C)."""

    def __init__(self, dim=18):
        super().__init__()
        self.conv, self.norm, self.mlp, self.head = nn.Conv2d(3, dim, 4, 4), nn.LayerNorm(dim), nn.Linear(dim, dim), nn.Linear(dim, 10)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, h * w, c)  # LC411
        return self.head((x + self.mlp(self.norm(x))).mean(1))


# input: N,20,24,3
class ChannelsLastFrame(nn.Module):
    """A camera's (N, H, W, 3), reshaped for a convolution."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 4)

    def forward(self, frame):
        x = frame.reshape(-1, 3, 20, 24)  # LC411
        return self.fc(torch.relu(self.conv(x)).mean((2, 3)))


# input: N,6,40
class SeriesTurned(nn.Module):
    """(N, C, T) for an LSTM that takes (N, T, C)."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(6, 14, batch_first=True), nn.Linear(14, 2)

    def forward(self, x):
        x = x.reshape(x.size(0), 40, 6)  # LC411
        return self.fc(self.rnn(x)[0][:, -1])


# input: N,12,3
class KeypointsTurned(nn.Module):
    """Twelve keypoints viewed as three rows: 3 divides 12, and it is no transpose all the same."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(3, 16, 1), nn.Linear(16, 5)

    def forward(self, x):
        x = x.view(x.size(0), 3, 12)  # LC411
        return self.fc(torch.relu(self.conv(x)).amax(-1))


# input: N,3,28,28
class FlattenedThenTokens(nn.Module):
    """Two reshapes in a row, each clean on its own."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 10, 4, 4), nn.Linear(10, 5)

    def forward(self, x):
        x = torch.flatten(torch.relu(self.conv(x)), 1)
        x = x.view(x.size(0), 49, 10)  # LC411
        return self.fc(x).mean(1)


# input: N,32,64
class PowersOfTwo(nn.Module):
    """Heads split unmoved at sizes that divide one another."""

    def __init__(self):
        super().__init__()
        self.q, self.out = nn.Linear(64, 64), nn.Linear(64, 4)

    def forward(self, x):
        n, t, c = x.shape
        q = self.q(x).view(n, 4, t, 16)  # LC411
        y = torch.softmax(q @ q.transpose(2, 3), -1) @ q
        return self.out(y.transpose(1, 2).reshape(n, t, c))


# input: N,30,32
class MultiHeadAttention(nn.Module):
    """Vaswani et al. 2017: split, transpose, transpose, merge."""

    def __init__(self, dim=32, heads=4):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = (y.view(n, t, self.heads, -1).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        y = torch.softmax(q @ k.transpose(-2, -1), -1) @ v
        return self.out(y.transpose(1, 2).contiguous().view(n, t, c))


# input: T,N,32
class FoldedHeads(nn.Module):
    """fairseq's and torch's own order: (T, N, h * d) as (T, N * h, d)."""

    def __init__(self, dim=32, heads=4):
        super().__init__()
        self.heads, self.q, self.k, self.v, self.out = (
            heads,
            nn.Linear(dim, dim),
            nn.Linear(dim, dim),
            nn.Linear(dim, dim),
            nn.Linear(dim, dim),
        )

    def forward(self, x):
        t, n, c = x.shape
        q, k, v = (layer(x).contiguous().view(t, n * self.heads, -1).transpose(0, 1) for layer in (self.q, self.k, self.v))
        y = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1), v)
        return self.out(y.transpose(0, 1).contiguous().view(t, n, c))


# input: N,3,20,24
class ViTTokens(nn.Module):
    def __init__(self, dim=18):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, dim, 4, 4), nn.Linear(dim, 10)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        return self.head(x.view(n, c, h * w).permute(0, 2, 1).mean(1))


# input: N,3,20,24
class PyramidVisionTransformer(nn.Module):
    """PVT (Wang et al. 2021): tokens back to a map and down again."""

    def __init__(self, dim=18):
        super().__init__()
        self.conv, self.sr, self.head = nn.Conv2d(3, dim, 4, 4), nn.Conv2d(dim, dim, 2, 2), nn.Linear(dim, 10)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        x = tokens.permute(0, 2, 1).reshape(n, c, h, w)
        return self.head(self.sr(x).reshape(n, c, -1).permute(0, 2, 1).mean(1))


# input: N,3,20,24
class ShuffleNet(nn.Module):
    """Channel shuffle (Zhang et al. 2018)."""

    def __init__(self, channels=18, groups=3):
        super().__init__()
        self.groups, self.stem, self.conv, self.fc = (
            groups,
            nn.Conv2d(3, channels, 1),
            nn.Conv2d(channels, channels, 1, groups=groups),
            nn.Linear(channels, 5),
        )

    def forward(self, x):
        x = self.stem(x)
        n, c, h, w = x.shape
        x = x.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        return self.fc(self.conv(x).mean((2, 3)))


# input: N,3,10,12
class PixelShuffleByHand(nn.Module):
    """ESPCN (Shi et al. 2016), written out."""

    def __init__(self, scale=2):
        super().__init__()
        self.scale, self.conv = scale, nn.Conv2d(3, 3 * scale**2, 3, padding=1)

    def forward(self, x):
        x, s = self.conv(x), self.scale
        n, c, h, w = x.shape
        x = x.view(n, c // s**2, s, s, h, w).permute(0, 1, 4, 2, 5, 3)
        return x.reshape(n, c // s**2, h * s, w * s)


# input: N,21,16
class TransformerXlShift(nn.Module):
    """Relative shift (Dai et al. 2019): pad, cut through, slice."""

    def __init__(self, dim=16):
        super().__init__()
        self.q, self.r, self.out = nn.Linear(dim, dim), nn.Parameter(torch.randn(21, dim)), nn.Linear(dim, 3)

    def forward(self, x):
        scores = self.q(x) @ self.r.t()
        zero = torch.zeros(scores.size(0), scores.size(1), 1, device=x.device)
        padded = torch.cat([zero, scores], 2).view(scores.size(0), scores.size(2) + 1, scores.size(1))
        shifted = padded[:, 1:].reshape(scores.size(0), scores.size(1), scores.size(2))
        return self.out(torch.softmax(shifted, -1) @ x)


# input: N,21,16
class MusicTransformerSkew(nn.Module):
    """Skewing (Huang et al. 2019) with F.pad."""

    def __init__(self, dim=16, length=21):
        super().__init__()
        self.q, self.e, self.out = nn.Linear(dim, dim), nn.Parameter(torch.randn(length, dim)), nn.Linear(dim, 3)

    def forward(self, x):
        n, t, _ = x.shape
        scores = F.pad(self.q(x) @ self.e.t(), (1, 0)).reshape(n, t + 1, t)[:, 1:, :]
        return self.out(torch.softmax(scores, -1) @ x)


# input: N,1,28,28
class CapsNet(nn.Module):
    """Primary capsules (Sabour et al. 2017) as in CapsNet-Pytorch: `view(N, -1, 8)`."""

    def __init__(self):
        super().__init__()
        self.conv, self.primary, self.out = nn.Conv2d(1, 20, 9), nn.Conv2d(20, 32, 9, stride=2), nn.Linear(144 * 8, 10)

    def forward(self, x):
        u = self.primary(torch.relu(self.conv(x)))
        u = u.view(x.size(0), -1, 8)
        norm = u.norm(dim=-1, keepdim=True)
        return self.out((u * norm / (1 + norm**2)).flatten(1))


# input: N,24,7
class TimesNetFold(nn.Module):
    """TimesNet (Wu et al. 2023): the series folded by a period, convolved, unfolded."""

    def __init__(self, period=6):
        super().__init__()
        self.period, self.conv, self.out = period, nn.Conv2d(7, 7, 3, padding=1), nn.Linear(7, 2)

    def forward(self, x):
        n, t, c = x.shape
        y = x.reshape(n, t // self.period, self.period, c).permute(0, 3, 1, 2)
        y = self.conv(y).permute(0, 2, 3, 1).reshape(n, t, c)
        return self.out(x + y)


# input: N,15:int64
class JoinedDirections(nn.Module):
    """The two directions joined as they should be."""

    def __init__(self):
        super().__init__()
        self.embed, self.gru, self.fc = nn.Embedding(50, 12), nn.GRU(12, 14, 2, batch_first=True, bidirectional=True), nn.Linear(28, 3)

    def forward(self, ids):
        _, h = self.gru(self.embed(ids))
        h = h.view(2, 2, ids.size(0), 14)[-1]
        return self.fc(h.transpose(0, 1).reshape(ids.size(0), 28))


# input: N,1,28,28
class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU()), nn.Linear(20, 784)

    def forward(self, x):
        return torch.sigmoid(self.dec(self.enc(x))).view(-1, 1, 28, 28)


# input: N,12,10
class BarlowOffDiagonal(nn.Module):
    """Barlow Twins (Zbontar et al. 2021): the off-diagonal by a flat view."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(10, 18)

    def forward(self, x):
        a, b = self.net(x[:, 0]), self.net(x[:, 1])
        c = a.t() @ b / a.size(0)
        off = c.flatten()[:-1].view(17, 19)[:, 1:].flatten()
        return (torch.diagonal(c) - 1).pow(2).sum() + 0.005 * off.pow(2).sum()


# input: N,18,5,6
class GroupNormByHand(nn.Module):
    def __init__(self, groups=3):
        super().__init__()
        self.groups, self.fc = groups, nn.Linear(18, 4)

    def forward(self, x):
        n, c, h, w = x.shape
        y = x.view(n, self.groups, -1)
        y = (y - y.mean(-1, keepdim=True)) / (y.std(-1, keepdim=True) + 1e-5)
        return self.fc(y.view(n, c, h, w).mean((2, 3)))


# input: N,3,48,48
class WindowsThenGrid(nn.Module):
    """MaxViT: attention in windows of 6 by 6, then over a grid of 6 by 6, through a map of 24 by 24 put together in between."""

    def __init__(self, dim=16, size=6):
        super().__init__()
        self.size, self.stem = size, nn.Conv2d(3, dim, 3, stride=2, padding=1)
        self.mix = nn.ModuleList([nn.Linear(dim, dim), nn.Linear(dim, dim)])
        self.head = nn.Linear(dim, 4)

    def parts(self, x, p):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1).reshape(n, (h // p) * (w // p), p * p, c)

    def whole(self, x, p, rows):
        n, _, _, c = x.shape
        return x.reshape(n, rows, rows, p, p, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, rows * p, rows * p)

    def forward(self, x):
        x = self.stem(x)
        rows = x.shape[-1] // self.size
        x = self.whole(self.mix[0](self.parts(x, self.size)), self.size, rows)
        x = self.whole(self.mix[1](self.parts(x, rows)), rows, self.size)
        return self.head(x.mean((2, 3)))


# input: N,12,16
class XlNetShift(nn.Module):
    """XLNet's shift of twice as many positions (Yang et al. 2019): reshape, slice, reshape, without a pad."""

    def __init__(self, dim=16):
        super().__init__()
        self.q, self.r, self.out = nn.Linear(dim, dim), nn.Parameter(torch.randn(24, dim)), nn.Linear(dim, 3)

    def forward(self, x):
        scores = self.q(x) @ self.r.t()
        n, i, j = scores.shape
        scores = scores.reshape(n, j, i)[:, 1:, :].reshape(n, i, j - 1)[:, :, :i]
        return self.out(torch.softmax(scores, -1) @ x)


# input: N,3,16,16
class SquareMapAsTokens(nn.Module):
    """Sixteen channels on a map of 4 x 4: only the names tell."""

    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.mlp, self.head = nn.Conv2d(3, dim, 4, 4), nn.Linear(dim, dim), nn.Linear(dim, 10)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, h * w, c)  # LC411
        return self.head(torch.relu(self.mlp(x)).mean(1))


# input: N,3,16,16
class SquareMapBySize(nn.Module):
    """The same with `size`."""

    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.mlp, self.head = nn.Conv2d(3, dim, 4, 4), nn.Linear(dim, dim), nn.Linear(dim, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = x.reshape(x.size(0), -1, x.size(1))  # LC411
        return self.head(torch.relu(self.mlp(x)).mean(1))


# input: N,16,9
class HeadsMergedPowerOfTwo(nn.Module):
    """Heads merged unmoved, 16 steps of 4 heads of 8."""

    def __init__(self, dim=32, heads=4):
        super().__init__()
        self.heads, self.lift, self.proj = heads, nn.Linear(9, dim), nn.Linear(dim, 5)

    def forward(self, x):
        n, t, _ = x.shape
        q = self.lift(x).view(n, t, self.heads, -1).transpose(1, 2)
        out = torch.softmax(q @ q.transpose(-2, -1), -1) @ q
        return self.proj(out.reshape(n, t, 32))  # LC411


# input: N,3,16,16
class SquareTokensRight(nn.Module):
    """Sixteen channels on 4 x 4, moved first."""

    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.mlp, self.head = nn.Conv2d(3, dim, 4, 4), nn.Linear(dim, dim), nn.Linear(dim, 10)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.permute(0, 2, 3, 1).reshape(n, h * w, c)
        x = torch.relu(self.mlp(x)).transpose(1, 2).reshape(n, c, h, w)
        n, c, h, w = x.size()
        x = x.view(n, c, h * w).transpose(1, 2)
        return self.head(x.mean(1))


# input: N,16,16
class SquareSequenceSplit(nn.Module):
    """Sixteen steps of sixteen features: heads split off and moved."""

    def __init__(self):
        super().__init__()
        self.q, self.out = nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x):
        n, t, c = x.shape
        x = self.q(x)
        x = x.view(n, t, 4, c // 4).transpose(1, 2)
        y = torch.softmax(x @ x.transpose(2, 3), -1) @ x
        y = y.transpose(1, 2)
        return self.out(y.reshape(n, t, c))


# input: N,3,32,32
class PatchesByReshape(nn.Module):
    """An image reshaped to (patches, values): strips of rows, not patches."""

    def __init__(self, dim=24):
        super().__init__()
        self.embed, self.head = nn.Linear(192, dim), nn.Linear(dim, 10)

    def forward(self, x):
        x = x.reshape(x.size(0), 16, 192)  # LC411
        return self.head(torch.relu(self.embed(x)).mean(1))


# input: N,1,28,28
class GreyPatchesByView(nn.Module):
    """The same on MNIST, with attention."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed, self.position, self.head = nn.Linear(16, dim), nn.Parameter(torch.zeros(1, 49, dim)), nn.Linear(dim, 10)
        self.attn = nn.MultiheadAttention(dim, 2, batch_first=True)

    def forward(self, x):
        x = x.view(-1, 49, 16)  # LC411
        x = self.embed(x) + self.position
        return self.head(self.attn(x, x, x)[0].mean(1))


# input: N,3,32,32
class PatchesByUnfold(nn.Module):
    """Patches with their axes split first (ViT in einops's tutorial, written out)."""

    def __init__(self, dim=24, p=8):
        super().__init__()
        self.p, self.embed, self.head = p, nn.Linear(192, dim), nn.Linear(dim, 10)

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // self.p, self.p, w // self.p, self.p).permute(0, 2, 4, 3, 5, 1).reshape(n, -1, self.p * self.p * c)
        return self.head(torch.relu(self.embed(x)).mean(1))


# input: N,1,28,28
class SequentialMnist(nn.Module):
    """Half rows as steps (Le et al. 2015): every row is cut evenly."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(14, 12, batch_first=True), nn.Linear(12, 10)

    def forward(self, x):
        return self.fc(self.rnn(x.view(-1, 56, 14))[0][:, -1])


# input: N,6,64,64
class BandsInTiles(nn.Module):
    """Tiles of a satellite image, whose axes are split and then put together as they lie."""

    def __init__(self, tile=16, dim=24):
        super().__init__()
        self.tile, self.embed, self.head = tile, nn.Linear(6 * tile * tile, dim), nn.Linear(dim, 6)

    def forward(self, x):
        n, c, h, w = x.shape
        t = self.tile
        x = x.view(n, c, h // t, t, w // t, t)
        x = x.flatten(1).view(n, (h // t) * (w // t), c * t * t)  # LC411
        return self.head(torch.relu(self.embed(x)).mean(1))


# input: N,6,64,64
class ReorderedInTiles(nn.Module):
    def __init__(self, tile=16, dim=24):
        super().__init__()
        self.tile, self.embed, self.head = tile, nn.Linear(6 * tile * tile, dim), nn.Linear(dim, 6)

    def forward(self, x):
        n, c, h, w = x.shape
        t = self.tile
        x = x.view(n, c, h // t, t, w // t, t).permute(0, 2, 4, 1, 3, 5)
        x = x.reshape(n, (h // t) * (w // t), c * t * t)
        return self.head(torch.relu(self.embed(x)).mean(1))


# input: N,1,20,28
class UpscaledWithoutMoving(nn.Module):
    """ESPCN with a `view` for its pixel shuffle."""

    def __init__(self, scale=3):
        super().__init__()
        self.scale, self.body, self.up = scale, nn.Conv2d(1, 30, 5, padding=2), nn.Conv2d(30, scale**2, 3, padding=1)

    def forward(self, x):
        n, _, h, w = x.shape
        y = self.up(torch.relu(self.body(x)))
        return y.view(n, 1, h * self.scale, w * self.scale)  # LC411


# input: N,3,12,16
class UpscaledInTwoSteps(nn.Module):
    """The channels are split, (N, c, r, r, H, W), and all is merged without the permute between."""

    def __init__(self):
        super().__init__()
        self.up = nn.Conv2d(3, 20, 3, padding=1)
        self.out = nn.Conv2d(5, 3, 3, padding=1)

    def forward(self, x):
        n, _, h, w = x.shape
        y = self.up(x).view(n, 5, 2, 2, h, w)
        return self.out(y.reshape(n, 5, 2 * h, 2 * w))  # LC411


# input: N,3,20,24
class PassthroughByView(nn.Module):
    """YOLOv2's passthrough layer, space to depth, as a `view`."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse, self.out = nn.Conv2d(3, 10, 3, padding=1), nn.Conv2d(3, 12, 2, 2), nn.Conv2d(52, 9, 1)

    def forward(self, x):
        n, _, h, w = x.shape
        fine = self.fine(x).view(n, 40, h // 2, w // 2)  # LC411
        return self.out(torch.cat([fine, self.coarse(x)], 1))


# input: N,3,20,24
class PassthroughMoved(nn.Module):
    """Darknet's reorganisation with its transposes (marvis/pytorch-yolo2)."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse, self.out = nn.Conv2d(3, 10, 3, padding=1), nn.Conv2d(3, 12, 2, 2), nn.Conv2d(52, 9, 1)

    def forward(self, x):
        fine = self.fine(x)
        n, c, h, w = fine.shape
        fine = fine.view(n, c, h // 2, 2, w // 2, 2).transpose(3, 4).contiguous()
        fine = fine.view(n, c, h // 2 * (w // 2), 4).transpose(2, 3).contiguous()
        fine = fine.view(n, c, 4, h // 2, w // 2).transpose(1, 2).contiguous().view(n, 4 * c, h // 2, w // 2)
        return self.out(torch.cat([fine, self.coarse(x)], 1))


# input: N,30,72
class TokensAsImage(nn.Module):
    """A masked autoencoder's decoder whose patches are not put where they belong."""

    def __init__(self):
        super().__init__()
        self.block, self.norm, self.pred = nn.TransformerEncoderLayer(72, 6, 90, batch_first=True), nn.LayerNorm(72), nn.Linear(72, 192)

    def forward(self, tokens):
        x = self.pred(self.norm(self.block(tokens)))
        return x.reshape(x.shape[0], 3, 40, 48)  # LC411


# input: N,30,72
class TokensUnpatchified(nn.Module):
    """The same as in facebookresearch/mae."""

    def __init__(self):
        super().__init__()
        self.norm, self.pred = nn.LayerNorm(72), nn.Linear(72, 192)

    def forward(self, tokens):
        x = self.pred(self.norm(tokens)).reshape(tokens.shape[0], 5, 6, 8, 8, 3)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(tokens.shape[0], 3, 40, 48)


# input: N,14,32
class RowsOfAnImage(nn.Module):
    """A recurrent generator (DRAW's relatives): one row of the image for each step."""

    def __init__(self):
        super().__init__()
        self.rnn, self.row = nn.LSTM(32, 40, batch_first=True), nn.Linear(40, 21)

    def forward(self, z):
        rows = torch.sigmoid(self.row(self.rnn(z)[0]))
        return rows.view(rows.size(0), 1, 14, 21)


# input: N,6,35
class LinearOverPositions(nn.Module):
    """A channel for each token: the Linear makes all positions of a map (MLP decoders of masked channels)."""

    def __init__(self):
        super().__init__()
        self.spread = nn.Linear(35, 120)

    def forward(self, x):
        return self.spread(x).view(x.size(0), 6, 10, 12)


# input: N,5,24
class SlotsToMap(nn.Module):
    """A flat code out of all slots, and a decoder of convolutions that takes it as it comes."""

    def __init__(self):
        super().__init__()
        self.slots, self.decode = (
            nn.Linear(24, 48),
            nn.Sequential(nn.ConvTranspose2d(15, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1)),
        )

    def forward(self, x):
        return self.decode(self.slots(x).flatten(1).view(x.size(0), 15, 4, 4))


# input: N,1,32,32
class PatchesOfPowersOfTwo(nn.Module):
    """Every size is a power of two; `h // p` and `p * p` still tell that patches are cut through."""

    def __init__(self, patch=4, dim=32):
        super().__init__()
        self.patch, self.lift, self.out = patch, nn.Linear(patch * patch, dim), nn.Linear(dim, 10)

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        x = x.view(n, (h // p) * (w // p), c * p * p)  # LC411
        return self.out(torch.relu(self.lift(x)).mean(1))


# input: N,1,32,32
class PatchesMovedOfPowersOfTwo(nn.Module):
    """The same, permuted (lucidrains/vit-pytorch without einops)."""

    def __init__(self, patch=4, dim=32):
        super().__init__()
        self.patch, self.lift, self.out = patch, nn.Linear(patch * patch, dim), nn.Linear(dim, 10)

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        x = x.view(n, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
        return self.out(torch.relu(self.lift(x.reshape(n, (h // p) * (w // p), c * p * p))).mean(1))


# input: N,64,8
class StackedFrames(nn.Module):
    """The pyramidal encoder of Listen, Attend and Spell: two steps become one of twice as many features."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.LSTM(8, 16, batch_first=True), nn.LSTM(32, 16, batch_first=True), nn.Linear(16, 4)

    def forward(self, x):
        h, _ = self.one(x)
        n, t, d = h.shape
        h, _ = self.two(h.reshape(n, t // 2, 2 * d))
        return self.out(h)


# input: N,16,16,16
class RowsOfWindows(nn.Module):
    """Bands of four rows, each a window of its own; no axis is moved, and none has to be."""

    def __init__(self):
        super().__init__()
        self.conv, self.mix = nn.Conv2d(16, 16, 3, padding=1), nn.Linear(64, 64)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        y = self.mix(x.view(n, c, h // 4, 4 * w))
        return y.view(n, c, h, w)
