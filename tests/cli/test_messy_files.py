"""Files as tutorials, kernels, exercises and research repositories have them, run by name alone: each bug on its line, right ones clean.

The files stand in `messy/`, as text so that no tool takes them for ours. Their first lines say which models are found and what goes into
them: `# model Net: x=(N, 3, 32, 32) inferred`, or `# skipped Net: LC901 words of the reason`; a comment `# expect LC101 fc` stands on the
line of a finding. `#### file: path` begins another file of the project; `# notebook` makes the first one a notebook, cells begin at `# %%`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FILES = sorted((Path(__file__).parent / "messy").glob("*.txt"))
EXPECTED = re.compile(r"# expect (LC\d{3})(?: ([\w.]+))?$")

Place = tuple[str, int | None, int, str, str]
"""Path, cell, line, code and layer of a finding."""


@dataclass(frozen=True)
class Messy:
    """A small project, with what is expected of its target."""

    target: str
    files: dict[str, str]
    models: list[str]
    skipped: list[str]
    findings: list[Place]


def messy(path: Path) -> Messy:
    first, *others = path.read_text().split("#### file: ")
    files = dict(part.split("\n", 1) for part in others)
    heads = [line.removeprefix("# ") for line in first.splitlines() if line.startswith("# ")]
    target = next((head.removeprefix("target ") for head in heads if head.startswith("target ")), "train.py")
    findings: list[Place] = []
    if "notebook" in heads:
        target, cells = "train.ipynb", re.split(r"^# %%", first, flags=re.MULTILINE)[1:]
        kinds = ["markdown" if cell.startswith(" markdown") else "code" for cell in cells]
        texts = [cell.split("\n", 1)[1].rstrip("\n") for cell in cells]
        files[target] = json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {},
                "cells": [
                    {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True), "outputs": [], "execution_count": None}
                    for kind, text in zip(kinds, texts, strict=True)
                ],
            }
        )
        for number, text in enumerate(texts, 1):
            findings += _expected(target, text, number)
    elif target not in files:
        files[target] = first
    for name, text in files.items():
        findings += _expected(name, text, None)
    return Messy(target, files, _heads(heads, "model "), _heads(heads, "skipped "), sorted(findings, key=str))


def _heads(heads: list[str], kind: str) -> list[str]:
    return [head.removeprefix(kind) for head in heads if re.match(kind + r"\w+: ", head)]


def _expected(path: str, text: str, cell: int | None) -> list[Place]:
    matches = ((number, EXPECTED.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return [(path, cell, number, match[1], match[2] or "") for number, match in matches if match]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What one command says about all of the projects, by name."""
    root = tmp_path_factory.mktemp("messy")
    targets = []
    for path in FILES:
        project = messy(path)
        for name, text in project.files.items():
            place = root / path.stem / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        (root / path.stem / "pyproject.toml").write_text("")
        targets.append(f"{path.stem}/{project.target}")
    before = sorted(root.rglob("*"))
    command = [sys.executable, "-m", "linearcheck", *targets, "--output-format", "json", "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stderr) == (1, "")
    assert sorted(root.rglob("*")) == before
    found: dict[str, list[Any]] = {path.stem: [] for path in FILES}
    for model in json.loads(done.stdout)["models"]:
        found[model["path"].partition("/")[0]].append(model)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_messy_file(reports: dict[str, list[Any]], path: Path) -> None:
    expected = messy(path)
    checked = [model for model in reports[path.stem] if model["status"] != "skipped"]
    assert [_told(model) for model in checked] == expected.models, _reasons(reports[path.stem])
    found = [
        (found["path"].partition("/")[2], found["cell"], found["line"], found["code"], found["layer"] or "")
        for model in checked
        for found in model["diagnostics"]
    ]
    wanted = {place[:4]: place[4] for place in expected.findings}
    assert sorted((*place[:4], place[4] if wanted.get(place[:4]) else "") for place in found) == sorted(expected.findings, key=str)
    skipped = [model for model in reports[path.stem] if model["status"] == "skipped"]
    assert len(skipped) == len(expected.skipped)
    for model, words in zip(skipped, expected.skipped, strict=True):
        name, code, text = re.match(r"(\w+): (\w+) (.*)", words).groups()  # type: ignore[union-attr]
        (reason,) = model["diagnostics"]
        assert (model["name"], reason["code"]) == (name, code)
        assert text in reason["message"] + reason["explanation"]


def _told(model: Any) -> str:
    return f"{model['name']}: " + ", ".join(
        f"{one['name']}=({', '.join(map(str, one['shape']))}) {one['source']}" for one in model["inputs"]
    )


def _reasons(models: list[Any]) -> list[str]:
    return [f"{model['name']}: {model['reason']}" for model in models if model["reason"]]


def test_there_are_many() -> None:
    assert len(FILES) >= 25
    assert sum(bool(messy(path).findings) for path in FILES) >= 15
