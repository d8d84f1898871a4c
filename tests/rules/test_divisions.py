"""Heads and groups that do not divide: torch refuses to build the layer, and the check goes on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

import linearcheck


class Attends(nn.Module):
    def __init__(self, width: int = 100, heads: int = 8) -> None:
        super().__init__()
        self.embed = nn.Linear(20, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Linear(90, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x)
        return self.head(self.attention(h, h, h)[0])


class Encodes(nn.Module):
    def __init__(self, heads: int = 8) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(100, nhead=heads, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)


class Grouped(nn.Module):
    def __init__(self, channels: int = 30, groups: int = 4, norm_groups: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 30, 3)
        self.depthwise = nn.Conv2d(channels, 60, 3, groups=groups)
        self.norm = nn.GroupNorm(norm_groups, 60)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.depthwise(self.stem(x)))


def test_heads_that_do_not_divide_are_one_error_and_the_next_one_is_found() -> None:
    heads, width = linearcheck.check(Attends, (12, 20)).diagnostics
    assert (heads.code, heads.layer, heads.message) == ("LC306", "attention", "`attention` cannot share 100 features among 8 heads")
    assert (width.code, width.layer) == ("LC101", "head")


def test_layers_that_a_transformer_copies_are_one_error() -> None:
    (found,) = linearcheck.check(Encodes, (12, 100)).diagnostics
    assert found.code == "LC306"
    assert "`d_model` has to be a multiple of `nhead`" in found.explanation
    assert linearcheck.check(Encodes, (12, 100), init={"heads": 10}).ok


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("LC201", "depthwise"), ("LC301", "norm")]),
        ({"groups": 5, "norm_groups": 6}, []),
        ({"groups": 3}, [("LC301", "norm")]),
        ({"norm_groups": 12}, [("LC201", "depthwise")]),
        ({"channels": 32, "groups": 6, "norm_groups": 6}, [("LC201", "depthwise")]),
    ],
)
def test_groups_that_do_not_divide(given: dict[str, int], expected: list[tuple[str, str]]) -> None:
    found = linearcheck.check(Grouped, (3, 16, 16), init=given).diagnostics
    assert sorted((finding.code, finding.layer) for finding in found) == expected


def test_a_wrong_number_of_channels_is_not_told_twice() -> None:
    (found,) = linearcheck.check(Grouped, (3, 16, 16), init={"channels": 32, "groups": 6, "norm_groups": 6}).diagnostics
    assert "expects 32 channels" in found.message
    assert "6 groups" in found.explanation


class Settles(nn.Module):
    """The author tries a number of heads, and goes on with another where it does not divide."""

    def __init__(self) -> None:
        super().__init__()
        try:
            self.attention = nn.MultiheadAttention(100, 8, batch_first=True)
        except AssertionError:
            self.attention = nn.MultiheadAttention(100, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x)[0]


def test_an_author_who_is_ready_for_it_is_left_alone() -> None:
    assert linearcheck.check(Settles, (12, 100)).diagnostics == ()


def test_torch_is_left_as_it_was() -> None:
    before = [kind.__init__ for kind in (nn.MultiheadAttention, nn.GroupNorm, nn.Conv2d)]
    linearcheck.check(Attends, (12, 20))
    assert [kind.__init__ for kind in (nn.MultiheadAttention, nn.GroupNorm, nn.Conv2d)] == before
    with pytest.raises(AssertionError, match="divisible"):
        nn.MultiheadAttention(100, 8)


def test_the_repair_is_a_model_that_torch_builds(tmp_path: Path) -> None:
    source = """
        from torch import nn

        class Net(nn.Module):
            def __init__(self, width=100, heads=8):
                super().__init__()
                self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

            def forward(self, x):
                return self.attention(x, x, x)[0]
    """
    path = tmp_path / "net.py"
    path.write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "linearcheck", str(path), "-s", "12,100", "--fix", "--unsafe-fixes"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert "heads=10" in path.read_text()
    space: dict[str, type[nn.Module]] = {}
    exec(path.read_text(), space)
    assert space["Net"]()(torch.zeros(2, 12, 100)).shape == (2, 12, 100)
