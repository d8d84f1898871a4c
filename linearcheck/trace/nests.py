"""Tensors in nests of tuples, lists and mappings: found, looked for, exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor in a nest of tuples, lists, mappings and simple objects, in order."""
    found: list[Tensor] = []
    _collect(value, found, 0)
    return found


def _collect(value: Any, found: list[Tensor], depth: int) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif depth > 6 or isinstance(value, (str, bytes, int, float, type(None), nn.Module)):
        return
    elif isinstance(value, (tuple, list, set)):
        for item in value:
            _collect(item, found, depth + 1)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found, depth + 1)
    elif hasattr(value, "__dataclass_fields__") or type(value).__module__ not in {"builtins", "torch"}:
        for item in getattr(value, "__dict__", {}).values():
            _collect(item, found, depth + 1)


def mentions(value: Any, tensor: Tensor) -> bool:
    """Whether this very tensor stands in a nest of tuples and lists."""
    if value is tensor:
        return True
    return isinstance(value, (tuple, list)) and any(mentions(item, tensor) for item in value)


def replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    """The nest with one tensor in place of another."""
    if value is old:
        return new
    if isinstance(value, tuple):
        return tuple(replaced(item, old, new) for item in value)
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, old, new) for key, item in value.items()}
    return value
