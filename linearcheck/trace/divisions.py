"""Layers that torch refuses to build because one of their numbers has to divide another, built all the same with a number that does.

`embed_dim must be divisible by num_heads` ends the constructor of the whole model. Heads and groups change no shape of what comes out, so
with another number of them the trace goes on as if the layer had been right. Source: the constructors of torch.nn, 2.13.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import gcd
from typing import Any

from torch import nn

from linearcheck.trace.records import Indivisible

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_DIVIDED: Mapping[type[nn.Module], tuple[str, tuple[str, ...]]] = {
    nn.MultiheadAttention: ("num_heads", ("embed_dim",)),
    nn.GroupNorm: ("num_groups", ("num_channels",)),
    **dict.fromkeys(_CONVOLUTIONS, ("groups", ("in_channels", "out_channels"))),
}
"""The argument that divides, and those that it has to divide."""


@contextmanager
def built_all_the_same(note: Callable[[nn.Module, Indivisible], None], is_handled: Callable[[Exception], bool]) -> Iterator[None]:
    """While it is on, such layers are built with the largest number that divides, and `note` is told.

    Args:
        is_handled: Whether the user's code has a way of its own for an exception; it is raised then.
    """
    originals = {kind: kind.__init__ for kind in _DIVIDED}
    for kind in _DIVIDED:
        kind.__init__ = _forgiving(kind, note, is_handled)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for kind, original in originals.items():
            kind.__init__ = original  # type: ignore[method-assign]


def _forgiving(
    kind: type[nn.Module], note: Callable[[nn.Module, Indivisible], None], is_handled: Callable[[Exception], bool]
) -> Callable[..., None]:
    original = kind.__init__
    signature = inspect.signature(original)
    argument, sizes = _DIVIDED[kind]

    @functools.wraps(original)
    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        try:
            return original(self, *args, **kwargs)
        except (AssertionError, ValueError) as error:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            found = _indivisible(argument, sizes, bound.arguments)
            if found is None or is_handled(error):
                raise
        bound.arguments[argument] = gcd(found.number, *(bound.arguments[name] for name in sizes))
        original(*bound.args, **bound.kwargs)
        return note(self, found)

    return init


def _indivisible(argument: str, sizes: tuple[str, ...], given: Mapping[str, Any]) -> Indivisible | None:
    number = given.get(argument)
    if type(number) is not int or number < 1 or any(type(given.get(name)) is not int or given[name] < 1 for name in sizes):
        return None
    return next((Indivisible(argument, number, name, given[name]) for name in sizes if given[name] % number), None)
