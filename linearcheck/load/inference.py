"""Inputs when `--input-shape` is not given (evidence in the file, then the model's own layers)."""

from __future__ import annotations

import inspect
from typing import Any

from linearcheck.job import CheckOptions
from linearcheck.load.records import InputPlan, LoadedModel, LoadError
from linearcheck.load.shapes import plan_inputs, required_arguments


def infer_inputs(loaded: LoadedModel, module: Any, forward_signature: inspect.Signature, options: CheckOptions) -> InputPlan:
    """What goes into `forward`.

    Raises:
        LoadError: LC902, where nothing tells.
    """
    names = [name for name in required_arguments(forward_signature) if name not in options.arguments]
    if not names:
        return plan_inputs((), forward_signature, options)
    raise LoadError("LC902", f"the shape of {', '.join(f'`{name}`' for name in names)} is not known", str(loaded.path))
