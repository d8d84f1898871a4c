# input: 60
import torch
import torch.nn as nn


class Layer(nn.Module):
    def __init__(self, width, dilation):
        super().__init__()
        self.gate = nn.Conv1d(width, width, 2, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x):
        gated = torch.tanh(self.gate(x))
        return self.mix(gated) + x[:, :, -gated.size(2):]


class Dilated(nn.Module):
    def __init__(self, code=60, width=24):
        super().__init__()
        self.width = width
        self.start = nn.Linear(code, 8 * width * 4)
        self.grow = nn.ConvTranspose1d(8 * width, width, 6, 4, 1)
        self.layers = nn.Sequential(*[Layer(width, 2**n) for n in range(2)])

    def forward(self, code):
        x = self.start(code).view(-1, 8 * self.width, 4)
        return self.layers(self.grow(x))
