"""`linearcheck layers` and `linearcheck annotate`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.annotations import MARK, annotation_edits
from linearcheck.cli.main import run
from linearcheck.findings import CallShapes, ModelReport
from linearcheck.fix.text import apply_edits
from linearcheck.sizes import N
from linearcheck.trace.records import Span

Run = Callable[..., Any]


def test_layers_stand_in_the_order_of_their_calls(linearcheck: Run) -> None:
    result = linearcheck("layers", "broken.py", "-s", "1,28,28", "--output-format", "json")
    (model,) = result.json["models"]
    assert [(layer["name"], layer["calls"][0]["output"]) for layer in model["layers"]] == [("conv", ["N", 6, 24, 24]), ("fc1", ["N", 10])]
    assert "diagnostics" not in model
    assert result.code == 0


def test_layers_are_shown_without_findings(linearcheck: Run) -> None:
    result = linearcheck("layers", "broken.py", "-s", "1,28,28")
    assert "error[" not in result.stdout
    assert "help:" not in result.stdout
    assert result.stdout.endswith("4,166 parameters in 2 layers\n")


@pytest.mark.parametrize("command", ["layers", "annotate"])
def test_what_cannot_be_traced_is_exit_code_2(linearcheck: Run, command: str) -> None:
    assert linearcheck(command, "nowhere.py").code == 2
    assert linearcheck(command).code == 2
    assert linearcheck(command, "good.py:Nest").code == 2
    assert linearcheck(command, "good.py", "-s", "ids=4").code == 2
    assert "Traceback" not in linearcheck(command, "good.py", "--timeout", "-1").stderr


LINES = """
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3)

    def forward(self, x):
        return self.conv(x)  # mine


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        for _ in range(2):
            x = self.block(x)
        if x.sum().abs() >= 0: x = F.relu(x)
        y = torch.flatten(
            x,
            1,  # not the batch
        )
        text = \"\"\"
# lc: no comment \"\"\"
        return self.fc(y), y.mean(1)
"""


def test_each_line_shows_what_it_makes(linearcheck: Run, project: Path) -> None:
    (project / "lines.py").write_text(LINES)
    result = linearcheck("annotate", "lines.py:Net", "-s", "4,8,8")
    assert result.code == 0
    shown = {
        line.partition(f"  {MARK}")[0].strip(): line.partition(MARK)[2].strip()
        for line in result.stdout.splitlines()
        if f"  {MARK}" in line
    }
    assert shown == {
        "return self.conv(x)  # mine": "(N, 4, 6, 6) | (N, 4, 4, 4)",
        "x = self.block(x)": "(N, 4, 6, 6) | (N, 4, 4, 4)",
        "if x.sum().abs() >= 0: x = F.relu(x)": "scalar, (N, 4, 4, 4)",
        ")": "(N, 64)",
        "return self.fc(y), y.mean(1)": "(N, 10), (N,)",
    }
    assert ast.dump(ast.parse(result.stdout)) == ast.dump(ast.parse(LINES))


def test_a_line_with_a_finding_shows_that(linearcheck: Run) -> None:
    result = linearcheck("annotate", "broken.py", "-s", "1,28,28")
    assert f"{MARK} LC101 got (N, 3456), expected (*, 400)\n" in result.stdout


def test_file_is_written_only_when_asked_and_only_once(linearcheck: Run, project: Path) -> None:
    path = project / "good.py"
    before = path.read_bytes()
    shown = linearcheck("annotate", "good.py", "-s", "4").stdout
    patch = linearcheck("annotate", "good.py", "-s", "4", "--diff").stdout
    assert path.read_bytes() == before
    assert "+        return self.fc(x)  # lc: (N, 8)" in patch
    assert linearcheck("annotate", "good.py", "-s", "4", "--in-place").stdout == ""
    assert path.read_text() == shown
    again = linearcheck("annotate", "good.py", "-s", "4", "--in-place")
    assert "nothing to change" in again.stderr
    assert path.read_text() == shown
    assert linearcheck("annotate", "good.py", "--remove", "--in-place").code == 0
    assert path.read_bytes() == before


def test_bytes_around_the_comments_stay(linearcheck: Run, project: Path) -> None:
    path = project / "good.py"
    text = "# é\n" + path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").rstrip().encode())
    assert linearcheck("annotate", "good.py", "-s", "4", "--in-place").code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + f"{text.rstrip()}  # lc: (N, 8)".replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "words",
    [
        ["good.py", "--diff", "--in-place"],
        ["-"],
        ["good.py", "broken.py"],
        ["net.ipynb", "--remove"],
        [".", "--remove"],
        ["a.b:C", "--remove"],
    ],
)
def test_annotate_refuses(linearcheck: Run, project: Path, words: list[str]) -> None:
    (project / "net.ipynb").write_text('{"cells": []}')
    before = {path: path.read_bytes() for path in project.iterdir() if path.is_file()}
    result = linearcheck("annotate", *words)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert {path: path.read_bytes() for path in project.iterdir() if path.is_file()} == before


def test_file_that_is_not_python(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.py").write_text("def f(:\n  '''")
    assert run(["annotate", "broken.py", "--remove"]) == 2
    assert "not valid Python" in capsys.readouterr().err


_STATEMENTS = st.lists(
    st.sampled_from(
        [
            "x = f(1)",
            "x = f(\n    1,  # a\n)",
            "if x: f(1)",
            "for i in y:\n    f(i)  # lc: old",
            "'''# lc: text\n'''",
            "x = 1 + \\\n    f(2)",
            "# lc: alone",
            "",
            "@f\nclass A: pass",
            "x = f(1); y = f(2)  # b",
        ]
    ),
    max_size=8,
)


@given(_STATEMENTS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_annotated_source_is_the_same_program(statements: list[str], line_end: str, ends: bool) -> None:
    text = (line_end.join("\n".join(statements).split("\n"))) + (line_end if ends else "")
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    spans = [Span("a.py", c.lineno, c.col_offset + 1, c.end_lineno or 0, (c.end_col_offset or 0) + 1) for c in calls]
    model = ModelReport("a.py", "A", "ok", calls=tuple(CallShapes(span, (((N, 4),),)) for span in spans))
    once = apply_edits(text, annotation_edits("a.py", text, [model]))
    assert ast.dump(ast.parse(once)) == ast.dump(tree)
    assert once.count("# lc: (N, 4)") >= bool(calls)
    assert apply_edits(once, annotation_edits("a.py", once, [model])) == once
    removed = apply_edits(once, annotation_edits("a.py", once, []))
    assert removed == apply_edits(text, annotation_edits("a.py", text, []))
