"""Text from a user's files made safe to print: what would move a cursor, change a colour or hide is shown as an escape."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len

_LAST_DIGITS = re.compile(r"\d*$")
_COMMAND = re.compile(r"^([^\S\n]*)::", re.MULTILINE)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Cc and Cf hold terminal escapes and the marks that reverse the reading order; Cs cannot be encoded; Zl and Zp end a line.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co"})


def visible_character(character: str) -> str:
    """One character as itself, or as its escape where a terminal would act on it.

    >>> visible_character("\\x1b"), visible_character("é")
    ('\\\\x1b', 'é')
    """
    if character.isascii() and character.isprintable():
        return character
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """The text on one line, with every control character and terminal escape shown instead of obeyed.

    >>> visible("fc1\\x1b[31m\\n::error")
    'fc1\\\\x1b[31m\\\\n::error'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(visible_character, text))


def without_commands(text: str) -> str:
    """Lines of a report that no log takes for a command: GitHub obeys `::error::` at the start of a line, and `##[` anywhere.

    >>> without_commands("net printed:\\n  ::add-mask::x\\n")
    'net printed:\\n \\\\::add-mask::x\\n'

    Source:
        actions/runner, `ActionCommand.TryParseV2` (spaces before `::` are left out) and `TryParse`.
    """
    return _COMMAND.sub(lambda match: f"{match[1][:-1]}\\::", text).replace("##[", "#\\[")


def encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks written as an escape, so that printing it cannot raise.

    >>> encodable("réseau", "ascii")
    'r\\\\xe9seau'
    """
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")


def shortened(text: str, width: int, ellipsis: str = "…") -> str:
    """The text with its middle left out where it is wider than `width` cells; its end, which tells layers apart, is kept longest.

    >>> shortened("encoder.layers.11.attention.query", 20)
    'enco…attention.query'
    """
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room < 2:
        return text[:width]
    tail = room - room // 4
    start, end = text, text
    while cell_len(end) > tail:
        end = end[1:]
    while cell_len(start) > room - cell_len(end):
        start = start[:-1]
    return f"{start}{ellipsis}{end}"


def shortened_path(name: str, width: int, ellipsis: str = "…") -> str:
    """A dotted layer name cut to `width` cells: its parts become initials from the left, numbers stay, for they tell blocks apart.

    >>> shortened_path("encoder.stages.2.blocks.10.attention.query", 24)
    'e.s.2.b.10.a.query'
    >>> shortened_path("encoder.stages.2.blocks.10.attention.query", 40)
    'e.stages.2.blocks.10.attention.query'
    >>> shortened_path("block10.conv", 8)
    'b10.conv'
    >>> shortened_path("encoder.stages.2.blocks.10.attention.query", 16)
    'e.s.2.b.10.a.qu…'
    """
    parts = name.split(".")
    for index, part in enumerate(parts[:-1]):
        if cell_len(".".join(parts)) <= width:
            break
        parts[index] = part[:1] + _LAST_DIGITS.search(part[1:])[0]  # type: ignore[index]  # it matches the empty text
    blocks, last = ".".join([*parts[:-1], ""]), parts[-1]
    room = width - cell_len(blocks) - cell_len(ellipsis)
    if cell_len(blocks + last) <= width or room < 2:
        return shortened(blocks + last, width, ellipsis)
    while cell_len(last) > room:
        last = last[:-1]
    return f"{blocks}{last}{ellipsis}"
