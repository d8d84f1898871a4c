"""Edits applied to text: positions are lines and characters from 1, whatever the line ends; nothing outside an edit changes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache

from linearcheck.findings import Edit
from linearcheck.source_text import BOM, LINE_END, plain_text

Position = tuple[int, int]


def digest(text: str) -> str:
    """What tells a text from others, whatever its line ends and byte order mark."""
    return hashlib.sha256(plain_text(text).encode("utf-8", "surrogatepass")).hexdigest()


class OverlappingEdits(ValueError):
    """Two edits want the same stretch of one file."""


@lru_cache(maxsize=64)
def line_starts(text: str) -> tuple[int, ...]:
    """Offset of the first character of every line; a byte order mark belongs to no line."""
    start = len(BOM) if text.startswith(BOM) else 0
    return (start, *(match.end() for match in LINE_END.finditer(text)))


def offset_of(text: str, position: Position) -> int:
    """Offset into `text` of a line and column from 1.

    Raises:
        ValueError: If there is no such line, or the column lies beyond the line's end.

    >>> offset_of("a\\r\\nbc", (2, 2))
    4
    """
    line, column = position
    starts = line_starts(text)
    if not 1 <= line <= len(starts) or column < 1:
        raise ValueError(f"no such position: line {line}, column {column}")
    offset = starts[line - 1] + column - 1
    if offset > (starts[line] if line < len(starts) else len(text)):
        raise ValueError(f"line {line} has no column {column}")
    return offset


def position_of(text: str, offset: int) -> Position:
    """Line and column from 1 of an offset into `text`."""
    starts = line_starts(text)
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if starts[middle] <= offset else (low, middle)
    return low + 1, offset - starts[low] + 1


def line_end_of(text: str) -> str:
    """The line end that a text uses: that of its first line."""
    match = LINE_END.search(text)
    return match.group() if match else "\n"


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """`text` with the edits made, which are all meant for this text; where an edit adds lines, they end as the text's lines do.

    Raises:
        OverlappingEdits: If two edits touch the same characters, or two different ones insert at one place.
        ValueError: If an edit lies outside the text.

    >>> apply_edits("fc = Linear(400, 10)", [Edit("m.py", (1, 13), (1, 16), "256")])
    'fc = Linear(256, 10)'
    """
    pieces: list[str] = []
    taken = 0
    line_end = line_end_of(text)
    for start, end, new in _in_order(text, edits):
        pieces += [text[taken:start], LINE_END.sub(line_end, new)]
        taken = end
    return "".join([*pieces, text[taken:]])


def _in_order(text: str, edits: Iterable[Edit]) -> list[tuple[int, int, str]]:
    spans = sorted({(offset_of(text, edit.start), offset_of(text, edit.end), edit.text) for edit in edits})
    for (start, end, _), (next_start, _, _) in itertools.pairwise(spans):
        if next_start < end or start == next_start:
            raise OverlappingEdits(f"two edits at line {position_of(text, next_start)[0]}")
    if any(start > end for start, end, _ in spans):
        raise ValueError("an edit ends before it starts")
    return spans


def overlap(first: Sequence[Edit], second: Sequence[Edit]) -> bool:
    """Whether two sets of edits cannot both be made: the same stretch changed in different ways. Equal edits do not clash."""
    return any(_clash(one, other) for one in first for other in second)


def _clash(one: Edit, other: Edit) -> bool:
    if one.path != other.path or one == other:
        return False
    return one.start == other.start or (one.start < other.end and other.start < one.end)


def merge_edits(first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """Both sets as one, each edit once."""
    return tuple(dict.fromkeys((*first, *second)))


def compose_edits(texts: dict[str, str], first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """One set of edits of the original texts that does what `first`, and then `second` on its result, do.

    Args:
        texts: The original text of every path.
        second: Edits whose positions count in the text that `first` leaves.
    """
    composed: list[Edit] = []
    for path in dict.fromkeys(edit.path for edit in (*first, *second)):
        text = texts[path]
        composed += _compose(path, text, [e for e in first if e.path == path], [e for e in second if e.path == path])
    return tuple(composed)


def _compose(path: str, text: str, first: Sequence[Edit], second: Sequence[Edit]) -> list[Edit]:
    middle = apply_edits(text, first)
    line_end = line_end_of(text)
    later = [(start, end, LINE_END.sub(line_end, new)) for start, end, new in _in_order(middle, second)]
    blocks: list[tuple[int, int, int]] = []  # start and end in the middle text, and by how much it grew there
    shift = 0
    for start, end, new in _in_order(text, first):
        length = len(LINE_END.sub(line_end, new))
        blocks.append((start + shift, start + shift + length, length - (end - start)))
        shift += length - (end - start)
    composed: list[Edit] = []
    for low, high in _joined([(s, e) for s, e, _ in blocks] + [(s, e) for s, e, _ in later]):
        start = low - sum(grown for _, end, grown in blocks if end < low)
        stop = high - sum(grown for _, end, grown in blocks if end <= high)
        new = middle[low:high]
        for s, e, replacement in reversed(later):
            if low <= s and e <= high:
                new = new[: s - low] + replacement + new[e - low :]
        if new != text[start:stop]:
            composed.append(Edit(path, position_of(text, start), position_of(text, stop), new))
    return composed


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap or touch, as one."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
