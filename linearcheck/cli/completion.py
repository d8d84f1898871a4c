"""Completion in the shell: what typer makes of all commands together, as if `check` had been written where it is left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from linearcheck.cli.failure import report_failure

VARIABLE = "_LINEARCHECK_COMPLETE"
_PROGRAM = "linearcheck"
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
_APPS = {
    "check": "check_command",
    "rule": "rule_command",
    "explain": "explain_options",
    "sizes": "sizes_command",
    "init": "init_command",
    "layers": "layers_command",
    "annotate": "annotate_command",
}


def complete() -> int:
    """Answer the question that a shell has put into the environment: which words may stand at the cursor."""
    typers: Any = import_module("typer.completion")
    typers.completion_init()
    _insert_check()
    commands = {name: typer.main.get_command(import_module(f"linearcheck.cli.{module}").app) for name, module in _APPS.items()}
    commands["run"] = typer.main.get_command(_run_app())
    try:
        TyperGroup(name=_PROGRAM, commands=commands).main(args=[], prog_name=_PROGRAM, complete_var=VARIABLE)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _run_app() -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command()
    def run(script: list[str]) -> None:
        """Run a script for real, and explain the exception of a shape."""

    return app


def _insert_check() -> None:
    """Put `check` into the words where the first of them is no command and is written already."""
    words = os.environ.get("COMP_WORDS", "").split(" ") if "COMP_WORDS" in os.environ else None
    if words is not None:
        at = int(os.environ.get("COMP_CWORD", "0") or 0)
        if _is_check(words[1:], at - 1):
            os.environ["COMP_WORDS"] = " ".join([words[0], "check", *words[1:]])
            os.environ["COMP_CWORD"] = str(at + 1)
        return
    line = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    program, space, rest = line.partition(" ")
    words = rest.split(" ")
    if space and _is_check(words, len(words) - 1):
        os.environ["_TYPER_COMPLETE_ARGS"] = f"{program} check {rest}"


def _is_check(words: Sequence[str], at: int) -> bool:
    first = words[0] if words else ""
    if at == 0:
        return first.startswith("-")
    return bool(first) and first not in _APPS and first != "run"


def offer(words: Sequence[str]) -> int:
    """`--show-completion [SHELL]` prints the script for a shell, `--install-completion [SHELL]` puts it where the shell reads it."""
    typers: Any = import_module("typer.completion")
    option, *rest = words
    shell = rest[0] if rest else _shell()
    if shell not in _SHELLS or len(rest) > 1:
        named = f"`{shell}`" if shell else "this shell"
        return report_failure((), "usage", f"`{option}`: {named} is not known; there are {', '.join(_SHELLS)}")
    if option == "--show-completion":
        sys.stdout.write(typers.get_completion_script(prog_name=_PROGRAM, complete_var=VARIABLE, shell=shell) + "\n")
        return 0
    try:
        name, path = typers.install(shell=shell, prog_name=_PROGRAM, complete_var=VARIABLE)
    except OSError as error:
        return report_failure((), "usage", f"`{option}`: {error.filename or 'the file'} cannot be written: {error.strerror}")
    print(f"completion for {name} is in {path}; it works in the next terminal", file=sys.stderr)
    return 0


def _shell() -> str:
    """The shell that this is typed into."""
    try:
        return str(import_module("shellingham").detect_shell()[0])  # it comes with typer
    except Exception:  # a terminal of another kind, or nothing that tells
        return os.path.basename(os.environ.get("SHELL", ""))
