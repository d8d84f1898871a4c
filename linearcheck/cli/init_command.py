"""`linearcheck init`: write a starting configuration from the models that are found."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.failure import FAILED, print_errors
from linearcheck.cli.model_options import Python, Timeout
from linearcheck.cli.one_run import checked
from linearcheck.cli.options import CheckArguments, UsageError, time_limit
from linearcheck.cli.targets import Configs
from linearcheck.config import Config, ConfigError, find_config, read_config
from linearcheck.findings import ModelReport, Report
from linearcheck.replacing import put_in_place
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted
from linearcheck.starting_config import PlacementError, section_of, with_section

PYPROJECT, OWN_FILE = "pyproject.toml", "linearcheck.toml"
_EPILOG = "Exit code: 0 the configuration was written or shown, 2 it was not."


class _NoConfigs(Configs):
    """What is found out now must not rest on what a configuration says already."""

    def __init__(self) -> None:
        super().__init__(CheckArguments())

    def of(self, folder: Path) -> Config:
        return Config()


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration file as it is and as it is to be; `before` is None where there is none."""

    path: Path
    before: str | None
    after: str


def init(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files or directories; without one, the current directory."),
    ] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the section and write nothing.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration that is there.")] = False,
    python: Python = None,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Models looked at at a time.")] = None,
    timeout: Timeout = None,
) -> int:
    """Write a starting configuration from the models that are found, with the input shapes that were inferred.

    It goes into the pyproject.toml of the current directory if there is one, else into a linearcheck.toml.
    """
    folder = Path.cwd()
    if not (stdout or diff):
        _refuse_if_there(folder, force)
    arguments = CheckArguments(targets=tuple(paths or ["."]), python=python, jobs=jobs, timeout_seconds=time_limit(timeout))
    report = checked(arguments, configs=_NoConfigs()).report
    print_errors(report.errors)
    if not report.models:
        raise UsageError(f"no model was found in {', '.join(f'`{path}`' for path in arguments.targets)}; nothing was written")
    if stdout:
        sys.stdout.write(_section(folder, report.models))
    else:
        _write(_planned(folder, report.models), report, as_diff=diff)
    return FAILED if report.errors else 0


def _refuse_if_there(folder: Path, force: bool) -> None:
    """
    Raises:
        UsageError: If a configuration holds for the folder already, unless it lies in it and is to be replaced.
    """
    try:
        there = find_config(folder).path
    except ConfigError as error:
        if force:
            return
        raise UsageError(f"{error}; `--force` replaces what is there") from None
    if there is not None and not force:
        advice = "`--force` replaces it" if there.parent == folder else "`--force` writes one that holds here instead"
        raise UsageError(f"`{there}` holds a configuration already: {advice}, `--stdout` shows what would be written")


def _is_own_file(folder: Path) -> bool:
    """Whether a linearcheck.toml is written: it counts before a pyproject.toml beside it."""
    return (folder / OWN_FILE).is_file() or not (folder / PYPROJECT).is_file()


def _section(folder: Path, models: Sequence[ModelReport]) -> str:
    return section_of(models, "" if _is_own_file(folder) else "tool.linearcheck.")


def _planned(folder: Path, models: Sequence[ModelReport]) -> Written:
    """
    Raises:
        UsageError: If the file that is there cannot be read, or the section cannot be put into it.
    """
    own = folder / OWN_FILE
    if _is_own_file(folder):
        before = _text(own) if own.is_file() else None
        return Written(own, before, section_of(models, ""))
    path = folder / PYPROJECT
    before = _text(path)
    try:
        return Written(path, before, with_section(before, section_of(models, "tool.linearcheck.")))
    except PlacementError as error:
        raise UsageError(f"`{path.name}` is left as it is: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"`{path.name}` cannot be read: {reason}") from None


def _write(written: Written, report: Report, *, as_diff: bool) -> None:
    if as_diff:
        from linearcheck.fix.apply import diff_of

        lines = diff_of(written.path.name, written.before or "", written.after).splitlines()
        sys.stdout.write("".join(f"{visible(line)}\n" for line in lines))
        return
    try:
        data = written.after.encode("utf-8")
        with tempfile.TemporaryDirectory() as scratch:  # what cannot be read again is not written
            copy = Path(scratch, written.path.name)
            copy.write_bytes(data)
            read_config(copy)
        put_in_place(written.path, data)
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a name cannot be written as UTF-8"
        raise UsageError(f"`{written.path.name}` cannot be written: {reason}") from None
    n_skipped = sum(model.status == "skipped" for model in report.models)
    rest = (
        f"; {counted(n_skipped, 'model')} could not be checked, and stand{'s' if n_skipped == 1 else ''} in comments" if n_skipped else ""
    )
    print(f"wrote {counted(len(report.models) - n_skipped, 'model')} to {written.path.name}{rest}", file=sys.stderr)
    print("`linearcheck` without a target checks them", file=sys.stderr)


app = app_of(init, _EPILOG)


def main(words: Sequence[str]) -> int:
    """The exit code of `init` with these arguments."""
    return run_app(app, words, "linearcheck init")
