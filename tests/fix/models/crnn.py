# input: 1,32,100
import torch.nn as nn


class CRNN(nn.Module):
    def __init__(self, n_chars=37, hidden=48):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
        )
        self.rnn = nn.GRU(32 * 8, hidden, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(hidden * 2, n_chars)

    def forward(self, images):
        x = self.cnn(images)
        b, c, h, w = x.shape
        x = x.permute(0, 3, 1, 2).reshape(b, w, c * h)
        x, _ = self.rnn(x)
        return self.fc(x)
