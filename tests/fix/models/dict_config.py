# input: 1,40,100
import torch.nn as nn

config = {
    "channels": 12,
    "hidden": 40,
    "keywords": 9,
}


class KeywordNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, config["channels"], (8, 20))
        self.pool = nn.MaxPool2d(3)
        self.fc1 = nn.Linear(config["channels"] * 11 * 27, config["hidden"])
        self.fc2 = nn.Linear(config["hidden"], config["keywords"])

    def forward(self, x):
        x = self.pool(self.conv(x)).relu()
        x = x.reshape(x.shape[0], -1)
        return self.fc2(self.fc1(x).relu())
