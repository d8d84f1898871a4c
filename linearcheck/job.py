"""What is asked for: the options of one check, as plain data that crosses from the front to the worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """What the user names: a file or a dotted module, and perhaps one model in it with literal arguments.

    `model.py:Net(width=64)` is `Target("model.py", "Net", {"width": "64"})`; values are source text.
    """

    place: str
    name: str | None = None
    arguments: dict[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    is_module: bool = False


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Options of the command line and configuration that change what a check finds, as text where the user wrote text."""

    input_shapes: tuple[str, ...] = ()
    batch: bool = True
    sizes: dict[str, int] = field(default_factory=dict)
    inputs_from: str | None = None
    init: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    train: bool = False
    weights: str | None = None
    import_mode: Literal["slice", "full"] = "slice"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    try_fixes: bool = True
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class CheckJob:
    """One model to check. `overlay` maps absolute paths to source text that stands in for what is on the disk."""

    target: Target
    options: CheckOptions = field(default_factory=CheckOptions)
    overlay: dict[str, str] = field(default_factory=dict)
    working_directory: str = "."
