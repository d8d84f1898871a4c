"""The values of a run's calls, kept for the sample probe: as each call returned them, whatever is written into them later."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from linearcheck.trace.functions import parameter_names
from linearcheck.trace.signals import TooLarge


class KeptValues:
    """Values by index of call. They share memory with what they were taken from until that is written to."""

    def __init__(self, limit_bytes: float) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._values: dict[int, list[Tensor]] = {}
        self._versions: dict[int, list[int]] = {}
        self._sharing: dict[int, list[tuple[int, int]]] = {}

    def keep(self, index: int, outputs: list[Tensor]) -> None:
        """Keep what call `index` returned.

        Raises:
            TooLarge: Where all values together take more memory than they may.
        """
        self._values[index] = [tensor.detach() for tensor in outputs]
        self._versions[index] = [version_of(tensor) for tensor in self._values[index]]
        for position, tensor in enumerate(self._values[index]):
            storage = _storage_of(tensor)
            if storage not in self._sharing:  # views take no more memory than what they are views of
                self._sharing[storage] = []
                self._spend(_bytes_of(tensor))
            self._sharing[storage].append((index, position))

    def before_write(self, written: Tensor) -> None:
        """Part with the memory of a tensor that is about to be written to."""
        for index, position in self._sharing.pop(_storage_of(written), ()):
            copied = self._values[index][position].clone()
            self._values[index][position], self._versions[index][position] = copied, version_of(copied)
            self._spend(copied.nbytes)

    def unwritten(self) -> dict[int, list[Tensor]]:
        """All values but those that were written into unnoticed."""
        return {index: tensors for index, tensors in self._values.items() if [version_of(t) for t in tensors] == self._versions[index]}

    def _spend(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limit:
            raise TooLarge("values")


def written_by(func: Callable[..., Any], writes: bool, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors that a call writes into: of a method like `relu_`, by `inplace=True`, as `out=`."""
    written = [value for value in _flat(kwargs.get("out")) if isinstance(value, Tensor)]
    if args and isinstance(args[0], Tensor) and (writes or kwargs.get("inplace") is True or _is_in_place(func, args)):
        written.append(args[0])
    return written


def _is_in_place(func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    if not any(arg is True for arg in args):
        return False
    names = parameter_names(func)
    return "inplace" in names and names.index("inplace") < len(args) and args[names.index("inplace")] is True


def version_of(tensor: Tensor) -> int:
    """How often a tensor has been written to, as far as PyTorch counts it."""
    try:
        return tensor._version
    except (RuntimeError, AttributeError, ValueError):
        return 0


def _flat(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _storage_of(tensor: Tensor) -> int:
    with contextlib.suppress(RuntimeError, NotImplementedError):  # sparse tensors have no storage
        return tensor.untyped_storage().data_ptr()
    return id(tensor)


def _bytes_of(tensor: Tensor) -> int:
    with contextlib.suppress(RuntimeError, NotImplementedError):
        return tensor.untyped_storage().nbytes()
    return 0
