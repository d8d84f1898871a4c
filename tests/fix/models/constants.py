# input: 3,64,64
import torch
from torch import nn

IMAGE_SIZE = 64
WIDTH = 24
HIDDEN = 96
N_CLASSES = 7


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.body = nn.Conv2d(WIDTH, WIDTH * 2, 3, stride=2, padding=1)
        self.hidden = nn.Linear(WIDTH * 2 * (IMAGE_SIZE // 4) ** 2, HIDDEN)
        self.out = nn.Linear(HIDDEN, N_CLASSES)

    def forward(self, images):
        maps = torch.relu(self.norm(self.stem(images)))
        maps = torch.relu(self.body(maps))
        return self.out(torch.relu(self.hidden(maps.flatten(1))))
