# input: 60,80
from torch import nn


class Phones(nn.Module):
    def __init__(self, n_mels=80, hidden=20, n_layers=3, n_phones=48):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(n_layers):
            self.layers.append(nn.LSTM(2 * hidden if i > 0 else n_mels, hidden, batch_first=True, bidirectional=True))
        self.out = nn.Linear(2 * hidden, n_phones)

    def forward(self, x):
        for layer in self.layers:
            x, _ = layer(x)
        return self.out(x)
