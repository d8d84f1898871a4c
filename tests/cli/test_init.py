"""`linearcheck init`: the configuration that it writes is read again, and makes the same checks."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from linearcheck.config import read_config
from linearcheck.findings import InputReport, ModelReport, NamedValue
from linearcheck.sizes import N
from linearcheck.starting_config import PlacementError, section_of, with_section
from tests.cli.conftest import Run

TEXT = """
import torch
from torch import nn


class Text(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.embedding = nn.Embedding(rows, 8)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, batch_first=True)
        return packed.data.sum() + self.embedding(ids)


if __name__ == "__main__":
    Text(rows=70)
"""

NEEDS = """
from torch import nn


class Needs(nn.Module):
    def __init__(self, table):
        super().__init__()
        self.fc = nn.Linear(table.width, 3)

    def forward(self, x):
        return self.fc(x)
"""

PYPROJECT = "# mine\r\n[build-system]\r\nrequires = []   # odd   spacing\r\n\r\n[tool.other]\r\nkey = '''\r\n[not.a.header]\r\n'''"


@pytest.fixture
def models(project: Path) -> Path:
    (project / "text.py").write_text(TEXT)
    (project / "needs.py").write_text(NEEDS)
    return project


def essence(result: Any) -> dict[str, Any]:
    """What was checked and found, by model, apart from where the inputs came from."""
    return {
        f"{model['path']}:{model['name']}": (
            model["status"],
            [(given["name"], given["shape"], given["dtype"]) for given in model["inputs"]],
            [(value["name"], value["value"]) for value in model["init"] if value["source"] != "default"],
            [(d["code"], d["line"], d["message"]) for d in model["diagnostics"]],
        )
        for model in result.json["models"]
        if model["status"] != "skipped"
    }


def test_what_is_written_makes_the_same_checks(linearcheck: Run, models: Path) -> None:
    before = linearcheck(".", "--output-format", "json")
    result = linearcheck("init")
    assert result.code == 0, result.stderr
    assert "wrote 3 models to linearcheck.toml; 1 model could not be checked" in result.stderr
    after = linearcheck("--output-format", "json")
    assert essence(after) == essence(before)
    assert len(essence(after)) == 3
    assert {given["source"] for model in after.json["models"] for given in model["inputs"]} == {"given"}


def test_reasons_and_what_is_missing_stand_in_comments(linearcheck: Run, models: Path) -> None:
    text = linearcheck("init", "--stdout").stdout
    assert not (models / "linearcheck.toml").exists()
    data = tomllib.loads(text)
    assert [model["target"] for model in data["models"]] == ["broken.py:Broken", "good.py:Net", "text.py:Text"]
    assert data["models"][2]["init"] == {"rows": 70}
    assert "# rows: built so at text.py" in text or "# rows: " in text
    assert "# x: solved: `fc` takes 4 features" in text
    assert "# needs.py:Needs was not checked: " in text
    assert "# init = {table = ...}" in text


def test_a_pyproject_keeps_every_byte(linearcheck: Run, models: Path) -> None:
    path = models / "pyproject.toml"
    path.write_bytes(PYPROJECT.encode())
    os.chmod(path, 0o640)
    result = linearcheck("init", "good.py")
    assert result.code == 0, result.stderr
    written = path.read_bytes()
    assert written.startswith(PYPROJECT.encode() + b"\r\n\r\n# Written by")
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [model.target for model in read_config(path).models] == ["good.py:Net"]
    assert sorted(entry.name for entry in models.iterdir() if "toml" in entry.name) == ["pyproject.toml"]


def test_a_configuration_that_is_there_is_only_replaced_by_force(linearcheck: Run, models: Path) -> None:
    path = models / "pyproject.toml"
    own = '[tool.linearcheck]\nignore = ["LC502"]\n\n[[tool.linearcheck.models]]\ntarget = "old.py"\n\n'
    text = f"{own}# of the next\n[tool.other]\nkey = 1\n"
    path.write_text(text)
    result = linearcheck("init", "good.py")
    assert result.code == 2
    assert "holds a configuration already" in result.stderr and "--force" in result.stderr
    assert path.read_text() == text
    assert linearcheck("init", "good.py", "--force").code == 0
    once = path.read_text()
    assert once.lstrip().startswith("# of the next\n[tool.other]\nkey = 1\n")
    assert [model.target for model in read_config(path).models] == ["good.py:Net"]
    assert linearcheck("init", "good.py", "--force").code == 0
    assert path.read_text() == once


def test_diff_writes_nothing(linearcheck: Run, models: Path) -> None:
    (models / "pyproject.toml").write_text("[tool.other]\nkey = 1\n")
    result = linearcheck("init", "good.py", "--diff")
    assert result.code == 0
    assert '+target = "good.py:Net"' in result.stdout
    assert (models / "pyproject.toml").read_text() == "[tool.other]\nkey = 1\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nowhere.py"], "there is no file"), (["empty"], "no model was found"), (["--no-such-option"], "No such option")],
)
def test_nothing_is_written_where_there_is_nothing(linearcheck: Run, project: Path, words: list[str], message: str) -> None:
    (project / "empty").mkdir()
    result = linearcheck("init", *words)
    assert result.code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (project / "linearcheck.toml").exists()


@pytest.mark.parametrize("text", ["[tool]\nlinearcheck = {strict = true}\n", "[tool.linearcheck\n"])
def test_what_cannot_be_taken_out_is_left(text: str) -> None:
    with pytest.raises(PlacementError):
        with_section(text, "[[tool.linearcheck.models]]\ntarget = 'a.py'\n")


def test_names_and_values_are_only_text(tmp_path: Path) -> None:
    hostile = 'a"]\n[tool.evil]\x1b[31m'
    model = ModelReport(
        f"{hostile}.py",
        "Net",
        "ok",
        inputs=(InputReport("x", (N, 3), "int64", "solved", hostile, 2.0), InputReport("t", (), "float32", "solved")),
        init=(NamedValue("mode", repr(hostile), "inferred", hostile), NamedValue("layer", "Block(3)", "inferred", "passed")),
    )
    text = section_of([model], "")
    data = tomllib.loads(text)
    assert data == {"models": [{"target": f"{hostile}.py:Net", "input-shape": ["x=N,3:int64=2", "t="], "init": {"mode": hostile}}]}
    assert "\x1b" not in text
    assert "# layer = Block(3)" in text


def test_shapes_without_a_batch_are_read_so() -> None:
    model = ModelReport("net.py", "Net", "ok", inputs=(InputReport("adj", (23, 23), "float32", "solved"),))
    assert tomllib.loads(section_of([model], ""))["models"][0] == {"target": "net.py:Net", "input-shape": ["23,23"], "no-batch": True}
