"""LC304 `recurrent-size-mismatch`: an LSTM, GRU or RNN gets another `input_size`, number of axes or hidden state than it takes.

## What it catches
`nn.LSTM`, `nn.GRU`, `nn.RNN` and their cells: the last axis of the input is not `input_size`, or `h_0`, `c_0` are not
(layers * directions, N, hidden_size).

## Why it matters
The hidden state never has the batch first, not even with `batch_first=True`.

## Example
    self.rnn = nn.LSTM(64, 128, batch_first=True)
    return self.rnn(self.embedding(ids))    # (N, 20, 50)

## Fix
    self.rnn = nn.LSTM(50, 128, batch_first=True)
Unsafe: the layer before may be the one that is wrong. Both are offered.

## PyTorch says
    input.size(-1) must be equal to input_size. Expected 64, got 50
    Expected hidden[0] size (1, 4, 128), got [4, 1, 128]
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import RECURRENT, RECURRENT_CELLS, declared_int, input_pin, torch_layer
from linearcheck.rules.operands import reorder_sizes, resize_parameter
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import change_argument, combined, fit_input_size, permute_input, ranked, replace_text, wrap_input
from linearcheck.rules.wording import counted, shape
from linearcheck.sizes import Size, is_batch, shape_text
from linearcheck.trace.records import TensorInfo, Trace, tensors_in

RULE = Rule("LC304", "recurrent-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *RECURRENT, *RECURRENT_CELLS):
        x, layer = failure.input, failure.layer
        size = declared_int(layer, "input_size")
        if x is None or layer is None or size is None:
            continue
        ranks = (1, 2) if failure.operation in RECURRENT_CELLS else (2, 3)
        if x.rank not in ranks:
            yield _wrong_rank(failure, x, size, ranks)
        elif x.shape[-1] != size:
            yield _wrong_input(failure, x, size)
        else:
            states = [state for name in ("hx", "1") for state in tensors_in(failure.call.arguments.get(name))]
            finding = _wrong_state(failure, x, states)
            if finding is not None:
                yield finding


def _wrong_input(failure: Failure, x: TensorInfo, size: int) -> Finding:
    pin = input_pin(failure.trace, failure.call)
    return report(
        RULE,
        failure,
        f"{failure.name} expects {counted(size, 'feature')}, but its input {shape(x)} has {x.sizes[-1]}",
        explain_size(failure.trace, x, x.rank - 1).text or origin_sentence(failure.trace, x),
        got=x.sizes,
        expected=("*", size),
        proposals=ranked(_moved(failure, x, size), fit_input_size(failure.trace, pin, x.shape[-1]) if pin is not None else ()),
    )


def _moved(failure: Failure, x: TensorInfo, size: int) -> Proposal | None:
    axes = [axis for axis in range(x.rank - 1) if x.sizes[axis] == size and not is_batch(x.sizes[axis])]
    if len(axes) != 1 or x.rank != 3:
        return None
    order = [*(axis for axis in range(3) if axis != axes[0]), axes[0]]
    return permute_input(failure, order)


def _wrong_rank(failure: Failure, x: TensorInfo, size: int, ranks: tuple[int, ...]) -> Finding:
    layout = "(N, features)" if ranks == (1, 2) else "(N, steps, features)" if _batch_first(failure) else "(steps, N, features)"
    insert = None
    if x.rank == 1 and ranks == (2, 3) and x.shape[0] != size:
        insert = wrap_input(failure, "unsqueeze", "unsqueeze", f"insert the feature axis before {failure.name}", axes=(1,))
    ones = [axis for axis in range(1, x.rank) if x.shape[axis] == 1]
    dropped = (
        wrap_input(failure, "squeeze", "squeeze", f"drop axis {ones[0]} of size 1 before {failure.name}", axes=ones[:1]) if ones else None
    )
    return report(
        RULE,
        failure,
        f"{failure.name} takes {layout}, but gets {shape(x)} with {counted(x.rank, 'axis').replace('axiss', 'axes')}",
        origin_sentence(failure.trace, x),
        got=x.sizes,
        expected=("*", size),
        proposals=ranked(dropped if x.rank > ranks[1] else insert),
    )


def _batch_first(failure: Failure) -> bool:
    return bool(failure.layer is not None and failure.layer.declared.get("batch_first"))


def _wrong_state(failure: Failure, x: TensorInfo, states: list[TensorInfo]) -> Finding | None:
    for name, state in zip(("h_0", "c_0"), states, strict=False):
        wanted = _state_shape(failure, x, is_cell_state=name == "c_0")
        if state.shape == _measured(wanted, x):
            continue
        return report(
            RULE,
            failure,
            f"{failure.name} takes {name} as {shape_text(wanted)}, but gets {shape(state)}",
            f"A state is {_state_words(failure)}, whatever `batch_first` says. {origin_sentence(failure.trace, state)}".strip(),
            got=state.sizes,
            expected=wanted,
            proposals=_state_proposals(failure, state, wanted, states),
        )
    return None


def _state_proposals(failure: Failure, state: TensorInfo, wanted: tuple[Size, ...], states: list[TensorInfo]) -> tuple[Proposal, ...]:
    trace, layer = failure.trace, failure.layer
    differing = [axis for axis in range(state.rank) if state.rank == len(wanted) and state.sizes[axis] != wanted[axis]]
    if len(differing) == 2 and state.sizes[differing[0]] == wanted[differing[1]] and state.sizes[differing[1]] == wanted[differing[0]]:
        return ranked(_states_turned(failure, states, state, differing))
    if len(differing) != 1 or layer is None:
        return ()
    axis, size = differing[0], wanted[differing[0]]
    maker = trace.producer(state)
    owned = torch_layer(trace, maker) if maker is not None else None
    found: list[Proposal | None] = []
    if (
        axis == 0
        and owned is not None
        and owned[0].declared.get("bidirectional")
        and state.sizes[0] == 2 * (declared_int(layer, "num_layers") or 1)
    ):
        found.append(change_argument("other", owned[0], "bidirectional", "False"))
        if not layer.declared.get("bidirectional"):
            found.append(change_argument("other", layer, "num_layers", state.shape[0]))
    elif axis == 0 and isinstance(state.sizes[0], int):
        directions = 2 if layer.declared.get("bidirectional") else 1
        sized = change_argument("other", layer, "num_layers", state.shape[0] // directions) if state.shape[0] % directions == 0 else None
        found += [_states_resized(trace, states, state, 0, size) if isinstance(size, int) else None, sized]
    elif axis == state.rank - 1 and isinstance(size, int):
        found += [_states_resized(trace, states, state, axis, size), change_argument("other", layer, "hidden_size", state.shape[axis])]
    return ranked(found)


def _states_turned(failure: Failure, states: list[TensorInfo], state: TensorInfo, axes: list[int]) -> list[Proposal | None]:
    """Swap two axes of every state that is wrong alike: in the call that makes it, or before the layer takes it."""
    order = list(range(state.rank))
    order[axes[0]], order[axes[1]] = order[axes[1]], order[axes[0]]
    made = [reorder_sizes(failure.trace, other, order) for other in states if other.shape == state.shape]
    whole = made[0]
    for further in made[1:]:
        if whole is not None and further is not None and further.actions != whole.actions:
            whole = combined(whole, further)
    title = f"swap axes {axes[0]} and {axes[1]} of the state that {failure.name} takes"
    swap = "{}.transpose(" + f"{axes[0]}, {axes[1]}).contiguous()"
    given = replace_text(failure.trace, failure.place, "hx", 1, "permute", title, swap) if len(states) == 1 else None
    return [whole, given] if None not in made else [given]


def _states_resized(trace: Trace, states: list[TensorInfo], state: TensorInfo, axis: int, size: int) -> Proposal | None:
    """Make every state that is wrong alike with another size, where it is made."""
    alike = [other for other in states if other.shape == state.shape]
    proposals = [found[-1] if (found := resize_parameter(trace, other, axis, size)) else None for other in alike]
    whole = proposals[0]
    for further in proposals[1:]:
        if whole is not None and further is not None and further.actions != whole.actions:
            whole = combined(whole, further)
    return whole


def _state_words(failure: Failure) -> str:
    return "(N, hidden_size)" if failure.operation in RECURRENT_CELLS else "(layers * directions, N, hidden_size)"


def _state_shape(failure: Failure, x: TensorInfo, is_cell_state: bool) -> tuple[Size, ...]:
    layer = failure.layer
    hidden = declared_int(layer, "hidden_size") or 0
    if failure.operation in RECURRENT_CELLS:
        return (*x.sizes[:-1], hidden)
    directions = 2 if layer is not None and layer.declared.get("bidirectional") else 1
    layers = (declared_int(layer, "num_layers") or 1) * directions
    width = hidden if is_cell_state else declared_int(layer, "proj_size") or hidden
    if x.rank == 2:
        return layers, width
    return layers, x.sizes[0 if _batch_first(failure) else 1], width


def _measured(wanted: tuple[Size, ...], x: TensorInfo) -> tuple[int, ...]:
    by_name = dict(zip(x.sizes, x.shape, strict=True))
    return tuple(size if isinstance(size, int) else by_name.get(size, -1) for size in wanted)
