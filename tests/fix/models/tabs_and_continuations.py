# input: 3,16,16
import torch, torch.nn as nn

class Net(nn.Module):
	def __init__(self):
		super().__init__()
		self.a = nn.Conv2d(in_channels=3,
		                   out_channels=8,
		                   kernel_size=3)   # 16 -> 14
		self.b = nn.Conv2d(in_channels=8, out_channels=12,
		                   kernel_size=3)
		self.lin = nn.Linear(in_features=12*12*12, out_features=20)
	def forward(self, x):
		x = self.b(self.a(x).relu()).relu()
		return self.lin(torch.flatten(x, start_dim=1))
