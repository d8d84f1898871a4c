"""Results that are known without asking PyTorch, for calls on `meta` that are slow or refused there though right.

Source: `torch.batch_norm` on meta runs its decomposition into a dozen reference operations, several milliseconds a call on torch 2.13,
half of a trace of ResNet-152. Its output has its input's shape and dtype whenever every statistic and weight has one number a channel.
`torch._grouped_mm`, which mixtures of experts call, takes bfloat16 alone on meta and every floating dtype on the CPU (torch 2.14).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training")


def known_result(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """What a right call on meta returns; None where only the call itself can tell."""
    if bare == "_grouped_mm":
        return _grouped_product(args, kwargs)
    if bare != "batch_norm" or torch.is_grad_enabled() or not args:
        return None
    given = dict(zip(_BATCH_NORM, args, strict=False)) | kwargs
    x = given["input"]
    if type(x) is not Tensor or not x.is_meta or x.dim() < 2 or x.numel() == 0 or not x.is_floating_point():
        return None
    statistics = (given.get("running_mean"), given.get("running_var"))
    if given.get("training") is not False or any(type(each) is not Tensor for each in statistics):
        return None
    per_channel = [each for each in (*statistics, given.get("weight"), given.get("bias")) if each is not None]
    if all(isinstance(each, Tensor) and each.is_meta and each.shape == (x.shape[1],) and each.dtype == x.dtype for each in per_channel):
        return torch.empty_like(x)
    return None


def _grouped_product(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    factors = args[:2]
    if len(factors) < 2 or not all(isinstance(each, Tensor) and each.is_meta and each.is_floating_point() for each in factors):
        return None
    if factors[0].dtype != factors[1].dtype or factors[0].dtype == torch.bfloat16:
        return None
    try:
        product: Tensor = torch._grouped_mm(*(each.bfloat16() for each in factors), *args[2:], **kwargs)
    except RuntimeError:
        return None
    return product.to(factors[0].dtype)
