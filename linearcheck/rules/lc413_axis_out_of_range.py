"""LC413 `axis-out-of-range`: an axis or an index is used that the tensor does not have.

## What it catches
`dim=3` of a tensor with three axes, `permute` with too few or too many axes, an index beyond the end of an axis, too many indices.

## Why it matters
The tensor has lost or never had the axis that is meant; where it came from is shown.

## Example
    return torch.softmax(x.mean((2, 3)), dim=2)          # (N, 10)

## Fix
    return torch.softmax(x.mean((2, 3)), dim=1)
Unsafe: the axis may be right and the tensor wrong.

## PyTorch says
    Dimension out of range (expected to be in range of [-2, 1], but got 2)
    permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions
    index 5 is out of bounds for dimension 1 with size 5
    too many indices for tensor of dimension 2
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Safety, SetArgument, Severity
from linearcheck.rules.causes import mentions_axis, mentions_dtype
from linearcheck.rules.failures import Failure, failures, failures_without_data, report
from linearcheck.rules.layers import torch_layer
from linearcheck.rules.provenance import origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import counted, quoted, shape
from linearcheck.trace.records import TensorInfo, Trace, Value

RULE = Rule("LC413", "axis-out-of-range", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_AXES = ("dim", "dims", "axis", "dim0", "dim1", "dim2", "start_dim", "end_dim", "source", "destination", "dimension")
_SILENT_WITHOUT_DATA = frozenset({"softmax", "log_softmax", "softmin"})
"""Functions that take an axis out of range without a word on `meta` (PyTorch 2.13)."""
_INSERTING = frozenset({"unsqueeze", "stack", "expand_dims"})


def check(trace: Trace) -> Iterator[Finding]:
    for failure in (*failures(trace), *failures_without_data(trace, _SILENT_WITHOUT_DATA)):
        x = failure.input
        if x is None or failure.operation in ("embedding", "embedding_bag"):
            continue
        finding = _wrong_axis(failure, x)
        if finding is None and failure.operation in ("getitem", "setitem", "select", "narrow", "index_select", "index", "take_along_dim"):
            finding = _wrong_index(failure, x)
        if (
            finding is None
            and failure.operation in ("permute", "t", "T", "movedim", "transpose")
            and not mentions_dtype(failure.call.error)
        ):
            finding = _wrong_order(failure, x)
        if finding is not None:
            yield finding


def _wrong_axis(failure: Failure, x: TensorInfo) -> Finding | None:
    rank = x.rank + (failure.operation in _INSERTING)
    for name in _AXES:
        axis = next((axis for axis in _numbers(failure.call.arguments.get(name)) if not -rank <= axis < max(rank, 1)), None)
        if axis is None:
            continue
        owner = f"`{failure.operation}`" if failure.layer is None else failure.name
        return report(
            RULE,
            failure,
            f"{owner} takes axis {axis} of {shape(x)}, which has {_axes(x.rank)}",
            origin_sentence(failure.trace, x),
            got=x.sizes,
            proposals=ranked(_last_axis(failure, name, axis, x.rank)),
        )
    return None


def _numbers(value: Value) -> tuple[int, ...]:
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))


def _axes(rank: int) -> str:
    return "1 axis" if rank == 1 else f"{rank} axes"


def _last_axis(failure: Failure, argument: str, axis: int, rank: int) -> Proposal | None:
    """The last axis, where one axis too far is asked for."""
    owned = torch_layer(failure.trace, failure.call)
    place = owned[0].definition if owned is not None else failure.call.site
    callee, layer = (owned[0].type, owned[0].name) if owned is not None else (failure.call.name, "")
    single = not isinstance(failure.call.arguments.get(argument), tuple)
    if place is None or rank == 0 or axis < 0 or not single:
        return None
    title = f"use the last axis, {rank - 1}"
    return Proposal("other", title, Safety.UNSAFE, (SetArgument(place, callee, argument, rank - 1, (), axis, layer),))


def _wrong_order(failure: Failure, x: TensorInfo) -> Finding | None:
    order = _numbers(failure.call.arguments.get("dims"))
    if failure.operation in ("t", "T") and x.rank > 2:
        message = f"`t` takes up to 2 axes, but gets {shape(x)}"
    elif order and len(order) != x.rank:
        message = f"`permute` names {counted(len(order), 'axis').replace('axiss', 'axes')}, but {shape(x)} has {_axes(x.rank)}"
    elif order and len({axis % max(x.rank, 1) for axis in order}) != len(order):
        message = f"`permute` names an axis of {shape(x)} twice"
    else:
        return None
    return report(RULE, failure, message, origin_sentence(failure.trace, x), got=x.sizes)


def _wrong_index(failure: Failure, x: TensorInfo) -> Finding | None:
    if not mentions_axis(failure.call.error):
        return None
    index = failure.call.arguments.get("index")
    items = index if isinstance(index, tuple) else (index,)
    taken = [item for item in items if item is not None and not (isinstance(item, str) and item in ("...", "Ellipsis"))]
    origin = origin_sentence(failure.trace, x)
    if failure.operation == "getitem" and len(taken) > x.rank:
        return report(
            RULE,
            failure,
            f"{counted(len(taken), 'index').replace('indexs', 'indices')} for {shape(x)}, which has {_axes(x.rank)}",
            origin,
            got=x.sizes,
        )
    if failure.operation == "index_select" and isinstance(index, TensorInfo) and index.rank > 1:
        return report(RULE, failure, f"`index_select` takes a vector of indices, and gets {shape(index)}", origin, got=x.sizes)
    axis = 0
    for item in items:
        if isinstance(item, str):
            axis = x.rank - (len(taken) - sum(1 for other in items[: items.index(item)] if other is not None))
            continue
        if item is None:
            continue
        if isinstance(item, int) and not isinstance(item, bool) and axis < x.rank and not -x.shape[axis] <= item < x.shape[axis]:
            size = x.sizes[axis]
            return report(RULE, failure, f"index {item} is beyond axis {axis} of {shape(x)}, which has {size}", origin, got=x.sizes)
        axis += 1
    return report(
        RULE,
        failure,
        f"{quoted('indexing') if failure.operation == 'getitem' else quoted(failure.operation)} reaches beyond {shape(x)}",
        origin,
        got=x.sizes,
    )
