"""Recurrent and attention layers along time, and along the batch."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,20,5
class StockLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(5, 14, 2)
        self.out = nn.Linear(14, 3)

    def forward(self, x):
        seq, _ = self.rnn(x)  # LC305
        return self.out(seq[:, -1])


# input: N,15:int64
class ToxicTransformer(nn.Module):
    """nn.TransformerEncoder on (N, T, dim), the layer built on a line of its own."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed = nn.Embedding(50, dim)
        layer = nn.TransformerEncoderLayer(d_model=dim, nhead=2, dim_feedforward=32)  # LC305
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(dim, 6)

    def forward(self, ids):
        h = self.encoder(self.embed(ids))
        return self.head(h.mean(1))


# input: N,12,16
class SensorAttention(nn.Module):
    """nn.MultiheadAttention without batch_first."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift = nn.Linear(16, dim)
        self.attn = nn.MultiheadAttention(dim, 4)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        x = self.lift(x)
        a, _ = self.attn(x, x, x)  # LC305
        return self.head(self.norm(x + a)).mean(1)


# input: T,N,11
class TimeMajorMarkedBatchFirst(nn.Module):
    """(T, N, features) into a layer built for the other order."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(11, 14, batch_first=True)
        self.out = nn.Linear(14, 5)

    def forward(self, x):
        h, _ = self.gru(x)  # LC305
        return self.out(h)


# input: N,1,32,40
class ConvThenGru(nn.Module):
    """Frames of a spectrogram, batch still in front."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.gru = nn.GRU(6 * 32, 14, bidirectional=True)
        self.out = nn.Linear(28, 9)

    def forward(self, x):
        x = torch.relu(self.conv(x)).permute(0, 3, 1, 2).flatten(2)
        x, _ = self.gru(x)  # LC305
        return self.out(x.max(1).values)


# input: T,N,11
class TimeMajorLastSample(nn.Module):
    """`out[:, -1]` of (T, N, H): the last sample."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(11, 14)
        self.out = nn.Linear(14, 5)

    def forward(self, x):
        h, _ = self.lstm(x)  # LC305
        return self.out(h[:, -1])


# input: N,20,5
class BatchFirstLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(5, 14, 2, batch_first=True)
        self.out = nn.Linear(14, 3)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


# input: T,N:int64
class WordLanguageModel(nn.Module):
    """pytorch/examples word_language_model: time first."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 12)
        self.rnn = nn.LSTM(12, 14, 2)
        self.decoder = nn.Linear(14, 50)

    def forward(self, ids):
        out, _ = self.rnn(self.embed(ids))
        return F.log_softmax(self.decoder(out).view(-1, 50), dim=1)


# input: T,N,13
class CtcSpeech(nn.Module):
    """CTC (Graves et al. 2006): log probabilities (T, N, classes)."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(13, 14, bidirectional=True)
        self.out = nn.Linear(28, 29)

    def forward(self, x):
        return F.log_softmax(self.out(self.rnn(x)[0]), dim=-1)


