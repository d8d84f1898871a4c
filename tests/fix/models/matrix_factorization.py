# input: 20:int64
# input: 20:int64
import torch
import torch.nn as nn

N_USERS, N_ITEMS = 943, 1682
FACTORS = 24


class NeuMF(nn.Module):
    """Neural collaborative filtering: a product of embeddings beside an MLP."""

    def __init__(self, mlp=(48, 24, 12)):
        super().__init__()
        self.user_gmf = nn.Embedding(N_USERS, FACTORS)
        self.item_gmf = nn.Embedding(N_ITEMS, FACTORS)
        self.user_mlp = nn.Embedding(N_USERS, mlp[0] // 2)
        self.item_mlp = nn.Embedding(N_ITEMS, mlp[0] // 2)
        self.mlp = nn.Sequential()
        for n, (i, o) in enumerate(zip(mlp[:-1], mlp[1:])):
            self.mlp.add_module(f"fc{n}", nn.Linear(i, o))
            self.mlp.add_module(f"relu{n}", nn.ReLU())
        self.out = nn.Linear(FACTORS + mlp[-1], 1)

    def forward(self, user, item):
        gmf = self.user_gmf(user) * self.item_gmf(item)
        hidden = self.mlp(torch.cat([self.user_mlp(user), self.item_mlp(item)], dim=-1))
        return self.out(torch.cat([gmf, hidden], dim=-1)).squeeze(-1)
