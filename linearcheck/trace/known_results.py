"""Results that are known without asking PyTorch, for calls on `meta` that are slow or refused there though right.

Source: `torch.batch_norm` on meta runs its decomposition into a dozen reference operations, several milliseconds a call on torch 2.13,
half of a trace of ResNet-152. Its output has its input's shape and dtype whenever every statistic and weight has one number a channel.
Recurrent layers on meta are worked out step by step in Python too: 17 s for Sequencer, of which nothing is left.
`torch._grouped_mm`, which mixtures of experts call, takes bfloat16 alone on meta and every floating dtype on the CPU (torch 2.14).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training")


_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def known_result(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a right call on meta returns; None where only the call itself can tell."""
    if bare == "_grouped_mm":
        return _grouped_product(args, kwargs)
    if bare in _GATES:
        return _recurrent(bare, args)
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


def _recurrent(bare: str, args: tuple[Any, ...]) -> tuple[Tensor, ...] | None:
    """The output and final states of `torch.lstm(input, hx, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first)`
    and its kin, where every weight and state has the size that it must have."""
    if torch.is_grad_enabled() or len(args) != 9 or not isinstance(args[2], (list, tuple)):
        return None  # packed sequences have the weights one place further
    x, state, weights, has_biases, layers, _, _, bidirectional, batch_first = args
    states = tuple(state) if isinstance(state, (tuple, list)) else (state,)
    tensors = [x, *states, *weights]
    if not all(type(each) in (Tensor, torch.nn.Parameter) and each.is_meta for each in tensors) or x.dim() != 3:
        return None
    if len({each.dtype for each in tensors}) > 1 or len(states) != (2 if bare == "lstm" else 1):
        return None
    directions = 2 if bidirectional else 1
    shapes = iter([tuple(each.shape) for each in weights])
    returned = states[0].shape[-1]
    width = x.shape[-1]
    hidden = returned
    for _ in range(layers):
        for _ in range(directions):
            into, recurrent = next(shapes, ()), next(shapes, ())
            if len(into) != 2 or into != (into[0], width) or recurrent != (into[0], returned):
                return None
            if has_biases and (next(shapes, ()), next(shapes, ())) != ((into[0],), (into[0],)):
                return None
            hidden = into[0] // _GATES[bare]
            if hidden * _GATES[bare] != into[0] or (hidden != returned and next(shapes, ()) != (returned, hidden)):
                return None
        width = directions * returned
    samples = x.shape[0 if batch_first else 1]
    wanted = [(layers * directions, samples, returned)]
    if len(states) == 2:
        wanted.append((layers * directions, samples, states[1].shape[-1]))
        if states[1].shape[-1] != hidden:
            return None
    if next(shapes, None) is not None or [tuple(each.shape) for each in states] != wanted:
        return None
    return x.new_empty((*x.shape[:2], width)), *(torch.empty_like(each) for each in states)
