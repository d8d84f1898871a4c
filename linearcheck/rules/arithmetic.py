"""Arithmetic of sizes: windows, broadcasting, reshapes. Plain numbers in, plain numbers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from math import prod

from linearcheck.sizes import Shape, Size


class EmptyOutputError(ValueError):
    """A window that is larger than what it slides over."""


def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Size of one axis after a convolution or pooling window slid along it.

    Args:
        size: Size of the input axis, in elements (pixels for H and W).
        kernel, stride, dilation: As given to the layer, in elements.
        padding: Elements added on *each* side, so twice this in all.

    Shapes:
        One axis at a time: (N, C, H, W) -> (N, C_out, conv_output_size(H), conv_output_size(W)).

    Raises:
        EmptyOutputError: If the dilated kernel is larger than the padded axis (reported as LC205).

    Source:
        torch.nn.Conv2d, section "Shape" (PyTorch 2.13).

    >>> conv_output_size(28, kernel=5)                          # LeNet: 28 -> 24
    24
    >>> conv_output_size(224, kernel=7, stride=2, padding=3)    # ResNet stem
    112
    """
    reach = dilated_kernel(kernel, dilation)
    if size + 2 * padding < reach:
        raise EmptyOutputError(f"a window of {reach} does not fit {size + 2 * padding}")
    return (size + 2 * padding - reach) // stride + 1


def pool_output_size(
    size: int, kernel: int, stride: int | None = None, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Size of one axis after pooling; `stride` is the kernel where it is left out.

    Raises:
        EmptyOutputError: If no window fits.

    Source:
        `pooling_output_shape` of ATen (PyTorch 2.13): with `ceil_mode` a last window may hang over the right edge if it starts inside
        the input or the left padding.

    >>> pool_output_size(7, 2), pool_output_size(7, 2, ceil_mode=True)
    (3, 4)
    """
    stride = stride or kernel
    room = size + 2 * padding - dilated_kernel(kernel, dilation)
    output = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (output - 1) * stride >= size + padding:
        output -= 1
    if output < 1:
        raise EmptyOutputError(f"a window of {kernel} does not fit {size + 2 * padding}")
    return output


def conv_transpose_output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Size of one axis after a transposed convolution.

    Source:
        torch.nn.ConvTranspose2d, section "Shape" (PyTorch 2.13).

    >>> conv_transpose_output_size(7, kernel=4, stride=2, padding=1)
    14
    """
    output = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    if output < 1:
        raise EmptyOutputError(f"{size} becomes {output}")
    return output


def dilated_kernel(kernel: int, dilation: int = 1) -> int:
    """How many elements a kernel reaches over.

    >>> dilated_kernel(3, dilation=2)
    5
    """
    return dilation * (kernel - 1) + 1


def same_padding(kernel: int, dilation: int = 1) -> int | None:
    """Padding with which a convolution of stride 1 keeps the size, or None where an even kernel has none.

    >>> same_padding(3, dilation=2), same_padding(4)
    (2, None)
    """
    room = dilated_kernel(kernel, dilation) - 1
    return room // 2 if room % 2 == 0 else None


def broadcast_clashes(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """Axes, counted from the right as negative numbers, along which two shapes cannot be broadcast together.

    >>> broadcast_clashes((4, 8, 64, 64), (4, 1, 64))
    (-3,)
    >>> broadcast_clashes((4, 1), (4,))
    ()
    """
    shared = min(len(first), len(second))
    return tuple(axis for axis in range(-1, -shared - 1, -1) if first[axis] != second[axis] and 1 not in (first[axis], second[axis]))


def broadcast_shape(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...] | None:
    """The shape that two shapes broadcast to, or None where they do not.

    >>> broadcast_shape((4, 1), (4,))
    (4, 4)
    """
    if broadcast_clashes(first, second):
        return None
    rank = max(len(first), len(second))
    left, right = (1,) * (rank - len(first)) + tuple(first), (1,) * (rank - len(second)) + tuple(second)
    return tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))


