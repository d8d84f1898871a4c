# input: 100
import torch.nn as nn


class Generator(nn.Module):
    def __init__(self, z_dim=100, ngf=16, channels=1):
        super().__init__()
        self.ngf = ngf
        self.project = nn.Linear(z_dim, ngf * 4 * 4 * 4)
        self.net = nn.Sequential(
            nn.BatchNorm2d(ngf * 4),
            nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, stride=2, padding=1),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, stride=2, padding=1),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        x = self.project(z).view(-1, self.ngf * 4, 4, 4)
        return self.net(x)
