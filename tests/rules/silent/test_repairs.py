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
