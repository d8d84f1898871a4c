"""Which order of axes a repair of a scrambling reshape restores."""

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


def repair(folder: Path, shape: str, last: int, reshape: str) -> str:
    path = folder / "model.py"
    path.write_text(MODEL.format(last=last, reshape=reshape))
    job = CheckJob(Target(str(path), "Net"), CheckOptions(input_shapes=(shape,)), working_directory=str(folder))
    report = check_model(job, run_in_fork)
    (found,) = report.diagnostics
    assert found.code == "LC411"
    return found.fixes[0].edits[0].text


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
    assert repair(tmp_path, shape, last, reshape) == expected
