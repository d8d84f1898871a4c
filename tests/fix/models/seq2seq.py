# input: 11:int64
# input: 9:int64
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocab, emb_dim, hid_dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb_dim)
        self.rnn = nn.GRU(emb_dim, hid_dim, batch_first=True)

    def forward(self, src):
        return self.rnn(self.embedding(src))


class Attention(nn.Module):
    def __init__(self, hid_dim):
        super().__init__()
        self.attn = nn.Linear(hid_dim * 2, hid_dim)
        self.v = nn.Linear(hid_dim, 1, bias=False)

    def forward(self, hidden, outputs):
        repeated = hidden.unsqueeze(1).repeat(1, outputs.shape[1], 1)
        energy = torch.tanh(self.attn(torch.cat((repeated, outputs), dim=2)))
        return torch.softmax(self.v(energy).squeeze(2), dim=1)


class Decoder(nn.Module):
    def __init__(self, vocab, emb_dim, hid_dim):
        super().__init__()
        self.attention = Attention(hid_dim)
        self.embedding = nn.Embedding(vocab, emb_dim)
        self.cell = nn.GRUCell(emb_dim + hid_dim, hid_dim)
        self.fc_out = nn.Linear(emb_dim + hid_dim * 2, vocab)

    def forward(self, token, hidden, outputs):
        embedded = self.embedding(token)
        weights = self.attention(hidden, outputs)
        context = torch.bmm(weights.unsqueeze(1), outputs).squeeze(1)
        hidden = self.cell(torch.cat((embedded, context), dim=1), hidden)
        return self.fc_out(torch.cat((hidden, context, embedded), dim=1)), hidden


class Seq2Seq(nn.Module):
    def __init__(self, src_vocab=70, trg_vocab=90, emb_dim=18, hid_dim=26):
        super().__init__()
        self.encoder = Encoder(src_vocab, emb_dim, hid_dim)
        self.decoder = Decoder(trg_vocab, emb_dim, hid_dim)

    def forward(self, src, trg):
        outputs, hidden = self.encoder(src)
        hidden = hidden.squeeze(0)
        logits = []
        for t in range(trg.shape[1]):
            out, hidden = self.decoder(trg[:, t], hidden, outputs)
            logits.append(out)
        return torch.stack(logits, dim=1)
