"""What repairs of silent mistakes write: whole axes moved, and all that goes together changed together."""

from __future__ import annotations

from pathlib import Path

import pytest

from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model
from linearcheck.worker.isolation import run_in_fork

MODEL = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones({last}))

    def forward(self, x):
        n = x.size(0)
        return {reshape} * self.weight
"""


def first_repair(folder: Path, source: str, shape: str, code: str) -> list[str]:
    path = folder / "model.py"
    path.write_text(source)
    job = CheckJob(Target(str(path), "Net"), CheckOptions(input_shapes=(shape,)), working_directory=str(folder))
    report = check_model(job, run_in_fork)
    (found,) = report.diagnostics
    assert found.code == code
    return [edit.text for edit in found.fixes[0].edits]


@pytest.mark.parametrize(
    ("shape", "last", "reshape", "expected"),
    [
        # The width goes to the front whole; (H, W, C) would divide too, and would tear the width apart.
        ("N,96,5,45", 480, "x.view(n, 45, 480)", "x.permute(0, 3, 1, 2).reshape(n, 45, 480)"),
        ("N,66,200,3", 200, "x.view(n, 3, 66, 200)", "x.permute(0, 3, 1, 2).reshape(n, 3, 66, 200)"),
        ("N,30,32", 8, "x.reshape(n, 4, 30, 8)", "x.reshape(n, 30, 4, 8).transpose(1, 2)"),
        ("N,30,32", 8, "torch.reshape(x, (n, 4, -1, 8))", "x.reshape(n, -1, 4, 8).transpose(1, 2)"),
    ],
)
def test_the_axes_are_moved_whole(tmp_path: Path, shape: str, last: int, reshape: str, expected: str) -> None:
    assert first_repair(tmp_path, MODEL.format(last=last, reshape=reshape), shape, "LC411") == [expected]


POOLING = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(9, 14, batch_first=True), nn.Linear(28, 3)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.fc(torch.cat([h.mean(dim=0), h.std(dim=0)], -1))
"""


def test_statistics_of_one_tensor_are_pooled_alike(tmp_path: Path) -> None:
    edits = first_repair(tmp_path, POOLING, "N,15,9", "LC501")
    assert len(edits) == 2
    assert all("1" in edit and "0" not in edit for edit in edits)


TWINS = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        self.bn2 = nn.BatchNorm2d(8)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.{second}(self.conv2(x)))
"""


def test_a_layer_never_called_takes_the_second_call_of_its_twin(tmp_path: Path) -> None:
    assert first_repair(tmp_path, TWINS.format(second="bn1"), "N,3,20,24", "LC502") == ["self.bn2"]


STANDARDISED = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(7, 3)

    def forward(self, x):
        low, high = x.amin(), x.amax()
        return self.fc((x - low) / (high - low))
"""


def test_statistics_of_the_whole_batch_are_taken_per_sample_together(tmp_path: Path) -> None:
    assert first_repair(tmp_path, STANDARDISED, "N,9,7", "LC504") == ["dim=(1, 2), keepdim=True"] * 2


def test_statistics_of_batch_and_steps_are_taken_over_the_steps(tmp_path: Path) -> None:
    source = STANDARDISED.replace("x.amin(), x.amax()", "x.amin((0, 1), True), x.amax(dim=(0, 1), keepdim=True)")
    assert first_repair(tmp_path, source, "N,9,7", "LC504") == ["(1,)", "(1,)"]


DRAWS = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, draws=6):
        super().__init__()
        self.draws, self.fc = draws, nn.Linear(10, 3)

    def forward(self, x):
        y = self.fc(x.repeat(self.draws, 1))
        return y.reshape(-1, self.draws, 3).mean(1)
"""


def test_blocks_of_the_batch_are_taken_apart_as_they_were_put_together(tmp_path: Path) -> None:
    assert first_repair(tmp_path, DRAWS, "N,10", "LC504") == ["y.reshape(self.draws, -1, 3).transpose(0, 1)"]


HELPED = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.GRUCell(6, 11), nn.Linear(11, 2)

    def start(self, rows):
        return torch.zeros(rows, 11)

    def forward(self, steps):
        h = self.start(24)
        for step in steps.unbind(1):
            h = self.cell(step, h)
        return self.fc(h)
"""


