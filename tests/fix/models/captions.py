# input: 9,20
# input: 13:int64
import torch
import torch.nn as nn


def no_future(steps):
    return torch.full((steps, steps), float("-inf")).triu(1)


class Captions(nn.Module):
    def __init__(self, n_words=50, dim=20, heads=4):
        super().__init__()
        self.heads = heads
        self.words = nn.Embedding(n_words, dim)
        self.before = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.q, self.k, self.v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.out = nn.Linear(dim, n_words)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, -1)

    def forward(self, regions, words):
        x = self.words(words)
        x = x + self.before(x, x, x, attn_mask=no_future(words.size(1)))[0]
        q, k, v = self.split(self.q(x)), self.split(self.k(regions)), self.split(self.v(regions))
        scores = torch.einsum("nihd,njhd->nhij", q, k).softmax(-1)
        return self.out(torch.einsum("nhij,njhd->nihd", scores, v).flatten(2))
