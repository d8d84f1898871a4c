"""The frames of the user's own code: which instruction of it is running or has raised, and which numbers it has at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any

from torch import Tensor, nn

from linearcheck.trace.spans import Instruction


class UserFrames:
    """Tells the user's own frames from all others, asking once for each code object."""

    def __init__(self, is_user_file: Callable[[str], bool]) -> None:
        self._is_user_file = is_user_file
        self._known: dict[CodeType, bool] = {}

    def is_users(self, code: CodeType) -> bool:
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = self._is_user_file(code.co_filename)
        return known

    def instruction(self, frame: FrameType | None) -> Instruction | None:
        """That of the innermost frame of the user's own files, from `frame` outward; None where there is none."""
        known = self._known
        while frame is not None:
            code = frame.f_code
            is_users = known.get(code)
            if is_users or (is_users is None and self.is_users(code)):  # looked up here first: every recorded call passes
                return code, frame.f_lasti
            frame = frame.f_back
        return None

    def raised(self, traceback: TracebackType | None) -> tuple[FrameType, Instruction] | None:
        """The innermost frame of the user's own that an exception passed through, and where in it."""
        found = None
        while traceback is not None:
            if self.is_users(traceback.tb_frame.f_code):
                found = traceback.tb_frame, (traceback.tb_frame.f_code, traceback.tb_lasti)
            traceback = traceback.tb_next
        return found

    def building(self, frame: FrameType | None, born: nn.Module) -> Iterator[tuple[Instruction, dict[str, Any]]]:
        """Which of the user's frames build a module, and their numbers; the frames of its own constructors are passed over."""
        while frame is not None:
            code = frame.f_code
            if self.is_users(code) and not (code.co_varnames and frame.f_locals.get(code.co_varnames[0]) is born):
                yield (code, frame.f_lasti), numbers_in_frame(frame)
            frame = frame.f_back


def numbers_in_frame(frame: FrameType) -> dict[str, Any]:
    """The plain numbers, and sequences of numbers, that a frame's expressions could use, spelled as in the source."""
    code = frame.f_code
    found: dict[str, Any] = {}
    for name, value in frame.f_locals.items():
        number = _plain_number(value)
        if number is not None:
            found[name] = number
        elif code.co_names and hasattr(value, "__dict__") and not isinstance(value, (Tensor, type(sys))):
            for attribute in code.co_names:
                number = _plain_number(vars(value).get(attribute, getattr(type(value), attribute, None)))
                if number is not None:
                    found[f"{name}.{attribute}"] = number
    for name in code.co_names:
        number = _plain_number(frame.f_globals.get(name))
        if number is not None:
            found.setdefault(name, number)
    return found


def _plain_number(value: Any) -> Any:
    if type(value) in (int, float):
        return value
    if isinstance(value, (tuple, list)) and 0 < len(value) <= 32 and all(type(item) in (int, float) for item in value):
        return tuple(value)
    return None
