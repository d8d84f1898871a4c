"""Two operands of one operation whose sizes clash: what can be changed on either side, shared by the rules about operations."""

from __future__ import annotations

from collections.abc import Sequence

from linearcheck.findings import Proposal, ReplaceSource, Safety, SetArgument, WrapInput
from linearcheck.rules.arithmetic import broadcast_clashes, insertions_that_fit
from linearcheck.rules.axes import REDUCTIONS, Windowed, axis_source, normal_axis
from linearcheck.rules.failures import Failure
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.source import argument_node, call_at, is_atom, node_text, operand_node, span_of
from linearcheck.rules.spatial import make_equal
from linearcheck.rules.suggestions import set_output
from linearcheck.sizes import Size, shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace


def operand_word(trace: Trace, tensor: TensorInfo) -> str:
    """An operand in a sentence: a parameter or input by its name, a tensor by its shape."""
    shape = shape_text(tensor.sizes)
    return f"`{tensor.name}` {shape}" if tensor.name and tensor.role in ("parameter", "buffer", "input") else shape


def is_spatial(trace: Trace, tensor: TensorInfo, axis: int) -> bool:
    """Whether an axis's size is what windows or resizing left of it."""
    origin = explain_size(trace, tensor, axis)
    return origin.call is not None and isinstance(axis_source(origin.call, origin.tensor, origin.axis), Windowed)


def equal_maps(trace: Trace, first: TensorInfo, second: TensorInfo, axes: Sequence[int]) -> list[Proposal]:
    """Proposals that make two maps equally large along `axes`; the smaller one is made larger first."""
    smaller, larger = sorted((first, second), key=lambda tensor: tensor.shape[axes[0]])
    return [*make_equal(trace, smaller, larger, axes), *make_equal(trace, larger, smaller, axes)]


def equal_features(trace: Trace, first: TensorInfo, first_axis: int, second: TensorInfo, second_axis: int) -> list[Proposal]:
    """Proposals that let the layer behind either operand make the other's size; fewest changes first, then the layer nearest to the
    clash."""
    found: list[tuple[tuple[int, int], Proposal]] = []
    for tensor, axis, wanted in ((first, first_axis, second.shape[second_axis]), (second, second_axis, first.shape[first_axis])):
        origin = explain_size(trace, tensor, axis)
        proposal = set_output(trace, origin, wanted)
        if proposal is not None and origin.call is not None:
            found.append(((len(proposal.actions), -origin.call.index), proposal))
    return [proposal for _, proposal in sorted(found, key=lambda entry: entry[0])]


def kept_axis(trace: Trace, tensor: TensorInfo, other: TensorInfo) -> Proposal | None:
    """`keepdim=True` for the reduction that made an operand, where that makes it broadcast."""
    call = _reduction_behind(trace, tensor)
    source = call.input if call is not None else None
    if call is None or source is None or call.site is None or call.arguments.get("keepdim"):
        return None
    given = call.arguments.get("dim")
    dims = given if isinstance(given, tuple) else (given,)
    gone = {place for place in (normal_axis(dim, source.rank) for dim in dims) if place is not None}
    kept: tuple[Size, ...] = tuple(1 if axis in gone else size for axis, size in enumerate(source.sizes))
    fits = len(kept) <= other.rank and all(a in (1, b) or b == 1 for a, b in zip(reversed(kept), reversed(other.sizes), strict=False))
    if not gone or not fits:
        return None
    title = f"keep the reduced axis of `{call.name}` on line {call.site.line} with `keepdim=True`"
    return Proposal("unsqueeze", title, Safety.UNSAFE, (SetArgument(call.site, call.name, "keepdim", "True"),))


def _reduction_behind(trace: Trace, tensor: TensorInfo) -> Call | None:
    call = trace.producer(tensor)
    for _ in range(4):  # through element-wise calls: `a.mean(1).detach()`
        if call is None or call.name in REDUCTIONS:
            return call
        before = call.input
        if before is None or before.sizes != tensor.sizes:
            return None
        call = trace.producer(before)
    return None


def insert_axes(failure: Failure, tensor: TensorInfo, other: TensorInfo, position: int) -> list[Proposal]:
    """Size-1 axes for the operand with fewer axes, so that every named size stands on its own name."""
    site = failure.call.site
    if site is None:
        return []
    found = []
    for places in insertions_that_fit(tensor.sizes, other.sizes)[:2]:
        widened = list(tensor.sizes)
        for place in places:
            widened.insert(place, 1)
        title = (
            f"insert {'axis' if len(places) == 1 else 'axes'} {', '.join(map(str, places))} of size 1, so that it is {shape_text(widened)}"
        )
        action = _insertion(failure, places, position)
        if action is not None:
            found.append(Proposal("unsqueeze", title, Safety.UNSAFE, (action,)))
    return found


def _insertion(failure: Failure, places: tuple[int, ...], position: int) -> WrapInput | ReplaceSource | None:
    trace, site = failure.trace, failure.call.site
    if site is None or len(places) == 1:
        return WrapInput(site, "unsqueeze", places, position=position) if site is not None else None
    node = operand_node(trace, site, position)
    if node is None:
        return None
    text = node_text(trace, site.path, node)
    inserted = "".join(f".unsqueeze({place})" for place in places)
    return ReplaceSource(span_of(trace, site.path, node), (text if is_atom(node) else f"({text})") + inserted)


def drop_axes(failure: Failure, tensor: TensorInfo, other: TensorInfo, position: int) -> Proposal | None:
    """Drop an axis of size 1 that keeps an operand from standing under the other."""
    site = failure.call.site
    ones = [axis for axis in range(1, tensor.rank) if tensor.sizes[axis] == 1]
    for axis in ones if site is not None and tensor.rank >= other.rank else []:
        rest = tensor.shape[:axis] + tensor.shape[axis + 1 :]
        if site is not None and not broadcast_clashes(rest, other.shape):
            action = WrapInput(site, "squeeze", (axis,), position=position)
            return Proposal("squeeze", f"drop axis {axis} of size 1 of {shape_text(tensor.sizes)}", Safety.UNSAFE, (action,))
    return None


def resize_parameter(trace: Trace, tensor: TensorInfo, axis: int, wanted: int) -> Proposal | None:
    """Write another size where a parameter or buffer is made: `n_patches + 1` for `n_patches`."""
    maker = _factory_behind(trace, tensor)
    node = call_at(trace, maker.site) if maker is not None else None
    if maker is None or maker.site is None or node is None:
        return None
    sizes = node.args
    if len(sizes) == 1 and tensor.rank != 1:
        sizes = getattr(sizes[0], "elts", [])
    target = sizes[axis] if len(sizes) == tensor.rank else argument_node(node, "num_embeddings", axis)
    if target is None or len(sizes) != tensor.rank:
        return None
    span = span_of(trace, maker.site.path, target)
    text = node_text(trace, maker.site.path, target)
    difference = wanted - tensor.shape[axis]
    if text.isdigit():
        changed = str(wanted)
    elif abs(difference) <= 2:
        changed = f"{text} {'+' if difference > 0 else '-'} {abs(difference)}"
    else:
        changed = str(wanted)
    title = f"make axis {axis} of `{tensor.name or maker.name}` {changed}"
    return Proposal("other", title, Safety.UNSAFE, (ReplaceSource(span, changed),))


def _factory_behind(trace: Trace, tensor: TensorInfo) -> Call | None:
    """The call that made a parameter's values while building."""
    call = trace.producer(tensor)
    for _ in range(6):
        if call is None:
            return None
        if not call.tensors:
            return call
        call = trace.producer(call.tensors[0])
    return None