def test_a_helper_is_given_the_batch_size_where_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(HELPED)
    options = CheckOptions(input_shapes=("N,5,6",), sizes={"N": 24})
    report = check_model(CheckJob(Target(str(path), "Net"), options, working_directory=str(tmp_path)), run_in_fork)
    assert [edit.text for edit in report.diagnostics[0].fixes[0].edits] == ["steps.size(0)"]


ROWS = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(9, 14{first}), nn.Linear(14, 2)

    def forward(self, table):
        states, last = self.gru(table)
        return self.fc(states)
"""


@pytest.mark.parametrize(("first", "axis"), [("", 0), (", batch_first=True", 1)])
def test_one_step_goes_in_and_comes_out_again(tmp_path: Path, first: str, axis: int) -> None:
    edits = first_repair(tmp_path, ROWS.format(first=first), "N,9", "LC204")
    assert sorted(edits) == [f"states.squeeze({axis})", f"table.unsqueeze({axis})"]


def test_one_bias_for_all_outputs_is_repeated(tmp_path: Path) -> None:
    source = (
        "import torch\nimport torch.nn as nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = nn.Linear(8, 5)\n        self.head.bias.data = torch.full((1,), -2.0)\n\n"
        "    def forward(self, x):\n        return self.head(x)\n"
    )
    assert first_repair(tmp_path, source, "N,8", "LC105") == ["torch.full((1,), -2.0).repeat(self.head.out_features)"]


def test_a_layout_that_was_inferred_goes_with_the_repair(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "import torch.nn as nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.rnn, self.out = nn.RNN(3, 10), nn.Linear(10, 1)\n\n"
        "    def forward(self, days):\n        states, _ = self.rnn(days)\n        return self.out(states[:, -1])\n"
    )
    report = check_model(CheckJob(Target(str(path), "Net"), CheckOptions(), working_directory=str(tmp_path)), run_in_fork)
    assert [fix.kind for fix in report.diagnostics[0].fixes[:1]] == ["batch_first"]


SIBLINGS = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d({given}, 8, 3, padding=1)
        self.fc = nn.Linear(8, 2)

    def forward(self, image):
        h = torch.relu(self.conv1(image))
        return self.fc(h.mean((2, 3)))
"""


def test_a_layer_never_called_takes_what_the_one_before_it_makes(tmp_path: Path) -> None:
    assert first_repair(tmp_path, SIBLINGS.format(given=8), "N,3,20,24", "LC502") == ["\n        h = torch.relu(self.conv2(h))"]


def test_a_layer_never_called_that_takes_something_else_is_called_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(SIBLINGS.format(given=9))
    job = CheckJob(Target(str(path), "Net"), CheckOptions(input_shapes=("N,3,20,24",)), working_directory=str(tmp_path))
    assert [found.fixes for found in check_model(job, run_in_fork).diagnostics if found.code == "LC502"] == [()]


UPSCALING = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Conv2d(1, 9, 3, padding=1)

    def forward(self, x):
        n, _, h, w = x.shape
        return self.up(x).view(n, 1, h * 3, w * 3)
"""

CO_ATTENTION = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.softmax = nn.Linear(9, 3), nn.Softmax()

    def forward(self, x):
        h = torch.relu(x)
        return self.fc((self.softmax(h @ h.transpose(1, 2)) @ h).mean(1))
"""


def test_channels_become_pixels_by_a_pixel_shuffle(tmp_path: Path) -> None:
    assert first_repair(tmp_path, UPSCALING, "N,1,20,28", "LC411") == ["torch.pixel_shuffle(self.up(x), 3)"]


def test_a_softmax_whose_weights_are_multiplied_goes_along_what_is_summed(tmp_path: Path) -> None:
    (text,) = first_repair(tmp_path, CO_ATTENTION, "N,14,9", "LC503")
    assert "2" in text
    assert "1" not in text
