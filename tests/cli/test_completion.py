"""Completion, as each shell asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {"check", "rule", "explain", "run", "layers", "annotate", "sizes", "init"}


def ask(**variables: str) -> list[str]:
    environment = os.environ | {"_LINEARCHECK_COMPLETE": "complete_bash"} | variables
    done = subprocess.run([sys.executable, "-m", "linearcheck"], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [
        ("linearcheck ", 1, COMMANDS),
        ("linearcheck exp", 1, {"explain"}),
        ("linearcheck --input-s", 1, {"--input-shape"}),
        ("linearcheck model.py --input-s", 2, {"--input-shape"}),
        ("linearcheck check model.py --unsafe", 3, {"--unsafe-fixes"}),
        ("linearcheck annotate model.py --in-", 3, {"--in-place"}),
        ("linearcheck explain --mod", 2, {"--model"}),
        ("linearcheck model.py --import ", 3, {"slice", "full"}),
    ],
)
def test_bash(line: str, at: int, expected: set[str]) -> None:
    assert set(ask(COMP_WORDS=line, COMP_CWORD=str(at))) == expected


def test_zsh_and_fish() -> None:
    assert '"--input-shape"' in " ".join(ask(_LINEARCHECK_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="linearcheck net.py --input-s"))
    fish = {"_LINEARCHECK_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert ask(_TYPER_COMPLETE_ARGS="linearcheck net.py --input-s", **fish)[0] == "--input-shape"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_script_is_shown(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "linearcheck", "--show-completion", shell], capture_output=True, text=True, timeout=60, check=True
    )
    assert "_LINEARCHECK_COMPLETE" in done.stdout
    assert shell.removesuffix("shell") in done.stdout


def test_unknown_shell_is_bad_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "linearcheck", "--show-completion", "tcsh"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are bash, zsh" in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_installed_script_completes_in_bash(tmp_path: Path) -> None:
    """The line that was installed, read by a bash that then asks for completions of a command line."""
    environment = os.environ | {"HOME": str(tmp_path)}
    install = [sys.executable, "-m", "linearcheck", "--install-completion", "bash"]
    subprocess.run(install, env=environment, capture_output=True, timeout=60, check=True)
    program = tmp_path / "linearcheck"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m linearcheck "$@"\n')
    program.chmod(0o755)
    script = (
        f'source ~/.bashrc; COMP_WORDS=("{program}" annotate --in-); COMP_CWORD=2;'
        f'eval "$(complete -p linearcheck | sed "s/.*-F \\([^ ]*\\) .*/\\1/")" "{program}"; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "--in-place"
