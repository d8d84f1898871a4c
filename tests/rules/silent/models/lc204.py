"""Layers that take an input without a batch axis, given a batch."""

import torch
import torch.nn as nn


# input: N,12
class TabularTransformer(nn.Module):
    """One token of all columns, without its axis."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed = nn.Linear(12, dim)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 4, 32, batch_first=True), 2)  # LC204
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        h = self.encoder(self.embed(x))
        return self.head(h)


# input: N,9
class RowLstm(nn.Module):
    """A table of features into an LSTM."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(9, 14)
        self.fc = nn.Linear(14, 2)

    def forward(self, x):
        out, _ = self.lstm(x)  # LC204
        return self.fc(out)


# input: N,3,32,32
class CnnGru(nn.Module):
    """Pooled features of an image, straight into a GRU."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3, 2, 1)
        self.gru = nn.GRU(10, 14, batch_first=True)
        self.fc = nn.Linear(14, 5)

    def forward(self, x):
        x = torch.relu(self.conv(x)).mean((2, 3))
        x, _ = self.gru(x)  # LC204
        return self.fc(x)


# input: N,16
class SelfAttendedFeatures(nn.Module):
    """Self-attention over features, they think."""

    def __init__(self, dim=16):
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, 4)
        self.fc = nn.Linear(dim, 5)

    def forward(self, x):
        h, _ = self.attn(x, x, x)  # LC204
        return self.fc(h + x)


# input: N,15:int64
class SentenceLstm(nn.Module):
    """Embeddings bring the third axis."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(60, 10)
        self.lstm = nn.LSTM(10, 14, batch_first=True)
        self.fc = nn.Linear(14, 2)

    def forward(self, ids):
        out, _ = self.lstm(self.embed(ids))
        return self.fc(out[:, -1])


# input: N,12
class FtTransformer(nn.Module):
    """FT-Transformer (Gorishniy et al. 2021): a token per column."""

    def __init__(self, columns=12, dim=16):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns, dim))
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 32, batch_first=True), 1)
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        tokens = x.unsqueeze(-1) * self.weight
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), tokens], 1)
        return self.head(self.encoder(tokens)[:, 0])


# input: N,9
class OneStepLstm(nn.Module):
    """A recurrent policy for one step (PPO-LSTM)."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(9, 14, batch_first=True)
        self.pi = nn.Linear(14, 4)

    def forward(self, obs):
        out, _ = self.lstm(obs.unsqueeze(1))
        return self.pi(out.squeeze(1))


# input: N,9
class CellPolicy(nn.Module):
    """An LSTMCell takes (N, features)."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(9, 14)
        self.pi = nn.Linear(14, 4)

    def forward(self, obs):
        h, _ = self.cell(obs)
        return self.pi(h)


# input: 20,9; no batch
class UnbatchedSequence(nn.Module):
    """One recording without a batch axis, as the user says."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(9, 14)
        self.out = nn.Linear(14, 4)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.out(out)


# input: N,3,32,32
class Crnn(nn.Module):
    """CRNN (Shi et al. 2017): columns are time."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3, (2, 1), 1)
        self.rnn = nn.LSTM(10, 14, bidirectional=True)
        self.out = nn.Linear(28, 11)

    def forward(self, x):
        x = torch.relu(self.conv(x)).mean(2)
        x, _ = self.rnn(x.permute(2, 0, 1))
        return self.out(x)


# input: N,1,28,28
class RowByRow(nn.Module):
    """An image read row by row (Le et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(28, 14, batch_first=True)
        self.out = nn.Linear(14, 10)

    def forward(self, x):
        _, h = self.rnn(x.squeeze(1))
        return self.out(h[-1])


# input: N,17,16
class PooledMaps(nn.Module):
    """Pooling has no weights for channels: (N, H, W) is pooled image by image."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.pool(x).flatten(1))


# input: N,16
class CrossAttendedQueries(nn.Module):
    """Perceiver (Jaegle et al. 2021): learned queries, one token of features."""

    def __init__(self, dim=16):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(5, dim))
        self.attn = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.fc = nn.Linear(dim, 3)

    def forward(self, x):
        q = self.queries.expand(len(x), -1, -1)
        h, _ = self.attn(q, x[:, None], x[:, None])
        return self.fc(h.mean(1))
