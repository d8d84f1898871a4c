"""One kind of message in the table, and what was read from one message of that kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a pasted traceback; `source` is its line as it stands there, "" where it was not pasted."""

    path: str
    line: int
    function: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pasted:
    """The text that was pasted, on one line, and the frames of the traceback in it, outermost first."""

    text: str
    frames: tuple[Frame, ...] = ()

    @property
    def is_from_linear(self) -> bool | None:
        """Whether an `nn.Linear` raised, or the user's own product; None where there is nothing to tell it from."""
        if not self.frames:
            return None
        last = self.frames[-1]
        if last.path.replace("\\", "/").endswith("nn/modules/linear.py"):
            return True
        return False if re.search(r"@|\b(matmul|mm|addmm|dot)\(", last.source) else None


@dataclass(frozen=True, slots=True)
class Number:
    """A number or shape of the message, as it is shown, and what it is."""

    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one message says.

    `codes` are the rules it may be, the likeliest first; none where it is not about shapes or dtypes. `sizes` are the numbers that the
    mistake is about, by which a finding of the check is recognised. `options` are what the command that would find it needs.
    """

    summary: str
    codes: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    changes: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    options: tuple[str, ...] = ()


Reader = Callable[[Mapping[str, str], Pasted], Reading]


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message: the words that PyTorch uses, with its numbers as named groups, and how to read them."""

    name: str
    pattern: re.Pattern[str]
    read: Reader
