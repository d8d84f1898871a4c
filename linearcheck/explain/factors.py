"""Where a number of features may come from: the feature maps (channels, height, width) that flatten to it."""

from __future__ import annotations

from math import isqrt

_LARGEST_SIDE = 256
_UNUSUAL = 4
_SMALLEST_MAP = 32
_IMAGE_SIDES = frozenset({28, 32, 48, 64, 84, 96, 128, 224, 227, 256})


def feature_maps(size: int, most: int = 3) -> list[tuple[int, int, int]]:
    """Square feature maps with this many values, those first that networks mostly have.

    >>> feature_maps(1600)
    [(64, 5, 5), (16, 10, 10), (4, 20, 20)]
    >>> feature_maps(784, 1), feature_maps(25088, 1), feature_maps(7)
    ([(1, 28, 28)], [(512, 7, 7)], [])
    """
    sides = [side for side in range(2, min(isqrt(size), _LARGEST_SIDE) + 1) if size % (side * side) == 0]
    found = sorted(((size // (side * side), side, side) for side in sides), key=_strangeness)
    usual = [shape for shape in found if _strangeness(shape)[0] < _UNUSUAL]
    return (usual or found)[:most]


def _strangeness(shape: tuple[int, int, int]) -> tuple[int, bool, int]:
    channels, side, _ = shape
    is_image = channels in (1, 3) and side in _IMAGE_SIDES
    is_power_of_two = channels >= 4 and channels & (channels - 1) == 0
    kind = 0 if is_image else 1 if is_power_of_two else 2 if channels % 8 == 0 else 3 if channels in (6, 10, 12, 20, 50) else _UNUSUAL
    return kind, side < 4, -channels


def product_text(size: int) -> str:
    """The maps that a size may be, as a phrase; "" where there is none.

    >>> product_text(400)
    '16 * 5 * 5 or 4 * 10 * 10'
    """
    texts = [" * ".join(map(str, shape)) for shape in feature_maps(size)] if size >= _SMALLEST_MAP else []
    return f"{', '.join(texts[:-1])} or {texts[-1]}" if len(texts) > 1 else "".join(texts)


def common_channels(got: int, expected: int) -> tuple[int, int, int] | None:
    """Channels that both sizes may have, with the side of the square map of each; those first that networks mostly have.

    >>> common_channels(256, 400), common_channels(1600, 400), common_channels(1600, 120)
    ((16, 4, 5), (16, 10, 5), None)
    """
    fitting: list[tuple[int, int, int]] = []
    for side in range(2, min(isqrt(got), _LARGEST_SIDE) + 1):
        channels = got // (side * side)
        if got % (side * side) == 0 and channels >= 4 and expected % channels == 0:
            wanted = isqrt(expected // channels)
            if wanted >= 2 and wanted**2 * channels == expected and side != wanted:
                fitting.append((channels, side, wanted))
    return min(fitting, key=lambda found: _strangeness((found[0], found[1], found[1])), default=None)
