"""The sample probe: change one sample of the batch, run again, and see whose rows moved.

In a model whose samples are independent, only the changed sample's rows may differ, in every recorded call. The first call where
rows of other samples move is where samples leak into one another, whatever the operation is called and though every shape is right.

Source: of 405 released models one leaks, truly; bit for bit equal in all but three. A tolerance of 1e-3 hides a true leak, so values
count as
changed beyond rounding. Where the number of rows given to a kernel depends on values (mixtures of experts), rows of others move by
rounding; so what a probe in float32 shows is probed again in float64, where a rounding error is 1e-15 and a leak is not.

Only the values of the first run are kept (`tracing.PROBE_BYTES` of them at most, else the model is not probed): those of the second are
compared as they come, and dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from linearcheck.sizes import NamedSize, Shape, depends_on, is_batch
from linearcheck.trace.assemble import Run
from linearcheck.trace.raw import Key, seen_in
from linearcheck.trace.records import Call, Leak

TOLERANCES = {torch.float64: 1e-10, torch.float32: 4e-6, torch.complex64: 4e-6, torch.complex128: 1e-10}
POSITIONS = frozenset(
    {"where", "nonzero", "argwhere", "unique", "masked_select", "topk", "sort", "argsort", "randperm", "bincount", "unique_consecutive"}
)
"""Calls whose result has as many rows as the values say, or holds positions of rows: which row belongs to which sample cannot be told."""
WRITES_BACK = frozenset({"index_add", "index_copy", "index_put", "scatter", "scatter_add", "scatter_reduce", "setitem", "masked_scatter"})
"""Calls that put such rows back to where they belong."""


@dataclass
class Mixed:
    """What is known of one tensor.

    `mixed`: rows of other samples moved. `collapsed`: it has no batch axis, and moved. `unordered`: its rows were picked by value, so
    that which belongs to which sample cannot be told. `through`: the calls that took the batch axis away.
    """

    mixed: bool
    collapsed: bool
    changed: bool
    through: tuple[int, ...] = ()
    unordered: bool = False


@dataclass
class Comparison:
    """Two runs that differ in one sample, compared call by call."""

    states: dict[int, Mixed] = field(default_factory=dict)
    origins: dict[int, Leak] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """How one output of a call differs between two runs. `rows` says along each axis that the batch is in which rows moved."""

    known: bool
    changed: bool
    rows: Mapping[int, Tensor] = field(default_factory=dict)


class Differences:
    """What a second run's values differ in from those that the first one kept, call by call as it runs."""

    def __init__(self, kept: Run, named: Mapping[Key, tuple[int, Call]], row: int) -> None:
        self.found: dict[Key, list[Difference]] = {}
        self._kept = kept
        self._row = row
        self._named = named
        self._indices = {call.key: index for index, call in enumerate(kept.calls)}

    def note(self, key: Key, theirs: Sequence[Tensor]) -> None:
        """Compare what the second run's call `key` returned."""
        ours = self._kept.values.get(self._indices.get(key, -1))
        if ours is None or key not in self._named or not len(ours) == len(theirs) == len(self._named[key][1].outputs):
            return
        outputs = self._named[key][1].outputs
        self.found[key] = [
            _difference(one, other, output.sizes, self._row) for one, other, output in zip(ours, theirs, outputs, strict=True)
        ]


def compare_runs(kept: Run, differences: Differences, named: Mapping[Key, tuple[int, Call]], row: int, n: int) -> Comparison:
    """Leaks that one changed sample shows.

    Args:
        kept: A run with kept values.
        differences: What a run with sample `row` of every batched input changed differs in.
        named: The calls of the trace with named sizes and their indices, by key; leaks are told in these indices.
        n: The batch size of both runs.
    """
    comparison = Comparison()
    for raw in kept.calls:
        if raw.kind != "function" or raw.key not in differences.found:
            continue
        index, call = named[raw.key]
        inputs = [comparison.states[seen.uid] for seen in seen_in(raw.args, raw.kwargs) if seen.uid in comparison.states]
        for position, seen in enumerate(raw.outputs):
            sizes = call.outputs[position].sizes
            state = _state(differences.found[raw.key][position], sizes, row, n, inputs, index)
            if call.name in POSITIONS or (call.name not in WRITES_BACK and any(given.unordered for given in inputs)):
                state = Mixed(any(given.mixed for given in inputs), False, state.changed, unordered=True)
            comparison.states[seen.uid] = state
            if state.mixed and not any(given.mixed for given in inputs):
                through = tuple(dict.fromkeys(step for given in inputs if given.collapsed for step in given.through))
                axes = [axis for axis, size in enumerate(sizes) if depends_on(size)]
                comparison.origins.setdefault(index, Leak(index, axes[0] if axes else None, through, paired=sum(map(is_batch, sizes)) > 1))
    return comparison


