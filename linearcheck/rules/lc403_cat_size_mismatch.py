"""LC403 `cat-size-mismatch`: `torch.cat` or `stack` gets tensors that differ along another axis than the one they are joined on.

## What it catches
Branches of different height and width, other numbers of axes, and tensors joined along the wrong axis.

## Why it matters
The mistake is in one of the branches, sometimes many layers before the `cat`.

## Example
    self.b = nn.Conv2d(3, 16, 3, stride=2, padding=1)
    x = torch.cat([a, b], dim=1)            # (N, 16, 32, 32) and (N, 16, 16, 16)

## Fix
    self.b = nn.Conv2d(3, 16, 3, stride=1, padding=1)
Unsafe: the other branch may be the one to change.

## PyTorch says
    Sizes of tensors must match except in dimension 1. Expected size 32 but got size 16 for tensor number 1 in the list
    stack expects each tensor to be equal size, but got [4, 16] at entry 0 and [4, 8] at entry 1
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from linearcheck.findings import Proposal, Safety, SetArgument, Severity
from linearcheck.rules.axes import normal_axis
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.observations import replace_node
from linearcheck.rules.operands import equal_features, equal_maps, interpolated, is_spatial, resized
from linearcheck.rules.provenance import explain_size, origin_sentence, size_history
from linearcheck.rules.ranks import of_rank
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import list_items, node_text
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import axis_words, listed, quoted, shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC403", "cat-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

JOINING = ("cat", "stack", "hstack", "vstack", "dstack", "column_stack", "row_stack", "block_diag", "cartesian_prod")


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *JOINING):
        tensors = failure.call.tensors
        if len(tensors) < 2 or mentions_dtype(failure.call.error):
            continue
        pair = _clash(failure, tensors)
        if pair is not None:
            yield _finding(failure, tensors, *pair)


def _clash(failure: Failure, tensors: tuple[TensorInfo, ...]) -> tuple[TensorInfo, TensorInfo, list[int]] | None:
    """The first tensor, the first one that does not fit it, and the axes along which it does not (none: the number of axes differs)."""
    first, along = tensors[0], _along(failure, tensors[0])
    for other in tensors[1:]:
        if other.rank != first.rank:
            return first, other, []
        axes = [axis for axis in range(first.rank) if axis != along and first.shape[axis] != other.shape[axis]]
        if axes:
            return first, other, axes
    return None


def _along(failure: Failure, tensor: TensorInfo) -> int | None:
    if failure.operation == "stack":
        return None
    if failure.operation in ("hstack", "column_stack"):
        return 1 if tensor.rank > 1 else 0
    if failure.operation != "cat":
        return 0
    return normal_axis(failure.call.arguments.get("dim", failure.call.arguments.get("axis", 0)), tensor.rank)


def _finding(failure: Failure, tensors: tuple[TensorInfo, ...], first: TensorInfo, other: TensorInfo, axes: list[int]) -> Finding:
    trace, along = failure.trace, _along(failure, tensors[0])
    name = quoted(failure.operation)
    where = f" along axis {along}" if along is not None else ""
    if not axes:
        difference = f"have {first.rank} and {other.rank} axes"
    else:
        sizes = [f"axis {axis} ({first.sizes[axis]} and {other.sizes[axis]})" for axis in axes]
        difference = f"differ in {listed(sizes)}"
    return report(
        RULE,
        failure,
        f"{name} joins {shape(first)} and {shape(other)}{where}, but they {difference}",
        _explanation(trace, first, other, axes),
        got=other.sizes,
        expected=tuple(other.sizes[axis] if axis == along else first.sizes[axis] for axis in range(first.rank)) if axes else None,
        proposals=_proposals(failure, first, other, axes, along),
    )


def _explanation(trace: Trace, first: TensorInfo, other: TensorInfo, axes: list[int]) -> str:
    if axes and any(is_spatial(trace, tensor, axes[0]) for tensor in (first, other)):
        word = axis_words(first.sizes)[axes[0]]
        stories = [size_history(trace, tensor, axes[0], f"{word} of {shape(tensor)}") for tensor in (first, other)]
    elif axes:
        stories = [explain_size(trace, tensor, axes[0]).text for tensor in (first, other)]
    else:
        stories = [origin_sentence(trace, tensor) for tensor in (first, other)]
    return " ".join(dict.fromkeys(story for story in stories if story))


def _proposals(failure: Failure, first: TensorInfo, other: TensorInfo, axes: list[int], along: int | None) -> tuple[Proposal, ...]:
    trace = failure.trace
    if not axes:
        return ranked(_as_tokens(failure, first, other), *_of_one_rank(failure, first, other), _spread(failure, first, other))
    spatial = [axis for axis in axes if is_spatial(trace, first, axis) or is_spatial(trace, other, axis)]
    moved = _other_axis(failure, axes, along)
    if spatial == axes:
        items = list_items(trace, failure.call.site)
        tensors = failure.call.tensors
        nodes = [items[tensors.index(tensor)] if len(items) == len(tensors) else None for tensor in (first, other)]
        maps = (first, other)
        return ranked(interpolated(failure, maps, nodes), equal_maps(trace, first, other, axes, resized(failure, maps, nodes)), moved)
    if len(axes) == 1:
        features = equal_features(trace, first, axes[0], other, axes[0])
        return ranked(moved, features) if along == 0 else ranked(features, moved)
    return ranked(moved)


def _other_axis(failure: Failure, axes: list[int], along: int | None) -> Proposal | None:
    """Join along the one axis that differs."""
    site, tensors = failure.call.site, failure.call.tensors
    if failure.operation != "cat" or len(axes) != 1 or site is None or is_batch(tensors[0].sizes[axes[0]]):
        return None
    if any(len({tensor.shape[axis] for tensor in tensors}) > 1 for axis in range(tensors[0].rank) if axis != axes[0]):
        return None
    action = SetArgument(site, "cat", "dim", axes[0], (), along)
    return Proposal("other", f"join along axis {axes[0]}, where they differ", Safety.UNSAFE, (action,))


def _as_tokens(failure: Failure, first: TensorInfo, other: TensorInfo) -> Proposal | None:
    """A map (N, C, H, W) as (N, H*W, C), where it is joined with tokens of C features: a class token before the patches."""
    tokens, grid = sorted((first, other), key=lambda tensor: tensor.rank)
    trace, site = failure.trace, failure.call.site
    if site is None or tokens.rank != 3 or grid.rank not in (4, 5) or tokens.sizes[-1] != grid.sizes[1] or tokens.sizes[0] != grid.sizes[0]:
        return None
    items, position = list_items(trace, site), failure.call.tensors.index(grid)
    if len(items) != len(failure.call.tensors):
        return None
    title = f"lay the places of {shape(grid)} out as tokens: `flatten(2).transpose(1, 2)`"
    return replace_node(trace, site.path, items[position], "flatten", title, "{}.flatten(2).transpose(1, 2)")


def _spread(failure: Failure, first: TensorInfo, other: TensorInfo) -> Proposal | None:
    """Further axes, as long as those of what it is joined with: a question beside every pair of objects, a label beside a map."""
    short, full = sorted((first, other), key=lambda tensor: tensor.rank)
    trace, site, along = failure.trace, failure.call.site, _along(failure, full)
    items = list_items(trace, site)
    if site is None or along is None or full.rank == short.rank or short.rank < 2 or len(items) != len(failure.call.tensors):
        return None
    node, whole = items[failure.call.tensors.index(short)], items[failure.call.tensors.index(full)]
    for axes in combinations(range(1, full.rank), full.rank - short.rank):
        kept = iter(short.sizes)
        wide = [full.sizes[axis] if axis in axes else next(kept) for axis in range(full.rank)]
        if along in axes or any(a != b for axis, (a, b) in enumerate(zip(wide, full.sizes, strict=True)) if axis != along):
            continue
        name = node_text(trace, site.path, whole) if isinstance(whole, ast.Name) else ""
        sizes = ", ".join(
            (f"{name}.size({axis})" if name else str(full.shape[axis])) if axis in axes else "-1" for axis in range(full.rank)
        )
        inserted = "".join(f".unsqueeze({axis})" for axis in axes)
        title = f"repeat {shape(short)} along {'a new axis' if len(axes) == 1 else 'new axes'} {listed([str(axis) for axis in axes])}"
        return replace_node(trace, site.path, node, "unsqueeze", title, f"{{}}{inserted}.expand({sizes})")
    return None


def _of_one_rank(failure: Failure, first: TensorInfo, other: TensorInfo) -> Iterator[Proposal]:
    """The tensor with more axes without one of size 1, or the one with fewer with one more."""
    short, full = sorted((first, other), key=lambda tensor: tensor.rank)
    site, tensors = failure.call.site, failure.call.tensors
    items = list_items(failure.trace, site)
    if site is None:
        return
    for changed, partner in ((full, short), (short, full)):
        along = _along(failure, partner)

        def joins(result: tuple[int, ...], partner: TensorInfo = partner, along: int | None = along) -> bool:
            return all(a == b for axis, (a, b) in enumerate(zip(result, partner.shape, strict=True)) if axis != along)

        node = items[tensors.index(changed)] if len(items) == len(tensors) else None
        yield from of_rank(failure.trace, site, changed, node, partner.rank, joins)
