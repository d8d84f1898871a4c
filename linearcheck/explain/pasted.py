"""What was pasted, read: colours and prefixes taken off, the frames of a traceback found, the user's own frame among them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linearcheck.explain.records import Frame, Pasted

MAX_CHARACTERS = 200_000
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_PREFIX = re.compile(r"^(?:\[rank\d+\]: ?|\d{4}-\d\d-\d\d[T ][\d:.,]+ ?(?:- )?|> )", re.MULTILINE)
_PYTHON = re.compile(r'^\s*File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>.+?))?\s*$')
_NOTEBOOK = re.compile(
    r"^\s*(?:File (?P<path>(?:[A-Za-z]:)?[^\n:]+):(?P<line>\d+)|(?P<cell>(?:Cell )?(?:In|Input In)\s?\[\d*\]),? (?:line"
    r" (?P<cell_line>\d+)))"
    r"(?:, in (?P<function>[\w.<>]+).*)?\s*$"
)
_OLD_NOTEBOOK = re.compile(r"^(?P<path>(?:[A-Za-z]:)?[~/\\.<][^\n]*?) in (?P<function>[\w<>]+)\(.*\)\s*$")
_POINTED = re.compile(r"^(?:-+>|❱) ?(?P<line>\d+)\s?(?P<source>.*)$")
_UNDERLINE = re.compile(r"^\s*[~^]+\s*$")
_NOT_THE_USERS = re.compile(
    r"(?:site|dist)-packages[\\/]|[\\/]lib(?:64)?[\\/]python\d|[\\/]Lib[\\/](?:runpy|importlib|threading|contextlib)|torch[\\/]nn[\\/]|^<(?!ipython|stdin)|[\\/]linearcheck[\\/]"
)


def read_pasted(text: str) -> Pasted:
    """The text on one line, for messages are broken where a terminal or an issue is narrow, and its frames."""
    text = _PREFIX.sub("", _COLOUR.sub("", text[-MAX_CHARACTERS:]))
    return Pasted(" ".join(text.split()), tuple(_frames(text.splitlines())))


def users_frame(pasted: Pasted) -> Frame | None:
    """The last frame in a file that is no installed package."""
    return next((frame for frame in reversed(pasted.frames) if not _NOT_THE_USERS.search(frame.path)), None)


def _frames(lines: list[str]) -> Iterator[Frame]:
    for number, line in enumerate(lines):
        if match := _PYTHON.match(line):
            source = lines[number + 1].strip() if number + 1 < len(lines) else ""
            is_source = source and not _PYTHON.match(lines[number + 1]) and not _UNDERLINE.match(source)
            yield Frame(match["path"], int(match["line"]), match["function"] or "", source if is_source else "")
        elif match := _NOTEBOOK.match(line):
            path, at = (match["path"], match["line"]) if match["path"] else (match["cell"], match["cell_line"])
            yield Frame(path.strip(), int(at), match["function"] or "", _pointed(lines, number)[1])
        elif match := _OLD_NOTEBOOK.match(line):
            at, source = _pointed(lines, number)
            if at:
                yield Frame(match["path"], at, match["function"], source)


def _pointed(lines: list[str], start: int) -> tuple[int, str]:
    """The line that an arrow points at, below the heading of a frame."""
    for line in lines[start + 1 : start + 14]:
        if match := _POINTED.match(line.strip()):
            return int(match["line"]), match["source"].strip()
    return 0, ""
