"""How a piece of work that ran the user's code ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, Literal

Ending = Literal["returned", "raised", "died", "timed out", "out of memory"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of: a value that JSON can hold; an exception's type and text; a death; a limit that was reached.

    `where` is the place in linearcheck's own code that an exception came from, as `trace/recorder.py:120`; it is `foreign` where
    it cannot be a fault of ours. `exit_code` and
    `signal` say how the process died. `seconds` is the time limit where that was reached.
    """

    ending: Ending
    value: Any = None
    type: str = ""
    text: str = ""
    where: str = ""
    traceback: str = ""
    foreign: bool = False
    exit_code: int | None = None
    signal: int | None = None
    seconds: float | None = None

    @property
    def returned(self) -> bool:
        return self.ending == "returned"

    def describe(self) -> str:
        """What happened, as the end of a sentence that starts with the thing that was run.

        >>> Outcome("died", exit_code=3).describe()
        'ended the process with exit code 3'
        """
        if self.ending == "returned":
            return "ended as it should"
        if self.ending == "raised":
            return f"raised {self.type}: {self.text}" if self.text else f"raised {self.type}"
        if self.ending == "timed out":
            return f"was still running after {_seconds_text(self.seconds)}"
        if self.ending == "out of memory":
            return "asked for more memory than there is"
        if self.signal is not None:
            return f"crashed Python ({signal_name(self.signal)})"
        return "ended the process" if self.exit_code is None else f"ended the process with exit code {self.exit_code}"


def _seconds_text(seconds: float | None) -> str:
    if seconds is None:
        return "the time limit"
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"


def signal_name(number: int) -> str:
    """`SIGSEGV` for 11.

    >>> signal_name(11)
    'SIGSEGV'
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
