"""The hooks with pre-commit itself, in a git repository. Needs `git` on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

ROOT = Path(__file__).parents[2]
NET = """from torch import nn


class Net{number}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear({features}, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
BASE = "from torch import nn\n\n\nclass Base(nn.Module):\n    def forward(self, x):\n        raise NotImplementedError\n"
UNFLATTENED = NET.format(number="", features=144).replace(".flatten(1)", "")

Commit = Callable[..., subprocess.CompletedProcess[str]]


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository whose hooks come from another one, with a `linearcheck` on the path that is this one."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "linearcheck").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m linearcheck "$@"\n')
    (programs / "linearcheck").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")
    hooks, work = tmp_path / "hooks", tmp_path / "work"
    for folder in (hooks, work):
        folder.mkdir()
        call(folder, "git", "init", "--initial-branch", "main")
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    call(hooks, "git", "add", ".")
    call(hooks, "git", "commit", "-m", "hooks")
    revision = call(hooks, "git", "rev-parse", "HEAD").stdout.strip()
    (work / ".pre-commit-config.yaml").write_text(f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: linearcheck\n")
    (work / "linearcheck.toml").write_text('[[models]]\ntarget = "fix.py"\ninput-shape = "3,8,8"\n')
    assert call(work, sys.executable, "-m", "pre_commit", "install").returncode == 0
    return work


@pytest.fixture
def commit(repository: Path) -> Commit:
    def run(**files: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            (repository / f"{name}.py").write_text(text)
        call(repository, "git", "add", ".")
        return call(repository, "git", "commit", "-m", "change")

    return run


def test_clean_commit_passes_with_a_base_class_among_thirty_files(commit: Commit) -> None:
    files = {f"net{number}": NET.format(number=number, features=4 * 6 * 6) for number in range(3)}
    files |= {f"script{number}": "print('no model')\n" for number in range(26)}
    done = commit(**files, base=BASE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout + done.stderr


def test_broken_model_is_refused_with_a_readable_message(commit: Commit, repository: Path) -> None:
    done = commit(fix=UNFLATTENED, script="print('no model')\n")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "error[LC102]: `fc` gets the feature map" in said
    assert "Traceback" not in said
    assert call(repository, "git", "log").returncode != 0, "nothing was committed"


def test_fixing_hook_changes_the_file_and_then_passes(commit: Commit, repository: Path) -> None:
    configuration = repository / ".pre-commit-config.yaml"
    configuration.write_text(configuration.read_text().replace("id: linearcheck", "id: linearcheck-fix"))
    first = commit(fix=UNFLATTENED)
    assert first.returncode != 0
    assert "files were modified by this hook" in first.stdout + first.stderr
    assert "flatten" in (repository / "fix.py").read_text()
    assert commit().returncode == 0
