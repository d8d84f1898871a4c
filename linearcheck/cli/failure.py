"""Say that a run could not be made: on stderr, and on stdout as the JSON object where that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from linearcheck.findings import Report, RunError

FAILED, INTERRUPTED = 2, 130


def report_failure(words: Sequence[str], kind: Literal["usage", "configuration", "internal"], message: str) -> int:
    """Exit code 2, for arguments that could not even be read; whether JSON is wanted is therefore looked up in the words."""
    error = RunError(kind, message)
    print_errors([error])
    if kind == "usage":
        print("`linearcheck --help` lists the options", file=sys.stderr)
    if _wants_json(words):
        from linearcheck.report.json_format import render_json

        sys.stdout.write(render_json(Report(errors=(error,), python_version=sys.version.split()[0])))
    return FAILED


def print_errors(errors: Iterable[RunError]) -> None:
    """Each error as a line on stderr, with nothing in it that a terminal would obey."""
    from linearcheck.report.visible import visible

    words = {"usage": "error", "configuration": "configuration error", "internal": "internal error"}
    for error in errors:
        for line in f"{words[error.kind]}: {error.message}".splitlines():
            print(visible(line), file=sys.stderr)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether the report goes to stdout as JSON."""
    values = [after for before, after in pairwise(words) if before == "--output-format"]
    values += [word.removeprefix("--output-format=") for word in words if word.startswith("--output-format=")]
    return "json" in values
