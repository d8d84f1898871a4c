"""Inputs whose dtype or range nobody gave: what refuses them says which it takes, and the run begins again with that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from linearcheck.trace.nests import mentions, replaced, tensors_of
from linearcheck.trace.signals import RetryInput


@dataclass(slots=True)
class OpenInput:
    """An input whose dtype follows its first consumer."""

    name: str
    tensor: Tensor
    dtype_open: bool
    highest: int


def retry_for_function(inputs: Sequence[OpenInput], func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """
    Raises:
        RetryInput: If a refused call takes an open input in another dtype, or with smaller numbers.
    """
    for spec in inputs:
        if not mentions(args, spec.tensor) and not mentions(tuple(kwargs.values()), spec.tensor):
            continue
        if spec.dtype_open:
            for dtype in _dtypes_to_try(args, kwargs, spec.tensor):
                trial = torch.zeros_like(spec.tensor, dtype=dtype)
                if _runs(func, replaced(args, spec.tensor, trial), replaced(kwargs, spec.tensor, trial)):
                    raise RetryInput(spec.name, dtype=str(dtype).removeprefix("torch."))
        if not spec.tensor.is_floating_point() and spec.highest > 0:
            trial = torch.zeros_like(spec.tensor)
            if _runs(func, replaced(args, spec.tensor, trial), replaced(kwargs, spec.tensor, trial)):
                raise RetryInput(spec.name, highest=spec.highest // 2)


def retry_for_module(inputs: Sequence[OpenInput], module: nn.Module, args: tuple[Any, ...]) -> None:
    """
    Raises:
        RetryInput: If a module that refuses an open input has weights of another dtype.
    """
    for spec in inputs:
        if spec.dtype_open and mentions(args, spec.tensor):
            weight = next(module.parameters(recurse=False), None)
            if weight is not None and weight.dtype != spec.tensor.dtype and weight.is_floating_point():
                raise RetryInput(spec.name, dtype=str(weight.dtype).removeprefix("torch."))


def _runs(func: Any, args: Any, kwargs: Any) -> bool:
    try:
        func(*args, **kwargs)
    except Exception:
        return False
    return True


def _dtypes_to_try(args: tuple[Any, ...], kwargs: dict[str, Any], tensor: Tensor) -> list[torch.dtype]:
    others = [other.dtype for other in tensors_of((args, tuple(kwargs.values()))) if other is not tensor]
    wanted = [*dict.fromkeys(dtype for dtype in others if dtype.is_floating_point), torch.int64, torch.bool, torch.float64]
    return [dtype for dtype in wanted if dtype != tensor.dtype]
