"""The silent part of LC411: reshapes that run and put values of one row or position into another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.batch_sizes import written_batch_size
from linearcheck.rules.cut import Regroup, merging_order, moved_axes, regroups, splitting_order
from linearcheck.rules.flow import reach_of, steps_back
from linearcheck.rules.folds import is_final_state
from linearcheck.rules.layers import RECURRENT, operation
from linearcheck.rules.observations import observed, receiver_of, rewrite_call, user_calls
from linearcheck.rules.provenance import is_feature_map
from linearcheck.rules.reshapes import reshape_of
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import is_atom, node_text, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import call_on_line, quoted, shape
from linearcheck.rules.written_sizes import written_shapes
from linearcheck.sizes import Shape, depends_on, is_batch, shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace

RESHAPING = frozenset({"view", "reshape", "flatten", "unflatten", "view_as", "reshape_as", "ravel"})
SAME_PLACE = RESHAPING | {
    "contiguous", "clone", "detach", "to", "float", "half", "double", "type", "type_as", "squeeze", "unsqueeze", "relu", "gelu", "silu",
    "tanh", "sigmoid", "leaky_relu", "elu", "dropout", "neg",
}  # fmt: skip
"""Calls after which every value still stands where it stood in memory."""
SHIFTING = RESHAPING | {"getitem", "contiguous", "permute", "transpose", "narrow", "to", "float", "movedim"}
FLATTENED_RANK = 2
"""The batch, and one axis that holds all the rest."""


def silent_scrambles(rule: Rule, trace: Trace) -> Iterator[Finding]:
    """Reshapes that cut through axes where the new sizes show that moving an axis was meant."""
    written = {found[0].index for failure in trace.batch_failures if (found := written_batch_size(trace, failure)) is not None}
    for call in user_calls(trace, *RESHAPING):
        before, output = _before(trace, call), call.output
        if call.index in written:
            continue  # a batch size written as a number: LC407 speaks
        if before is None or output is None or not any(depends_on(size) for size in before.sizes):
            continue
        old, new = before.sizes, output.sizes
        cut = _cut(old, new)
        if cut is None and call.input is not None and before.uid == call.input.uid:
            old, new = written_shapes(trace, call) or (old, new)
            cut = _cut(old, new)
        if cut is None or reach_of(trace, output).fails or _is_shift(trace, call):
            continue
        moved = moved_axes(old, new, cut)
        shared = not moved and (_feeds_shared_weights(trace, before, output) or _is_grid_of_patches(trace, before, output))
        if moved or shared or not _is_flat_capsule(trace, before):
            order = merging_order(old, new)
            yield _finding(rule, trace, call, before, output, cut, order, certain=bool(moved) or shared)


def _cut(old: Shape, new: Shape) -> Regroup | None:
    return next((group for group in regroups(old, new) or () if group.cut), None)


def _before(trace: Trace, call: Call) -> TensorInfo | None:
    """What is reshaped: the call's input, or what that was before it was flattened, so that two reshapes in a row count as one.

    A map that a reshape put together from windows is a map: windows of other sizes may be cut from it (MaxViT's grids).
    """
    tensor, output = call.input, call.output
    if tensor is None or output is None or _cut(tensor.sizes, output.sizes) is not None:
        return tensor
    for earlier, maker in steps_back(trace, tensor, SAME_PLACE, limit=6):
        if maker is not None and maker.name in RESHAPING and maker.input is not None:
            if _cut(maker.input.sizes, earlier.sizes) is not None:
                return tensor  # that reshape is the one to speak about
            if earlier.rank <= FLATTENED_RANK and _cut(maker.input.sizes, output.sizes) is not None:
                return maker.input
    return tensor


def _is_shift(trace: Trace, call: Call) -> bool:
    """The relative shift: pad by one (Transformer-XL, Music Transformer) or not (XLNet), cut through on purpose, slice, cut again."""
    tensor = call.input
    if tensor is None:
        return False
    for _, maker in steps_back(trace, tensor, SHIFTING, limit=8):
        if maker is None:
            continue
        if maker.name == "pad" or (maker.name == "cat" and any(_is_constant(trace, part) for part in maker.tensors)):
            return True
        if maker.name in {"getitem", "narrow"} and maker.input is not None and _shortens(maker) and _cuts(trace.producer(maker.input)):
            return True
    return any(
        _shortens(taken) and any(_cuts(later) for later in trace.consumers(taken.outputs[0]))
        for taken in trace.consumers(call.outputs[0])
        if taken.name in {"getitem", "narrow"} and taken.outputs
    )


def _shortens(call: Call) -> bool:
    """Whether a slice leaves a little less of one axis."""
    x, output = call.input, call.output
    if x is None or output is None or x.rank != output.rank:
        return False
    return sum(a != b for a, b in zip(x.shape, output.shape, strict=True)) == 1


def _cuts(call: Call | None) -> bool:
    if call is None or call.name not in RESHAPING or call.input is None or call.output is None:
        return False
    return _cut(call.input.sizes, call.output.sizes) is not None


def _is_constant(trace: Trace, tensor: TensorInfo) -> bool:
    maker = trace.producer(tensor)
    return tensor.role in ("constant", "buffer") or (
        maker is not None and maker.name in {"new_zeros", "zeros_like", "zeros", "expand", "repeat"}
    )


def _feeds_shared_weights(trace: Trace, x: TensorInfo, output: TensorInfo) -> bool:
    """An image or map cut into (N, rows, values) whose rows all go through the same weights: `view(N, 49, 16)` for patches."""
    is_map = x.rank == 4 and (x.role == "input" or is_feature_map(trace, x))
    if not is_map or output.rank != 3 or not is_batch(output.sizes[0]):
        return False
    taken = [call for call in trace.consumers(output) if call.kind == "function"]
    return bool(taken) and all(operation(call) in {"linear", "layer_norm", *RECURRENT} for call in taken)


def _is_grid_of_patches(trace: Trace, x: TensorInfo, output: TensorInfo) -> bool:
    """An image or map whose height and width were each split in two, (N, C, h, p, w, p), and put together without moving an axis."""
    maker = trace.producer(x)
    whole = maker.input if maker is not None and maker.name in RESHAPING else None
    if whole is None or whole.rank != 4 or x.rank != 6 or not is_batch(output.sizes[0]) or output.rank not in (3, 4):
        return False
    if not (whole.role == "input" or is_feature_map(trace, whole)) or _cut(whole.sizes, x.sizes) is not None:
        return False
    return x.sizes[:2] == whole.sizes[:2] and x.shape[2] * x.shape[3] == whole.shape[2] and merging_order(x.sizes, output.sizes) is not None


def _is_flat_capsule(trace: Trace, tensor: TensorInfo) -> bool:
    """Primary capsules, `conv(x).view(N, -1, 8)`, group neighbouring values as they lie; each group has weights of its own."""
    return is_feature_map(trace, tensor)


def _finding(
    rule: Rule, trace: Trace, call: Call, x: TensorInfo, output: TensorInfo, cut: Regroup, order: tuple[int, ...] | None, certain: bool
) -> Finding:
    reshape = reshape_of(trace, call)
    text = quoted(reshape.text) if reshape is not None else quoted(call.name)
    mixes = any(is_batch(x.sizes[axis]) for axis in cut.old)
    what = "values of different samples" if mixes else "values of different positions"
    moved = shape_text([x.sizes[axis] for axis in order]) if order is not None else ""
    meant = f" With its axes in the order {moved} it would only merge and split." if moved else ""
    ending = "each output row mixes samples" if mixes else "the shape is right and the values are in the wrong places"
    final = is_final_state(trace, x)
    whose = " The first axis of the final state holds the directions." if final else ""
    direct = call.input is not None and call.input.uid == x.uid
    return observed(
        rule, trace, call,
        f"{text} cuts through the axes of {shape(x)}: each row of {shape(output)} takes {what}",
        f"A reshape keeps values in their order in memory, and the axes of {shape(x)} stand in another order than those of "
        f"{shape(output)}, so {ending}.{whose}{meant}{_came_from(trace, x) if not direct else ''}",
        got=x.sizes,
        expected=[x.sizes[axis] for axis in order] if order is not None else None,
        proposals=ranked(*_proposals(trace, call, x, output, order)) if direct else (),
        severity=None if certain else Severity.NOTE,
    )  # fmt: skip


def _came_from(trace: Trace, x: TensorInfo) -> str:
    maker = trace.producer(x)
    return f" {shape(x)} comes from {call_on_line(trace, maker)}." if maker is not None else ""


def _proposals(trace: Trace, call: Call, x: TensorInfo, output: TensorInfo, order: Sequence[int] | None) -> tuple[Proposal | None, ...]:
    if call.name not in ("view", "reshape"):
        return ()
    if order is None:
        return (_split_then_swapped(trace, call, x, output),)
    moved = [axis for axis, source in enumerate(order) if axis != source]
    words = ", ".join(map(str, moved if len(moved) == 2 else order))
    name = "transpose" if len(moved) == 2 else "permute"
    title = f"{'swap axes ' + ' and '.join(map(str, moved)) if len(moved) == 2 else f'move the axes to ({words})'} before the reshape"
    # `view` refuses what is not contiguous after a permute.
    return (rewrite_call(trace, call, "permute", title, f"{{}}.{name}({words}).reshape({{args}})"),)


def _split_then_swapped(trace: Trace, call: Call, x: TensorInfo, output: TensorInfo) -> Proposal | None:
    """Heads split off: `x.view(n, heads, t, size)` of (N, T, features) becomes `x.view(n, t, heads, size).transpose(1, 2)`."""
    order, found = splitting_order(x.sizes, output.sizes), receiver_of(trace, call)
    if order is None or found is None or call.site is None:
        return None
    node, receiver, further = found
    sizes = further[0].elts if len(further) == 1 and isinstance(further[0], ast.Tuple | ast.List) else further
    if len(sizes) != len(order) or any(isinstance(size, ast.Starred) for size in sizes):
        return None
    path = call.site.path
    text, inside = node_text(trace, path, receiver), [node_text(trace, path, sizes[axis]) for axis in order]
    moved = [axis for axis, source in enumerate(order) if axis != source]
    back = moved if len(moved) == 2 else [order.index(axis) for axis in range(len(order))]
    name = "transpose" if len(moved) == 2 else "permute"
    split = f"{call.name}({', '.join(inside)})"
    written = f"{text if is_atom(receiver) else f'({text})'}.{split}.{name}({', '.join(map(str, back))})"
    title = f"split first, then swap: `{split}.{name}({', '.join(map(str, back))})`"
    return Proposal("permute", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, path, node), written),))
