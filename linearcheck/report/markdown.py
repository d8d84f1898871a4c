"""The `markdown` format: a table of findings and the details of each, for a job summary or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linearcheck.findings import Diagnostic, ModelReport, Report
from linearcheck.report.summary import closing_line
from linearcheck.report.visible import visible
from linearcheck.report.wording import label, model_title, offers, path_of, place, repetition, shape_or_dash, span_or_start

_PUNCTUATION = re.compile(r"([\\`*_\[\]#!|~<>&@$])")
_BAR = re.compile(r"(?<!\\)\|")


def render_markdown(report: Report) -> str:
    lines = ["## linearcheck", "", _prose(_sentence(closing_line(report)))]
    lines += [f"- **{error.kind} error**: {_prose(error.message)}" for error in report.errors]
    found = [(model, d) for model in report.models for d in model.diagnostics if not d.suppressed]
    if found:
        lines += ["", "| | Where | Code | Finding |", "| --- | --- | --- | --- |"]
        lines += [_row(diagnostic) for _, diagnostic in found]
        lines += [line for model, diagnostic in found for line in _details(model, diagnostic)]
    return "\n".join([*lines, ""])


def _row(diagnostic: Diagnostic) -> str:
    message = _prose(diagnostic.message + repetition(diagnostic))
    cells = [label(diagnostic), _code(_place(diagnostic)), diagnostic.code, message]
    return "| " + " | ".join(_BAR.sub(r"\\|", cell) for cell in cells) + " |"


def _details(model: ModelReport, diagnostic: Diagnostic) -> Iterator[str]:
    yield ""
    yield f"### {diagnostic.code} in {_code(model_title(model))}, {_code(_place(diagnostic))}"
    yield ""
    yield _prose(_sentence(diagnostic.message + repetition(diagnostic)))
    if diagnostic.snippet:
        yield ""
        yield f"    {visible(diagnostic.snippet)}"
    if diagnostic.explanation:
        yield ""
        yield _prose(diagnostic.explanation)
    facts = [
        f"{word} {_code(shape_or_dash(shape))}" for word, shape in (("got", diagnostic.got), ("expected", diagnostic.expected)) if shape
    ]
    lists = [*([", ".join(facts)] if facts else []), *map(_prose, offers(diagnostic))]
    if lists:
        yield ""
    yield from (f"- {item}" for item in lists)


def _place(diagnostic: Diagnostic) -> str:
    span = span_or_start(diagnostic)
    return place(path_of(diagnostic), span.line, span.column, diagnostic.cell)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _prose(text: str) -> str:
    """A message as Markdown: its backticked pieces as code, everything else as the characters that they are."""
    pieces = visible(text).split("`")
    if len(pieces) % 2 == 0:  # an odd backtick quotes nothing
        pieces[-2:] = ["`".join(pieces[-2:])]
    return "".join(_code(piece) if quoted else _PUNCTUATION.sub(r"\\\1", piece) for piece, quoted in _alternating(pieces))


def _alternating(pieces: list[str]) -> Iterator[tuple[str, bool]]:
    for index, piece in enumerate(pieces):
        yield piece, index % 2 == 1


def _code(text: str) -> str:
    """A code span, fenced by more backticks than the text has in a row."""
    shown = visible(text)
    if not shown.strip():
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"
