"""The `github` format: workflow commands, which GitHub shows as annotations beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Diagnostic, Report, Severity
from linearcheck.notebooks import split_cell
from linearcheck.report.visible import visible
from linearcheck.report.wording import offers, path_of, repetition, span_or_start

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(report: Report) -> str:
    """One workflow command for each finding, and for each reason why the run itself failed.

    Source:
        docs.github.com, "Workflow commands for GitHub Actions"; escapes as in actions/toolkit, `command.ts`.
    """
    lines = [f"::error title=linearcheck::{_data(error.message)}" for error in report.errors]
    lines += [_command(d) for model in report.models for d in model.diagnostics if not d.suppressed]
    return "".join(line + "\n" for line in lines)


def _command(diagnostic: Diagnostic) -> str:
    span = span_or_start(diagnostic)
    properties = {
        "file": split_cell(path_of(diagnostic))[0],
        "line": str(span.line),
        "endLine": str(span.end_line),
        "col": str(span.column),
        "endColumn": str(span.end_column),
        "title": f"{diagnostic.code} {diagnostic.rule}",
    }
    if span.end_line != span.line:  # GitHub refuses columns for more than one line
        del properties["col"], properties["endColumn"]
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_LEVELS[diagnostic.severity]} {shown}::{'%0A'.join(map(_data, _lines(diagnostic)))}"


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield diagnostic.message + repetition(diagnostic)
    if diagnostic.explanation:
        yield diagnostic.explanation
    for offer in offers(diagnostic):
        yield f"help: {offer}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