def _difference(ours: Tensor, theirs: Tensor, sizes: Shape, row: int) -> Difference:
    if ours.shape != theirs.shape or ours.is_sparse or ours.is_nested:
        return Difference(False, True)
    axes = [axis for axis, size in enumerate(sizes) if depends_on(size) and axis < ours.dim()]
    try:
        if len(axes) == 1 and is_batch(sizes[axes[0]]) and (rows := _only_row(ours, theirs, axes[0], row)) is not None:
            return Difference(True, bool(rows[row]), {axes[0]: rows})
        moved = _moved(ours, theirs)
        changed = bool(moved.any())
    except RuntimeError:  # tensors of `torch.func` transforms are not to be looked at from outside
        return Difference(False, True)
    return Difference(True, changed, {axis: _rows(moved, axis) for axis in axes} if changed else {})


def _only_row(ours: Tensor, theirs: Tensor, axis: int, row: int) -> Tensor | None:
    """Which rows moved along an axis, where all but one are equal bit for bit: by far the most frequent case, and cheap to see."""
    n = ours.shape[axis]
    if not 0 <= row < n:
        return None
    for start, end in ((0, row), (row + 1, n)):
        if end > start and not torch.equal(ours.narrow(axis, start, end - start), theirs.narrow(axis, start, end - start)):
            return None
    rows = torch.zeros(n, dtype=torch.bool)
    rows[row] = _moved(ours.select(axis, row), theirs.select(axis, row)).any()
    return rows


def _rows(moved: Tensor, axis: int) -> Tensor:
    return moved.movedim(axis, 0).flatten(1).any(1) if moved.dim() > 1 else moved


def _state(difference: Difference, sizes: Shape, row: int, n: int, inputs: Sequence[Mixed], index: int) -> Mixed:
    if not difference.known:
        return Mixed(any(given.mixed for given in inputs), False, True)
    changed = difference.changed
    axes = [axis for axis, size in enumerate(sizes) if depends_on(size)]
    if not axes:
        came_with_batch = any(given.changed for given in inputs)
        through = tuple(dict.fromkeys(step for given in inputs for step in given.through))
        if changed and came_with_batch and not through:
            through = (index,)
        return Mixed(False, changed, changed, through)
    if not changed:
        return Mixed(False, False, False)
    return Mixed(all(_other_rows_moved(difference.rows[axis], sizes[axis], row, n) for axis in axes), False, True)


def _moved(ours: Tensor, theirs: Tensor) -> Tensor:
    """Where two tensors differ by more than rounding."""
    if not (ours.is_floating_point() or ours.is_complex()):
        return ours != theirs
    difference = (ours - theirs).abs()
    scale = torch.nan_to_num(torch.maximum(ours.abs(), theirs.abs()), nan=0.0, posinf=0.0)
    largest = scale.amax() if scale.numel() else scale.new_zeros(())
    tolerance = TOLERANCES.get(ours.dtype, 0.05) * torch.maximum(scale, largest * 1e-2)
    return (difference > tolerance) | (torch.isnan(ours) != torch.isnan(theirs))


def _other_rows_moved(rows: Tensor, size: Any, row: int, n: int) -> bool:
    """Whether, along one axis that the batch is in, more rows moved than one sample's share.

    Along `N` itself only `row` may move. Along `k*N` the order is not known, so k rows may, wherever they lie.
    """
    if is_batch(size):
        return bool(rows[:row].any() or rows[row + 1 :].any())
    if isinstance(size, NamedSize) and size.names == ("N",) and not size.offset and rows.numel() % n == 0:
        return int(rows.sum()) > rows.numel() // n
    return False


def sizes_of_outputs(kept: Run, named: Mapping[Key, tuple[int, Call]]) -> list[Shape]:
    """Named sizes of what the probed run returned, from the calls that made it: a model in training mode may return more than that."""
    sizes: dict[int, Shape] = {}
    for raw in kept.calls:
        outputs = named[raw.key][1].outputs if raw.key in named else ()
        sizes.update((seen.uid, output.sizes) for seen, output in zip(raw.outputs, outputs, strict=False))
    return [sizes.get(seen.uid, ()) for seen in kept.outputs]


def merge_leaks(comparisons: Sequence[Comparison], base: Run, output_sizes: Sequence[Shape]) -> tuple[Leak, ...]:
    """The leaks of all comparisons, in order of call; whether an output with a batch axis is mixed as well."""
    leaks: dict[int, Leak] = {}
    mixed_outputs: Mapping[int, bool] = {
        seen.uid: any(c.states[seen.uid].mixed for c in comparisons if seen.uid in c.states) for seen in base.outputs
    }
    # As many outputs as values ask for, boxes above a threshold, are other ones in another run: nothing is known of each.
    reaches = len(base.outputs) == len(output_sizes) and any(
        mixed_outputs[seen.uid] and any(depends_on(size) for size in sizes) for seen, sizes in zip(base.outputs, output_sizes, strict=True)
    )
    for comparison in comparisons:
        for index, leak in comparison.origins.items():
            known = leaks.get(index, leak)
            leaks[index] = Leak(index, known.axis, known.through or leak.through, reaches, known.paired)
    return tuple(leaks[index] for index in sorted(leaks))
