"""A report as the last value of a notebook's cell."""

from __future__ import annotations

import torch
from torch import nn

import linearcheck


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("<script>alert(1)</script>", nn.Linear(400, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return next(self.children())(torch.flatten(x, 1))  # <b>bold</b>


def test_report_is_html_with_everything_of_the_users_escaped() -> None:
    html = linearcheck.check(Net(), (1, 8, 8))._repr_html_()
    assert "LC101" in html
    assert "(N, 64)" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "<html" not in html  # a fragment
