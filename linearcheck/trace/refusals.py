"""What eager PyTorch refuses and a trace without data lets pass: checked from the arguments before the call runs on meta.

Source: of 42 calls that raise in eager PyTorch 2.13, 11 pass on meta. The table is kept by a test per torch version.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_SAME_DTYPE = frozenset(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d matmul mm bmm addmm baddbmm mv bilinear "
    "layer_norm group_norm "
    "lstm gru rnn_tanh rnn_relu".split()
)
_FLOATING_ONLY = frozenset(
    "softmax log_softmax softmin gelu silu mish elu selu celu leaky_relu hardswish layer_norm batch_norm group_norm dropout "
    "bernoulli".split()
)


class RefusedInEager(RuntimeError):
    """Raised in place of eager PyTorch, in its sense though not in its words."""


def refuse_like_eager(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """
    Raises:
        RefusedInEager: Where the same call on real tensors would raise.
    """
    if not args or not isinstance(args[0], Tensor):
        return
    x = args[0]
    if bare in _SAME_DTYPE and not torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled("cuda"):
        _same_dtype(bare, args, kwargs)
    if (
        bare in _FLOATING_ONLY
        and not (x.is_floating_point() or x.is_complex())
        and kwargs.get("dtype") is None
        and not (bare == "dropout" and not _training(args, kwargs))
    ):
        raise RefusedInEager(f"{bare} takes floating-point tensors, not {_dtype(x)}")
    if bare in {"relu", "relu6"} and x.dtype == torch.bool:
        raise RefusedInEager("relu takes numbers, not bool")
    if bare == "binary_cross_entropy" and len(args) > 1 and isinstance(args[1], Tensor) and args[1].dtype != x.dtype:
        raise RefusedInEager(f"{bare} takes targets of its input's dtype {_dtype(x)}, not {_dtype(args[1])}")
    if bare.startswith("conv_transpose") and len(args) > 1 and isinstance(args[1], Tensor):
        dims = int(bare[-2])
        weight = args[1]
        channels = x.shape[1] if x.dim() == dims + 2 else x.shape[0] if x.dim() == dims + 1 else None
        if channels is not None and weight.dim() == dims + 2 and channels != weight.shape[0]:
            raise RefusedInEager(f"{bare} expects {weight.shape[0]} channels, its input has {channels}")


def _same_dtype(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    tensors = [arg for arg in (*args[:3], *kwargs.values()) if isinstance(arg, Tensor)]
    weights = (
        [item for arg in args if isinstance(arg, (list, tuple)) for item in arg if isinstance(item, Tensor)]
        if bare in {"lstm", "gru", "rnn_tanh", "rnn_relu"}
        else []
    )
    dtypes = {tensor.dtype for tensor in (*tensors, *weights)}
    if len(dtypes) > 1:
        if (
            bare in {"layer_norm", "group_norm"}
            and args[0].dtype in {torch.bfloat16, torch.float16}
            and dtypes <= {args[0].dtype, torch.float32}
        ):
            return  # mixed precision of the normalisations themselves
        raise RefusedInEager(f"{bare} takes tensors of one dtype, not {' and '.join(sorted(map(_name, dtypes)))}")


def _training(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return bool(kwargs.get("training", args[2] if len(args) > 2 else True))


def _dtype(tensor: Tensor) -> str:
    return _name(tensor.dtype)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
