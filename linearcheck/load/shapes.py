"""From all `--input-shape` texts to one plan: which argument each shape is for, and where its batch axis stands."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from linearcheck.job import CheckOptions
from linearcheck.load.grammar import InputShapeError, ParsedShape, parse_input_shape, written
from linearcheck.load.records import InputPlan, InputSpec, LoadError
from linearcheck.sizes import BATCH

__all__ = ["InputShapeError", "ParsedShape", "parse_input_shape", "plan_inputs", "read_first_axis_as_batch"]

BATCH_NAMES = (BATCH, "B", "batch")


def plan_inputs(texts: Sequence[str], model_forward_signature: inspect.Signature, options: CheckOptions) -> InputPlan:
    """The inputs that the texts of `--input-shape` give, in the order of `forward`'s arguments.

    Args:
        texts: As the user wrote them; without a name they are for `forward`'s arguments in order.
        model_forward_signature: Of the bound method, without `self`.
        options: `batch`, `sizes` (`--size`) and `arguments` (`--arg`) are read.

    Raises:
        InputShapeError: If a shape is malformed, or goes with no argument, or two are for the same.
        LoadError: LC902, if a required argument of `forward` is left without a shape.
    """
    literals = parse_literals(options.arguments, model_forward_signature)
    shapes = [parse_input_shape(text) for text in texts]
    names = _assign_names(shapes, model_forward_signature, literals)
    letter = _batch_letter(shapes)
    as_written = letter is not None or any(shape.has_letters for shape in shapes) or not options.batch
    inputs: list[InputSpec] = []
    readings: list[str] = []
    for name, shape in zip(names, shapes, strict=True):
        axes = tuple(_rename(axis, letter) for axis in shape.axes) if options.batch else shape.axes
        if not as_written and axes:
            axes = (BATCH, *axes)
        inputs.append(InputSpec(name, axes, shape.dtype, shape.fill, "given", "--input-shape"))
        readings.append(_reading(name, shape, axes, as_written, options.batch))
    inputs = in_signature_order(inputs, model_forward_signature)
    plan = InputPlan(
        tuple(inputs),
        literals,
        letters={_rename_letter(name, letter): size for name, size in options.sizes.items()},
        has_batch=options.batch and has_batch_axis(inputs),
        readings=tuple(readings),
    )
    if texts and (missing := missing_arguments(plan, model_forward_signature)):
        raise LoadError("LC902", f"no shape is given for {_and(missing)}", advice=f"add {_options_for(missing)}")
    return plan


def has_batch_axis(inputs: Sequence[InputSpec]) -> bool:
    return any(isinstance(axis, str) and BATCH in axis.split("*") for spec in inputs for axis in spec.axes)


def missing_arguments(plan: InputPlan, signature: inspect.Signature) -> tuple[str, ...]:
    """Required arguments of `forward` that the plan gives neither a shape nor a value."""
    given = {spec.name.split(".")[0] for spec in plan.inputs} | set(plan.literals)
    return tuple(name for name in required_arguments(signature) if name not in given)


def required_arguments(signature: inspect.Signature) -> tuple[str, ...]:
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(
        name for name, parameter in signature.parameters.items() if parameter.kind not in fixed and parameter.default is parameter.empty
    )


def parse_literals(arguments: Mapping[str, str], signature: inspect.Signature) -> dict[str, Any]:
    """The values of `--arg`: Python literals, else strings.

    Raises:
        InputShapeError: If `forward` has no such argument.
    """
    parameters = signature.parameters
    for name in arguments:
        if name not in parameters and not _takes_keywords(signature):
            raise InputShapeError(f"`forward` has no argument `{name}` for `--arg`{_nearest(name, parameters)}")
    return {name: literal(text) for name, text in arguments.items()}


def literal(text: str) -> Any:
    """The text as a Python literal, else as it stands.

    >>> literal("64"), literal("relu")
    (64, 'relu')
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def in_signature_order(inputs: Sequence[InputSpec], signature: inspect.Signature) -> list[InputSpec]:
    """Inputs in the order of `forward`'s arguments, items of one tuple in theirs."""
    order = list(signature.parameters)

    def key(spec: InputSpec) -> tuple[int, list[tuple[int, str]]]:
        root, *path = spec.name.split(".")
        return order.index(root) if root in order else len(order), [(int(part), "") if part.isdigit() else (0, part) for part in path]

    return sorted(inputs, key=key)


def read_first_axis_as_batch(plan: InputPlan, name: str) -> InputPlan:
    """The plan with one input read again: `64,1,28,28`, which was put a batch in front, is a batch of 64 already.

    For a shape whose extra axis can only be a batch, because the layer that takes it has no room for one more.
    """
    inputs = []
    letters = dict(plan.letters)
    readings = [text for text in plan.readings if not text.startswith(f"{name}: ")]
    for spec in plan.inputs:
        if spec.name == name and len(spec.axes) >= 2 and spec.axes[0] == BATCH and isinstance(spec.axes[1], int):
            letters.setdefault(BATCH, spec.axes[1])
            given = ",".join(str(axis) for axis in spec.axes[1:])
            readings.append(f"{name}: `{given}` read as a batch of {spec.axes[1]}, so {written((BATCH, *spec.axes[2:]))}")
            spec = replace(spec, axes=(BATCH, *spec.axes[2:]))
        inputs.append(spec)
    return replace(plan, inputs=tuple(inputs), letters=letters, readings=tuple(readings))