# input: N,13,40
class ConvPermuteLstm(nn.Module):
    """A Conv1d, then (L, N, C) for a time-first LSTM."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(13, 10, 5, padding=2)
        self.rnn = nn.LSTM(10, 14)
        self.out = nn.Linear(14, 4)

    def forward(self, x):
        x = torch.relu(self.conv(x)).permute(2, 0, 1)
        _, (h, _) = self.rnn(x)
        return self.out(h[-1])


# input: S,N:int64; T,N:int64
class Seq2SeqTransformer(nn.Module):
    """nn.Transformer in its default order (Vaswani et al. 2017)."""

    def __init__(self, dim=16):
        super().__init__()
        self.src, self.tgt = nn.Embedding(50, dim), nn.Embedding(60, dim)
        self.transformer = nn.Transformer(dim, 2, 1, 1, 32)
        self.out = nn.Linear(dim, 60)

    def forward(self, src, tgt):
        return self.out(self.transformer(self.src(src), self.tgt(tgt)))


# input: N,18,16
class TransposedEncoder(nn.Module):
    """Turned before and after a time-first encoder (DETR)."""

    def __init__(self, dim=16):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 32), 1)
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        return self.head(self.encoder(x.transpose(0, 1)).transpose(0, 1).mean(1))


# input: N,9:int64; N,7:int64
class TeacherForcing(nn.Module):
    """Seq2seq with attention, one cell step at a time (Bahdanau et al. 2015)."""

    def __init__(self, dim=12):
        super().__init__()
        self.embed = nn.Embedding(50, dim)
        self.encoder = nn.GRU(dim, dim, batch_first=True)
        self.cell = nn.GRUCell(2 * dim, dim)
        self.out = nn.Linear(dim, 50)

    def forward(self, source, target):
        memory, state = self.encoder(self.embed(source))
        state, outputs = state[0], []
        for step in range(target.size(1)):
            weights = torch.softmax(torch.bmm(memory, state.unsqueeze(2)), 1)
            context = (weights * memory).sum(1)
            state = self.cell(torch.cat([self.embed(target[:, step]), context], 1), state)
            outputs.append(self.out(state))
        return torch.stack(outputs, 1)


# input: N,3,6,16
class AxialAttention(nn.Module):
    """Axial attention (Ho et al. 2019): rows folded into the batch, time first."""

    def __init__(self, dim=16):
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, 2)
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        n, h, w, c = x.shape
        rows = x.permute(2, 0, 1, 3).reshape(w, n * h, c)
        rows, _ = self.attn(rows, rows, rows)
        x = x + rows.reshape(w, n, h, c).permute(1, 2, 0, 3)
        return self.head(x.mean((1, 2)))


# input: N,9,12; N:int64=9
class PackedSentences(nn.Module):
    """Packed sequences, sorted and unsorted."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(12, 14, batch_first=True)
        self.out = nn.Linear(14, 4)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.rnn(packed)
        return self.out(h[-1])


# input: N,5,3,16,16
class VideoCnnLstm(nn.Module):
    """LRCN (Donahue et al. 2015): frames folded for the CNN, unfolded for the LSTM."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.lstm = nn.LSTM(8, 14, batch_first=True)
        self.fc = nn.Linear(14, 6)

    def forward(self, clips):
        n, t = clips.shape[:2]
        features = self.cnn(clips.flatten(0, 1)).view(n, t, -1)
        return self.fc(self.lstm(features)[0][:, -1])


# input: N,6,4
class SetTransformer(nn.Module):
    """Set Transformer (Lee et al. 2019): attention over the elements of each set."""

    def __init__(self, dim=16):
        super().__init__()
        self.lift = nn.Linear(4, dim)
        self.seed = nn.Parameter(torch.randn(1, 1, dim))
        self.attn = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.out = nn.Linear(dim, 2)

    def forward(self, x):
        x = self.lift(x)
        pooled, _ = self.attn(self.seed.expand(len(x), -1, -1), x, x)
        return self.out(pooled[:, 0])


class TutorialPositions(nn.Module):
    def __init__(self, dim, max_len=100):
        super().__init__()
        self.register_buffer("pe", torch.randn(max_len, 1, dim))

    def forward(self, x):
        return x + self.pe[: x.size(0)]


# input: N,15:int64
class TutorialBatchFirst(nn.Module):
    """PyTorch's transformer tutorial with (N, T) tokens: table and encoder are both for time first, which is one mistake."""

    def __init__(self, dim=16):
        super().__init__()
        self.embed, self.pos = nn.Embedding(50, dim), TutorialPositions(dim)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 2, 32), 1)  # LC305
        self.head = nn.Linear(dim, 5)

    def forward(self, ids):
        h = self.encoder(self.pos(self.embed(ids)))
        return self.head(h.mean(1))


# input: N,15:int64
class FinalStateOfSteps(nn.Module):
    """`h[-1]` without batch_first: one row per step comes out."""

    def __init__(self):
        super().__init__()
        self.embed, self.gru, self.fc = nn.Embedding(50, 12), nn.GRU(12, 14), nn.Linear(14, 3)

    def forward(self, ids):
        _, h = self.gru(self.embed(ids))  # LC305
        return self.fc(h[-1])


# input: N,3,32,64
class FinalStateTimeFirst(nn.Module):
    """CRNN with `h[-1]`, columns first."""

    def __init__(self):
        super().__init__()
        self.conv, self.lstm, self.fc = nn.Conv2d(3, 6, (32, 3)), nn.LSTM(6, 14), nn.Linear(14, 3)

    def forward(self, x):
        x = torch.relu(self.conv(x)).squeeze(2).permute(2, 0, 1)
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1])
