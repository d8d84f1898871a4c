"""The pre-commit hooks do what their names say, with the configuration that the page shows. (Tried with pre-commit itself as well.)"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOOKS = dict(re.findall(r"^- id: (\S+)$.*?^  entry: (.+?)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), flags=re.MULTILINE | re.DOTALL))

UNFLATTENED = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6, 10)

    def forward(self, x):
        return self.fc(self.conv(x))
"""

CONFIGURATION = """\
[[tool.linearcheck.models]]
target = "net.py:Net"
input-shape = ["3,8,8"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(UNFLATTENED)
    (tmp_path / "script.py").write_text("print('no model here')\n")
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    return tmp_path


def run_hook(name: str, folder: Path, *files: str) -> int:
    """As pre-commit does: the entry with the names of the changed files behind it."""
    program, *words = shlex.split(HOOKS[name])
    assert program == "linearcheck"
    done = subprocess.run([sys.executable, "-m", "linearcheck", *words, *files], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode


def test_hook_refuses_a_broken_model_and_changes_nothing(project: Path) -> None:
    assert run_hook("linearcheck", project, "net.py", "script.py") == 1
    assert (project / "net.py").read_text() == UNFLATTENED


def test_hook_passes_files_without_models(project: Path) -> None:
    assert run_hook("linearcheck", project, "script.py") == 0


def test_fixing_hook_applies_the_safe_fix(project: Path) -> None:
    assert run_hook("linearcheck-fix", project, "net.py", "script.py") == 0
    assert "flatten" in (project / "net.py").read_text()
    assert run_hook("linearcheck", project, "net.py") == 0
