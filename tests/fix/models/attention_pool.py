# input: 20,24
import torch
import torch.nn as nn
import torch.nn.functional as F


class AttentionPool(nn.Module):
    def __init__(self, dim=24, hidden=16, n_classes=3):
        super().__init__()
        self.project = nn.Linear(dim, hidden)
        self.context = nn.Linear(hidden, 1, bias=False)
        self.classify = nn.Linear(dim, n_classes)

    def forward(self, states):
        scores = self.context(torch.tanh(self.project(states)))
        weights = F.softmax(scores, dim=1)
        return self.classify((weights * states).sum(dim=1))
