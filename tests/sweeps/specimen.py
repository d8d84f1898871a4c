"""What a zoo holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Specimen:
    """One model: how to build it, the shapes that go in, and the packages whose files count as the user's own.

    `wrong` is the code of the one finding about a model that is wrong as released; `untrainable` says why a model cannot run in training
    mode on made-up values.
    """

    name: str
    build: Callable[[], Any]
    shapes: tuple[str, ...]
    packages: tuple[str, ...]
    batch: bool = True
    literals: tuple[tuple[str, str], ...] = ()
    wrong: str = ""
    untrainable: str = ""
