from torch import nn


# linearcheck: input-shape=12,100
class FeaturesOnAnotherAxis(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(12, 64)
        self.head = nn.Linear(64, 5)

    def forward(self, x):
        x = self.proj(x)  # expect LC104 proj
        return self.head(x.mean(1))
