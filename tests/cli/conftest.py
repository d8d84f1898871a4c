from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

GOOD = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.fc = nn.Linear(4, width)

    def forward(self, x):
        return self.fc(x)
"""

BROKEN = """
import torch
from torch import nn


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 5)
        self.fc1 = nn.Linear(400, 10)

    def forward(self, x):
        return self.fc1(torch.flatten(self.conv(x), 1))
"""


@dataclass(frozen=True)
class Result:
    """What a run of the command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for cached results that no other test has anything in."""
    folder = tmp_path_factory.mktemp("cache") / "linearcheck"
    monkeypatch.setenv("LINEARCHECK_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a right model and a wrong one, which is the working directory."""
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def linearcheck(project: Path) -> Run:
    """Runs `linearcheck` as a user would, in the project's folder."""

    def run(*arguments: str, stdin: str | bytes = b"", **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "linearcheck", *arguments],
            cwd=project,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **environment},
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    return run
