"""The tensors that go into `forward`, made from an `InputPlan` at one batch size."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from linearcheck.load.records import InputPlan, InputSpec
from linearcheck.trace.constants import MOST_ELEMENTS
from linearcheck.trace.open_inputs import OpenInput

SMALL_LETTER_SIZES = (7, 11, 13, 17, 19, 23)
HIGHEST_INTEGER = 2


@dataclass
class InputChoices:
    """What was found out about inputs that a plan leaves open: dtypes, and the highest value of integers."""

    dtypes: dict[str, str] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)


@dataclass
class MadeInputs:
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: dict[str, Tensor]
    open: list[OpenInput]


def letters_of(plan: InputPlan) -> tuple[str, ...]:
    """Every letter that stands in the plan's shapes, the batch among them, in order."""
    found: dict[str, None] = {}
    for spec in plan.inputs:
        for axis in spec.axes:
            if isinstance(axis, str):
                for part in axis.replace("+", "*").replace("-", "*").replace("/", "*").split("*"):
                    if not part.strip().isdigit():
                        found[part.strip()] = None
    return tuple(found)


def axis_size(axis: int | str, letters: Mapping[str, int]) -> int:
    """The number that an axis such as `8*N`, `N*T` or `N+1` has under given letters."""
    if isinstance(axis, int):
        return axis
    for sign in ("+", "-"):
        if sign in axis[1:]:
            left, right = axis.rsplit(sign, 1)
            return axis_size(left, letters) + (1 if sign == "+" else -1) * axis_size(right, letters)
    if "/" in axis:
        left, right = axis.rsplit("/", 1)
        return axis_size(left, letters) // max(axis_size(right, letters), 1)
    return math.prod(int(part) if part.strip().isdigit() else letters[part.strip()] for part in axis.split("*"))


def make_inputs(
    plan: InputPlan,
    letters: Mapping[str, int],
    choices: InputChoices,
    model: nn.Module,
    *,
    meta: bool,
    changed_row: int | None = None,
    double: bool = False,
    keep_integers: bool = False,
) -> MadeInputs:
    """The arguments of `forward` for one run.

    Args:
        letters: Size of every letter, the batch `N` included.
        changed_row: One sample of the batch whose values are other than without it (the sample probe).
        double: Whether float32 becomes float64.
        keep_integers: Whether small inputs of integers and booleans have values, which decide what a `forward` does, also on meta.

    Values: floats are standard normal from a fixed seed; integers lie between 1 and `choices.highest` (2), fall along a single axis, as
    sorted lengths do, and differ from sample to sample; booleans alternate.
    """
    if plan.make_arguments is not None:
        return _ready_made(plan, letters, model, meta=meta, double=double, keep_integers=keep_integers)
    tensors: dict[str, Tensor] = {}
    opened: list[OpenInput] = []
    for position, spec in enumerate(plan.inputs):
        shape = tuple(axis_size(axis, letters) for axis in spec.axes)
        name = choices.dtypes.get(spec.name, spec.dtype) or "float32"
        dtype = getattr(torch, name)
        highest = choices.highest.get(spec.name, HIGHEST_INTEGER)
        without_data = meta and not (keep_integers and _decides(dtype, math.prod(shape)))
        tensor = torch.empty(shape, dtype=dtype, device="meta") if without_data else _values(shape, dtype, spec, highest, position)
        if changed_row is not None and not meta:
            _change_row(tensor, spec, changed_row, highest, position)
        if double and tensor.dtype == torch.float32:
            tensor = tensor.double()
        tensors[spec.name] = tensor
        if spec.fill is None:
            opened.append(OpenInput(spec.name, tensor, spec.dtype is None and spec.name not in choices.dtypes, highest))
    args, kwargs = _arrange(plan, tensors, model)
    return MadeInputs(args, kwargs, tensors, opened)


def _decides(dtype: torch.dtype, elements: int) -> bool:
    return not dtype.is_floating_point and not dtype.is_complex and elements <= MOST_ELEMENTS


