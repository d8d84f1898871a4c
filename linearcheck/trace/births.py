"""Where each module was built, and where its parameters were given other values."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import nn

from linearcheck.trace.records import Indivisible
from linearcheck.trace.spans import Instruction
from linearcheck.trace.user_frames import UserFrames

_MARK = "_linearcheck_birth"
"""An attribute that every module built under a recorder carries, and so every copy of it."""


@dataclass(slots=True)
class Birth:
    """Where a module was built, by which of the user's frames with which numbers, and where its parameters were given other values."""

    frames: list[tuple[Instruction, dict[str, Any]]]
    replaced: dict[str, Instruction | None] = field(default_factory=dict)
    indivisible: Indivisible | None = None


class Births:
    """The births of one recording, by the module's identity; the modules live as long as it does."""

    def __init__(self, frames: UserFrames) -> None:
        self._frames = frames
        self._modules: list[nn.Module] = []
        self.by_identity: dict[int, Birth] = {}

    def note(self, module: nn.Module, frame: FrameType | None) -> None:
        if id(module) not in self.by_identity:
            self._modules.append(module)
            module.__dict__[_MARK] = id(module)
            self.by_identity[id(module)] = Birth(list(self._frames.building(frame, module)))

    def note_registration(self, module: nn.Module, name: str, frame: FrameType | None) -> None:
        """A parameter of a module that had one of this name already."""
        birth = self.by_identity.get(id(module))
        parameters = module.__dict__.get("_parameters") or {}
        if birth is not None and parameters.get(name) is not None:
            birth.replaced[name] = self._frames.instruction(frame)

    def note_indivisible(self, module: nn.Module, found: Indivisible) -> None:
        if (birth := self.by_identity.get(id(module))) is not None:
            birth.indivisible = found

    def of(self, module: nn.Module) -> Birth | None:
        """Where a module was built; for a copy (the layers of `nn.TransformerEncoder`), where its original was."""
        return self.by_identity.get(id(module)) or self.by_identity.get(module.__dict__.get(_MARK, 0))
