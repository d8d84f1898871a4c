"""Sizes with names: what one axis of a traced shape is, in terms of the batch and other named axes.

A size is a plain `int`, or a `NamedSize` such as `N`, `8*N`, `N*T`, `N/2` or `N+1`, or `UNKNOWN` (`?`).
Everything here is plain data and imports without torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

BATCH = "N"


@dataclass(frozen=True, slots=True)
class NamedSize:
    """`multiple * (product of names) + offset`, e.g. `NamedSize(("N",), Fraction(8))` for `8*N`.

    `UNKNOWN` has no names: an axis whose size follows no line through the traced sizes.
    """

    names: tuple[str, ...]
    multiple: Fraction = Fraction(1)
    offset: int = 0

    def __str__(self) -> str:
        if not self.names:
            return "?"
        text = "*".join(self.names)
        if self.multiple.numerator != 1:
            text = f"{self.multiple.numerator}*{text}"
        if self.multiple.denominator != 1:
            text = f"{text}/{self.multiple.denominator}"
        if self.offset:
            text = f"{text}{self.offset:+d}"
        return text


Size = int | NamedSize
Shape = tuple[Size, ...]

UNKNOWN = NamedSize(())
N = NamedSize((BATCH,))


def is_batch(size: Size) -> bool:
    """Whether an axis is the batch itself: `N`, not `2*N`.

    >>> is_batch(N), is_batch(NamedSize(("N",), Fraction(2)))
    (True, False)
    """
    return size == N


def depends_on(size: Size, name: str = BATCH) -> bool:
    """Whether a size changes with the named axis; `UNKNOWN` counts as depending on nothing."""
    return isinstance(size, NamedSize) and name in size.names


def batch_axis(shape: Sequence[Size]) -> int | None:
    """Index of the axis that is `N`, or None where no axis or more than one is."""
    axes = [axis for axis, size in enumerate(shape) if is_batch(size)]
    return axes[0] if len(axes) == 1 else None


def size_product(sizes: Iterable[Size]) -> Size:
    """Product of sizes; `UNKNOWN` where a factor is unknown or has an offset.

    >>> str(size_product((N, 16, 4, 4)))
    '256*N'
    >>> size_product((16, 4, 4))
    256
    """
    number = Fraction(1)
    names: tuple[str, ...] = ()
    for size in sizes:
        if isinstance(size, int):
            number *= size
        elif not size.names or size.offset:
            return UNKNOWN
        else:
            number *= size.multiple
            names += size.names
    if not names:
        return int(number) if number.denominator == 1 else UNKNOWN
    if number == 0:
        return 0
    return NamedSize(tuple(sorted(names)), number)


def shape_text(shape: Iterable[Size | str]) -> str:
    """A shape as reports show it.

    >>> shape_text((N, 16, 4, 4))
    '(N, 16, 4, 4)'
    >>> shape_text((N,))
    '(N,)'
    """
    parts = [str(size) for size in shape]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


_SIZE = re.compile(r"^(?:(\d+)\*)?([A-Za-z_]\w*(?:\*[A-Za-z_]\w*)*)(?:/(\d+))?([+-]\d+)?$")


def parse_size(text: str | int) -> Size:
    """The inverse of `str(size)`, as sizes stand in JSON.

    Raises:
        ValueError: If the text is no size.
    """
    if isinstance(text, int):
        return text
    if text == "?":
        return UNKNOWN
    if text.lstrip("-").isdigit():
        return int(text)
    match = _SIZE.match(text)
    if match is None:
        raise ValueError(f"no size: {text!r}")
    multiple, names, divisor, offset = match.groups()
    return NamedSize(tuple(sorted(names.split("*"))), Fraction(int(multiple or 1), int(divisor or 1)), int(offset or 0))