def _ready_made(
    plan: InputPlan, letters: Mapping[str, int], model: nn.Module, *, meta: bool, double: bool, keep_integers: bool
) -> MadeInputs:
    assert plan.make_arguments is not None
    _seed_values()
    args, kwargs = plan.make_arguments(letters.get("N"))

    def placed(value: Any) -> Any:
        if isinstance(value, Tensor):
            value = value.double() if double and value.dtype == torch.float32 else value
            without_data = meta and not (keep_integers and _decides(value.dtype, value.numel()))
            return value.detach().to("meta") if without_data else value.detach()
        if type(value) in (tuple, list):
            return type(value)(placed(item) for item in value)
        if type(value) is dict:
            return {key: placed(item) for key, item in value.items()}
        return value

    args, kwargs = tuple(placed(arg) for arg in args), {key: placed(value) for key, value in kwargs.items()}
    tensors: dict[str, Tensor] = {}
    try:
        bound = inspect.signature(model.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {str(index): value for index, value in enumerate(args)} | kwargs
    for name, value in bound.items():
        for path, tensor in _named_tensors(name, value):
            tensors[path] = tensor
    return MadeInputs(args, kwargs, tensors, [])


def _named_tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _named_tensors(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _named_tensors(f"{name}.{key}", item)


def _seed_values() -> None:
    torch.manual_seed(1000)


def _values(shape: tuple[int, ...], dtype: torch.dtype, spec: InputSpec, highest: int, position: int) -> Tensor:
    if spec.fill is not None:
        return torch.full(shape, spec.fill, dtype=dtype)
    generator = torch.Generator().manual_seed(1000 + position)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator, dtype=torch.complex64 if dtype.is_complex else torch.float32).to(dtype)
    count = math.prod(shape)
    if dtype == torch.bool:
        return (torch.arange(count) % 3 != 2).reshape(shape)
    if not shape:
        return torch.tensor(min(highest, 1), dtype=dtype)
    lowest = 1 if highest > 1 else 0
    if len(shape) == 1:
        falling = highest - torch.arange(count) * (highest - lowest + 1) // max(count, 1)
        return falling.clamp(min=lowest).to(dtype)
    return torch.randint(lowest, highest + 1, shape, generator=generator).to(dtype)


def _change_row(tensor: Tensor, spec: InputSpec, row: int, highest: int, position: int) -> None:
    """Give one sample other values, in place; inputs without a batch axis and constant ones stay."""
    if "N" not in spec.axes or spec.fill is not None:
        return
    axis = spec.axes.index("N")
    sample = tensor.select(axis, row)
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        generator = torch.Generator().manual_seed(2000 + position)
        sample.copy_(
            torch.randn(sample.shape, generator=generator, dtype=torch.complex64 if tensor.is_complex() else torch.float32).to(tensor.dtype)
            * 1.7
            + 0.3
        )
    elif tensor.dtype == torch.bool:
        return
    elif tensor.dim() > 1:
        lowest = 1 if highest > 1 else 0
        sample.copy_(highest + lowest - sample)


def _arrange(plan: InputPlan, tensors: Mapping[str, Tensor], model: nn.Module) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put tensors where their names say: arguments by name, elements of tuples (`h.0`), values of dicts (`batch.image`)."""
    named: dict[str, Any] = {}
    for name, tensor in tensors.items():
        head, *path = name.split(".")
        if not path:
            named[head] = tensor
        else:
            named[head] = _put(named.get(head), path, tensor)
    values = {**{name: _frozen(value) for name, value in named.items()}, **plan.literals}
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return tuple(values.values()), {}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    by_position = True
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            args.extend(value for name, value in values.items() if name not in signature.parameters)
            values = {name: value for name, value in values.items() if name in signature.parameters}
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs.update({name: value for name, value in values.items() if name not in signature.parameters})
        elif parameter.name not in values:
            by_position = False
        elif by_position and parameter.kind is not parameter.KEYWORD_ONLY:
            args.append(values[parameter.name])
        else:
            kwargs[parameter.name] = values[parameter.name]
    return tuple(args), kwargs


def _put(container: Any, path: list[str], tensor: Tensor) -> Any:
    container = {} if container is None else container
    key, *rest = path
    container[key] = _put(container.get(key), rest, tensor) if rest else tensor
    return container


def _frozen(value: Any) -> Any:
    """Dicts whose keys count from 0 are tuples."""
    if not isinstance(value, dict):
        return value
    inner = {key: _frozen(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return tuple(inner[str(index)] for index in range(len(inner)))
    return inner
