"""Files as tutorials, kernels, exercises and research repositories have them, run by name alone: each bug on its line, right ones clean.

The files stand in `messy/`, as text so that no tool takes them for ours; `messy_projects.py` says how they are written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.messy_projects import messy

FILES = sorted((Path(__file__).parent / "messy").glob("*.txt"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What one command says about all of the projects, by name."""
    root = tmp_path_factory.mktemp("messy")
    targets = []
    for path in FILES:
        project = messy(path.read_text())
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
    expected = messy(path.read_text())
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
    assert sum(bool(messy(path.read_text()).findings) for path in FILES) >= 15
