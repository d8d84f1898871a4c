"""Model files with something wrong in them end in a report and an exit code; `tests/sweeps/fuzzing.py` tries thousands more."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from linearcheck.worker.forking import can_fork
from tests.sweeps.fuzzing import fuzz

Run = Callable[..., Any]

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {init}
    def forward(self, x):
        return self.{forward}
"""
FOUND = {
    "many_axes": NET.format(init="self.a = nn.Linear(3, 8)", forward="a(torch.cat([x], dim=64))"),
    "huge_sizes": "from torchvision import datasets, transforms as T\n"
    "data = datasets.ImageFolder('x', T.Compose([T.Resize((2**63, 48))]))\n"
    + NET.format(init="self.a = nn.Conv2d(3, 8, 3)", forward="a(x)"),
    "negative_sizes": "from torchvision import datasets, transforms as T\n"
    "data = datasets.ImageFolder('x', transform=T.Compose([T.Resize((-1, 48))]))\n"
    + NET.format(init="self.a = nn.Conv2d(3, 8, 3)", forward="a(x)\nNet()(torch.randn(-1, 3, 8, 8))"),
    "true_for_a_size": NET.format(init="self.a, self.b = nn.Linear(True, 8), nn.Linear(True, 8)", forward="b(self.a(x))"),
    "contains_itself": NET.format(init="self.rnn = nn.LSTM(3, 4); self.rnn.net = self", forward="rnn(x)"),
    "no_channels": NET.format(init="self.a, self.b = nn.Conv2d(0, 8, 3), nn.Conv2d(8, 8, 3)", forward="b(x)"),
    "out_of_memory": NET.format(init="self.c = nn.Conv2d(3, 8, 3, padding=10**6)", forward="c(x)"),
    "tensor_for_anything": NET.format(
        init="self.c = nn.Linear(3, 8)", forward="c(x)\n    def __getattr__(self, name):\n        return torch.zeros(3)"
    ),
    "own_train": NET.format(init="self.a = nn.Linear(3, 4)", forward="a(x)\n    def train(self, mode):\n        return 1 / 0"),
}
"""Files that a command failed on once."""


def test_what_was_found_once(linearcheck: Run, project: Any) -> None:
    for name, text in FOUND.items():
        (project / f"{name}.py").write_text(text)
    result = linearcheck(*(f"{name}.py" for name in FOUND), "--output-format", "json")
    assert result.json["errors"] == []
    assert result.code in (0, 1, 2)
    assert {model["path"].removesuffix(".py") for model in result.json["models"]} == set(FOUND)


@pytest.mark.skipif(not can_fork(), reason="there is no safe fork here")
def test_a_few_mutated_files() -> None:
    tally = None
    for tally in fuzz(random.Random(0).randrange(1000), n_files=8):
        assert not tally.failures, tally.failures[0].what
    assert tally is not None
    assert tally.files == 8
