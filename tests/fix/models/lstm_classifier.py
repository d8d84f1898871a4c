# input: 25,9
import torch.nn as nn


class ActivityLSTM(nn.Module):
    def __init__(self, n_channels=9, hidden_size=32, num_layers=2, n_classes=6):
        super().__init__()
        self.lstm = nn.LSTM(n_channels, hidden_size, num_layers, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(hidden_size * 2, n_classes)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(self.dropout(out[:, -1]))
