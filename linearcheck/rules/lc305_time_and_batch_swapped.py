"""LC305 `time-and-batch-swapped`: a recurrent or attention layer runs over the samples of the batch instead of over time.

## What it catches
`nn.LSTM`, `nn.GRU`, `nn.RNN`, `nn.MultiheadAttention` and transformer layers without `batch_first=True` that get (N, T, features), or
with it that get (T, N, features).

## Why it matters
Both orders have three axes, so nothing raises and every output shape is right. But the layer takes the batch for time: what it says about
one sample depends on the samples that happen to stand before it in the batch.

## Example
    self.rnn = nn.LSTM(5, 32)
    seq, _ = self.rnn(window)               # (N, 20, 5)
    return self.out(seq[:, -1])

## Fix
    self.rnn = nn.LSTM(5, 32, batch_first=True)
Unsafe: an initial state built for the other order must be turned as well.

## PyTorch says
Nothing.

## How it is known
The sample probe shows the leak: one sample of the batch is changed, and the outputs of others move. Where a model is traced without data,
the named axes must show it, and the outputs must have one row per sample.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.axes import REDUCTIONS, normal_axis
from linearcheck.rules.flow import ancestors
from linearcheck.rules.observations import observed
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.sequences import RECURRENT_LAYERS, SequenceCall, sequence_calls, set_batch_first
from linearcheck.rules.suggestions import combined, ranked
from linearcheck.rules.tables import MisplacedTable, misplaced_tables, take_rows_by_steps
from linearcheck.rules.wording import quoted, shape
from linearcheck.sizes import is_batch, shape_text
from linearcheck.trace.records import Call, Trace

RULE = Rule("LC305", "time-and-batch-swapped", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for found in sequence_calls(trace):
        if found.input.rank != 3 or found.reach.fails:
            continue
        if found.runs_over_batch and (found.is_seen or _loses_batch(trace, found)):
            if (found.mixes or not trace.probed) and not _may_be_frames(trace, found):
                yield _over_batch(trace, found)
        elif not found.batch_first and found.layer.torch_type in RECURRENT_LAYERS and is_batch(found.input.sizes[1]):
            taken = _takes_last_sample(trace, found)
            if taken is not None:
                yield _last_sample(trace, found, taken)


def _loses_batch(trace: Trace, found: SequenceCall) -> bool:
    """`h[-1]` of a layer that takes the steps for the batch: what is returned has a row per step, and the user said where the batch is."""
    outputs = found.reach.outputs
    if trace.inferred_inputs or not outputs or found.reach.batched_outputs or found.layer.torch_type not in RECURRENT_LAYERS:
        return False
    steps = found.input.sizes[1 - found.time_axis]
    return steps != 1 and all(output.rank and output.sizes[0] == steps for output in outputs)


def _may_be_frames(trace: Trace, found: SequenceCall) -> bool:
    """(N, 1, features) of inputs that nobody gave a layout for: one clip whose frames were called N by us."""
    return 1 in found.input.sizes[:2] and bool(trace.inferred_inputs)


def _over_batch(trace: Trace, found: SequenceCall) -> Finding:
    name, sizes = found.name, found.input.sizes
    wanted = (sizes[1], sizes[0], *sizes[2:])
    verb = "runs" if found.layer.torch_type in RECURRENT_LAYERS else "attends"
    given = "With `batch_first=True`" if found.batch_first else "Without `batch_first=True`"
    other = (
        "what it returns for one sample depends on the samples before it in the batch"
        if verb == "runs"
        else "what it returns for one sample depends on all samples of the batch"
    )
    return observed(
        RULE, trace, found.call,
        f"{name} {verb} over the samples of the batch: its input is {shape(found.input)}, and it takes {shape_text(wanted)}",
        f"{given} the {'second' if found.batch_first else 'first'} axis is time, and here that is the batch, so {other}. "
        "Every output shape is right.",
        got=sizes,
        expected=wanted,
        layer=found.layer,
        proposals=_proposals(trace, found),
        accounts_for=(*found.leaks, *(table.call.index for table in _tables_before(trace, found))),
    )  # fmt: skip


def _tables_before(trace: Trace, found: SequenceCall) -> list[MisplacedTable]:
    """Tables of positions on the way to the layer, which are sliced for time first as well: the same mistake."""
    before = {call.index for call in ancestors(trace, found.input)}
    return [table for table in misplaced_tables(trace) if table.call.index in before]


def _proposals(trace: Trace, found: SequenceCall) -> tuple[Proposal, ...]:
    """Another `batch_first`, with the tables of positions before the layer sliced by steps."""
    proposal = set_batch_first(trace, found.layer, not found.batch_first)
    tables = [take_rows_by_steps(trace, table.sliced) for table in _tables_before(trace, found)]
    for table in tables:
        proposal = combined(proposal, table) or proposal
    return ranked(proposal)


def _takes_last_sample(trace: Trace, found: SequenceCall) -> Call | None:
    """`out[:, -1]` or `out.mean(1)` of (T, N, features): written for (N, T, features), it takes the batch away."""
    outputs = trace.outputs
    if found.reach.batched_outputs or not outputs or any(output.rank == 0 for output in outputs):
        return None
    for call in trace.consumers(found.call.outputs[0]):
        if call.kind != "function" or call.failed:
            continue
        if call.name == "getitem":
            index = call.arguments.get("index")
            if isinstance(index, tuple) and len(index) > 1 and index[0] == slice(None) and type(index[1]) is int:
                return call
        dim = normal_axis(call.arguments.get("dim"), 3)
        if call.name in REDUCTIONS and dim == 1:
            return call
    return None


def _last_sample(trace: Trace, found: SequenceCall, taken: Call) -> Finding:
    name, output = found.name, found.call.outputs[0]
    swapped = (output.sizes[1], output.sizes[0], *output.sizes[2:])
    what = "takes one sample of the batch" if taken.name == "getitem" else "reduces over the samples of the batch"
    line = f" on line {taken.site.line}" if taken.site is not None else ""
    call = quoted("[:, …]" if taken.name == "getitem" else taken.name)
    return observed(
        RULE, trace, found.call,
        f"{name} returns {shape(output)}, and what follows{line} takes it for {shape_text(swapped)}",
        f"Without `batch_first=True` the second axis is the batch, so {call}{line} {what}, and the output has no batch axis any more.",
        got=output.sizes,
        expected=swapped,
        layer=found.layer,
        proposals=_proposals(trace, found),
        accounts_for=(taken.index, *found.leaks),
    )  # fmt: skip
