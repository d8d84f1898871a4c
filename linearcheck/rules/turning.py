"""Axes swapped before a layer and back after it, where the result meets a tensor of the old layout: token mixing, convolutions over time.

Without the way back a swapped input only moves the mistake: `x + self.mix(x)` then adds (N, C, T) to (N, T, C).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.evidence import BROADCASTING
from linearcheck.rules.failures import Failure
from linearcheck.rules.layers import enclosing
from linearcheck.rules.provenance import origin_of
from linearcheck.rules.source import argument_node, call_at, constant_value, is_atom, node_text, operand_node, span_of
from linearcheck.sizes import Shape, is_batch, shape_text
from linearcheck.trace.records import Call, Span, TensorInfo, Trace

MOVES = frozenset({"permute", "transpose", "t", "T", "mT", "movedim"})
SWAP = ".transpose(1, 2)"


@dataclass(frozen=True)
class _Meeting:
    """An element-wise call that takes a turned tensor (`position`) together with one that was not turned."""

    call: Call
    position: int

    @property
    def turned(self) -> TensorInfo:
        return self.call.tensors[self.position]


def turned_there_and_back(failure: Failure, x: TensorInfo) -> list[Proposal]:
    """Repairs of a layer that gets (N, T, C) for (N, C, T): the call nearest to where both layouts meet is turned first."""
    meeting = _meeting(failure, x) if x.rank == 3 else None
    if meeting is None:
        return []
    found = [_around(failure, place, meeting) for place in reversed(_places(failure, x, meeting.call))]
    return [proposal for proposal in found if proposal is not None]


def moved_and_back(failure: Failure, order: Sequence[int]) -> Proposal | None:
    """Axes brought into the order that a layer needs, and back after it: a norm over channels between convolutions."""
    trace, place, layer = failure.trace, failure.place, failure.layer
    node = call_at(trace, place.site)
    argument = argument_node(node, "input", 0) if node is not None else None
    if node is None or argument is None or place.site is None or (layer is not None and layer.caller_type == "torch"):
        return None
    back = [order.index(axis) for axis in range(len(order))]
    path, go, come = place.site.path, _move(order), _move(back)
    text = node_text(trace, path, argument)
    before = ReplaceSource(span_of(trace, path, argument), (text if is_atom(argument) else f"({text})") + go)
    title = f"move the axes to ({', '.join(map(str, order))}) before {failure.name} and back after it"
    return Proposal("permute", title, Safety.UNSAFE, (before, _after(span_of(trace, path, node), come)))


def _move(order: Sequence[int]) -> str:
    moved = [axis for axis, source in enumerate(order) if axis != source]
    return f".transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f".permute({', '.join(map(str, order))})"


def _meeting(failure: Failure, x: TensorInfo) -> _Meeting | None:
    """The first later call that takes the layout of `x` and its mirror image."""
    layouts = (x.sizes, (x.sizes[0], x.sizes[2], x.sizes[1]))
    for call in failure.trace.calls[failure.call.index + 1 :]:
        shapes = tuple(tensor.sizes for tensor in call.tensors)
        if (
            call.kind == "function"
            and call.name in BROADCASTING
            and len(shapes) == 2
            and sorted(shapes, key=str) == sorted(layouts, key=str)
        ):
            return _Meeting(call, shapes.index(layouts[1]))
    return None


def _places(failure: Failure, x: TensorInfo, meeting: Call) -> list[Call]:
    """The calls in the source that hand `x` to the layer, innermost first, below the module in which both layouts meet."""
    places, call = [failure.place], failure.place
    while (around := enclosing(failure.trace, call)) is not None:
        if around.index == meeting.parent or around.input is None or around.input.uid != x.uid:
            break
        places = [*(place for place in places if place.site != around.site), around]
        call = around
    return places


def _around(failure: Failure, place: Call, meeting: _Meeting) -> Proposal | None:
    trace, node = failure.trace, call_at(failure.trace, place.site)
    argument = argument_node(node, "input", 0) if node is not None else None
    if node is None or argument is None or place.site is None:
        return None
    path = place.site.path
    text = node_text(trace, path, argument)
    there = ReplaceSource(span_of(trace, path, argument), (text if is_atom(argument) else f"({text})") + SWAP)
    if place.output is not None and place.output.uid == meeting.turned.uid:
        back: ReplaceSource | None = _after(span_of(trace, path, node), SWAP)
    else:
        back = _turn_operand(trace, meeting)
    title = f"swap axes 1 and 2 before {failure.name} and back after it"
    return Proposal("permute", title, Safety.UNSAFE, (there, back)) if back is not None else None


def _turn_operand(trace: Trace, meeting: _Meeting) -> ReplaceSource | None:
    site = meeting.call.site
    node = operand_node(trace, site, meeting.position)
    if site is None or node is None:
        return None
    span = span_of(trace, site.path, node)
    return _after(span, SWAP) if is_atom(node) else ReplaceSource(span, f"({node_text(trace, site.path, node)}){SWAP}")


def _after(span: Span, text: str) -> ReplaceSource:
    """Text written behind an expression, so that edits inside it go together with this one."""
    return ReplaceSource(Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column), text)


def turned_operands(failure: Failure, operands: Sequence[tuple[TensorInfo, int]]) -> list[Proposal]:
    """Reorder the axes of one of two operands that have the same sizes in another order, one that was turned before first.

    `operands` are both tensors with their positions in the call. Axes of the same size stay in their order.
    """
    found: list[tuple[bool, int, Proposal]] = []
    for (tensor, position), (other, _) in (operands, operands[::-1]):
        order = _order_of(tensor.sizes, other.sizes[-tensor.rank :]) if 1 < tensor.rank <= other.rank else None
        site, node = failure.call.site, operand_node(failure.trace, failure.call.site, position)
        if order is None or site is None or node is None:
            continue
        text = node_text(failure.trace, site.path, node)
        moved = [axis for axis, source in enumerate(order) if axis != source]
        change = f".transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f".permute({', '.join(map(str, order))})"
        edit = ReplaceSource(span_of(failure.trace, site.path, node), (text if is_atom(node) else f"({text})") + change)
        title = f"turn {shape_text(tensor.sizes)} to {shape_text(tuple(tensor.sizes[axis] for axis in order))}"
        was_turned = any(call.name in MOVES for call in origin_of(failure.trace, tensor))
        found.append((not was_turned, -position, Proposal("permute", title, Safety.UNSAFE, (edit,))))
    return [proposal for *_, proposal in sorted(found, key=lambda entry: entry[:2])]


def turned_otherwise(failure: Failure, tensor: TensorInfo, fits: Callable[[Shape], bool]) -> list[Proposal]:
    """Other axes for the `transpose` or `permute` that made an operand, with the batch where it was: `k.transpose(1, 2)` for `(0, 1)`."""
    call = failure.trace.producer(tensor)
    source = call.input if call is not None and call.name in ("transpose", "permute", "swapaxes") else None
    node = call_at(failure.trace, call.site) if call is not None and source is not None else None
    if call is None or source is None or node is None or call.site is None or node.keywords:
        return []
    numbers = [argument for argument in node.args if isinstance(constant_value(argument), int)]
    if len(numbers) != (source.rank if call.name == "permute" else 2) or numbers != node.args[-len(numbers) :]:
        return []
    first = 1 if source.sizes and is_batch(source.sizes[0]) else 0
    found = []
    for order in permutations(range(first, source.rank)):
        axes = [axis for axis, place in enumerate((*range(first), *order)) if axis != place]
        written = list(map(str, (*range(first), *order) if call.name == "permute" else axes))
        if len(written) != len(numbers) or not fits(tuple(source.sizes[axis] for axis in (*range(first), *order))):
            continue
        edits = tuple(
            ReplaceSource(span_of(failure.trace, call.site.path, number), text)
            for number, text in zip(numbers, written, strict=True)
            if node_text(failure.trace, call.site.path, number) != text
        )
        verb = "move the axes to" if call.name == "permute" else "swap axes"
        title = f"{verb} {', '.join(written)} in `{call.name}` on line {call.site.line}"
        found += [Proposal("permute", title, Safety.UNSAFE, edits)] if edits else []
    return found[:2]


def _order_of(sizes: Shape, wanted: Shape) -> tuple[int, ...] | None:
    """Which axis goes where, or None where the sizes are not the same ones in another order; one of size 1 may stand under any."""
    left = list(range(len(sizes)))
    order = []
    missing = [size for size in wanted if size not in sizes]
    for size in wanted:
        axis = next((axis for axis in left if sizes[axis] == (1 if size in missing else size)), None)
        if axis is None:
            return None
        left.remove(axis)
        order.append(axis)
    return tuple(order) if sizes != wanted else None
