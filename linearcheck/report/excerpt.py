"""Source lines as the user wrote them, with the faulty stretch underlined and numbers in the margin, in the manner of rustc."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from rich.cells import cell_len
from rich.text import Text

from linearcheck.findings import Edit
from linearcheck.report.page import Page
from linearcheck.source_text import LINE_END, source_lines
from linearcheck.trace.records import Span

_MOST_LINES = 5

GUTTER = "blue"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch to underline, with the character that does it, what is said beside it, and in which style."""

    span: Span
    character: str
    label: str
    style: str


def numbered(page: Page, margin: int, line: int | None, code: Text | str = "", sign: str = "|", style: str = GUTTER) -> Text:
    """One line of an excerpt: `19 | code`, or `   |` where no number is given."""
    number = "" if line is None else str(line)
    text = Text(f"{number:>{margin}} {sign}", style=style)
    if code:
        text = Text.assemble(text, " ", code)
    return text


def marked_source(page: Page, margin: int, sources: Mapping[str, str], mark: Mark) -> list[Text]:
    """The lines of one span with their underlines; empty where the source is not at hand."""
    lines = source_lines(sources.get(mark.span.path, ""))
    numbers = [number for number in range(mark.span.line, mark.span.end_line + 1) if 0 < number <= len(lines)]
    if mark.span.path not in sources:
        return []
    shown: list[Text] = []
    for position, number in enumerate(numbers[:_MOST_LINES]):
        source = lines[number - 1]
        whole = (mark.span.line, mark.span.column) == (mark.span.end_line, mark.span.end_column)  # only the line is known
        start = mark.span.column if number == mark.span.line and not whole else len(source) - len(source.lstrip()) + 1
        end = mark.span.end_column if number == mark.span.end_line and not whole else len(source.rstrip()) + 1
        last = position == min(len(numbers), _MOST_LINES) - 1
        shown += _marked_line(page, margin, number, source, start, end, mark, label=mark.label if last else "")
    if len(numbers) > _MOST_LINES:
        shown.append(numbered(page, margin, None, page.ellipsis))
    return shown


def marked_snippet(page: Page, margin: int, line: int, snippet: str) -> list[Text]:
    """A line of source that travelled with the finding alone, where the file's text is not at hand."""
    code = page.clean(snippet)
    room = page.width - margin - 3
    return [numbered(page, margin, line, page.shorten(code, room))]


def changed_lines(page: Page, margin: int, sources: Mapping[str, str], edits: Iterable[Edit]) -> list[Text]:
    """The lines that edits change, before (`-`) and after (`+`); lines that are only put in stand between their neighbours."""
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    shown: list[Text] = []
    for path, of_path in by_path.items():
        if path not in sources:
            continue
        before = source_lines(sources[path])
        after = edited(before, of_path)
        for tag, b1, b2, a1, a2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if tag == "equal":
                continue
            if tag == "insert" and b1:
                shown.append(_changed_line(page, margin, b1, before[b1 - 1], " ", ""))
            for sign, style, lines, others, own, other in (
                ("-", "red", before, after, range(b1, b2), range(a1, a2)),
                ("+", "green", after, before, range(a1, a2), range(b1, b2)),
            ):
                for place, number in enumerate(own):
                    partner = others[other[place]] if len(own) == len(other) else ""
                    shown.append(_changed_line(page, margin, number + 1, lines[number], sign, style, partner))
            if tag == "insert" and b1 < len(before) and before[b1].strip():
                shown.append(_changed_line(page, margin, a2 + 1, before[b1], " ", ""))
    return shown


def edited(lines: list[str], edits: Iterable[Edit]) -> list[str]:
    """Lines of a file after edits, which are applied from the end so that none moves another."""
    text = list(lines)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        (first, start), (last, end) = edit.start, edit.end
        if not (1 <= first <= last <= len(text)):
            continue
        joined = text[first - 1][: start - 1] + edit.text + text[last - 1][end - 1 :]
        text[first - 1 : last] = LINE_END.split(joined)
    return text


def margin_for(lines: Iterable[int]) -> int:
    """Width of the widest line number."""
    return max((len(str(line)) for line in lines), default=1)


def _marked_line(page: Page, margin: int, number: int, source: str, start: int, end: int, mark: Mark, label: str) -> list[Text]:
    cells = page.source_cells(source.rstrip())
    start, end = start - 1, max(end - 1, start)
    code, before, width = _cropped(page, cells, start, end, 0, page.width - margin - 3)
    underline = Text(" " * before + mark.character * max(width, 1), style=mark.style)
    lines = [numbered(page, margin, number, code)]
    label = page.clean(label)
    room = page.width - margin - 3
    if not label:
        return [*lines, numbered(page, margin, None, underline)]
    if before + max(width, 1) + 1 + cell_len(label) <= room:
        underline.append(f" {label}")
        return [*lines, numbered(page, margin, None, underline)]
    lines.append(numbered(page, margin, None, underline))
    column = before if before + cell_len(label) <= room else max(room - cell_len(label), 0)
    wrapped = page.wrap(label, indent=margin + 3 + column)
    return [*lines, *(numbered(page, margin, None, Text(" " * column + part, style=mark.style)) for part in wrapped)]


def _changed_line(page: Page, margin: int, number: int, source: str, sign: str, style: str, partner: str = "") -> Text:
    line, other = source.rstrip(), partner.rstrip()
    cells = page.source_cells(line)
    start = _common_prefix(line, other) if partner else len(source) - len(source.lstrip())
    same_end = _common_prefix(line[start:][::-1], other[start:][::-1])
    # Both lines of a pair are cut at the same place, so that they can be compared.
    longest = max(len(line), len(other)) - same_end if partner else start
    code, _, _ = _cropped(page, cells, start, start, longest - start, page.width - margin - 3)
    return Text.assemble((f"{number:>{margin}} {sign}", style), " " if code else "", (code, style))


def _common_prefix(line: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(line, other, strict=False)))


def _cropped(page: Page, cells: list[str], start: int, end: int, wanted: int, room: int) -> tuple[str, int, int]:
    """A source line cut to `room` cells around its stretch `start`..`end`; the stretch's offset and width in cells.

    Args:
        wanted: How many cells from `start` on should be seen, if that is more than the stretch.
    """
    before = cell_len("".join(cells[:start]))
    width = cell_len("".join(cells[start:end]))
    if cell_len("".join(cells)) <= room:
        return "".join(cells), before, width
    mark = cell_len(page.ellipsis)
    first = 0
    # Whatever is cut, the stretch's beginning stays in sight.
    while first < start and before + max(width, wanted) + mark * (2 if first else 1) > room:
        before -= cell_len(cells[first])
        first += 1
    if first:
        before += mark
    code = page.ellipsis if first else ""
    shown = cell_len(code)
    for position, cell in enumerate(cells[first:], first):
        if shown + cell_len(cell) + (mark if position < len(cells) - 1 else 0) > room:
            code += page.ellipsis
            break
        code += cell
        shown += cell_len(cell)
    return code, before, max(min(width, room - before), 1)
