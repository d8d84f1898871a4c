"""The silent part of LC411: reshapes that run and put values of one row or position into another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.batch_sizes import written_batch_size
from linearcheck.rules.cut import Regroup, merging_order, moved_axes, regroups, splitting_order
from linearcheck.rules.flow import reach_of, steps_back
from linearcheck.rules.folds import is_final_state
from linearcheck.rules.layers import CONVOLUTIONS, RECURRENT, operation
from linearcheck.rules.observations import observed, receiver_of, reshaping_calls, rewrite_call
from linearcheck.rules.provenance import is_feature_map
from linearcheck.rules.reshapes import reshape_of
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import imports_as, is_atom, node_text, span_of
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
MAP_RANK = 4
FLATTENED_RANK = 2
"""The batch, and one axis that holds all the rest."""


def silent_scrambles(rule: Rule, trace: Trace) -> Iterator[Finding]:
    """Reshapes that cut through axes where the new sizes show that moving an axis was meant."""
    written = {found[0].index for failure in trace.batch_failures if (found := written_batch_size(trace, failure)) is not None}
    for call in reshaping_calls(trace, *RESHAPING):
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
        shared = not moved and any(
            idiom(trace, before, output)
            for idiom in (_feeds_shared_weights, _is_grid_of_patches, _rearranges_channels_and_pixels, _is_image_of_tokens)
        )
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


def _rearranges_channels_and_pixels(trace: Trace, x: TensorInfo, output: TensorInfo) -> bool:
    """A map (N, c * r * r, H, W) viewed as (N, c, H * r, W * r), a pixel shuffle without its permute; or the other way round.

    Splitting the channels first, (N, c, r, r, H, W), and merging all without moving an axis is the same.
    """
    whole = next((tensor for tensor, _ in steps_back(trace, x, RESHAPING, limit=3) if tensor.rank == MAP_RANK), None)
    if whole is None or output.rank != MAP_RANK or whole.sizes[0] != output.sizes[0]:
        return False
    if not (whole.role == "input" or is_feature_map(trace, whole)) or not is_batch(output.sizes[0]):
        return False
    if 1 in (*whole.shape[2:], *output.shape[2:]):
        return False
    few, many = sorted((whole.shape[1:], output.shape[1:]), key=lambda sizes: sizes[0])
    growths = [large // small for large, small in zip(few[1:], many[1:], strict=True) if large % small == 0]
    return len(growths) == len(few) - 1 and min(growths) > 1 and many[0] == few[0] * prod(growths)


def _is_image_of_tokens(trace: Trace, x: TensorInfo, output: TensorInfo) -> bool:
    """Tokens (N, T, values) that one Linear made, each with the same weights, viewed as the maps that are returned: no unpatchify."""
    makers = [maker for _, maker in steps_back(trace, x, SAME_PLACE - RESHAPING, limit=4) if maker is not None]
    if x.rank != 3 or output.rank != MAP_RANK or not is_batch(x.sizes[0]) or not is_batch(output.sizes[0]):
        return False
    if not makers or operation(makers[-1]) not in {"linear", "layer_norm"}:
        return False
    reach = reach_of(trace, output)
    returned = any(tensor.rank == MAP_RANK and is_batch(tensor.sizes[0]) for tensor in reach.outputs)
    return returned and not reach.weights and not any(operation(later) in CONVOLUTIONS for later in reach.calls)


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
        return (_split_then_swapped(trace, call, x, output), _pixel_shuffle(trace, call, x, output))
    moved = [axis for axis, source in enumerate(order) if axis != source]
    words = ", ".join(map(str, moved if len(moved) == 2 else order))
    name = "transpose" if len(moved) == 2 else "permute"
    title = f"{'swap axes ' + ' and '.join(map(str, moved)) if len(moved) == 2 else f'move the axes to ({words})'} before the reshape"
    # `view` refuses what is not contiguous after a permute.
    return (rewrite_call(trace, call, "permute", title, f"{{}}.{name}({words}).reshape({{args}})"),)


def _pixel_shuffle(trace: Trace, call: Call, x: TensorInfo, output: TensorInfo) -> Proposal | None:
    """(N, c * r * r, H, W) to (N, c, H * r, W * r) is what `torch.pixel_shuffle` is for."""
    if x.rank != MAP_RANK or output.rank != MAP_RANK or not all(x.shape[2:]):
        return None
    torch = imports_as(trace, call.site.path, "torch") if call.site is not None else None
    if torch is None:
        return None
    factors = {(large // small, large % small) for large, small in zip(output.shape[2:], x.shape[2:], strict=True)}
    (factor, rest), *others = factors
    if others or rest or factor < 2 or x.shape[1] != output.shape[1] * factor**2:
        return None
    title = f"rearrange with `{torch}.pixel_shuffle`, by {factor}"
    return rewrite_call(trace, call, "permute", title, f"{torch}.pixel_shuffle({{}}, {factor})")


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
