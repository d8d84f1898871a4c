"""The page that the table format is laid out on: how wide it is, and which characters it can show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console

from linearcheck.report.visible import encodable, shortened, shortened_path, visible

_UNBROKEN = re.compile(r"`[^`]*`|\([\w*+/?, -]*\)|\[[\w, ]*\]|\w+(?: [*=] \w+)+")  # code, shapes, trials, products
_TAB = 4


@dataclass(frozen=True, slots=True)
class Page:
    """Width in cells, the encoding that text must fit into, and whether drawing characters are kept to ASCII."""

    width: int
    encoding: str
    ascii_only: bool

    @classmethod
    def of(cls, console: Console) -> Page:
        ascii_only = console.is_dumb_terminal or not console.encoding.lower().startswith("utf")
        return cls(console.width, console.encoding, ascii_only)

    @property
    def ellipsis(self) -> str:
        return "..." if self.ascii_only else "…"

    @property
    def rule(self) -> str:
        return "-" if self.ascii_only else "─"

    def clean(self, text: str) -> str:
        """Text from a user's file as one printable line."""
        return encodable(visible(text), self.encoding)

    def shorten(self, text: str, width: int) -> str:
        return shortened(text, width, self.ellipsis)

    def shorten_path(self, name: str, width: int) -> str:
        return shortened_path(name, width, self.ellipsis)

    def source_cells(self, line: str) -> list[str]:
        """What each character of a source line is shown as: tabs as spaces, control characters as escapes."""
        shown: list[str] = []
        column = 0
        for character in line:
            cells = " " * (_TAB - column % _TAB) if character == "\t" else self.clean(character)
            shown.append(cells)
            column += cell_len(cells)
        return shown

    def wrap(self, text: str, indent: int = 0, first: int | None = None) -> list[str]:
        """Cleaned text in lines that fit beside `indent` cells (the first one beside `first`); quoted code and shapes stay whole."""
        room = max(self.width - indent, 20)
        left = max(self.width - (indent if first is None else first), 20)
        lines: list[str] = []
        line = ""
        for word in _words(self.clean(text), room):
            joined = f"{line} {word}" if line else word
            if line and cell_len(joined) > left:
                lines.append(line)
                line, left = word, room
            else:
                line = joined
        return [*lines, line]


def _words(text: str, room: int) -> Iterator[str]:
    """Words of a text; a quoted piece of code or a shape counts as one as long as it fits on a line."""
    kept = _UNBROKEN.sub(lambda match: match[0].replace(" ", "\0") if cell_len(match[0]) <= room // 2 else match[0], text)
    for word in kept.split(" "):
        if word:
            yield word.replace("\0", " ")
