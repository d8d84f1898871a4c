"""What answers at once: nothing that needs no worker imports torch, and what the worker is started for early is a check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from linearcheck.cli import check_command
from linearcheck.cli.early import start_worker_early
from linearcheck.cli.words import FLAGS, PRESENTATION, WITH_VALUE, read_words

TORCH_FREE = [["--version"], ["--help"], ["rule", "LC102"], ["rule", "--all"], ["--no-such-option"], ["rule", "LC777"]]

PROBE = """
import sys
from linearcheck.cli.main import run
code = run(sys.argv[1:])
print("torch" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", TORCH_FREE, ids=" ".join)
def test_front_imports_no_torch(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.splitlines()[-1] == "False"


def test_the_probe_itself_sees_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torch\n" + PROBE, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.splitlines()[-1] == "True"


def test_options_known_early_are_those_of_the_command() -> None:
    command = typer.main.get_command(check_command.app)
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    declared = {name: parameter.is_flag for parameter in options for name in parameter.opts}
    for name in ("--help", "-h", "--version"):
        declared.pop(name, None)
    assert {name for name, is_flag in declared.items() if is_flag} == FLAGS
    assert {name for name, is_flag in declared.items() if not is_flag} == WITH_VALUE
    assert PRESENTATION <= FLAGS | WITH_VALUE


NO_CHECK = [
    ["script.py"],
    ["script.py", "--fix", "script.py"],
    [],
    ["--help"],
    ["good.py", "--hlp"],
    ["nowhere.py"],
    ["good.py", "-h"],
    ["good.py", "--version"],
    ["good.py", "-s"],
]


@pytest.mark.parametrize("words", NO_CHECK, ids=" ".join)
def test_no_worker_is_started_for_what_is_no_check(project: Path, words: list[str]) -> None:
    (project / "script.py").write_text("print('no model here')\n")
    assert start_worker_early(read_words(words)) is None


@pytest.mark.parametrize("words", [["good.py"], ["good.py:Net", "-s", "4"], [".", "--fix"], ["pkg.mod:Net"], ["-s1,28", "good.py"], ["-"]])
def test_a_worker_is_started_for_a_check(project: Path, words: list[str]) -> None:
    worker = start_worker_early(read_words(words))
    assert worker is not None
    worker.kill()
