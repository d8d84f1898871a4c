"""LC415 `split-or-expand-size`: a `split`, `expand`, `repeat`, `gather` or index asks for sizes that the tensor does not have.

## What it catches
Split sizes whose sum is not the axis, an `expand` of an axis that is not 1, a `repeat` with fewer numbers than axes, indices of another
shape than
the tensor that is gathered from, a boolean mask of another shape.

## Why it matters
The sizes are usually written as numbers, and the layer before has changed.

## Example
    q, k, v = qkv.split(64, dim=-1)         # (N, 20, 144)
    a, b = x.split([32, 64], dim=1)         # (N, 64, 8, 8)

## Fix
    a, b = x.split([32, 32], dim=1)
Unsafe: the layer before may make too little instead.

## PyTorch says
    split_with_sizes expects split_sizes to sum exactly to 64 (input tensor's size at dimension 1), but got split_sizes=[32, 64]
    The expanded size of the tensor (10) must match the existing size (4) at non-singleton dimension 1
    Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor
    Size does not match at dimension 0 expected index [8, 1] to be no larger than self [4, 10] apart from dimension 1
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity, WrapInput
from linearcheck.rules.axes import normal_axis
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import tensor_argument
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import nodes_at, span_of
from linearcheck.rules.suggestions import ranked, set_output
from linearcheck.rules.wording import quoted, shape
from linearcheck.trace.records import TensorInfo, Trace, Value

RULE = Rule("LC415", "split-or-expand-size", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_SPLITS = ("split", "split_with_sizes", "tensor_split", "chunk", "unbind")
_SHAPING = (
    "expand", "expand_as", "broadcast_to", "repeat", "tile", "repeat_interleave", "gather", "scatter", "scatter_add",
    "scatter_reduce", "index_select",
    "index_add", "index_copy", "index_fill", "index_put", "masked_select", "take_along_dim", "topk", "sort", "unfold", "narrow",
    "select", "roll", "diagonal",
    "as_strided", "getitem", "setitem", "masked_scatter", "put",
)  # fmt: skip


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *_SPLITS, *_SHAPING):
        x = failure.input
        if x is None or mentions_dtype(failure.call.error) or "kernel_size" in failure.call.arguments:
            continue  # `unfold` of a feature map into blocks has a kernel, and is no method of a tensor
        if failure.operation in _SPLITS:
            yield _split(failure, x)
        elif failure.operation in ("expand", "expand_as", "broadcast_to", "repeat", "tile"):
            yield _expanded(failure, x)
        else:
            yield _indexed(failure, x)


def _ints(value: Value) -> tuple[int, ...]:
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))


def _split(failure: Failure, x: TensorInfo) -> Finding:
    arguments = failure.call.arguments
    sizes = _ints(arguments.get("split_size", arguments.get("split_sizes", arguments.get("split_size_or_sections"))))
    axis = normal_axis(arguments.get("dim", 0), x.rank)
    if len(sizes) < 2 or axis is None:
        return _plain(failure, x, f"{quoted(failure.operation)} does not fit {shape(x)}")
    total = " + ".join(map(str, sizes))
    origin = explain_size(failure.trace, x, axis)
    return report(
        RULE,
        failure,
        f"{quoted(failure.operation)} asks for {total} = {sum(sizes)} on axis {axis} of {shape(x)}, which has {x.sizes[axis]}",
        origin.text,
        got=x.sizes,
        expected=(*x.sizes[:axis], sum(sizes), *x.sizes[axis + 1 :]),
        proposals=ranked(set_output(failure.trace, origin, sum(sizes), until=failure.call), _other_sizes(failure, sizes, x.shape[axis])),
    )


def _other_sizes(failure: Failure, sizes: tuple[int, ...], size: int) -> Proposal | None:
    """The written sizes in proportion, else equal parts."""
    total, site = sum(sizes), failure.call.site
    scaled = [part * size // total for part in sizes] if all(part * size % total == 0 for part in sizes) else []
    parts = scaled or ([size // len(sizes)] * len(sizes) if size % len(sizes) == 0 else [])
    node = next((node for node in nodes_at(failure.trace, site) if isinstance(node, ast.Call)), None)
    written = next((argument for argument in node.args if isinstance(argument, ast.List | ast.Tuple)), None) if node is not None else None
    if not parts or site is None or written is None:
        return None
    title = f"split into {', '.join(map(str, parts))}"
    return Proposal(
        "other", title, Safety.UNSAFE, (ReplaceSource(span_of(failure.trace, site.path, written), f"[{', '.join(map(str, parts))}]"),)
    )


def _expanded(failure: Failure, x: TensorInfo) -> Finding:
    arguments = failure.call.arguments
    asked = _ints(arguments.get("size", arguments.get("repeats", arguments.get("dims"))))
    other = tensor_argument(failure.call, "other")
    target = shape(other) if other is not None else f"({', '.join(map(str, asked))})"
    if failure.operation in ("repeat", "tile") or (len(asked) < x.rank and asked):
        why = f"{len(asked)} numbers for {x.rank} axes"
    else:
        sizes = other.shape if other is not None else asked
        pairs = zip(range(-1, -x.rank - 1, -1), reversed(sizes), strict=False)
        clash = next((axis for axis, size in pairs if size not in (-1, x.shape[axis]) and x.shape[axis] != 1), None)
        why = (
            f"only axes of size 1 can be expanded, and axis {x.rank + clash} has {x.sizes[clash]}"
            if clash is not None
            else "the sizes do not fit"
        )
    return _plain(failure, x, f"{quoted(failure.operation)} to {target} does not fit {shape(x)}: {why}")


def _indexed(failure: Failure, x: TensorInfo) -> Finding:
    others = [tensor for tensor in failure.call.tensors if tensor.uid != x.uid]
    with_ = f" with {', '.join(shape(tensor) for tensor in others[:2])}" if others else ""
    name = "indexing" if failure.operation in ("getitem", "setitem") else quoted(failure.operation)
    return _plain(failure, x, f"{name} does not fit {shape(x)}{with_}", _index_axis(failure, x))


def _index_axis(failure: Failure, x: TensorInfo) -> Proposal | None:
    """`gather` and `scatter` take an index with as many axes as the tensor."""
    index, axis = tensor_argument(failure.call, "index"), normal_axis(failure.call.arguments.get("dim"), x.rank)
    site = failure.call.site
    if (
        index is None
        or axis is None
        or site is None
        or index.rank != x.rank - 1
        or failure.operation not in ("gather", "scatter", "scatter_add")
    ):
        return None
    action = WrapInput(site, "unsqueeze", (axis,), position=2, argument="index")
    return Proposal("unsqueeze", f"insert axis {axis} into the index {shape(index)}", Safety.UNSAFE, (action,))


def _plain(failure: Failure, x: TensorInfo, message: str, proposal: Proposal | None = None) -> Finding:
    return report(RULE, failure, message, origin_sentence(failure.trace, x), got=x.sizes, proposals=ranked(proposal))
