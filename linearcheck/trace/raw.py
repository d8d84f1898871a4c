"""What a recorder notes of one run, as it met it: calls, tensors at one moment, failures, guesses. `assemble.py` makes records of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from linearcheck.trace.functions import FunctionName
from linearcheck.trace.spans import Instruction

Key = tuple[Any, ...]
"""What one run's call is known by in the others: its place, layer, name and occurrence."""


@dataclass(slots=True)
class Seen:
    """A tensor's state at one moment."""

    uid: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    contiguous: bool
    guesses: frozenset[int]
    version: int
    guessed_axes: frozenset[int] = frozenset()


@dataclass(slots=True)
class RawCall:
    kind: str
    func: Any
    name: FunctionName | None
    layer: str
    instruction: Instruction | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    parent: int | None
    key: Key
    outputs: list[Seen] = field(default_factory=list)
    error: BaseException | None = None
    decision: int | None = None
    in_place: bool = False
    module: nn.Module | None = None


@dataclass(slots=True)
class RawPythonError:
    error: BaseException
    layer: str
    instruction: Instruction | None
    tensors: dict[str, Seen]
    module_call: int | None
    key: Key
    guesses: frozenset[int]
    after_open: bool


@dataclass(slots=True)
class RawDecision:
    key: Key
    call: int
    candidates: tuple[tuple[int, ...], ...]
    open: bool


def guesses_of(*values: Any) -> frozenset[int]:
    """The decisions that captured arguments rest on."""
    return frozenset[int]().union(*(seen.guesses for seen in seen_in(*values)))


def seen_in(*values: Any) -> Iterator[Seen]:
    """Every tensor among captured arguments, in order."""
    for value in values:
        if isinstance(value, Seen):
            yield value
        elif isinstance(value, tuple):
            yield from seen_in(*value)
        elif isinstance(value, dict):
            yield from seen_in(*value.values())
