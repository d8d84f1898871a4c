"""Initial states of recurrent layers with the batch in front, and layers whose one width is the mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from linearcheck.findings import Diagnostic, ReplaceSource
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model

LSTM = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(6, 10, 2, batch_first=True)

    def forward(self, x):
        h = torch.zeros(x.size(0), 2, 10)
        c = torch.zeros((x.size(0), 2, 10))
        return self.rnn(x, (h, c))[0]
"""

GRU = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(6, 10, 2)
        self.first = nn.Linear(6, 20)

    def forward(self, x):
        return self.rnn(x, self.first(x[0]).view(-1, 2, 10))[0]
"""

TRANSFORMER = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Transformer(16, 2, 1, 1, 20)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.body(x, x))
"""


def only(source: str, folder: Path, shape: str) -> Diagnostic:
    path = folder / "model.py"
    path.write_text(source)
    options = CheckOptions(input_shapes=(shape,), try_fixes=False)
    (found,) = check_model(CheckJob(Target(str(path), "Net"), options, working_directory=str(folder))).diagnostics
    return found


@pytest.mark.parametrize(
    ("source", "shape", "texts"),
    [
        (LSTM, "N,7,6", ["2", "x.size(0)", "2", "x.size(0)"]),
        (GRU, "T,N,6", ["self.first(x[0]).view(-1, 2, 10).transpose(0, 1).contiguous()"]),
    ],
)
def test_the_layers_of_a_state_come_before_the_batch(source: str, shape: str, texts: list[str], tmp_path: Path) -> None:
    found = only(source, tmp_path, shape)
    assert (found.code, found.proposals[0].kind) == ("LC304", "permute")
    assert [action.text for action in found.proposals[0].actions if isinstance(action, ReplaceSource)] == texts


def test_what_fits_the_input_of_a_layer_of_one_width_is_no_second_mistake(tmp_path: Path) -> None:
    assert only(TRANSFORMER, tmp_path, "T,N,12").layer == "body"
