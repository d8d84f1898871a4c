"""Source text as Python's own tokenizer reads it."""

from __future__ import annotations

import io
import re
import tokenize

LINE_END = re.compile(r"\r\n|\r|\n")
"""Python's own line ends. `str.splitlines` also splits at form feeds and U+2028, which do not end a line of source."""

BOM = "\ufeff"


def plain_text(text: str) -> str:
    """The text with one form of line end and without a byte order mark.

    >>> plain_text("a\\r\\nb\\rc")
    'a\\nb\\nc'
    """
    return LINE_END.sub("\n", text.removeprefix(BOM))


def source_lines(text: str) -> list[str]:
    """The lines of a source file, without their ends and without a byte order mark.

    >>> source_lines("a\\x0cb\\r\\nc")
    ['a\\x0cb', 'c']
    """
    return LINE_END.split(text.removeprefix(BOM))


def without_comments(statement: str) -> str:
    """A statement's text without its comments; unchanged where it is no whole statement.

    >>> without_comments("n, c = x.shape  # two axes")
    'n, c = x.shape'
    """
    lines = source_lines(statement)
    try:
        for token in tokenize.generate_tokens(io.StringIO(statement).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                lines[line - 1] = lines[line - 1][:column].rstrip()
    except (tokenize.TokenError, SyntaxError):  # the text ends within brackets: what was read until then holds
        pass
    return "\n".join(lines)
