"""Traces of models that are written as source text in a test."""

from __future__ import annotations

import inspect
import textwrap
import types
from pathlib import Path

from linearcheck.load.records import InputPlan, InputSpec, LoadedModel
from linearcheck.trace.records import Trace
from linearcheck.trace.tracing import build_session, trace_model

HEADER = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def load(source: str, name: str = "Net", path: str = "model.py") -> LoadedModel:
    text = HEADER + textwrap.dedent(source)
    module = types.ModuleType("model_under_test")
    exec(compile(text, path, "exec"), module.__dict__)
    return LoadedModel(
        name,
        Path(path),
        lambda: getattr(module, name)(),
        lambda file: file == path,
        lambda file: text if file == path else "",
        lambda file: file,
    )


def plan(shapes: dict[str, tuple[int | str, ...]], dtypes: dict[str, str] | None = None) -> InputPlan:
    inputs = tuple(InputSpec(name, axes, (dtypes or {}).get(name)) for name, axes in shapes.items())
    return InputPlan(inputs, has_batch=any("N" in spec.axes for spec in inputs))


def trace(
    source: str, *shapes: tuple[int | str, ...], name: str = "Net", train: bool = False, dtypes: dict[str, str] | None = None
) -> Trace:
    """The trace of class `name`, its inputs in the order of `forward`'s arguments."""
    loaded = load(source, name)

    def plan_for(model: object) -> InputPlan:
        names = list(inspect.signature(model.forward).parameters)  # type: ignore[attr-defined]
        return plan(dict(zip(names, shapes, strict=False)), dtypes)

    return trace_model(loaded, plan_for, train=train).trace


def line_of(source: str, marker: str) -> int:
    """Line in the compiled text of the first source line that holds `marker`."""
    lines = (HEADER + textwrap.dedent(source)).splitlines()
    return next(number for number, line in enumerate(lines, 1) if marker in line)


__all__ = ["build_session", "line_of", "load", "plan", "trace"]
