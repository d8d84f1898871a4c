"""Two operands of one operation whose sizes clash: what can be changed on either side, shared by the rules about operations."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from linearcheck.findings import Action, FixKind, Proposal, ReplaceSource, Safety, SetArgument, WrapInput
from linearcheck.rules.arithmetic import broadcast_clashes, insertions_that_fit
from linearcheck.rules.axes import REDUCTIONS, Windowed, axis_source, normal_axis
from linearcheck.rules.failures import Failure
from linearcheck.rules.provenance import explain_size, is_feature_map
from linearcheck.rules.source import (
    call_at,
    constant_value,
    default_of,
    function_at,
    imports_as,
    is_atom,
    node_text,
    operand_node,
    span_of,
    text_of,
)
from linearcheck.rules.spatial import make_equal
from linearcheck.rules.suggestions import set_output
from linearcheck.sizes import Size, shape_text
from linearcheck.trace.records import Call, Span, TensorInfo, Trace

MOST_STEPS_OF_INITIALISER = 16
"""`trunc_normal_` alone is five calls in place."""


def operand_word(trace: Trace, tensor: TensorInfo) -> str:
    """An operand in a sentence: a parameter or input by its name, a tensor by its shape."""
    shape = shape_text(tensor.sizes)
    return f"`{tensor.name}` {shape}" if tensor.name and tensor.role in ("parameter", "buffer", "input") else shape


def is_spatial(trace: Trace, tensor: TensorInfo, axis: int) -> bool:
    """Whether an axis's size is what windows or resizing left of it."""
    origin = explain_size(trace, tensor, axis)
    return origin.call is not None and isinstance(axis_source(origin.call, origin.tensor, origin.axis), Windowed)


def equal_maps(trace: Trace, first: TensorInfo, second: TensorInfo, axes: Sequence[int], others: Sequence[Proposal] = ()) -> list[Proposal]:
    """Proposals that make two maps equally large along `axes`; the smaller one is made larger first.

    `others` change nothing but this one place: they go before a layer that is built by a line which builds its siblings as well.
    """
    smaller, larger = sorted((first, second), key=lambda tensor: tensor.shape[axes[0]])
    found = [*make_equal(trace, smaller, larger, axes), *make_equal(trace, larger, smaller, axes)]
    shared = [proposal for proposal in found if _builds_siblings(trace, proposal)]
    return [*(proposal for proposal in found if proposal not in shared), *others, *shared]


def _builds_siblings(trace: Trace, proposal: Proposal) -> bool:
    calls = [action.call for action in proposal.actions if isinstance(action, SetArgument)]
    return any(sum(layer.definition == call for layer in trace.layers) > 1 for call in calls)


def resized(failure: Failure, maps: Sequence[TensorInfo], nodes: Sequence[ast.expr | None]) -> list[Proposal]:
    """Interpolate one of two maps to the size of the other, the one that was made later first."""
    trace, site = failure.trace, failure.call.site
    if site is None or len(maps) != 2:
        return []
    functional = imports_as(trace, site.path, "torch.nn.functional")
    torch = imports_as(trace, site.path, "torch")
    prefix = functional or (f"{torch}.nn.functional" if torch is not None else None)
    found: list[tuple[int, Proposal]] = []
    for place in (0, 1):
        node, other, call = nodes[place], nodes[1 - place], trace.producer(maps[place])
        if node is None or not isinstance(other, ast.Name) or call is None:
            continue
        text, target = node_text(trace, site.path, node), other.id
        if prefix is not None and "\n" not in text:
            edit = ReplaceSource(span_of(trace, site.path, node), f"{prefix}.interpolate({text}, size={target}.shape[2:])")
            title = f"resize `{text}` to the size of `{target}`"
            found.append((-call.index, Proposal("pad_or_pool", title, Safety.UNSAFE, (edit,))))
    return [proposal for _, proposal in sorted(found, key=lambda entry: entry[0])]


def cropped(failure: Failure, maps: Sequence[TensorInfo], nodes: Sequence[ast.expr | None]) -> Proposal | None:
    """The last steps of the longer of two sequences, as many as the shorter has left after its windows: `x[:, :, -y.size(2):]`."""
    trace, site = failure.trace, failure.call.site
    place = 0 if maps[0].shape[-1] > maps[1].shape[-1] else 1
    node, other, axis = nodes[place], nodes[1 - place], maps[0].rank - 1
    length = maps[1 - place].shape[-1]
    if site is None or node is None or maps[place].shape[-1] >= 2 * length:
        return None
    name = other.id if isinstance(other, ast.Name) else ""
    maker = trace.producer(maps[1 - place])
    if isinstance(other, ast.Call) and maker is not None:  # `self.mix(gated)`, which keeps the length of `gated`
        given = maker.input
        same = given is not None and given.rank == axis + 1 and given.shape[-1] == length
        name = other.args[0].id if same and len(other.args) == 1 and isinstance(other.args[0], ast.Name) else ""
    if not name:
        return None
    text = node_text(trace, site.path, node)
    edit = ReplaceSource(span_of(trace, site.path, node), f"{text if is_atom(node) else f'({text})'}[:, :, -{name}.size({axis}):]")
    title = f"take the last steps of `{text}`, as many as `{name}` has"
    return Proposal("pad_or_pool", title, Safety.UNSAFE, (edit,)) if "\n" not in text else None


