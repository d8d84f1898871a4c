"""The state of a checkpoint that is meant for a model: of several mappings with tensors, the one that matches best."""

from __future__ import annotations

from collections.abc import Sequence

from linearcheck.load.checkpoints.reading import Contents
from linearcheck.load.checkpoints.states import State
from linearcheck.trace.records import Checkpoint, StateEntry
from linearcheck.trace.state_names import correspond

USUAL = ("", "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params", "ema", "model_ema")
MOST_COMPARED = 12


def choose_state(
    contents: Contents, wanted: Sequence[StateEntry], path: str, adapting: Sequence[str] = ()
) -> tuple[Checkpoint, tuple[str, ...]]:
    """What is compared with the model, and sentences that say which of several it was."""
    by_size = sorted(contents.states, key=lambda state: (state.place.count("."), _rank(state.place), -len(state.entries)))[:MOST_COMPARED]
    best = max(by_size, key=lambda state: correspond(state.entries, wanted).score)  # the first of equals
    checkpoint = Checkpoint(path, best.entries, tuple(wanted), best.place, contents.format, tuple(adapting))
    return checkpoint, _readings(contents, best, path)


def _rank(place: str) -> int:
    last = place.rpartition(".")[2]
    return USUAL.index(last) if last in USUAL else len(USUAL)


def _readings(contents: Contents, chosen: State, path: str) -> tuple[str, ...]:
    others = [state for state in contents.states if state is not chosen and state.place and "." not in state.place]
    parts = {entry.name.partition(".")[0] for entry in chosen.entries} if not chosen.place else set()
    others = [state for state in others if state.place not in parts]
    where = f"its `{chosen.place}`" if chosen.place else "the tensors at its top"
    rest = f"; it also holds {', '.join(f'`{state.place}`' for state in others[:4])}" if others else ""
    said = [f"`{path}`: compared with {where}, {len(chosen.entries)} tensors{rest}"] if chosen.place or others else []
    if contents.foreign:
        names = ", ".join(f"`{name}`" for name in contents.foreign[:4]) + (", ..." if len(contents.foreign) > 4 else "")
        said.append(f"`{path}`: loading it as a pickle would call or build {names}; none of it was run")
    return tuple(said)
