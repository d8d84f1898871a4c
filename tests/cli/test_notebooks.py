"""A notebook through the whole command: repaired in its cells, its places told by cell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from linearcheck import check
from tests.cli.messy_projects import messy
from tests.report.test_json import SCHEMA, closed

Run = Callable[..., Any]

TEXT = (Path(__file__).parent / "messy" / "notebook.txt").read_text()


@pytest.fixture
def raw(project: Path) -> str:
    """The notebook `train.ipynb` of the project, laid out as Jupyter does."""
    text = json.dumps(json.loads(messy(TEXT).files["train.ipynb"]), indent=1, ensure_ascii=False) + "\n"
    (project / "train.ipynb").write_text(text)
    return text


def test_fixes_go_into_the_cell(linearcheck: Run, project: Path, raw: str) -> None:
    result = linearcheck("train.ipynb", "--fix", "--unsafe-fixes")
    assert (result.code, result.stderr) == (0, "fixed LC101 in train.ipynb:Net: set `in_features` of `fc2` to 50\n")
    assert (project / "train.ipynb").read_text() == raw.replace("nn.Linear(64, 10)", "nn.Linear(50, 10)")


def test_a_patch_of_a_notebook_can_be_applied(linearcheck: Run, project: Path, raw: str) -> None:
    result = linearcheck("train.ipynb", "--diff", "--unsafe-fixes")
    assert (project / "train.ipynb").read_text() == raw
    subprocess.run(["git", "apply", "-"], input=result.stdout, text=True, cwd=project, check=True)
    assert (project / "train.ipynb").read_text() == raw.replace("nn.Linear(64, 10)", "nn.Linear(50, 10)")


def test_an_import_is_put_beside_the_magics(linearcheck: Run, project: Path) -> None:
    source = """%matplotlib inline
from torch.nn import Conv2d, Linear, Module
class Net(Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = Conv2d(1, 2, 3), Linear(2 * 6 * 6, 3)
    def forward(self, x):
        return self.fc(self.conv(x))"""
    (project / "a.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}))
    assert linearcheck("a.ipynb", "-s", "1,8,8", "--fix", "--unsafe-fixes").code == 0
    fixed = json.loads((project / "a.ipynb").read_text())["cells"][0]["source"]
    assert fixed.startswith("%matplotlib inline\n")
    assert "flatten" in fixed
    assert linearcheck("a.ipynb", "-s", "1,8,8").code == 0


def test_layers_are_told_by_cell(linearcheck: Run, raw: str) -> None:
    lines = raw.splitlines()
    built = next(number for number, line in enumerate(lines) if "self.fc2 = " in line) - next(
        number for number, line in enumerate(lines) if "class Net" in line
    )
    for command in (("layers", "train.ipynb"), ("train.ipynb",)):
        (model,) = linearcheck(*command, "--output-format", "json").json["models"]
        (row,) = (layer for layer in model["layers"] if layer["name"] == "fc2")
        assert (row["cell"], row["line"]) == (5, 1 + built)
        assert [(call["cell"], call["line"]) for call in row["calls"]] == [(5, 16)]
        assert "in cell 3, line 8" in model["inputs"][0]["why"]


def test_the_json_says_cells_where_its_schema_does(linearcheck: Run, raw: str) -> None:
    report = linearcheck("train.ipynb", "--output-format", "json").json
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(report)
    (found,) = report["models"][0]["diagnostics"]
    places = [found, found["definition"], *found["related"], *(edit for fix in found["fixes"] for edit in fix["edits"])]
    assert [place["cell"] for place in places] == [5] * len(places)


def test_from_python(raw: str) -> None:
    report = check("train.ipynb:Net")
    (found,) = report.diagnostics
    assert found.span is not None
    assert (found.span.path, found.span.line) == ("train.ipynb:cell 5", 16)
    assert [(layer.cell, layer.line) for layer in report.layers if layer.name == "fc2"] == [(5, 8)]
    assert "train.ipynb:cell 5:16" in str(report)
