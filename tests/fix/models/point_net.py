# input: 256,3
import torch
import torch.nn as nn
import torch.nn.functional as F


class TNet(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k
        self.conv1 = nn.Conv1d(k, 32, 1)
        self.conv2 = nn.Conv1d(32, 64, 1)
        self.fc1 = nn.Linear(64, 32)
        self.fc2 = nn.Linear(32, k * k)
        self.bn1, self.bn2 = nn.BatchNorm1d(32), nn.BatchNorm1d(64)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = torch.max(h, 2)[0]
        h = self.fc2(F.relu(self.fc1(h)))
        return h.view(-1, self.k, self.k) + torch.eye(self.k, device=x.device)


class PointNet(nn.Module):
    def __init__(self, num_classes=5):
        super().__init__()
        self.stn = TNet(3)
        self.mlp1 = nn.Sequential(nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.ReLU())
        self.fstn = TNet(32)
        self.mlp2 = nn.Sequential(nn.Conv1d(32, 96, 1), nn.BatchNorm1d(96), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(96, 48),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(48, num_classes),
        )

    def forward(self, points):
        x = torch.bmm(points, self.stn(points.transpose(1, 2)))
        x = self.mlp1(x.transpose(1, 2))
        x = torch.bmm(x.transpose(1, 2), self.fstn(x)).transpose(1, 2)
        x = self.mlp2(x).amax(dim=2)
        return F.log_softmax(self.head(x), dim=1)
