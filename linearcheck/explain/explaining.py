"""From a pasted text to its explanation: the last message in it that the table knows."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from linearcheck.explain.messages import MESSAGES
from linearcheck.explain.pasted import read_pasted, users_frame
from linearcheck.explain.records import Frame, Message, Number, Pasted, Reading

_PLACEHOLDER = "model.py"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a message means. `message` are PyTorch's words as they were pasted, `kind` is the record of the table that knows them.

    `frame` is the user's last one in the traceback. `command` would find the mistake; "" where it is none of shapes or dtypes.
    """

    kind: str
    message: str
    reading: Reading
    frame: Frame | None = None
    command: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        return self.reading.codes

    @property
    def numbers(self) -> tuple[Number, ...]:
        return self.reading.numbers


def explain(text: str, model: str = "") -> Explanation | None:
    """The explanation of the last known message in a text: an error message, or a whole traceback; None where there is none.

    Args:
        model: The target that the command is to name; without it the file of the traceback.

    >>> explain("mat1 and mat2 shapes cannot be multiplied (64x1600 and 400x120)").codes
    ('LC101',)
    """
    return explanation_of(read_pasted(text), model)


def explanation_of(pasted: Pasted, model: str = "") -> Explanation | None:
    """The same for what has been read already: text and frames."""
    found = _last_message(pasted)
    if found is None:
        return None
    message, start, end, groups = found
    reading = message.read(groups, pasted)
    frame = users_frame(pasted)
    words = pasted.text[start:end]
    return Explanation(message.name, words, reading, frame, _command(reading, frame, model))


def _last_message(pasted: Pasted) -> tuple[Message, int, int, dict[str, str]] | None:
    """The message that stands last in the text, for an exception is printed below the one that led to it; of two at one place the first."""
    best: tuple[Message, int, int, dict[str, str]] | None = None
    for message in MESSAGES:
        for match in message.pattern.finditer(pasted.text):
            if best is None or match.start() > best[1]:
                best = message, match.start(), match.end(), match.groupdict()
    return best


def _command(reading: Reading, frame: Frame | None, model: str) -> str:
    if not reading.codes:
        return ""
    target = model or (_from_here(frame.path) if frame is not None and frame.path.endswith(".py") else _PLACEHOLDER)
    return " ".join(("linearcheck", shlex.quote(target), *reading.options))


def _from_here(path: str) -> str:
    here = os.path.join(os.getcwd(), "")
    return path.removeprefix(here)
