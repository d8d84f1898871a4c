# input: 30:int64
import torch
from torch import nn


class SentimentGRU(nn.Module):
    def __init__(self, vocab_size=500, embed_dim=24, hidden_dim=36):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.gru = nn.GRU(embed_dim, hidden_dim, batch_first=True)
        self.norm = nn.LayerNorm(hidden_dim)
        self.score = nn.Linear(hidden_dim, 1)

    def forward(self, tokens):
        embedded = self.embed(tokens)
        _, h_n = self.gru(embedded)
        return torch.sigmoid(self.score(self.norm(h_n[-1])))
