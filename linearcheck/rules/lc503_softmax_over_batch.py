"""LC503 `softmax-over-batch`: a softmax normalises over the samples of the batch.

## What it catches
`F.softmax(scores, dim=0)` of (N, T, 1), and `nn.Softmax()` or `F.softmax(x)` without `dim`, which take axis 0 of three axes.

## Why it matters
The weights of one sample depend on the scores of all others: they add up to one over the batch and not over the words of a sentence or
the classes. Every shape is right.

## Example
    alpha = F.softmax(scores, dim=0)        # (N, T, 1)
    return (alpha * states).sum(1)

## Fix
    alpha = F.softmax(scores, dim=1)
Unsafe: which axis is meant is a guess; the one that is summed over next is offered first.

## PyTorch says
Nothing; without `dim` a deprecation warning.

## How it is known
The sample probe shows the leak, and the output has one row per sample. A softmax over logits of a batch against itself, (N, N), is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Safety, SetArgument, Severity
from linearcheck.rules.axes import REDUCTIONS, normal_axis
from linearcheck.rules.flow import reach_of
from linearcheck.rules.layers import torch_layer
from linearcheck.rules.leaks import SOFTMAXES, culprits, has_rows, may_be_meant
from linearcheck.rules.observations import observed, user_calls
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import layer_name, quoted, shape
from linearcheck.sizes import depends_on, is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC503", "softmax-over-batch", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for call in _calls(trace):
        x = call.input
        axis = softmax_axis(call)
        if x is not None and axis is not None and is_batch(x.sizes[axis]) and not _pools_a_bag(trace, call):
            yield _finding(trace, call, x, axis)


def _calls(trace: Trace) -> Iterator[Call]:
    if trace.probed:
        for culprit in culprits(trace):
            if culprit.call.name in SOFTMAXES and culprit.is_seen and not may_be_meant(trace, culprit) and not culprit.reach.fails:
                yield culprit.call
        return
    for call in (*user_calls(trace, *SOFTMAXES), *_of_layers(trace)):
        reach = reach_of(trace, *call.outputs)
        if (
            call.input is not None
            and call.input.rank > 2
            and has_rows(reach)
            and not reach.fails
            and sum(map(is_batch, call.input.sizes)) == 1
        ):
            yield call


def _of_layers(trace: Trace) -> Iterator[Call]:
    for call in trace.calls_of(*SOFTMAXES):
        owned = torch_layer(trace, call)
        if owned is not None and owned[0].torch_type in ("Softmax", "LogSoftmax", "Softmin") and not call.failed:
            yield call


def _pools_a_bag(trace: Trace, call: Call) -> bool:
    """Whether what is weighted is then summed over the same axis: attention over the instances of one bag, which somebody called N."""
    for later in reach_of(trace, *call.outputs).calls:
        if later.name in {"sum", "matmul", "mm", "mv", "einsum"} and later.output is not None and later.output.rank:
            had = any(is_batch(size) for tensor in later.tensors for size in tensor.sizes)
            if had and not any(depends_on(size) for size in later.output.sizes):
                return True
    return False


def softmax_axis(call: Call) -> int | None:
    """The axis that a softmax normalises over; without `dim` 0 for ranks 0, 1 and 3, else 1.

    Source: `_get_softmax_dim` of torch.nn.functional (PyTorch 2.13).
    """
    rank = call.input.rank if call.input is not None else 0
    given = call.arguments.get("dim")
    if given is None and rank:
        given = 0 if rank in (1, 3) else 1
    return normal_axis(given, rank)


def _finding(trace: Trace, call: Call, x: TensorInfo, axis: int) -> Finding:
    owned = torch_layer(trace, call)
    name = layer_name(owned[0]) if owned is not None else quoted(call.name)
    unset = call.arguments.get("dim") is None or (owned is not None and owned[0].declared.get("dim") is None)
    how = f"{name} has no `dim`, which means axis 0 of {x.rank} axes" if unset else f"{name} normalises over axis {axis}"
    others = _meant_axes(trace, call, x)
    return observed(
        RULE, trace, call,
        f"{name} normalises {shape(x)} over the samples of the batch",
        f"{how}, and that is the batch: the weights of one sample depend on all others and add up to one over the batch.",
        got=x.sizes,
        proposals=ranked(*(_set_dim(trace, call, axis) for axis in others)),
    )  # fmt: skip


def _meant_axes(trace: Trace, call: Call, x: TensorInfo) -> list[int]:
    """Axes that the softmax may have been meant for: the one that is reduced next, then the last one, then any other of more than one."""
    reduced = [axis for axis in (_reduced_next(trace, call, x.rank),) if axis is not None]
    wide = [axis for axis in range(x.rank - 1, -1, -1) if not is_batch(x.sizes[axis]) and x.sizes[axis] != 1]
    return [axis for axis in dict.fromkeys([*reduced, *wide]) if axis in wide][:2]


def _reduced_next(trace: Trace, call: Call, rank: int) -> int | None:
    """The axis that the weighted values are summed over: `(alpha * states).sum(1)`, the last one of `alpha @ states`."""
    weights = {output.uid for output in call.outputs}
    for later in trace.consumers(call.outputs[0]) if call.outputs else ():
        if later.name in {"matmul", "bmm"} and later.input is not None and rank > 2:
            return rank - 1 if later.input.uid in weights else rank - 2
    for later in reach_of(trace, *call.outputs).calls[:6]:
        source = later.input
        if later.name in REDUCTIONS and source is not None and source.rank == rank:
            return normal_axis(later.arguments.get("dim", later.arguments.get("1")), rank)
    return None


def _set_dim(trace: Trace, call: Call, axis: int) -> Proposal | None:
    owned = torch_layer(trace, call)
    place = owned[0].definition if owned is not None else call.site
    if place is None:
        return None
    callee, layer = (owned[0].type, owned[0].name) if owned is not None else (call.name, "")
    old = call.arguments.get("dim")
    action = SetArgument(place, callee, "dim", axis, (), old if isinstance(old, int) else None, layer)
    return Proposal("other", f"normalise over axis {axis}: `dim={axis}`", Safety.UNSAFE, (action,))
