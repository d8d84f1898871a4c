import surely_not_installed  # expect LC901
from torch import nn


# linearcheck: input-shape=4
class NeedsPackage(nn.Module):
    def forward(self, x):
        return surely_not_installed.layer(x)


class UnknownInput(nn.Module):  # expect LC902
    def forward(self, graph):
        return graph.nodes.sum()


# linearcheck: input-shape=4
class OwnReasons(nn.Module):
    def forward(self, x):
        raise KeyError("no such key")  # expect LC903
