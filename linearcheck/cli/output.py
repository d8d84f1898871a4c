"""Where a report goes: to stdout, to files, in one format or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from linearcheck.cli.options import UsageError
from linearcheck.findings import Report, RunError
from linearcheck.report import FORMATS, render

DEFAULT_FORMAT = "table"


@dataclass(frozen=True, slots=True)
class Output:
    """One rendering of the report; without a path it goes to stdout."""

    format: str
    path: str | None = None


def parse_outputs(formats: Sequence[str], output_file: str | None) -> tuple[Output, ...]:
    """What `--output-format` and `--output-file` ask for. Where every format has its file, stdout still gets the table.

    Raises:
        UsageError: If there is no such format, or two would go to the same place.
    """
    outputs: list[Output] = []
    for text in formats:
        name, equals, path = text.partition("=")
        if name not in FORMATS:
            raise UsageError(f"`--output-format {text}`: there is no format `{name}`{_nearest(name)}")
        if equals and not path:
            raise UsageError(f"`--output-format {text}`: the path after `=` is missing")
        outputs.append(Output(name, path or None))
    on_stdout = [output for output in outputs if output.path is None]
    if len(on_stdout) > 1:
        names = " and ".join(f"`{output.format}`" for output in on_stdout)
        raise UsageError(f"{names} cannot both go to stdout; `--output-format {on_stdout[1].format}=PATH` writes to a file")
    if not on_stdout:
        outputs.append(Output(DEFAULT_FORMAT))
    if output_file is not None:
        outputs = [Output(output.format, output_file) if output.path is None else output for output in outputs]
    paths = [output.path for output in outputs]
    if twice := next((path for path in paths if path is not None and paths.count(path) > 1), None):
        raise UsageError(f"two formats would be written to `{twice}`")
    return tuple(outputs)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(name.lower(), FORMATS, 1)
    return f"; the nearest is `{nearest[0]}`" if nearest else f"; there are {', '.join(FORMATS)}"


def write_report(report: Report, outputs: Sequence[Output], *, verbose: bool, quiet: bool) -> list[RunError]:
    """Write the report wherever it is to go; an error for each file that could not be written.

    Raises:
        BrokenPipeError: If stdout is closed.
    """
    errors: list[RunError] = []
    for output in outputs:
        if output.path is None:
            _write(report, output.format, sys.stdout, verbose, quiet)
            continue
        try:
            Path(output.path).parent.mkdir(parents=True, exist_ok=True)
            with open(output.path, "w", encoding="utf-8", newline="\n") as file:
                _write(report, output.format, file, verbose, quiet)
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            reason = getattr(error, "strerror", None) or error
            errors.append(RunError("usage", f"`{output.path}` cannot be written: {reason}"))
    return errors


def _write(report: Report, fmt: str, file: IO[str], verbose: bool, quiet: bool) -> None:
    if fmt != DEFAULT_FORMAT:
        file.write(render(report, fmt))
        return
    from rich.console import Console

    from linearcheck.report.table import print_report

    print_report(report, Console(file=file), verbose=verbose, quiet=quiet)