def _assign_names(shapes: Sequence[ParsedShape], signature: inspect.Signature, literals: Mapping[str, Any]) -> list[str]:
    """The argument that each shape is for; shapes without a name take what is left, in order."""
    kinds = inspect.Parameter
    parameters = signature.parameters
    taken = {shape.name.split(".")[0] for shape in shapes if shape.name is not None} | set(literals)
    free = [n for n, p in parameters.items() if n not in taken and p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    free += [n for n, p in parameters.items() if n not in taken and p.kind is kinds.KEYWORD_ONLY and p.default is p.empty]
    variadic = next((name for name, parameter in parameters.items() if parameter.kind is kinds.VAR_POSITIONAL), None)
    names: list[str] = []
    extra = 0
    for shape in shapes:
        if shape.name is not None:
            root = shape.name.split(".")[0]
            if root not in parameters and not _takes_keywords(signature):
                raise InputShapeError(_unknown_argument(shape, root, parameters))
            names.append(shape.name)
        elif free:
            names.append(free.pop(0))
        elif variadic is not None:
            names.append(f"{variadic}.{extra}")
            extra += 1
        else:
            raise InputShapeError(_too_many(shapes, parameters))
    _check_nesting(names)
    return names


def _unknown_argument(shape: ParsedShape, root: str, parameters: Mapping[str, Any]) -> str:
    text = f"`forward` has no argument `{root}`{_nearest(root, parameters)}"
    if root in BATCH_NAMES or (len(root) == 1 and root.isupper()):
        text += f"; the size of an axis is given by `--size {root}={shape.sizes_text}`"
    return text


def _too_many(shapes: Sequence[ParsedShape], parameters: Mapping[str, Any]) -> str:
    count = len(parameters)
    takes = f"{count} argument{'' if count == 1 else 's'}" + (f" ({', '.join(parameters)})" if parameters else "")
    return f"`forward` takes {takes}, but {len(shapes)} shapes are given"


def _check_nesting(names: Sequence[str]) -> None:
    items: dict[str, set[str]] = {}
    for name in names:
        if names.count(name) > 1:
            raise InputShapeError(f"two shapes are given for `{name}`")
        parts = name.split(".")
        for depth in range(1, len(parts)):
            if (outer := ".".join(parts[:depth])) in names:
                raise InputShapeError(f"`{outer}` is given a shape of its own, so `{name}` cannot be one of its items")
            items.setdefault(outer, set()).add(parts[depth])
    for outer, keys in items.items():
        numbers = {int(key) for key in keys if key.isdigit()}
        if numbers and len(numbers) < len(keys):
            raise InputShapeError(f"items of `{outer}` are given by number and by name; it is either a tuple or a dict")
        if numbers and numbers != set(range(len(numbers))):
            absent = min(set(range(max(numbers))) - numbers)
            raise InputShapeError(f"`{outer}.{absent}` has no shape, though `{outer}.{max(numbers)}` has one")


def _batch_letter(shapes: Sequence[ParsedShape]) -> str | None:
    letters = {letter for shape in shapes for axis in shape.axes if isinstance(axis, str) for letter in axis.split("*")}
    return next((name for name in BATCH_NAMES if name in letters), None)


def _rename(axis: int | str, letter: str | None) -> int | str:
    if isinstance(axis, int) or letter is None:
        return axis
    factors = [_rename_letter(factor, letter) for factor in axis.split("*")]
    return "*".join([*(f for f in factors if f.isdigit()), *sorted(f for f in factors if not f.isdigit())])


def _rename_letter(name: str, letter: str | None) -> str:
    return BATCH if letter is not None and name == letter else name


def _reading(name: str, shape: ParsedShape, axes: tuple[int | str, ...], as_written: bool, batch: bool) -> str:
    given = shape.sizes_text
    if not axes:
        return f"{name}: a scalar"
    if not batch:
        return f"{name}: `{given}` taken as written, {written(axes)}, without a batch axis"
    if as_written:
        return f"{name}: `{given}` taken as written, {written(axes)}"
    return f"{name}: `{given}` read as one sample, so {written(axes)}"


def _takes_keywords(signature: inspect.Signature) -> bool:
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.parameters.values())


def _nearest(name: str, parameters: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(name, parameters, 1)
    if nearest:
        return f"; the nearest is `{nearest[0]}`"
    return f"; it takes {', '.join(f'`{other}`' for other in parameters)}" if parameters else "; it takes none"


def _and(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _options_for(names: Sequence[str]) -> str:
    return " ".join(f"`--input-shape {name}=...`" for name in names)
