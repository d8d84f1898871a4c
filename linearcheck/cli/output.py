"""Where a report goes: to stdout, to files, in one format or several."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from linearcheck.cli.files import write_file
from linearcheck.cli.options import UsageError
from linearcheck.findings import Report, RunError
from linearcheck.notebooks import in_cells
from linearcheck.report import FORMATS, render
from linearcheck.report.visible import without_commands

DEFAULT_FORMAT = "table"
_FOR_PEOPLE = frozenset({"concise", "markdown", "html"})


@dataclass(frozen=True, slots=True)
class Output:
    """One rendering of the report; without a path it goes to stdout."""

    format: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """Files that were written, with their text, and an error for each that could not be."""

    files: tuple[tuple[str, str], ...] = ()
    errors: tuple[RunError, ...] = ()


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


def write_report(report: Report, outputs: Sequence[Output], *, verbose: bool, quiet: bool) -> Written:
    """Write the report wherever it is to go.

    All of it is made before any of it is written: a fault in one format leaves no half of another behind.

    Raises:
        BrokenPipeError: If stdout is closed.
    """
    report = in_cells(report)
    texts = [_text(report, output, verbose, quiet) for output in outputs]
    errors: list[RunError] = []
    files: list[tuple[str, str]] = []
    for output, text in zip(outputs, texts, strict=True):
        if output.path is None:
            sys.stdout.write(text)
        elif reason := write_file(output.path, text):
            errors.append(RunError("usage", f"`{output.path}` cannot be written: {reason}"))
        else:
            files.append((output.path, text))
    return Written(tuple(files), tuple(errors))


def _text(report: Report, output: Output, verbose: bool, quiet: bool) -> str:
    if output.format != DEFAULT_FORMAT:
        text = render(report, output.format)
        return without_commands(text) if output.format in _FOR_PEOPLE and output.path is None else text
    from rich.console import Console

    from linearcheck.report.table import print_report

    console = Console(file=sys.stdout if output.path is None else io.StringIO())
    with console.capture() as captured:
        print_report(report, console, verbose=verbose, quiet=quiet)
    return without_commands(captured.get())
