# input: 3,32,32
# input: 7
import torch
import torch.nn as nn
import torch.nn.functional as F

ENC = [12, 20, 36]
DEC = [10, 16, 28]
CODE = 7


class SkipNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList()
        width = 3
        for size in ENC:
            self.down.append(nn.Conv2d(width, size, 3, stride=2, padding=1))
            width = size
        self.mix = nn.Conv2d(ENC[-1] + CODE, ENC[-1], 1)
        self.up = nn.ModuleDict()
        for i in range(2, -1, -1):
            width = ENC[-1] if i == 2 else DEC[i + 1]
            if i > 0:
                width += ENC[i - 1]
            self.up[str(i)] = nn.Conv2d(width, DEC[i], 3, padding=1)

    def forward(self, x, code):
        maps = []
        for layer in self.down:
            x = F.relu(layer(x))
            maps.append(x)
        planes = code.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3))
        x = self.mix(torch.cat([x, planes], dim=1))
        for i in range(2, -1, -1):
            x = F.interpolate(x, scale_factor=2)
            if i > 0:
                x = torch.cat([x, maps[i - 1]], dim=1)
            x = F.relu(self.up[str(i)](x))
        return x