def interpolated(failure: Failure, maps: Sequence[TensorInfo], nodes: Sequence[ast.expr | None]) -> list[Proposal]:
    """An `interpolate` by a factor, which rounding makes miss the size of the other map, made to give that size."""
    trace, site = failure.trace, failure.call.site
    found: list[Proposal] = []
    for place in (0, 1) if site is not None and len(maps) == 2 else ():
        other, call = nodes[1 - place], trace.producer(maps[place])
        proposal = _to_size(trace, call, site, other.id) if isinstance(other, ast.Name) and call is not None and site is not None else None
        found += [proposal] if proposal is not None else []
    return found


def _to_size(trace: Trace, call: Call, site: Span, target: str) -> Proposal | None:
    """`size=skip.shape[2:]` in place of the `scale_factor=2` of an `interpolate` in the same function, where the other map has a name."""
    node = call_at(trace, call.site) if call.name in ("interpolate", "upsample") else None
    keyword = next((keyword for keyword in node.keywords if keyword.arg == "scale_factor"), None) if node is not None else None
    function = function_at(trace, site)
    if keyword is None or call.site is None or function is None or function_at(trace, call.site) is not function:
        return None
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == target]
    lines = [name.lineno for name in names if isinstance(name.ctx, ast.Store)]
    if any(line > call.site.line for line in lines) or (call.site.line != site.line and call.site.line in lines):
        return None
    value = span_of(trace, call.site.path, keyword.value)
    span = Span(value.path, value.line, value.column - len("scale_factor="), value.end_line, value.end_column)
    if text_of(trace, span) != f"scale_factor={node_text(trace, call.site.path, keyword.value)}":
        return None
    title = f"interpolate to the size of `{target}` on line {call.site.line}"
    return Proposal("pad_or_pool", title, Safety.UNSAFE, (ReplaceSource(span, f"size={target}.shape[2:]"),))


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
    fitting = insertions_that_fit(tensor.sizes, other.sizes)
    if is_feature_map(failure.trace, other):  # one number for every channel: the channels stay where they are
        fitting = tuple(sorted(fitting, key=lambda places: 1 in places))
    for places in fitting[:2]:
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


def resize_parameter(trace: Trace, tensor: TensorInfo, axis: int, wanted: int, kind: FixKind = "other") -> list[Proposal]:
    """Write another size where a parameter, buffer or constant is made: `n_patches + 1` for `n_patches`, a new default for `max_len`."""
    maker = _factory_behind(trace, tensor)
    sizes = written_sizes(trace, maker) if maker is not None else []
    if maker is None or maker.site is None or not sizes:
        return []
    axis += maker.outputs[0].rank - tensor.rank  # a table that got an axis in front since
    if axis < 0:
        return []
    path, target, old = maker.site.path, sizes[axis], maker.outputs[0].shape[axis]
    name = tensor.name or maker.name
    found = []
    default = default_of(trace, maker.site, target.id) if isinstance(target, ast.Name) else None
    if default is not None and constant_value(default) == old:
        title = f"make `{ast.unparse(target)}`, and so axis {axis} of `{name}`, {wanted}"
        found.append(Proposal(kind, title, Safety.UNSAFE, (ReplaceSource(span_of(trace, path, default), str(wanted)),)))
    text = node_text(trace, path, target)
    difference = wanted - old
    changed = f"{text} {'+' if difference > 0 else '-'} {abs(difference)}" if abs(difference) <= 2 and not text.isdigit() else str(wanted)
    title = f"make axis {axis} of `{name}` {changed}"
    action: Action = ReplaceSource(span_of(trace, path, target), changed)
    node = call_at(trace, maker.site)
    if changed == str(wanted) and node is not None and target in node.args:  # `length // 4` for `length // 8`, where that can be told
        action = SetArgument(maker.site, maker.name, str(axis), wanted, old=old)
    return [*found, Proposal(kind, title, Safety.UNSAFE, (action,))]


def reorder_sizes(trace: Trace, tensor: TensorInfo, order: Sequence[int]) -> Proposal | None:
    """Write the sizes of a tensor in another order where it is made: `zeros(layers, batch, hidden)` for `zeros(batch, layers, hidden)`."""
    maker = trace.producer(tensor)
    sizes = written_sizes(trace, maker) if maker is not None and not maker.tensors else []
    if maker is None or maker.site is None or len(sizes) != len(order):
        return None
    path = maker.site.path
    texts = [node_text(trace, path, size) for size in sizes]
    edits = [
        ReplaceSource(span_of(trace, path, size), texts[source])
        for axis, (size, source) in enumerate(zip(sizes, order, strict=True))
        if axis != source
    ]
    wanted = shape_text(tuple(tensor.sizes[source] for source in order))
    return Proposal("permute", f"make `{maker.name}` on line {maker.site.line} {wanted}", Safety.UNSAFE, tuple(edits)) if edits else None


def written_sizes(trace: Trace, maker: Call) -> Sequence[ast.expr]:
    """The expressions of the sizes in the call that makes a tensor of nothing, one for each axis, or none of them."""
    node = call_at(trace, maker.site)
    if node is None or not maker.outputs:
        return []
    sizes: Sequence[ast.expr] = node.args
    if sizes and isinstance(sizes[0], ast.Tuple | ast.List):  # `full((n, n), 0.0)` has one more argument
        sizes = sizes[0].elts
    elif len(sizes) == 1 and maker.outputs[0].rank != 1:
        sizes = []
    return [] if len(sizes) != maker.outputs[0].rank or any(isinstance(size, ast.Starred) for size in sizes) else sizes


def _factory_behind(trace: Trace, tensor: TensorInfo) -> Call | None:
    """The call that made a parameter's values while building."""
    call = trace.producer(tensor)
    for _ in range(MOST_STEPS_OF_INITIALISER):
        if call is None:
            return None
        if not call.tensors:
            return call
        call = trace.producer(call.tensors[0])
    return None
