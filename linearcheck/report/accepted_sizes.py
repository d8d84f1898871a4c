"""What `linearcheck sizes` shows: per axis the sizes that a model accepts, and where it breaks at the others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from linearcheck import __version__
from linearcheck.findings import AxisSizes, ModelReport, Refusal, Report
from linearcheck.report.page import Page
from linearcheck.report.readings import input_sentences
from linearcheck.report.summary import closing_line
from linearcheck.report.visible import visible
from linearcheck.report.wording import listed, model_title


def accepted(sizes: AxisSizes) -> str:
    """The sizes in words.

    >>> accepted(AxisSizes("x", 2, "height", 32, step=8, smallest=16, largest=1024, is_open=True))
    'multiples of 8, at least 16'
    >>> accepted(AxisSizes("x", 1, "channels", 3, smallest=3, largest=3))
    '3 only'
    >>> accepted(AxisSizes("x", 2, "height", 32, smallest=32, largest=35))
    '32 to 35'
    """
    if sizes.smallest == sizes.largest:
        return (
            f"{sizes.size} only"
            if sizes.finished
            else f"{sizes.size}, and none of {sizes.n_tried} others"
            if sizes.n_tried
            else str(sizes.size)
        )
    remainder = sizes.smallest % sizes.step
    pattern = (
        "" if sizes.step == 1 else f"multiples of {sizes.step}" if remainder == 0 else f"{remainder} more than a multiple of {sizes.step}"
    )
    at_least = sizes.smallest > max(1, sizes.step if remainder == 0 else remainder)
    if sizes.is_open:
        bounds = f"at least {sizes.smallest}" if at_least else ""
    else:
        bounds = f"{sizes.smallest} to {sizes.largest}" if at_least else f"at most {sizes.largest}"
    also = f"also {listed([str(size) for size in sizes.also])}" if sizes.also else ""
    return ", ".join(part for part in (pattern, bounds, also) if part) or "any"


def kind(sizes: AxisSizes) -> str:
    """One word for programs: `fixed`, `free`, `multiple`, `range`, or `unknown` where time ran out."""
    if sizes.smallest == sizes.largest:
        return "fixed" if sizes.finished else "unknown"
    return "multiple" if sizes.step > 1 else "free" if sizes.is_open and sizes.smallest == 1 else "range"


def print_sizes(report: Report, console: Console, *, verbose: bool = False) -> None:
    """Write the table of every model."""
    page = Page.of(console)
    for model in report.models:
        for line in _model(page, model, verbose):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    if not report.models:
        console.print(Text(page.clean(closing_line(report))), soft_wrap=True, highlight=False, markup=False)


def _model(page: Page, model: ModelReport, verbose: bool) -> Iterator[Text]:
    yield Text(page.clean(model_title(model)), style="bold")
    if model.status == "skipped":
        for diagnostic in model.diagnostics:
            yield from (Text(f"  {line}") for line in page.wrap(f"{diagnostic.message}. {diagnostic.explanation}".strip(), indent=2))
        yield Text("")
        return
    for sentence in input_sentences(model):
        yield from (Text(f"{'  ' if number == 0 else '    '}{line}") for number, line in enumerate(page.wrap(sentence, indent=4, first=2)))
    yield Text("")
    yield from _table(page, model.sizes)
    yield Text("")
    shown: list[AxisSizes] = []
    for sizes in _merged(model.sizes):
        twin = next((other for other in shown if other.input == sizes.input and _breaks_alike(other, sizes)), None)
        if twin is not None:
            yield Text(page.clean(f"{_title(sizes)}: as {twin.name or twin.axis}"))
        else:
            yield from _refusals(page, sizes)
        shown.append(sizes)
    yield Text("")


def _breaks_alike(one: AxisSizes, other: AxisSizes) -> bool:
    """Whether two axes, such as height and width, are refused by the same lines at the same sizes."""
    places = [[(refusal.low, refusal.high, refusal.code, refusal.line) for refusal in sizes.refused] for sizes in (one, other)]
    return bool(one.refused) and places[0] == places[1]


def _merged(every: Sequence[AxisSizes]) -> list[AxisSizes]:
    """Without the axes that another one, of which they are a partner, speaks for."""
    spoken: set[tuple[str, int]] = set()
    kept = []
    for sizes in every:
        if (sizes.input, sizes.axis) not in spoken:
            kept.append(sizes)
            spoken.update(sizes.tied)
    return kept


def _table(page: Page, every: Sequence[AxisSizes]) -> Iterator[Text]:
    rows = [("input", "axis", "now", "accepts")]
    for sizes in _merged(every):
        tied = [(other.input, other.name or str(other.axis)) for other in every if (other.input, other.axis) in sizes.tied]
        beside = [name if owner == sizes.input else f"{name} of {owner}" for owner, name in tied]
        note = f", the same for {listed(beside)}" if beside else ""
        odd = f", but not {listed([str(size) for size in sizes.exceptions])}" if sizes.exceptions else ""
        open_end = "" if sizes.finished else " (time ran out)"
        rows.append((sizes.input, _axis(sizes), "" if sizes.letter == "N" else str(sizes.size), f"{accepted(sizes)}{odd}{note}{open_end}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for number, row in enumerate(rows):
        line = "  ".join((row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3]))
        yield Text(page.clean(line.rstrip()), style="dim" if number == 0 else "")


def _axis(sizes: AxisSizes) -> str:
    words = f"{sizes.letter} ({sizes.name})" if sizes.letter and sizes.name else sizes.letter or sizes.name
    return f"{sizes.axis} {words}".strip()


def _refusals(page: Page, sizes: AxisSizes) -> Iterator[Text]:
    for refusal in sizes.refused:
        place = f" ({refusal.path}:{refusal.line})" if refusal.line is not None else ""
        text = f"{_title(sizes)} {_stretch(sizes, refusal)}: {refusal.message}{place}"
        for number, line in enumerate(page.wrap(text, indent=4)):
            yield Text(line if number == 0 else f"    {line.lstrip()}")


def _title(sizes: AxisSizes) -> str:
    return f"{sizes.input}, {sizes.name or sizes.letter or f'axis {sizes.axis}'}"


def _stretch(sizes: AxisSizes, refusal: Refusal) -> str:
    if refusal.high is None:
        return f"from {refusal.low}"
    if refusal.low == refusal.high and sizes.smallest < refusal.low < sizes.largest:
        return f"such as {refusal.low}"
    return str(refusal.low) if refusal.low == refusal.high else f"{refusal.low} to {refusal.high}"


def render_sizes_json(report: Report) -> str:
    """The same as one JSON object."""
    data = {
        "schema": 1,
        "linearcheck": __version__,
        "torch": report.torch_version,
        "python": report.python_version,
        "errors": [{"kind": error.kind, "message": error.message} for error in report.errors],
        "models": [_model_object(model) for model in report.models],
    }
    return json.dumps(data, indent=2) + "\n"


def _model_object(model: ModelReport) -> dict[str, object]:
    return {
        "path": model.path,
        "name": model.name,
        "status": model.status,
        "reason": model.reason,
        "inputs": [
            {"name": given.name, "shape": [size if isinstance(size, int) else str(size) for size in given.shape], "dtype": given.dtype,
             "source": given.source, "why": given.why, "axes": [_axis_object(sizes) for sizes in model.sizes if sizes.input == given.name]}
            for given in model.inputs
        ],
    }  # fmt: skip


def _axis_object(sizes: AxisSizes) -> dict[str, object]:
    return {
        "axis": sizes.axis,
        "name": visible(sizes.name),
        "letter": sizes.letter or None,
        "size": sizes.size,
        "accepts": {
            "kind": kind(sizes),
            "step": sizes.step,
            "smallest": sizes.smallest,
            "largest": None if sizes.is_open else sizes.largest,
            "tried_to": sizes.largest,
            "exceptions": list(sizes.exceptions),
            "also": list(sizes.also),
            "finished": sizes.finished,
        },
        "same_as": [{"input": owner, "axis": axis} for owner, axis in sizes.tied],
        "refused": [
            {"from": refusal.low, "to": refusal.high, "code": refusal.code or None, "message": refusal.message, "layer": refusal.layer,
             "path": refusal.path or None, "line": refusal.line}
            for refusal in sizes.refused
        ],
    }  # fmt: skip
