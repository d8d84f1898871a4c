# input: 3,50,70
import torch
import torch.nn as nn
import torch.nn.functional as F


class Pyramid(nn.Module):
    def __init__(self, widths=(8, 12, 20), out=10, classes=4):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(a, b, 3, 2, 1) for a, b in zip((3, *widths[:-1]), widths)])
        self.side = nn.ModuleList([nn.Conv2d(w, out, 1) for w in widths])
        self.scale = nn.Linear(out, 2 * out)
        self.head = nn.Conv2d(out, classes, 1)

    def forward(self, x):
        sides = []
        for down, side in zip(self.down, self.side):
            x = torch.relu(down(x))
            sides.append(side(x))
        top = sides.pop()
        while sides:
            below = sides.pop()
            top = F.interpolate(top, size=below.shape[2:], mode="bilinear")
            top = top + below
        gain, shift = self.scale(top.mean((2, 3))).chunk(2, dim=1)
        gain, shift = gain[:, :, None, None], shift[:, :, None, None]
        return self.head((1 + gain) * top + shift)
