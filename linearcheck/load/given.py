"""`--inputs FILE:FUNCTION`: a function of the user's that returns the arguments of `forward`, where shapes are not enough."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from linearcheck.job import CheckOptions, Target
from linearcheck.load.importing import Program
from linearcheck.load.project import open_project
from linearcheck.load.records import InputPlan, LoadedModel, LoadError
from linearcheck.load.shapes import parse_literals
from linearcheck.load.signals import Unavailable
from linearcheck.load.spaces import exception_text
from linearcheck.load.targets import TargetError, parse_target

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def inputs_from_function(loaded: LoadedModel, text: str, forward_signature: inspect.Signature, options: CheckOptions) -> InputPlan:
    """A plan whose arguments the function makes.

    A function with a parameter is given the batch size; one without makes arguments of one size, so nothing is said about the batch then.
    It returns one tensor, a tuple of positional arguments, or a dict: of keyword arguments where `forward` has all of its keys as names,
    else one positional argument.

    Raises:
        LoadError: LC902, if there is no such function, or it raises.
    """
    function = _function(loaded, text)
    takes_size = _takes_size(function, text)
    literals = parse_literals(options.arguments, forward_signature)

    def make_arguments(batch: int | None) -> Arguments:
        try:
            made = function(batch if batch is not None else 1) if takes_size else function()
        except Unavailable as error:
            raise LoadError("LC902", f"`{text}` cannot be called: {error.message}", error.path, error.line, error.advice) from None
        except Exception as error:
            raise LoadError("LC902", f"`{text}` raises {exception_text(error)}") from error
        positional, named = _as_arguments(made, forward_signature)
        return positional, {**named, **literals}

    has_batch = takes_size and options.batch
    size = "for each batch size" if has_batch else "as they are, without a batch axis that could be told"
    return InputPlan((), literals, dict(options.sizes), has_batch, (f"inputs: made by `{text}`, {size}",), make_arguments)


def _function(loaded: LoadedModel, text: str) -> Callable[..., Any]:
    try:
        target = parse_target(text)
    except TargetError as error:
        raise LoadError("LC902", f"`--inputs {text}`: {error}") from None
    if target.name is None or target.arguments or target.positional:
        raise LoadError("LC902", f"`--inputs {text}` does not name a function; write `--inputs FILE:FUNCTION`")
    program: Program = loaded.program
    project = open_project(
        Target(target.place, is_module=target.is_module), program.project.overlay, str(program.project.working_directory)
    )
    if project.target != program.project.target:
        program = Program(project)
    try:
        found = getattr(program.main(), target.name)
    except Unavailable as error:
        raise LoadError("LC902", f"`{text}` cannot be loaded: {error.message}", error.path, error.line, error.advice) from None
    except AttributeError:
        raise LoadError("LC902", f"`{target.place}` defines no `{target.name}`", str(project.target)) from None
    if not callable(found):
        raise LoadError("LC902", f"`{text}` is not a function", str(project.target))
    return found  # type: ignore[no-any-return]


def _takes_size(function: Callable[..., Any], text: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(required) > 1:
        raise LoadError("LC902", f"`{text}` takes {len(required)} arguments; it is called with the batch size, or with none")
    return bool(required) or any("batch" in p.name for p in parameters)


def _as_arguments(made: Any, signature: inspect.Signature) -> Arguments:
    if isinstance(made, tuple):
        if len(made) == 2 and isinstance(made[0], tuple) and isinstance(made[1], dict):
            return made[0], dict(made[1])
        return made, {}
    if isinstance(made, Mapping) and made and all(isinstance(key, str) and key in signature.parameters for key in made):
        return (), dict(made)
    return (made,), {}
