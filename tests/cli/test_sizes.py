"""`linearcheck sizes`: the sizes that a model accepts, along each axis, and where it breaks at the others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from linearcheck.findings import AxisSizes
from linearcheck.report.accepted_sizes import accepted, kind
from tests.cli.conftest import Run

LENET = """
import torch
from torch import nn
from torch.nn import functional as F


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc1(torch.flatten(x, 1))
"""

UNET = """
import torch
from torch import nn


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(4)
        self.up = nn.ConvTranspose2d(4, 4, 4, stride=4)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = self.down(x)
        return self.out(torch.cat([self.up(self.pool(a)), a], 1))
"""

TEXT = """
import torch
from torch import nn


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(50, 8)
        self.positions = nn.Embedding(24, 8)

    def forward(self, ids):
        return self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
"""

FOLD = """
from torch import nn


class Fold(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x):
        return self.fc(self.conv(x).view(-1, 4 * 8 * 8))
"""

PAIR = """
from torch import nn


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv1d(3, 4, 3)
        self.b = nn.Conv1d(3, 4, 3)

    def forward(self, left, right):
        return self.a(left) - self.b(right)
"""

BATCH_OF_EIGHT = """
from torch import nn


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 4)

    def forward(self, x):
        return self.fc(x).view(8, 2, 2)
"""


@pytest.fixture
def axes(linearcheck: Run, project: Path) -> Any:
    """Runs `sizes` on a text and gives the axes of its inputs, by input and index."""

    def run(text: str, *options: str) -> dict[tuple[str, int], Any]:
        (project / "net.py").write_text(text)
        result = linearcheck("sizes", "net.py", *options, "--output-format", "json")
        assert result.code == 0, result.stderr + result.stdout
        (model,) = result.json["models"]
        return {(given["name"], axis["axis"]): axis for given in model["inputs"] for axis in given["axes"]}

    return run


def span(axis: Any) -> tuple[int, int, int | None]:
    return axis["accepts"]["step"], axis["accepts"]["smallest"], axis["accepts"]["largest"]


def test_layers_behind_a_flatten_leave_a_range_and_every_smaller_size_breaks_somewhere(axes: Any) -> None:
    found = axes(LENET, "-s", "1,32,32")
    assert span(found["x", 1]) == (1, 1, 1)
    assert span(found["x", 2]) == span(found["x", 3]) == (1, 32, 35)
    refused = found["x", 2]["refused"]
    assert [(part["from"], part["to"]) for part in refused][-2:] == [(16, 31), (36, None)]
    assert refused[0]["from"] == 1
    assert all(one["to"] + 1 == other["from"] for one, other in itertools.pairwise(refused[:-1]))
    assert {part["layer"] for part in refused[-2:]} == {"fc1"} and refused[-1]["line"] == 17
    assert "`fc1` expects 400 features" in refused[-1]["message"]


def test_batch_is_free(axes: Any) -> None:
    found = axes(LENET, "-s", "1,32,32")
    assert found["x", 0]["accepts"]["kind"] == "free"


def test_skip_connections_want_multiples(axes: Any) -> None:
    found = axes(UNET, "-s", "3,64,64")
    assert span(found["x", 2]) == (4, 4, None)
    assert any("`cat`" in part["message"] for part in found["x", 2]["refused"])


def test_a_table_of_positions_is_the_largest_size(axes: Any) -> None:
    found = axes(TEXT)
    assert span(found["ids", 1]) == (1, 1, 24)
    (refused,) = found["ids", 1]["refused"]
    assert (refused["from"], refused["to"], refused["layer"]) == (25, None, "positions")


def test_sizes_that_only_fold_samples_are_refused(axes: Any) -> None:
    found = axes(FOLD, "-s", "1,8,8")
    assert span(found["x", 2]) == (1, 8, 8)  # 16 would run, with two rows for each sample


def test_axes_that_have_to_agree_are_changed_together(axes: Any) -> None:
    found = axes(PAIR, "-s", "3,16", "-s", "3,16")
    assert span(found["left", 2]) == (1, 3, None)
    assert found["left", 2]["same_as"] == [{"input": "right", "axis": 2}]


def test_a_letter_is_one_size_wherever_it_stands(axes: Any) -> None:
    found = axes(PAIR, "-s", "N,3,T", "-s", "N,3,T")
    assert span(found["left", 2]) == (1, 3, None)
    assert ("right", 2) not in found


def test_a_fixed_batch_is_told(axes: Any) -> None:
    found = axes(BATCH_OF_EIGHT, "-s", "10")
    assert span(found["x", 0]) == (1, 8, 8)


def test_table_names_axes_and_lines(linearcheck: Run, project: Path) -> None:
    (project / "net.py").write_text(LENET)
    result = linearcheck("sizes", "net.py:LeNet", "-s", "1,32,32")
    assert result.code == 0
    assert "x      2 height      32  32 to 35" in result.stdout
    assert "x, width: as height" in result.stdout
    assert "(net.py:17)" in result.stdout


def test_a_model_that_runs_at_no_size_says_why(linearcheck: Run, project: Path) -> None:
    (project / "net.py").write_text(LENET.replace("nn.Conv2d(6, 16, 5)", "nn.Conv2d(7, 16, 5)"))
    result = linearcheck("sizes", "net.py", "-s", "1,32,32")
    assert result.code == 2
    assert "runs at no size" in result.stdout
    assert "`conv2` expects 7 channels" in result.stdout.replace("\n", " ").replace("  ", " ")


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nowhere.py"], "there is no file"), (["good.py", "--output-format", "sarif"], "`table` and `json`"), ([], "TARGET")],
)
def test_bad_usage_is_said(linearcheck: Run, words: list[str], message: str) -> None:
    result = linearcheck("sizes", *words)
    assert result.code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("sizes", "words", "word"),
    [
        (AxisSizes("x", 1, "channels", 3, smallest=3, largest=3), "3 only", "fixed"),
        (AxisSizes("x", 0, "batch", 4, smallest=1, largest=64, is_open=True), "any", "free"),
        (AxisSizes("x", 2, "height", 64, step=32, smallest=32, largest=1024, is_open=True), "multiples of 32", "multiple"),
        (AxisSizes("x", 2, "height", 64, step=8, smallest=16, largest=1024, is_open=True), "multiples of 8, at least 16", "multiple"),
        (AxisSizes("x", 2, "height", 61, step=16, smallest=13, largest=1024, is_open=True), "13 more than a multiple of 16", "multiple"),
        (AxisSizes("x", 1, "steps", 8, smallest=1, largest=24), "at most 24", "range"),
        (AxisSizes("x", 2, "height", 32, smallest=32, largest=35), "32 to 35", "range"),
        (AxisSizes("x", 2, "height", 32, step=2, smallest=2, largest=64, is_open=True, also=(3,)), "multiples of 2, also 3", "multiple"),
        (AxisSizes("x", 2, "height", 64, step=8, smallest=16, largest=64), "multiples of 8, 16 to 64", "multiple"),
    ],
)
def test_words_of_sizes(sizes: AxisSizes, words: str, word: str) -> None:
    assert (accepted(sizes), kind(sizes)) == (words, word)
