# input: 40:int64
import torch
import torch.nn as nn
import torch.nn.functional as F


class TextCNN(nn.Module):
    def __init__(self, vocab=300, dim=32, n_filters=20, widths=(3, 4, 5), n_labels=4):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.convs = nn.ModuleList([nn.Conv1d(dim, n_filters, w) for w in widths])
        self.fc = nn.Linear(len(widths) * n_filters, n_labels)

    def forward(self, text):
        x = self.embedding(text).permute(0, 2, 1)
        pooled = [F.relu(conv(x)).max(dim=2).values for conv in self.convs]
        return self.fc(torch.cat(pooled, dim=1))
