"""LC501 `output-without-batch`: the batch goes in, and no output has it any more.

## What it catches
`out[-1]` of (N, T, features), which is the last sample and not the last step, and a mean, sum or maximum over axis 0 of a batch of
sequences.

## Why it matters
One answer comes back for the whole batch. With a loss that broadcasts, or at a batch of one, nobody notices.

## Example
    out, _ = self.gru(x)                    # batch_first=True: (N, T, 32)
    return self.fc(out[-1])                 # (T, 10)

## Fix
    return self.fc(out[:, -1])
Unsafe: another axis may be meant.

## PyTorch says
Nothing.

## Known problems
Silent where the samples are compared by a product (prototypes, covariances), where several of them are taken one by one, where a scalar
or one row comes back (a loss, a bag of instances), and where the whole batch is folded into one axis.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, SetArgument, Severity
from linearcheck.rules.axes import REDUCTIONS, normal_axis
from linearcheck.rules.flow import ancestors, reach_of
from linearcheck.rules.layers import RECURRENT, operation
from linearcheck.rules.observations import observed, user_calls
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import node_text, nodes_at, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import call_on_line, listed, on_line, shape
from linearcheck.sizes import UNKNOWN, batch_axis, depends_on, is_batch, shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC501", "output-without-batch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    if not trace.has_batch or not _lacks_batch(trace):
        return
    for call in user_calls(trace, "getitem", "select", *REDUCTIONS):
        x = call.input
        axis = batch_axis(x.sizes) if x is not None else None
        if x is None or axis is None or call.output is None or any(depends_on(size) for output in call.outputs for size in output.sizes):
            continue
        reach = reach_of(trace, *call.outputs)
        if reach.fails or not any(output.rank for output in reach.outputs):
            continue
        if (_takes_one(call, x, axis) and _is_only_pick(trace, x, call, axis)) or _reduces_sequences(trace, call, x, axis):
            yield _finding(trace, call, x, axis)
            return


def _lacks_batch(trace: Trace) -> bool:
    """Whether the inputs have a batch and no output has, the outputs being more than a scalar or a single row."""
    outputs = trace.outputs
    if not outputs or not any(is_batch(size) for given in trace.inputs for size in given.sizes) or trace.failures or trace.python_errors:
        return False
    if any(depends_on(size) or size == UNKNOWN for output in outputs for size in output.sizes):
        return False
    return all(output.rank == 0 or (output.sizes[0] != 1) for output in outputs) and any(output.rank for output in outputs)


def _takes_one(call: Call, x: TensorInfo, axis: int, any_sample: bool = False) -> bool:
    """`out[-1]` or `h[:, -1]`: one sample of the batch. `x[0]` may be the one image of a demo."""
    index = call.arguments.get("index")
    items = index if isinstance(index, tuple) else (index,)
    if (
        call.name != "getitem"
        or len(items) <= axis
        or any(item is None or isinstance(item, str | TensorInfo) for item in items[: axis + 1])
    ):
        return False
    picked = items[axis]
    if type(picked) is not int or not all(isinstance(item, slice) for item in items[:axis]):
        return False
    return any_sample or picked == -1 or (x.rank > 2 and axis > 0)


def _is_only_pick(trace: Trace, x: TensorInfo, call: Call, axis: int) -> bool:
    """Whether no other sample is taken from the same tensor: pairs and loops over samples take several."""
    others = [other for other in trace.consumers(x) if other.kind == "function" and other.index != call.index]
    return not any(other.name in {"unbind", "iter", "select"} or _takes_one(other, x, axis, any_sample=True) for other in others)


def _reduces_sequences(trace: Trace, call: Call, x: TensorInfo, axis: int) -> bool:
    """A reduction over the batch of (N, T, features) that a recurrent, attention or embedding layer or a Conv1d made: steps were meant."""
    output = call.output
    if call.name not in REDUCTIONS or output is None or x.rank != 3 or output.rank != 2:
        return False
    if normal_axis(call.arguments.get("dim"), x.rank) != axis or axis != 0:
        return False
    makers = {operation(maker) for maker in ancestors(trace, x, limit=30)}
    return bool(makers & {*RECURRENT, "conv1d", "embedding", "multi_head_attention_forward", "scaled_dot_product_attention"})


def _finding(trace: Trace, call: Call, x: TensorInfo, axis: int) -> Finding:
    maker = trace.producer(x)
    came = f" {shape(x)} comes from {call_on_line(trace, maker)}." if maker is not None else ""
    output = call.output
    outputs = ", ".join(shape_text(result.sizes) for result in trace.outputs if result.rank)
    what = "indexing takes one sample of the batch" if call.name == "getitem" else f"`{call.name}` reduces over the samples of the batch"
    rest = [place for place in range(1, x.rank - 1) if place != axis]
    meant = (*x.sizes[: rest[0]], *x.sizes[rest[0] + 1 :]) if rest else None
    return observed(
        RULE, trace, call,
        f"{what}: {shape(x)} becomes {shape(output) if output is not None else '?'}, and the output {outputs} has no batch axis",
        f"Axis {axis} of {shape(x)} is the batch, so one answer is returned for all samples.{came}",
        got=output.sizes if output is not None else None,
        expected=meant,
        proposals=ranked(_along_steps(trace, call, axis)),
    )  # fmt: skip


def _along_steps(trace: Trace, call: Call, axis: int) -> Proposal | None:
    if call.site is None or axis != 0:
        return None
    if call.name in REDUCTIONS:
        together = [other for other in user_calls(trace, *REDUCTIONS) if _goes_with(call, other)]  # mean and deviation are pooled alike
        names = listed([f"`{other.name}`{on_line(other.site)}" for other in together])
        actions = tuple(SetArgument(other.site, other.name, "dim", 1) for other in together if other.site is not None)
        return Proposal("other", f"take {names} over `dim=1`", Safety.UNSAFE, actions)
    node = next((node for node in nodes_at(trace, call.site) if isinstance(node, ast.Subscript)), None)
    if node is None:
        return None
    span = span_of(trace, call.site.path, node.slice)
    return Proposal("other", f"take the last step of each sample{on_line(call.site)}", Safety.UNSAFE,
                    (ReplaceSource(span, f":, {node_text(trace, call.site.path, node.slice)}"),))  # fmt: skip


def _goes_with(call: Call, other: Call) -> bool:
    """Whether another call reduces the same tensor over the same axis."""
    x, y = call.input, other.input
    same = x is not None and y is not None and x.uid == y.uid
    return same and x is not None and normal_axis(other.arguments.get("dim"), x.rank) == normal_axis(call.arguments.get("dim"), x.rank)
