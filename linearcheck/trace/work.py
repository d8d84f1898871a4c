"""How much work and memory a call will take, from the shapes of its arguments, before it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_DENSE = frozenset({"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
_STRIDED = frozenset({"conv1d", "conv2d", "conv3d"})
_PRODUCTS = frozenset({"matmul", "mm", "bmm", "baddbmm", "addmm", "addbmm", "einsum", "mv", "tensordot"})
_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_FACTORIES = frozenset({"zeros", "ones", "rand", "randn", "empty", "full", "randint", "normal", "eye"})


def estimate_work(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[float, float]:
    """(floating-point operations, bytes) of one call; rough, and zero for what is cheap.

    Source: two operations per multiply-add; a convolution multiplies its weight once per output position, taken here as per
    input position that its stride does not pass over; a transposed one once per input position.
    """
    if bare in _FACTORIES:
        size = kwargs.get("size", args)
        if len(size) == 1 and isinstance(size[0], (tuple, list)):
            size = size[0]
        numbers = [n for n in size if isinstance(n, int) and n > 0]
        elements = math.prod(numbers) if numbers else 0
        return 10.0 * elements, 4.0 * elements
    try:
        return _work_on_tensors(bare, args, kwargs), 0.0
    except (RuntimeError, ValueError):  # nested tensors, and parameters of lazy layers, have no size
        return 0.0, 0.0


def _work_on_tensors(bare: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    first = args[0] if args else None
    if not isinstance(first, Tensor):
        return _product_work(args) if bare == "einsum" else 0.0
    if bare in _DENSE and len(args) > 1 and isinstance(args[1], Tensor):
        positions = (
            first.numel() / max(first.shape[-1], 1)
            if bare == "linear"
            else first.numel() / max(first.shape[1] if first.dim() > 1 else 1, 1)
        )
        return 2.0 * positions * args[1].numel() / _passed_over(bare, first, args, kwargs)
    if bare in _PRODUCTS:
        return _product_work(args)
    if bare == "scaled_dot_product_attention" and first.dim() > 1:
        return 4.0 * first.numel() * first.shape[-2]
    if bare == "multi_head_attention_forward":
        width = first.shape[-1] if first.dim() else 1
        rows = first.numel() / max(width, 1)
        return 8.0 * rows * width * width + 4.0 * rows * rows * width / max(first.shape[0], 1)
    if bare in _RECURRENT:
        weights = sum(
            tensor.numel() for value in args if isinstance(value, (list, tuple)) for tensor in value if isinstance(tensor, Tensor)
        )
        return 2.0 * first.numel() / max(first.shape[-1] if first.dim() else 1, 1) * weights
    return 5.0 * first.numel()


def _passed_over(bare: str, given: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    """How many input positions a convolution has for each output position."""
    if bare not in _STRIDED:
        return 1.0
    stride = kwargs.get("stride", args[3] if len(args) > 3 else 1)
    steps = [stride] * max(given.dim() - 2, 1) if isinstance(stride, int) else list(stride)
    return float(max(math.prod(steps), 1))


def _product_work(args: tuple[Any, ...]) -> float:
    tensors = [arg for arg in args if isinstance(arg, Tensor)]
    if len(tensors) < 2 or not all(tensor.dim() for tensor in tensors[:2]):
        return 0.0
    a, b = tensors[0], tensors[1]
    if a.dim() == 1 or b.dim() == 1:
        return 2.0 * max(a.numel(), b.numel())
    return 2.0 * max(a.numel() * b.shape[-1], b.numel() * (a.shape[-2] if a.dim() > 1 else 1))
