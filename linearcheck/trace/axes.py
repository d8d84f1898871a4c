"""Sizes with names: from the numbers of several traces to `N`, `8*N`, `N*T`, `N+1`.

One trace is made at the base sizes of all letters, one more for each letter with that letter alone made larger. Where two points fit
more than one line, a third decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from linearcheck.sizes import UNKNOWN, NamedSize, Shape, Size

BATCH_SIZES = ((4, 8), (12, 24), (20, 40), (28, 56), (36, 72), (44, 88), (52, 104), (68, 136), (76, 152))
LARGEST_DENOMINATOR = 64


def choose_batch_sizes(taken: set[int]) -> tuple[int, int]:
    """n and 2n, multiples of 4, neither among `taken` (sizes of parameters and inputs, literals of the source).

    Source: 2 and 3 fail right models (`chunk(2)`, queues that want a multiple, groups of four); (4, 8) runs them all.

    >>> choose_batch_sizes({4, 16})
    (12, 24)
    """
    return next((pair for pair in BATCH_SIZES if not taken & {*pair}), BATCH_SIZES[1])


def is_doubtful(size: Size) -> bool:
    """Whether a size fits two traced points in a way that a third has to confirm: `N+1`, `N/2`, `N*N`."""
    return (
        isinstance(size, NamedSize)
        and bool(size.names)
        and (size.offset != 0 or size.multiple.denominator != 1 or len(size.names) > len(set(size.names)))
    )


def value_at(size: Size, letters: Mapping[str, int]) -> Fraction | None:
    """The number that a size is at given sizes of the letters, None for `UNKNOWN`.

    >>> value_at(NamedSize(("N",), Fraction(2), 1), {"N": 5})
    Fraction(11, 1)
    """
    if isinstance(size, int):
        return Fraction(size)
    if not size.names:
        return None
    number = size.multiple
    for name in size.names:
        number *= letters[name]
    return number + size.offset


def name_size(base: int, varied: Mapping[str, int], letters: Mapping[str, tuple[int, int]]) -> Size:
    """The size of one axis.

    Args:
        base: The number at the base sizes.
        varied: For each letter, the number with that letter alone made larger.
        letters: For each letter, its base size and its larger size.

    >>> str(name_size(8, {"N": 16}, {"N": (4, 8)}))
    '2*N'
    >>> str(name_size(16, {"N": 64}, {"N": (4, 8)}))
    'N*N'
    """
    moving = [letter for letter, value in varied.items() if value != base]
    if not moving:
        return base
    if len(moving) == 1:
        return _along(moving[0], base, varied[moving[0]], *letters[moving[0]])
    product = 1
    for letter in moving:
        small, large = letters[letter]
        if varied[letter] * small != base * large:
            return UNKNOWN
        product *= small
    return _named(tuple(moving), Fraction(base, product), 0)


def _along(letter: str, base: int, larger: int, small: int, large: int) -> Size:
    if base * large == larger * small:
        return _named((letter,), Fraction(base, small), 0)
    if base * large * large == larger * small * small and base % (small * small) == 0:
        return _named((letter, letter), Fraction(base, small * small), 0)
    slope = Fraction(larger - base, large - small)
    offset = base - slope * small
    if slope <= 0 or offset.denominator != 1:
        return UNKNOWN
    return _named((letter,), slope, int(offset))


def _named(names: tuple[str, ...], multiple: Fraction, offset: int) -> Size:
    if multiple.denominator > LARGEST_DENOMINATOR:
        return UNKNOWN
    return NamedSize(tuple(sorted(names)), multiple, offset)


def name_shape(base: Sequence[int], varied: Mapping[str, Sequence[int]], letters: Mapping[str, tuple[int, int]]) -> Shape:
    """`name_size` for every axis; plain numbers where the ranks differ between traces."""
    if any(len(shape) != len(base) for shape in varied.values()):
        return tuple(base)
    return tuple(name_size(size, {letter: shape[axis] for letter, shape in varied.items()}, letters) for axis, size in enumerate(base))
