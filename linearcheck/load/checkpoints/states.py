"""Where in the object that a checkpoint holds the state of a model is: at its top, under a key, or in a pickled module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from linearcheck.load.checkpoints.pickles import Made
from linearcheck.load.checkpoints.tensors import tensor_in
from linearcheck.trace.records import StateEntry

MOST_STATES = 64
MOST_PLACES = 200_000
MOST_ENTRIES = 1_000_000
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class State:
    """Tensors by name. `place` is where they were found: `state_dict`, `ema.model`, "" for the top."""

    place: str
    entries: tuple[StateEntry, ...]


def states_in(value: Any) -> tuple[State, ...]:
    """Every mapping that may be the state of a model, those at the top first; and those of one mapping together, by their full names."""
    states: list[State] = []
    seen: set[int] = set()
    queue: list[tuple[str, Any, int]] = [("", value, 0)]
    for place, holder, depth in queue:
        if id(holder) in seen or len(states) == MOST_STATES or len(queue) > MOST_PLACES:
            continue
        seen.add(id(holder))
        if isinstance(holder, Made) and (entries := tuple(_of_module(holder))):
            states.append(State(place, entries))
            continue
        items = _items(holder)
        if entries := tuple(_tensors(items)):
            states.append(State(place, entries))
        if depth < DEEPEST:
            queue += [(f"{place}.{key}".lstrip("."), inner, depth + 1) for key, inner in items.items() if isinstance(inner, (dict, Made))]
    together = _together(states)
    return (*states, together) if together is not None else tuple(states)


def _items(holder: Any) -> Mapping[Any, Any]:
    if isinstance(holder, dict):
        return holder
    if isinstance(holder, Made):
        state = holder.state if isinstance(holder.state, dict) else {}
        return holder.items or state
    return {}


def _tensors(items: Mapping[Any, Any]) -> Iterator[StateEntry]:
    for key, value in items.items():
        tensor = tensor_in(value) if isinstance(value, Made) else None
        if tensor is not None and isinstance(key, str):
            yield StateEntry(key, tensor.shape, tensor.dtype)


def _of_module(module: Made) -> Iterator[StateEntry]:
    """The parameters and buffers of a pickled module, named as its state dict names them."""
    pending: list[tuple[str, Any, int]] = [("", module, 0)]
    count = 0
    while pending:
        prefix, holder, depth = pending.pop()
        state = holder.state if isinstance(holder, Made) and isinstance(holder.state, dict) else {}
        skipped = _members(state.get("_non_persistent_buffers_set"))
        for kind in ("_parameters", "_buffers"):
            for key, value in _items(state.get(kind)).items():
                tensor = tensor_in(value)
                if tensor is not None and str(key) not in skipped:
                    count += 1
                    yield StateEntry(f"{prefix}{key}", tensor.shape, tensor.dtype)
        children = list(_items(state.get("_modules")).items()) if "_parameters" in state else []
        if depth < 64 and count < MOST_ENTRIES:
            pending += [(f"{prefix}{name}.", child, depth + 1) for name, child in reversed(children)]


def _members(value: Any) -> set[str]:
    """The texts in a pickled set: its argument in older protocols, added to it in newer ones."""
    if not isinstance(value, Made):
        return set()
    given = value.arguments[0] if value.arguments and isinstance(value.arguments[0], list) else []
    return {item for item in (*given, *value.appended) if isinstance(item, str)}


def _together(states: list[State]) -> State | None:
    """Parts that were saved side by side (`encoder`, `decoder`), as one state."""
    parts = [state for state in states if state.place and "." not in state.place]
    if len(parts) < 2:
        return None
    entries = tuple(StateEntry(f"{part.place}.{entry.name}", entry.shape, entry.dtype) for part in parts for entry in part.entries)
    return State("", entries)
