"""Configurations that the file defines and that have defaults throughout: `config: GPTConfig`, a dataclass, a plain class."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from linearcheck.load.importing import Program
from linearcheck.load.signals import OutsideEffect, Unavailable

_CONFIG_PARAMETERS = frozenset(
    {
        "config",
        "cfg",
        "conf",
        "configs",
        "args",
        "hparams",
        "hp",
        "opt",
        "opts",
        "options",
        "params",
        "settings",
        "model_args",
        "model_config",
    }
)
_CONFIG_ENDINGS = ("config", "cfg", "args", "arguments", "params", "hparams", "hyperparameters", "options", "settings", "configuration")


def default_configuration(program: Program, parameter: inspect.Parameter) -> Any:
    """An object for a constructor's configuration argument: of its annotated class, else of the file's configuration class, else None."""
    made = _from_annotation(program, parameter.annotation)
    if made is not None:
        return made
    if parameter.name.lower() not in _CONFIG_PARAMETERS:
        return None
    space = program.main().space
    classes = [
        leaf.node.name
        for leaf in space.body.leaves
        if isinstance(leaf.node, ast.ClassDef) and leaf.node.name.lower().endswith(_CONFIG_ENDINGS)
    ]
    made_of = [value for name in classes if (value := _made(program, name)) is not None]
    return made_of[-1] if made_of else _module_level(program, parameter.name)


def _module_level(program: Program, name: str) -> Any:
    """A module-level `config = ...` of the parameter's own name."""
    space = program.main().space
    for candidate in (name, name.upper(), name.capitalize()):
        if candidate in space.body.by_name:
            try:
                return space.evaluate(ast.Name(candidate, ast.Load(), lineno=1, col_offset=0, end_lineno=1, end_col_offset=0))
            except (Exception, Unavailable, OutsideEffect):
                continue
    return None


def _from_annotation(program: Program, annotation: Any) -> Any:
    if isinstance(annotation, str) and annotation.isidentifier():
        return _made(program, annotation)
    if isinstance(annotation, type) and program.is_project_class(annotation) and not _is_module_class(annotation):
        try:
            return annotation()
        except (Exception, Unavailable, OutsideEffect):
            return None
    return None


def _made(program: Program, name: str) -> Any:
    try:
        candidate = getattr(program.main(), name)
        return candidate() if isinstance(candidate, type) and not _is_module_class(candidate) else None
    except (Exception, Unavailable, OutsideEffect):
        return None


def _is_module_class(candidate: type) -> bool:
    from torch import nn

    return issubclass(candidate, nn.Module)
