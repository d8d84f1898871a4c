"""Small constants keep their values while a model is built and run without data.

`[x.item() for x in torch.linspace(0, rate, depth)]` is how many models spread a rate over their blocks: the one thing in their constructors
that reads a value. So what is made from numbers of the user's own alone stays on the CPU, and so does what is computed from it alone
(positions, masks, which decide what a `forward` does); it joins the tensors without data where one of them takes part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

MOST_ELEMENTS = 1 << 16
OF_NUMBERS = frozenset({"linspace", "logspace", "arange", "range", "tensor", "as_tensor", "scalar_tensor"})
_REGISTRIES = frozenset({"_parameters", "_buffers", "_modules"})


def keeps_its_values(bare: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call makes, or computes from such constants alone, a tensor that is small enough to be kept with its values."""
    if bare in OF_NUMBERS:
        return _elements(bare, args, kwargs) <= MOST_ELEMENTS and not any(tensor.is_meta for tensor in _tensors((args, kwargs)))
    tensors = _tensors((args, kwargs))
    return bool(tensors) and all(not tensor.is_meta and tensor.numel() <= MOST_ELEMENTS for tensor in tensors)


def on_cpu(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that make the result on the CPU."""
    if bare == "to":
        args = tuple(
            torch.device("cpu") if isinstance(arg, torch.device) or (isinstance(arg, str) and arg == "meta") else arg for arg in args
        )
    return args, {**kwargs, "device": "cpu"} if bare in OF_NUMBERS or kwargs.get("device") is not None else kwargs


def joined(
    args: tuple[Any, ...], kwargs: dict[str, Any], replaced: Callable[[Tensor, Tensor], None]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with every tensor without data, as soon as one of them is; the same objects where there is nothing to change.

    Args:
        replaced: Called with each new tensor and the one that it stands for.
    """
    if not are_mixed(args, kwargs):
        return args, kwargs

    def without_data(tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            return tensor
        moved = tensor.to("meta")
        replaced(moved, tensor)
        return moved

    return _mapped(args, without_data), _mapped(kwargs, without_data)


def are_mixed(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether tensors with data stand beside tensors without."""
    return len({tensor.is_meta for tensor in _tensors((args, kwargs))}) == 2


def move_to_meta(model: nn.Module, replaced: Callable[[Tensor, Tensor], None]) -> None:
    """Parameters, buffers and other tensors of the finished model that kept their values give them up.

    Args:
        replaced: Called with each parameter's and buffer's new tensor and its old one.
    """
    for module in model.modules():
        for name, value in list(vars(module).items()):
            if (
                name not in _REGISTRIES
                and isinstance(value, (Tensor, tuple, list, dict))
                and any(not tensor.is_meta for tensor in _tensors(value))
            ):
                vars(module)[name] = _mapped(value, _without_data)
        for name, parameter in module._parameters.items():
            if parameter is not None and not parameter.is_meta and not torch.nn.parameter.is_lazy(parameter):
                module._parameters[name] = moved = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
                replaced(moved, parameter)
        for name, buffer in module._buffers.items():
            if buffer is not None and not buffer.is_meta and not torch.nn.parameter.is_lazy(buffer):
                module._buffers[name] = without_data = buffer.to("meta")
                replaced(without_data, buffer)


def _elements(bare: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if bare in {"linspace", "logspace"}:
        return float(kwargs.get("steps", args[2] if len(args) > 2 else 0))
    if bare in {"arange", "range"}:
        return max(map(abs, numbers), default=0) * (2 if len(numbers) > 1 else 1)
    return math.inf if bare == "scalar_tensor" and not numbers else 0


def _without_data(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else tensor.to("meta")


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _tensors(item)]
    if isinstance(value, Mapping):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    return []


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (tuple, list):
        return type(value)([_mapped(item, change) for item in value])
    if type(value) is dict:
        return {key: _mapped(item, change) for key, item in value.items()}
    return value
