"""Devices that are not there: calls that name CUDA, or any accelerator this machine lacks, run where the model is.

Applied in the recorder's function mode, so it covers `.cuda()`, `.to("cuda")`, `device="cuda"` and tensors' own devices;
what no function mode sees is patched by `load/devices.py`.
"""

from __future__ import annotations

from typing import Any

import torch

_ABSENT = frozenset({"cuda", "mps", "xpu", "npu", "hpu", "xla", "musa", "mtia"})
_MOVES = frozenset({"cuda", "cpu", "xpu", "mps", "npu", "pin_memory"})

Rewritten = tuple[tuple[Any, ...], dict[str, Any]]


def is_move(bare: str) -> bool:
    """Whether a method only moves its tensor to a device (`.cuda()`, `.cpu()`), which here is no move at all."""
    return bare in _MOVES


def rewrite(bare: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, meta: bool) -> Rewritten | None:
    """Arguments with every absent device replaced by where this trace runs, or None where there is nothing to change."""
    here = "meta" if meta else "cpu"
    changed = False
    device = kwargs.get("device")
    if device is not None and (_is_absent(device, meta) or _is_index(device)):
        kwargs, changed = {**kwargs, "device": here}, True
    if bare == "to":
        moved = tuple(here if _is_absent(arg, meta) or _is_index(arg) else arg for arg in args)
        changed = changed or any(new is not old for new, old in zip(moved, args, strict=True))
        args = moved
    elif bare == "type" and len(args) > 1 and isinstance(args[1], str) and args[1].startswith("torch.cuda."):
        args, changed = (args[0], args[1].replace("torch.cuda.", "torch."), *args[2:]), True
    elif bare == "load" and "map_location" in kwargs:
        kwargs, changed = {**kwargs, "map_location": here}, True
    return (args, kwargs) if changed else None


def _is_absent(device: Any, meta: bool) -> bool:
    if isinstance(device, torch.device):
        kind = device.type
    elif isinstance(device, str):
        kind = device.split(":")[0]
    else:
        return False
    return kind in _ABSENT or (meta and kind == "cpu")


def _is_index(device: Any) -> bool:
    """A CUDA device by its number."""
    return isinstance(device, int) and not isinstance(device, bool)
