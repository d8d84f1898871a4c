"""What tensors are known as: each state of each tensor has a number, by which calls are told apart and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn

from linearcheck.trace.kept_values import version_of
from linearcheck.trace.raw import Seen

_PLAIN = frozenset({int, float, str, bool, type(None), complex})


class SeenTensors:
    """Every living tensor of a recording by its number. None is kept alive."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[ref[Tensor], Seen]] = {}
        self._built: dict[int, tuple[ref[Tensor], Seen]] = {}
        self._uid = 0

    def finish_building(self) -> None:
        """Keep what was seen of the finished model's tensors."""
        self._built = dict(self._seen)

    def forget_activations(self) -> None:
        """Forget all but parameters; those and the numbers given so far go on."""
        self._seen = {key: known for key, known in self._seen.items() if isinstance(known[0](), nn.Parameter)}

    def n_living(self) -> int:
        return sum(known[0]() is not None for known in self._seen.values())

    def adopt(self, copy: Tensor, original: Tensor) -> None:
        """A buffer of a copied model is known as the original's."""
        known = self._built.get(id(original))
        if known is not None and known[0]() is original:
            self._seen[id(copy)] = (ref(copy), replace(known[1], version=version_of(copy)))

    def note_replacement(self, new: Tensor, old: Tensor) -> None:
        """A tensor that took the place of another is known as that one."""
        known = self.known(old)
        if known is not None:
            self._seen[id(new)] = (ref(new), replace(known, version=version_of(new)))

    def known(self, tensor: Tensor) -> Seen | None:
        known = self._seen.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def is_unchanged(self, tensor: Tensor, seen: Seen) -> bool:
        return seen.shape == _shape(tensor) and seen.version == version_of(tensor)

    def see(self, tensor: Tensor, guesses: frozenset[int] = frozenset()) -> Seen:
        seen = self.known(tensor)
        if seen is not None:
            if seen.shape == _shape(tensor) and (seen.version == version_of(tensor) or isinstance(tensor, nn.Parameter)):
                return seen
            guesses = guesses | seen.guesses
        return self.see_anew(tensor, guesses)

    def see_anew(self, tensor: Tensor, guesses: frozenset[int] = frozenset()) -> Seen:
        self._uid += 1
        try:
            contiguous = tensor.is_contiguous()
        except (RuntimeError, ValueError):  # sparse and nested tensors; parameters of lazy layers before their first call
            contiguous = True
        seen = Seen(self._uid, _shape(tensor), tensor.dtype, contiguous, guesses, version_of(tensor))
        self._seen[id(tensor)] = (ref(tensor), seen)
        return seen

    def capture(self, value: Any) -> Any:
        """An argument as data: tensors become `Seen`, the rest stays or becomes text."""
        if isinstance(value, Tensor):
            return self.see(value)
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, (tuple, list)):
            return tuple([self.capture(item) for item in value])
        if isinstance(value, Mapping):
            return {str(key): self.capture(item) for key, item in value.items()}
        if kind is slice:
            return slice(self.capture(value.start), self.capture(value.stop), self.capture(value.step))
        if value is Ellipsis:
            return "..."
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return {"data": self.see(value.data)}
        if isinstance(value, torch.dtype):
            return str(value)
        if isinstance(value, (int, float, str)):
            return value
        return f"<{kind.__name__}>"

    # Frames of the user's own code


def _shape(tensor: Tensor) -> tuple[int, ...]:
    try:
        return tuple(tensor.shape)
    except (RuntimeError, ValueError):  # nested tensors have no one shape, parameters of lazy layers none yet
        return ()
