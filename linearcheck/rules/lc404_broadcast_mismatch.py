"""LC404 `broadcast-mismatch`: two operands of an element-wise operation cannot be broadcast together.

## What it catches
Residual additions whose branches differ in channels or size, a mean without `keepdim=True`, masks and embeddings of positions with one
size or one axis too few, also in place (`x += y`).

## Why it matters
Sizes are compared from the right, so a missing axis shows as a clash between sizes that have nothing to do with one another.

## Example
    return v + a - a.mean(dim=1)            # (N, 6) and (N,)

## Fix
    return v + a - a.mean(dim=1, keepdim=True)
Unsafe: which operand is the wrong one is a guess; both sides are offered.

## PyTorch says
    The size of tensor a (6) must match the size of tensor b (4) at non-singleton dimension 1
    output with shape [4, 16] doesn't match the broadcast shape [4, 4, 16]
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.arithmetic import broadcast_clashes
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.evidence import BROADCASTING
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.operands import (
    cropped,
    drop_axes,
    equal_features,
    equal_maps,
    insert_axes,
    interpolated,
    is_spatial,
    kept_axis,
    operand_word,
    resize_parameter,
    resized,
)
from linearcheck.rules.provenance import explain_size, origin_sentence, size_history
from linearcheck.rules.residuals import project_shortcut
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import operand_node
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.turning import turned_operands
from linearcheck.rules.wording import OPERATORS, axis_words, quoted, shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC404", "broadcast-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *BROADCASTING):
        tensors = failure.call.tensors
        pair = _clash(tensors)
        if pair is not None:
            yield _finding(failure, *pair)
        elif failure.call.in_place and len(tensors) > 1 and not mentions_dtype(failure.call.error) and _grows(tensors[0], tensors[1]):
            yield _in_place(failure, tensors[0], tensors[1])


def _clash(tensors: tuple[TensorInfo, ...]) -> tuple[int, int, tuple[int, ...]] | None:
    """Positions of the first two operands that do not fit, and the axes, counted from the right."""
    for second in range(1, len(tensors)):
        for first in range(second):
            axes = broadcast_clashes(tensors[first].shape, tensors[second].shape)
            if axes:
                return first, second, axes
    return None


def _grows(target: TensorInfo, other: TensorInfo) -> bool:
    """Whether an in-place result would be larger than what it is written to."""
    aligned = zip(reversed(target.shape), reversed(other.shape), strict=False)
    return other.rank > target.rank or any(into == 1 != size for into, size in aligned)


def _finding(failure: Failure, i: int, j: int, axes: tuple[int, ...]) -> Finding:
    trace = failure.trace
    first, second = failure.call.tensors[i], failure.call.tensors[j]
    sign = OPERATORS.get(failure.operation)
    name = quoted(f"{sign}=" if failure.call.in_place and sign else sign or failure.operation)
    axis = axes[0]
    return report(
        RULE,
        failure,
        f"{name} cannot broadcast {operand_word(trace, first)} and {operand_word(trace, second)}: {_difference(first, second, axes)}",
        _explanation(trace, first, second, axis),
        got=second.sizes,
        expected=first.sizes,
        proposals=_proposals(failure, first, second, axes, i, j),
    )


def _difference(first: TensorInfo, second: TensorInfo, axes: tuple[int, ...]) -> str:
    sizes = [f"{first.sizes[axis]} against {second.sizes[axis]}" for axis in reversed(axes)]
    return ", ".join(sizes)


def _explanation(trace: Trace, first: TensorInfo, second: TensorInfo, axis: int) -> str:
    sentences = []
    if first.rank != second.rank:
        sentences.append(
            f"Sizes are compared from the right, so the {second.sizes[axis]} of {shape(second)} stands "
            f"under the {first.sizes[axis]} of {shape(first)}."
        )
    for tensor in (first, second):
        place = tensor.rank + axis
        if is_spatial(trace, tensor, place):
            word = axis_words(tensor.sizes)[place] if tensor.rank > place else "size"
            sentences.append(size_history(trace, tensor, place, f"{word} of {shape(tensor)}"))
        else:
            sentences.append(explain_size(trace, tensor, place).text or origin_sentence(trace, tensor))
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _proposals(failure: Failure, first: TensorInfo, second: TensorInfo, axes: tuple[int, ...], i: int, j: int) -> tuple[Proposal, ...]:
    trace = failure.trace
    kept = [*turned_operands(failure, ((first, i), (second, j))), kept_axis(trace, first, second), kept_axis(trace, second, first)]
    if first.rank != second.rank:
        short, full, position = (first, second, i) if first.rank < second.rank else (second, first, j)
        return ranked(
            kept,
            insert_axes(failure, short, full, position),
            drop_axes(failure, full, short, j if position == i else i),
            _sizes(failure, first, second, axes),
        )
    dropped = [drop_axes(failure, first, second, i), drop_axes(failure, second, first, j)]
    return ranked(kept, _sizes(failure, first, second, axes), dropped)


def _sizes(failure: Failure, first: TensorInfo, second: TensorInfo, axes: tuple[int, ...]) -> list[Proposal | None]:
    """Change what makes one of the two sizes."""
    trace = failure.trace
    owned = [
        proposal
        for tensor, other in ((second, first), (first, second))
        if (table := explain_size(trace, tensor, tensor.rank + axes[-1])).tensor.role in ("parameter", "buffer")
        for proposal in resize_parameter(trace, table.tensor, table.axis, other.shape[axes[-1]])
    ]
    spatial = [axis for axis in axes if is_spatial(trace, first, first.rank + axis) or is_spatial(trace, second, second.rank + axis)]
    if not owned and spatial and len(spatial) == len(axes) and first.rank == second.rank:
        along = [first.rank + axis for axis in reversed(axes)]
        nodes = [operand_node(trace, failure.call.site, place) for place in (0, 1)]
        maps = (first, second)
        cut = cropped(failure, maps, nodes) if first.rank == 3 else None
        here = [*([cut] if cut is not None else []), *resized(failure, maps, nodes)]
        return [*interpolated(failure, maps, nodes), *equal_maps(trace, first, second, along, here)]
    axis = axes[-1]
    places = first.rank + axis, second.rank + axis
    if owned or is_batch(first.sizes[axis]) or is_batch(second.sizes[axis]):
        return list(owned)
    shortcut = project_shortcut(failure, first, second, first.rank + axis) if first.rank == second.rank else None
    return [shortcut, *equal_features(trace, first, places[0], second, places[1])]


def _in_place(failure: Failure, target: TensorInfo, other: TensorInfo) -> Finding:
    sign = OPERATORS.get(failure.operation, failure.operation)
    return report(
        RULE,
        failure,
        f"`{sign}=` writes into {shape(target)}, which is smaller than the broadcast shape with {shape(other)}",
        f"An in-place operation cannot enlarge what it writes to. {origin_sentence(failure.trace, target)}".strip(),
        got=target.sizes,
        expected=other.sizes if other.rank >= target.rank else None,
        proposals=ranked(drop_axes(failure, other, target, 1)),
    )
