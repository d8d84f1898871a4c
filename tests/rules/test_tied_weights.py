"""A Linear that shares the weight of an Embedding of another width: which widths would have to become one."""

from __future__ import annotations

from pathlib import Path

from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model

MODEL = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 12)
        self.rnn = nn.GRU(12, 20)
        self.head = nn.Linear(20, ROWS)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.rnn(self.table(x))[0])
"""


def proposed(source: str, folder: Path) -> list[tuple[str, list[tuple[str, object]]]]:
    path = folder / "model.py"
    path.write_text(source)
    options = CheckOptions(input_shapes=("T,N:int64",), try_fixes=False)
    (found,) = check_model(CheckJob(Target(str(path), "Net"), options, working_directory=str(folder))).diagnostics
    assert (found.code, found.layer) == ("LC105", "head")
    return [
        (proposal.kind, [(action.layer + "." + action.argument, action.value) for action in proposal.actions])
        for proposal in found.proposals
    ]  # type: ignore[union-attr]


def test_either_width_becomes_the_other(tmp_path: Path) -> None:
    assert proposed(MODEL.replace("ROWS", "50"), tmp_path) == [
        ("other", [("table.embedding_dim", 20), ("rnn.input_size", 20)]),
        ("other", [("rnn.hidden_size", 12), ("head.in_features", 12)]),
    ]


def test_as_many_rows_as_the_table_has(tmp_path: Path) -> None:
    assert proposed(MODEL.replace("ROWS", "40"), tmp_path) == [("set_out_features", [("head.out_features", 50)])]
