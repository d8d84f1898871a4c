"""What loading results in: the model's factory, its inputs as specifications, and the user's sources. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from linearcheck.findings import NamedValue

InputSource = Literal["given", "declared", "inferred", "solved"]


class LoadError(Exception):
    """A model that cannot be checked; becomes an LC9xx finding. `line` is where in the user's file, if anywhere."""

    def __init__(self, code: str, message: str, path: str = "", line: int | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.path, self.line, self.advice = code, message, path, line, advice


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One tensor that goes into `forward`.

    `name` is the argument, with a path into tuples and dicts (`h.0`, `batch.image`). `axes` are sizes or letters, the batch
    always `"N"`. `dtype` None follows the first layer that takes the input. `fill` is the value of every element, None for
    whatever suits (random floats; for integers small values that differ from sample to sample).
    """

    name: str
    axes: tuple[int | str, ...]
    dtype: str | None = None
    fill: float | None = None
    source: InputSource = "given"
    why: str = ""


@dataclass(frozen=True, slots=True)
class InputPlan:
    """All inputs of one check. `literals` are further arguments of `forward` (from `--arg`), `letters` sizes that were given.

    `has_batch` is False with `--no-batch`, or where no input has an `"N"` axis. `readings` are sentences that say how each
    shape was read. `positional` counts the leading inputs that are passed by position.
    """

    inputs: tuple[InputSpec, ...]
    literals: Mapping[str, Any] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)
    has_batch: bool = True
    readings: tuple[str, ...] = ()
    make_arguments: Callable[[int | None], tuple[tuple[Any, ...], dict[str, Any]]] | None = None
    """Makes all arguments of `forward` itself, given the batch size (`--inputs FILE:FUNCTION`); `inputs` is empty then."""


@dataclass
class LoadedModel:
    """A model that can be built. `build` runs the user's constructor and may raise anything; it is called under the recorder.

    `is_user_file` tells the user's own source files from installed packages (by absolute path); `source_of` is the text that
    a file was compiled from (the overlay's, where there is one).
    """

    name: str
    path: Path
    build: Callable[[], Any]
    is_user_file: Callable[[str], bool]
    source_of: Callable[[str], str]
    display_path: Callable[[str], str]
    init: tuple[NamedValue, ...] = ()
    stood_in: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    namespace: Mapping[str, Any] = field(default_factory=dict)
    model_class: type | None = None
    left_out: tuple[str, ...] = ()
    """Sentences for `--verbose`: statements that were not run because they act on the outside."""
    program: Any = None
    """The user's program as loaded (`load.importing.Program`), for inference of inputs; nothing outside `load/` uses it."""
