"""What Windows lacks is taken from Python: checks find the same without it, each model in the worker's own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ABSENT = """
import os, signal, sys
for name in ("fork", "forkpty", "geteuid", "getuid", "getgid", "getegid", "sched_getaffinity", "sysconf", "setsid", "getpgid", "wait4"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGALRM", "SIGHUP", "SIGPIPE", "setitimer", "alarm", "pthread_sigmask"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[name] = None
"""

MODELS = """
import os
import torch
from torch import nn


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(400, 10)

    def forward(self, x):
        return self.fc1(torch.flatten(x, 1))


class Leaves(nn.Module):
    def forward(self, x):
        os._exit(3)


class Right(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc1(torch.flatten(x, 1))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(ABSENT)
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder / "absent"), "LINEARCHECK_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-m", "linearcheck", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_the_calls_are_gone_indeed(folder: Path) -> None:
    script = "import os, signal, sys; print(hasattr(os, 'fork'), hasattr(signal, 'SIGKILL'), sys.modules['resource'])"
    environment = os.environ | {"PYTHONPATH": str(folder / "absent")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False False None\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_check(folder: Path, jobs: str) -> None:
    done = run(folder, "models.py", "-s", "4,4,4", "--output-format", "concise", "--jobs", jobs)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert "models.py:13:16: LC101 `fc1` expects 400 features, but its input (N, 64) has 64" in lines
    assert len(lines) == 2
    assert "Leaves" in done.stdout
    assert run(folder, "models.py", "-s", "4,4,4", "--output-format", "concise", "--jobs", jobs).stdout == done.stdout


def test_fixes_are_tried_and_written(folder: Path) -> None:
    done = run(folder, "models.py:Broken", "-s", "4,4,4", "--fix", "--unsafe-fixes")
    assert done.returncode == 0
    assert "nn.Linear(64, 10)" in (folder / "models.py").read_text().partition("class Leaves")[0]


@pytest.mark.parametrize("words", [["explain", "index out of range in self"], ["layers", "models.py:Right", "-s", "64"], ["rule", "LC101"]])
def test_other_commands(folder: Path, words: list[str]) -> None:
    done = run(folder, *words)
    assert (done.returncode, done.stderr) == (0, "")
