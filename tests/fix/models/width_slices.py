# input: 2,64
import torch
import torch.nn as nn


class Stage(nn.Module):
    def __init__(self, c_in, c_side, c_out):
        super().__init__()
        self.conv = nn.Conv1d(c_in + c_side, c_out, 3, padding=1)

    def forward(self, x, side):
        return torch.relu(self.conv(torch.cat([x.repeat_interleave(2, dim=2), side], dim=1)))


class Waves(nn.Module):
    def __init__(self, widths=(10, 14, 22, 30), outs=(26, 18, 12)):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv1d(a, b, 3, 2, 1) for a, b in zip((2, *widths[:-1]), widths)])
        sides = list(reversed(widths[:-1]))
        inner = [widths[3], *outs[:-1]]
        self.up = nn.ModuleList([Stage(a, b, c) for a, b, c in zip(inner, sides, outs)])
        self.head = nn.Conv1d(outs[2], 1, 1)

    def forward(self, x):
        kept = []
        for down in self.down:
            x = torch.relu(down(x))
            kept.append(x)
        kept.pop()
        for up in self.up:
            x = up(x, kept.pop())
        return self.head(x)