AxisGroup = tuple[tuple[int, ...], tuple[int, ...]]


def reshape_groups(old: Sequence[int], new: Sequence[int]) -> tuple[AxisGroup, ...] | None:
    """Which axes of a reshape's input make up which axes of its output, in the smallest groups, or None where the counts differ.

    >>> reshape_groups((4, 16, 5, 5), (4, 400))
    (((0,), (0,)), ((1, 2, 3), (1,)))
    >>> reshape_groups((4, 30, 64), (4, 30, 8, 8))
    (((0,), (0,)), ((1,), (1,)), ((2,), (2, 3)))
    >>> reshape_groups((4, 6), (5, 5)) is None
    True
    """
    if prod(old) != prod(new) or 0 in old or 0 in new:
        return None
    groups: list[AxisGroup] = []
    i = j = 0
    while i < len(old) or j < len(new):
        left, right = [i] if i < len(old) else [], [j] if j < len(new) else []
        if not left or not right:  # trailing axes of size 1 belong to the group before them
            taken = (tuple(range(i, len(old))), tuple(range(j, len(new))))
            groups[-1:] = [(groups[-1][0] + taken[0], groups[-1][1] + taken[1])] if groups else [taken]
            break
        have, want = old[i], new[j]
        i, j = i + 1, j + 1
        while have != want:
            if have < want:
                left.append(i)
                have, i = have * old[i], i + 1
            else:
                right.append(j)
                want, j = want * new[j], j + 1
        groups.append((tuple(left), tuple(right)))
    return tuple(groups)


def cuts_through(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether a reshape cuts through an axis instead of merging and splitting whole axes.

    The products of the leading sizes of both shapes, together in order of size, must each divide the next.

    >>> cuts_through((4, 16, 30), (4, 480)), cuts_through((4, 3, 30, 20), (4, 600, 3))
    (False, True)
    """
    bounds = sorted({prod(shape[:count]) for shape in (old, new) for count in range(1, len(shape) + 1)})
    return prod(old) == prod(new) and 0 not in bounds and any(after % before for before, after in pairwise(bounds))


def size_that_gives(wanted: int, output_of: Callable[[int], int], largest: int = 1024) -> int | None:
    """The input size for which `output_of` gives `wanted`: of several the one with the most factors of two, as image sizes have.

    >>> size_that_gives(5, lambda size: ((size - 4) // 2 - 4) // 2)     # LeNet with 400 = 16 * 5 * 5 features
    32
    """
    fitting: list[int] = []
    for size in range(1, largest + 1):
        try:
            output = output_of(size)
        except ValueError:
            continue
        if output == wanted:
            fitting.append(size)
        elif fitting:
            break
    return max(fitting, key=lambda size: (size & -size, -size), default=None)


def is_plain(sizes: Sequence[Size]) -> bool:
    """Whether every size is a number."""
    return all(isinstance(size, int) for size in sizes)


def insertions_that_fit(shape: Shape, target: Shape) -> tuple[tuple[int, ...], ...]:
    """Axes (in the result) at which sizes of 1 make `shape` broadcast to `target` with every named size on its own name.

    Each different result once, those first that leave the last axis where it is.

    >>> from linearcheck.sizes import N
    >>> insertions_that_fit((N, 1, 64), (N, 8, 32, 64))
    ((1,),)
    >>> insertions_that_fit((N, 16), (N, 16, 7, 7))
    ((2, 3),)
    """
    missing = len(target) - len(shape)
    found: dict[Shape, tuple[int, ...]] = {}
    for places in combinations(range(len(target)), missing) if missing > 0 else ():
        rest = iter(shape)
        widened = tuple(1 if axis in places else next(rest) for axis in range(len(target)))
        if all(size in (1, wanted) for size, wanted in zip(widened, target, strict=True)):
            found.setdefault(widened, places)
    return tuple(found.values())
