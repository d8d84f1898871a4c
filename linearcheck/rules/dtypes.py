"""Number types by name."""

from __future__ import annotations

_FLOATS = ("float", "bfloat", "double", "half", "complex")


def is_integer(dtype: str) -> bool:
    """Whether a dtype counts: `int64`, `uint8`; `bool` does not.

    >>> is_integer("int64"), is_integer("bool"), is_integer("float32")
    (True, False, False)
    """
    return dtype.startswith(("int", "uint")) or dtype in ("long", "short")


def is_floating(dtype: str) -> bool:
    return dtype.startswith(_FLOATS)
