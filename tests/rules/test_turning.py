"""Repairs of layers that get (N, T, C) for (N, C, T) inside a residual sum, and of sums over a feature map, judged by tracing again."""

from __future__ import annotations

from pathlib import Path

import pytest

from linearcheck.findings import Diagnostic
from linearcheck.fix.text import apply_edits
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model
from linearcheck.worker.isolation import run_in_fork

MIXER = """
import torch
from torch import nn

class Ff(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        return self.net(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.channels = Ff(10, 7), Ff(6, 9)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        x = x + self.tokens(self.norm(x))
        return x + self.channels(x)
"""

CONVOLUTION = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(6, 12, 3, padding=1)
        self.second = nn.Conv1d(12, 6, 1)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        y = self.second(torch.relu(self.first(x)))
        return self.norm(x + y)
"""

TIME_EMBEDDING = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(5, channels)

    def forward(self, x, t):
        return torch.relu(self.conv(x) + self.time(t))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Block(16), Block(16)

    def forward(self, x, t):
        return self.b(self.a(x, t), t)
"""


def only(source: str, folder: Path, *shapes: str) -> tuple[Diagnostic, str]:
    """The one finding about `Net`, and the text after its best fix."""
    path = folder / "model.py"
    path.write_text(source)
    job = CheckJob(Target(str(path), "Net"), CheckOptions(input_shapes=shapes), working_directory=str(folder))
    (found,) = check_model(job, run_in_fork).diagnostics
    return found, apply_edits(source, found.fixes[0].edits)


@pytest.mark.parametrize(
    ("source", "code", "lines"),
    [
        (MIXER, "LC104", ["        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)"]),
        (
            CONVOLUTION,
            "LC202",
            ["        y = self.second(torch.relu(self.first(x.transpose(1, 2))))", "        return self.norm(x + y.transpose(1, 2))"],
        ),
    ],
)
def test_axes_are_turned_there_and_back(source: str, code: str, lines: list[str], tmp_path: Path) -> None:
    found, text = only(source, tmp_path, "10,6")
    assert (found.code, found.fixes[0].kind) == (code, "permute")
    assert [line for line in text.splitlines() if line not in source.splitlines()] == lines


def test_one_number_per_channel_stands_on_the_channels_of_a_map(tmp_path: Path) -> None:
    """Also where height and width are as large as the channels."""
    found, text = only(TIME_EMBEDDING, tmp_path, "16,16,16", "5")
    assert found.code == "LC404"
    assert "self.time(t).unsqueeze(2).unsqueeze(3)" in text


RELATIVE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(7, 7, 3))

    def forward(self, x):
        return x + self.bias
"""

BACK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        y = torch.relu(self.conv(x.transpose(1, 2)))
        return self.norm(x + y)
"""


@pytest.mark.parametrize(
    ("source", "shape", "line"),
    [(RELATIVE, "3,7,7", "return x + self.bias.permute(2, 0, 1)"), (BACK, "11,6", "return self.norm(x + y.transpose(1, 2))")],
)
def test_operands_with_the_same_sizes_in_another_order(source: str, shape: str, line: str, tmp_path: Path) -> None:
    found, text = only(source, tmp_path, shape)
    assert (found.code, found.fixes[0].kind) == ("LC404", "permute")
    assert line in text
