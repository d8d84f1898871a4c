"""LC306: a mask that does not fit the scores of attention is explained by what made it."""

from __future__ import annotations

import pytest

from linearcheck.rules.registry import diagnose
from tests.trace.models import trace

SOURCE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.bias = nn.Linear(24, 72), nn.Embedding(7, HEADS)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, 4, 6).permute(2, 0, 3, 1, 4)
        places = torch.arange(t)
        bias = self.bias((places[:, None] - places[None]).clamp(-3, 3) + 3).permute(2, 0, 1)[None]
        return F.scaled_dot_product_attention(q, k, v, bias).transpose(1, 2).flatten(2)
"""


@pytest.mark.parametrize(("heads", "wrong"), [("4", False), ("1", False), ("5", True)])
def test_a_bias_for_another_number_of_heads(heads: str, wrong: bool) -> None:
    found = diagnose(trace(SOURCE.replace("HEADS", heads), ("N", 10, 24)))
    assert [d.code for d in found] == (["LC306"] if wrong else [])
    if wrong:
        assert "its 5 stand under 4. `bias`" in found[0].explanation
