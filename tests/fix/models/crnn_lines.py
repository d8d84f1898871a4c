# input: 1,32,80
import torch
import torch.nn as nn


class Lines(nn.Module):
    def __init__(self, width=24, hidden=20, symbols=11):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, width, 3, 2, 1), nn.Conv2d(width, width, 3, 2, 1)
        self.rnn = nn.GRU(width, hidden, batch_first=True)
        self.out = nn.Linear(hidden, symbols)

    def forward(self, image):
        x = torch.relu(self.conv2(torch.relu(self.conv1(image))))
        x = x.amax(2)
        y, _ = self.rnn(x.transpose(1, 2))
        return self.out(y)
