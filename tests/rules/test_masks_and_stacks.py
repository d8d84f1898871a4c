"""Masks turned the wrong way round, stacks of matrices of another number, heads that make too few channels for a view."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from linearcheck.findings import Diagnostic
from linearcheck.fix.text import apply_edits
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model
from linearcheck.rules.source import constant_value
from linearcheck.worker.isolation import run_in_fork

MASK = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x, mask):
        return self.attention(x, x, x, MASK)[0]
"""

CAPSULES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, routes=3 * 4):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(1, routes, 5, 6))

    def forward(self, x):
        return self.weight @ x.unsqueeze(-1)
"""

ANCHORS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=6):
        super().__init__()
        self.classes = classes
        self.head = nn.Conv2d(7, 3 * (classes + 4), 1)

    def forward(self, x):
        p = self.head(x)
        b, _, h, w = p.shape
        p = p.view(b, 3, self.classes + 5, h, w)
        return p[:, :, :4], p[:, :, 4], p[:, :, 5:].reshape(b, 3, self.classes, -1)
"""

SQUARE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.turn = nn.Linear(7, 9)
        self.conv = nn.Conv1d(6, 4, 1)

    def forward(self, x):
        turn = self.turn(x[:, 0]).view(-1, 3, 3)
        return self.conv(torch.bmm(x.transpose(1, 2), turn).transpose(1, 2))
"""


def only(source: str, folder: Path, *shapes: str) -> tuple[Diagnostic, str]:
    """The one finding about `Net`, and the lines that its best fix changes."""
    path = folder / "model.py"
    path.write_text(source)
    job = CheckJob(Target(str(path), "Net"), CheckOptions(input_shapes=shapes), working_directory=str(folder))
    (found,) = check_model(job, run_in_fork).diagnostics
    text = apply_edits(source, found.fixes[0].edits) if found.fixes else source
    return found, "\n".join(line.strip() for line in text.splitlines() if line not in source.splitlines())


@pytest.mark.parametrize(
    ("written", "repaired"), [("mask", "mask.transpose(0, 1)"), ("(mask).T", "mask"), ("mask.transpose(0, 1)", "mask")]
)
def test_a_turned_mask_is_turned_back(written: str, repaired: str, tmp_path: Path) -> None:
    shape = "9,N:bool" if written == "mask" else "N,9:bool"
    found, text = only(MASK.replace("MASK", written), tmp_path, "N,9,8", shape)
    assert (found.code, found.fixes[0].kind) == ("LC306", "permute")
    assert f"x, x, {repaired})" in text or f"x, x, ({repaired}))" in text


def test_a_parameter_gets_as_many_matrices_as_meet_it(tmp_path: Path) -> None:
    found, text = only(CAPSULES, tmp_path, "20,6")
    assert found.code == "LC405"
    assert "Their stacks of matrices cannot be broadcast: 12 and 20." in found.explanation
    assert text == "def __init__(self, routes=20):"


def test_a_head_makes_what_its_view_asks_for(tmp_path: Path) -> None:
    found, text = only(ANCHORS, tmp_path, "7,5,5")
    assert (found.code, found.fixes[0].kind) == ("LC401", "set_out_channels")
    assert text == "self.head = nn.Conv2d(7, 3 * (classes + 5), 1)"


def test_a_square_factor_too_small_is_one_mistake(tmp_path: Path) -> None:
    assert only(SQUARE, tmp_path, "6,7")[0].code == "LC405"


@pytest.mark.parametrize(
    ("text", "value"), [("32 * 6 * 6", 1152), ("-3 + 7 // 2", 0), ("a * 2", None), ("'x' * 9", None), ("9 ** 9", None), ("1 % 0", None)]
)
def test_numbers_written_out(text: str, value: object) -> None:
    assert constant_value(ast.parse(text, mode="eval").body) == value


def test_the_head_is_changed_before_a_sum_that_the_view_is_written_with(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(ANCHORS)
    options = CheckOptions(input_shapes=("7,5,5",), try_fixes=False)
    (found,) = check_model(CheckJob(Target(str(path), "Net"), options, working_directory=str(tmp_path))).diagnostics
    assert [proposal.kind for proposal in found.proposals][:1] == ["set_out_channels"]
