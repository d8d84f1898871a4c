"""The table of layers in call order, fitted to the page: columns become narrower or go, in the order of what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.box import Box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from linearcheck.findings import LayerReport, ModelReport, Severity
from linearcheck.report.page import Page
from linearcheck.report.wording import is_skip, shape_or_dash

_MOST_ROWS = 60
_NEIGHBOURS = 2
_ENDS = 5
_LONGEST_TYPE = 18
_STYLES = {"ok": "", "error": "bold red", "warning": "yellow", "not called": "yellow"}


@dataclass(frozen=True, slots=True)
class _Row:
    """Texts by column, and the row's status; `left_out` rows stand for layers that are not shown."""

    texts: dict[str, str]
    status: str = "ok"
    left_out: int = 0


# What goes first when the page is too narrow: what can be worked out from the rest, then what tells least.
_DROPPED_IN_ORDER = ("bias", "weight", "params", "type", "input")
_COLUMNS = ("layer", "type", "input", "output", "weight", "bias", "params", "status")
_RIGHT = frozenset({"params"})


def layers_table(page: Page, model: ModelReport, *, every: bool) -> Table | None:
    """The model's layers with their shapes; None for a model without layers.

    Args:
        every: Show all rows of a long table, not only those near a finding.
    """
    rows = [row for layer in model.layers if layer.name for row in _rows(page, layer, _codes(model))]
    if not rows:
        return None
    if not every and len(rows) > _MOST_ROWS:
        rows = _abridged(rows)
    columns, rows, gap = _fitted(page, rows)
    table = Table(box=_box(page), pad_edge=False, padding=(0, gap - 1, 0, 0), show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in _RIGHT else "left", no_wrap=True, overflow="crop")
    for row in rows:
        if row.left_out:
            note = {"layer": f"{page.ellipsis} {row.left_out:,} more", "status": "ok"}
            table.add_row(*(Text(note.get(column, ""), style="dim") for column in columns))
            continue
        style = _STYLES.get(row.status, "")
        table.add_row(*(Text(row.texts[column], style=style if column in ("layer", "status") else "") for column in columns))
    return table


def _box(page: Page) -> Box:
    line = page.rule
    return Box(f"    \n    \n {line}{line} \n    \n    \n    \n    \n    \n", ascii=page.ascii_only)


def _codes(model: ModelReport) -> dict[str, str]:
    """The code to show for each layer: its first error, else its first warning."""
    codes: dict[str, str] = {}
    for severity in (Severity.ERROR, Severity.WARNING):
        for diagnostic in model.diagnostics:
            if diagnostic.severity == severity and not diagnostic.suppressed and not is_skip(diagnostic):
                codes.setdefault(diagnostic.layer, diagnostic.code)
    return codes


def _rows(page: Page, layer: LayerReport, codes: dict[str, str]) -> Iterable[_Row]:
    """A row for the layer's first call, and one for each further call whose shapes differ."""
    status = codes.get(layer.name, layer.status) if layer.status in ("error", "warning") else layer.status
    shapes = list(dict.fromkeys((call.input, call.output) for call in layer.calls)) or [(None, None)]
    first, *further = shapes
    yield _Row(
        {
            "layer": page.clean(layer.name),
            "type": page.clean(layer.type),
            "input": page.clean(shape_or_dash(first[0])),
            "output": page.clean(shape_or_dash(first[1])),
            "weight": shape_or_dash(layer.weight),
            "bias": shape_or_dash(layer.bias),
            "params": f"{layer.params:,}" if layer.params else "-",
            "status": status,
        },
        layer.status,
    )
    for inputs, outputs in further:
        texts = dict.fromkeys(_COLUMNS, "") | {"input": page.clean(shape_or_dash(inputs)), "output": page.clean(shape_or_dash(outputs))}
        yield _Row(texts, layer.status)


def _abridged(rows: Sequence[_Row]) -> list[_Row]:
    """Rows near a finding and at both ends, with a line for what is left out between them."""
    wanted = {*range(_ENDS), *range(len(rows) - _ENDS, len(rows))}
    for index, row in enumerate(rows):
        if row.status != "ok":
            wanted |= set(range(index - _NEIGHBOURS, index + _NEIGHBOURS + 1))
    kept: list[_Row] = []
    for index, row in enumerate(rows):
        if index in wanted:
            kept.append(row)
        elif kept and kept[-1].left_out:
            kept[-1] = replace(kept[-1], left_out=kept[-1].left_out + 1)
        else:
            kept.append(_Row({}, left_out=1))
    return kept


def _fitted(page: Page, rows: list[_Row]) -> tuple[list[str], list[_Row], int]:
    """Columns, rows and gap that fit the page: first narrower, then with fewer columns, last with shortened names."""
    columns = [
        column for column in _COLUMNS if column in ("layer", "status") or any(row.texts.get(column, "-") not in ("-", "") for row in rows)
    ]
    if _total(columns, rows, gap=2) <= page.width:
        return columns, rows, 2
    for tighter in (lambda row: row, _without_spaces, partial(_with_short_type, page)):
        rows = [tighter(row) for row in rows]
        if _total(columns, rows, gap=1) <= page.width:
            return columns, rows, 1
    longest_name = max(page.width // 3, 12)
    for dropped in _DROPPED_IN_ORDER:
        if _total(columns, rows, gap=1) <= page.width:
            break
        rows = [_with_short_name(page, row, longest_name) for row in rows]
        if _total(columns, rows, gap=1) > page.width and dropped in columns:
            columns.remove(dropped)
    spare = page.width - _total([column for column in columns if column != "layer"], rows, gap=1) - 1
    rows = [_with_short_name(page, row, max(spare, 8)) for row in rows]
    return columns, rows, 1


def _without_spaces(row: _Row) -> _Row:
    return replace(row, texts={column: text.replace(", ", ",") for column, text in row.texts.items()})


def _with_short_type(page: Page, row: _Row) -> _Row:
    return replace(row, texts=row.texts | {"type": page.shorten(row.texts["type"], _LONGEST_TYPE)}) if row.texts else row


def _with_short_name(page: Page, row: _Row, width: int) -> _Row:
    return replace(row, texts=row.texts | {"layer": page.shorten_path(row.texts["layer"], width)}) if row.texts else row


def _width(column: str, rows: Iterable[_Row]) -> int:
    return max(cell_len(column), *(cell_len(row.texts.get(column, "")) for row in rows))


def _total(columns: Sequence[str], rows: Sequence[_Row], gap: int) -> int:
    return sum(_width(column, rows) for column in columns) + gap * (len(columns) - 1)
