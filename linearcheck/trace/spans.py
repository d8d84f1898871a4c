"""From a frame's instruction to the stretch of source that it stands for.

Source: `code.co_positions()` (Python 3.11) gives lines from 1 and columns from 0 in UTF-8 bytes; spans count characters from 1.
Positions are listed once per code object, since listing them takes 42 ms for a function of 3,000 lines.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

from linearcheck.source_text import source_lines, without_comments
from linearcheck.trace.records import Span

Instruction = tuple[CodeType, int]


class SpanTable:
    """Turns instructions into spans, reading each file's text once."""

    def __init__(self, source_of: Callable[[str], str], display_path: Callable[[str], str]) -> None:
        self._source_of, self._display_path = source_of, display_path
        self._positions: dict[CodeType, list[tuple[int | None, int | None, int | None, int | None]]] = {}
        self._lines: dict[str, list[str]] = {}
        self._spans: dict[tuple[CodeType, int], Span | None] = {}
        self.sources: dict[str, str] = {}

    def span(self, instruction: Instruction | None) -> Span | None:
        if instruction is None:
            return None
        if instruction not in self._spans:
            self._spans[instruction] = self._make(*instruction)
        return self._spans[instruction]

    def statement(self, instruction: Instruction | None) -> str:
        """The source text of the instruction's lines, stripped, without comments."""
        span = self.span(instruction)
        if instruction is None or span is None:
            return ""
        lines = self._lines_of(instruction[0].co_filename)
        return without_comments("\n".join(lines[span.line - 1 : span.end_line]).strip())

    def _make(self, code: CodeType, offset: int) -> Span | None:
        positions = self._positions.get(code)
        if positions is None:
            positions = self._positions[code] = list(code.co_positions())
        line, end_line, column, end_column = positions[offset // 2] if offset // 2 < len(positions) else (None, None, None, None)
        line = line or code.co_firstlineno
        end_line = end_line or line
        lines = self._lines_of(code.co_filename)
        start = _characters(lines, line, column) if column is not None else 1
        end = _characters(lines, end_line, end_column) if end_column is not None else start
        path = self._display_path(code.co_filename)
        return Span(path, line, start, end_line, end, code.co_qualname)

    def _lines_of(self, filename: str) -> list[str]:
        if filename not in self._lines:
            try:
                text = self._source_of(filename)
            except (OSError, ValueError, KeyError):
                text = ""
            self._lines[filename] = source_lines(text)
            if text:
                self.sources[self._display_path(filename)] = text
        return self._lines[filename]


def _characters(lines: list[str], line: int, byte_column: int) -> int:
    """Column in characters from 1 for a column in UTF-8 bytes from 0."""
    if not 0 < line <= len(lines) or lines[line - 1].isascii():
        return byte_column + 1
    return len(lines[line - 1].encode()[:byte_column].decode(errors="ignore")) + 1


def instruction_of(frame: FrameType) -> Instruction:
    return frame.f_code, frame.f_lasti
