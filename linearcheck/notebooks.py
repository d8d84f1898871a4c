"""Places in a notebook by cell: a notebook is checked as one text, its code cells one after the other, and read cell by cell.

`net.ipynb:cell 4` is the path of a cell in a report, line 1 being the first line of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from linearcheck.findings import Edit, LayerCall, LayerReport, ModelReport, Refusal, Report
from linearcheck.load.notebook_cells import cells_in
from linearcheck.load.sources import cells_of
from linearcheck.source_text import source_lines
from linearcheck.trace.records import Span

Cells = tuple[tuple[int, int], ...]
"""The line of the whole text on which each code cell begins, with its number among all cells."""

AnyReport = TypeVar("AnyReport", bound=Report)

_CELL = re.compile(r"(.+\.ipynb):cell (\d+)\Z", re.DOTALL)
_LINE = re.compile(r"\b(?:(?:on|at) )?line (\d+)\b")
_WORDS = frozenset({"message", "explanation", "title", "why", "reason", "remarks", "left_out"})


def split_cell(path: str) -> tuple[str, int | None]:
    """The file and the number of the cell of a path in a report.

    >>> split_cell("net.ipynb:cell 4"), split_cell("net.py")
    (('net.ipynb', 4), ('net.py', None))
    """
    found = _CELL.match(path)
    return (found[1], int(found[2])) if found else (path, None)


def in_cells(report: AnyReport) -> AnyReport:
    """The report with all places in notebooks, and all lines that are spoken of, told by cell; as it is where there is no notebook."""
    paths = {path for path in (*report.sources, *(model.path for model in report.models)) if path.endswith(".ipynb")}
    cells = {path: of_path for path in paths if (of_path := _cells_of(path, report))}
    if not cells:
        return report
    sources = dict(report.sources)
    for path, of_path in cells.items():
        sources.update(_sources_of(path, report.sources.get(path, ""), of_path))
    return replace(report, models=tuple(_model(model, cells) for model in report.models), sources=sources)


def _cells_of(path: str, report: Report) -> Cells:
    return cells_in(report.sources[path]) if path in report.sources else cells_of(path)


def _sources_of(path: str, text: str, cells: Cells) -> dict[str, str]:
    lines = source_lines(text)
    ends = [first - 2 for first, _ in cells[1:]] + [len(lines)]  # before each cell stands a line with its number
    return {f"{path}:cell {number}": "\n".join(lines[first - 1 : end]) for (first, number), end in zip(cells, ends, strict=True)}


def _model(model: ModelReport, cells: Mapping[str, Cells]) -> ModelReport:
    own = cells.get(model.path, ())

    def told(value: Any, name: str = "") -> Any:
        if isinstance(value, str):
            return told_in_cells(value, own) if own and name in _WORDS else value
        if isinstance(value, tuple):
            return tuple(told(item, name) for item in value)
        if isinstance(value, Span):
            return placed_in_cells(value, cells.get(value.path, ()))
        if isinstance(value, Edit):
            return _edit(value, cells.get(value.path, ()))
        if isinstance(value, LayerReport):
            return _row(value, cells)
        if isinstance(value, Refusal):
            return _refusal(value, cells.get(value.path, ()))
        if is_dataclass(value) and not isinstance(value, type):
            changes = {field.name: told(getattr(value, field.name), field.name) for field in fields(value) if field.init}
            return replace(value, **changes)
        return value

    result: ModelReport = told(model)
    return result


def _found(line: int, cells: Cells) -> tuple[int, int] | None:
    """The number of the cell, and the line in it."""
    found = next(((number, line - first + 1) for first, number in reversed(cells) if first <= line), None)
    return found if found is not None or not cells else (cells[0][1], 1)  # what is put before the first cell goes into it


def _in_words(found: re.Match[str], cells: Cells) -> str:
    place = _found(int(found[1]), cells)
    if place is None:
        return found[0]
    preposition = "in " if found[0].startswith(("on ", "at ")) else ""
    return f"{preposition}cell {place[0]}, line {place[1]}"


def placed_in_cells(span: Span, cells: Cells) -> Span:
    """A place in the whole text of a notebook as one in a cell."""
    place = _found(span.line, cells)
    if place is None:
        return span
    number, line = place
    return replace(span, path=f"{span.path}:cell {number}", line=line, end_line=span.end_line - span.line + line)


def _edit(edit: Edit, cells: Cells) -> Edit:
    place = _found(edit.start[0], cells)
    if place is None:
        return edit
    number, line = place
    moved = line - edit.start[0]
    return replace(edit, path=f"{edit.path}:cell {number}", start=(line, edit.start[1]), end=(edit.end[0] + moved, edit.end[1]))


def _row(row: LayerReport, cells: Mapping[str, Cells]) -> LayerReport:
    number, line = _placed(row.line, cells.get(row.path, ()))
    return replace(row, line=line, cell=number, calls=tuple(_call(call, cells.get(call.path, ())) for call in row.calls))


def _call(call: LayerCall, cells: Cells) -> LayerCall:
    number, line = _placed(call.line, cells)
    return replace(call, line=line or 0, cell=number)


def _placed(line: int | None, cells: Cells) -> tuple[int | None, int | None]:
    """The number of the cell, None where the line stands in none, and the line in it."""
    place = _found(line, cells) if line else None
    return place if place is not None else (None, line)


def told_in_cells(text: str, cells: Cells) -> str:
    """A sentence whose lines are those of one notebook's whole text, told by cell."""
    return _LINE.sub(lambda found: _in_words(found, cells), text)


def _refusal(refusal: Refusal, cells: Cells) -> Refusal:
    place = _found(refusal.line, cells) if refusal.line is not None else None
    return refusal if place is None else replace(refusal, path=f"{refusal.path}:cell {place[0]}", line=place[1])
