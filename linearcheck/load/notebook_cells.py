"""The code of a Jupyter notebook as one text, and a changed text put back into its cells, the rest of the file byte for byte as it was.

Each cell begins with a line `# %% cell 3`, which is how a changed text still tells what belongs to which cell. Magics (`%`, `!`) become
`pass`, so that every line keeps its place in its cell; put back, they are what the author wrote.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from linearcheck.source_text import BOM, LINE_END

_MARK = re.compile(r"# %% cell (\d+)\Z")
_MAGICS_OF_PYTHON = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun"})
_ASKS_FOR_HELP = re.compile(r"[\w.]+\?{1,2}\s*$")
_ASKS_THE_SHELL = re.compile(r"(\s*[\w., ]+=\s*)[!%].*")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class NotANotebook(ValueError):
    """A file that is no JSON, or not that of a notebook."""


class CannotPutBack(Exception):
    """A changed text that does not go into the cells, and why."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """A code cell: its number among all cells, its text, and where its value stands in the file."""

    number: int
    text: str
    start: int
    end: int


def code_of(raw: str) -> str:
    """All code cells, one after the other.

    Raises:
        NotANotebook: If the file is none.
    """
    return "".join(f"# %% cell {cell.number}\n" + "".join(f"{line}\n" for line in _as_python(cell.text)) for cell in _code_cells(raw))


def is_code(text: str) -> bool:
    """Whether a text is what `code_of` makes, changed or not, and no notebook."""
    return not text.removeprefix(BOM).lstrip().startswith("{")


def cells_in(code: str) -> tuple[tuple[int, int], ...]:
    """The line of the text that is the first one of each cell, with the number of the cell."""
    return tuple((number + 2, int(mark[1])) for number, line in enumerate(LINE_END.split(code)) if (mark := _MARK.match(line)))


def put_back(raw: str, code: str) -> str:
    """The notebook with its cells changed to those of the text.

    Raises:
        NotANotebook: If the file is none.
        CannotPutBack: If the text is not one of this notebook, or a line with a magic is changed.
    """
    changed = _lines_by_cell(code)
    cells = list(_code_cells(raw))
    if [cell.number for cell in cells] != list(changed):
        raise CannotPutBack("its cells cannot be told apart")
    pieces: list[str] = []
    taken = 0
    for cell in cells:
        before, after = _as_python(cell.text), changed[cell.number]
        if before != after:
            pieces += [raw[taken : cell.start], _value(raw, cell, _restored(cell, before, after))]
            taken = cell.end
    return "".join((*pieces, raw[taken:]))


def _as_python(text: str) -> list[str]:
    if _is_python(text):  # a line of it that begins with `%` goes on with an expression or stands in a text
        return LINE_END.split(text)
    magic = re.match(r"\s*%%(\w+)", text)  # a cell in another language, but for those that only watch it run
    is_foreign = magic is not None and magic[1] not in _MAGICS_OF_PYTHON
    return ["" if is_foreign else _line_as_python(line) for line in LINE_END.split(text)]


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _line_as_python(line: str) -> str:
    bare = line.lstrip()
    if bare.startswith(("%", "!", "?")) or _ASKS_FOR_HELP.match(bare):
        return line[: len(line) - len(bare)] + "pass"
    shell = _ASKS_THE_SHELL.match(line)
    return f"{shell[1]}None" if shell else line


def _lines_by_cell(code: str) -> dict[int, list[str]]:
    """The lines of each cell; what stands before the first mark belongs to the first cell."""
    before: list[str] = []
    found: dict[int, list[str]] = {}
    lines = before
    for line in LINE_END.split(code)[:-1]:
        if mark := _MARK.match(line):
            lines = found.setdefault(int(mark[1]), [] if found else before)
        else:
            lines.append(line)
    return found


def _restored(cell: _Cell, before: list[str], after: list[str]) -> list[str]:
    """The changed lines of a cell with their ends, those that are as they were as the author wrote them.

    Raises:
        CannotPutBack: If one that is not is a magic.
    """
    own = _with_ends(cell.text)
    plain = LINE_END.split(cell.text)
    end = found.group() if (found := LINE_END.search(cell.text)) else "\n"
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [line if LINE_END.search(line) else line + end for line in own[i1:i2]]
            continue
        if magic := next((plain[index] for index in range(i1, i2) if plain[index] != before[index]), None):
            raise CannotPutBack(f"`{magic.strip()}` in cell {cell.number} would be changed, which is no Python")
        lines += [line + end for line in after[j1:j2]]
    return [*lines[:-1], LINE_END.sub("", lines[-1])] if lines else lines


def _with_ends(text: str) -> list[str]:
    ends = [*(found.end() for found in LINE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _value(raw: str, cell: _Cell, lines: Sequence[str]) -> str:
    """The JSON of a cell's source in the manner in which the file has it: a list of lines, or one text."""
    is_ascii = raw.isascii()
    if raw[cell.start] != "[":
        return json.dumps("".join(lines), ensure_ascii=is_ascii)
    items = list(_items(raw, cell.start))
    if not items:
        return json.dumps([line for line in lines if line], ensure_ascii=is_ascii)
    known = {json.loads(raw[start:end]): raw[start:end] for start, end in items}
    first = raw[cell.start + 1 : items[0][0]]
    between = raw[items[0][1] : items[1][0]] if len(items) > 1 else f",{first or ' '}"
    texts = [known.get(line) or json.dumps(line, ensure_ascii=is_ascii) for line in lines if line]
    return f"[{first}{between.join(texts)}{raw[items[-1][1] : cell.end]}"


def _code_cells(raw: str) -> Iterator[_Cell]:
    try:
        notebook = json.loads(raw.removeprefix(BOM))
        places = _value_of(raw, _SPACE.match(raw, len(BOM) if raw.startswith(BOM) else 0).end(), "cells")  # type: ignore[union-attr]
        for number, (cell, (start, _)) in enumerate(zip(notebook["cells"], _items(raw, places[0]), strict=True), 1):
            if cell["cell_type"] == "code":
                yield _Cell(number, "".join(cell["source"]), *_value_of(raw, start, "source"))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise NotANotebook(str(error)) from None


def _value_of(raw: str, start: int, key: str) -> tuple[int, int]:
    """Where the value of a key of the object at `start` stands."""
    found: tuple[int, int] | None = None
    for (name_start, name_end), value in _pairs(raw, start):
        if json.loads(raw[name_start:name_end]) == key:
            found = value  # the last one counts, as it does for every reader
    if found is None:
        raise KeyError(key)
    return found


def _pairs(raw: str, start: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    spans = _items(raw, start)
    for name in spans:
        yield name, next(spans)


def _items(raw: str, start: int) -> Iterator[tuple[int, int]]:
    """Where each value stands that the list or object at `start` holds directly; of an object, keys and values in turn."""
    at = _after_space(raw, start + 1)
    while raw[at] not in "]}":
        _, end = _DECODER.raw_decode(raw, at)
        yield at, end
        at = _after_space(raw, end)
        if raw[at] in ",:":
            at = _after_space(raw, at + 1)


def _after_space(raw: str, at: int) -> int:
    found = _SPACE.match(raw, at)
    return found.end() if found else at
