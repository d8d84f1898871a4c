"""Builds proposals: what to change, in the model's terms, best first, with the numbers worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from linearcheck.findings import FixKind, Proposal, ReplaceSource, Safety, SetArgument, WrapInput
from linearcheck.rules.arithmetic import size_that_gives
from linearcheck.rules.axes import Merged, axis_source
from linearcheck.rules.evidence import consequences, pins_on, set_argument, support
from linearcheck.rules.failures import Failure
from linearcheck.rules.layers import Pin, declared_int, enclosing, output_declaration
from linearcheck.rules.provenance import Factors, SizeOrigin, explain_size
from linearcheck.rules.source import call_at, is_atom, span_of, text_of
from linearcheck.rules.windows import size_function
from linearcheck.rules.wording import layer_name, listed, quoted, times_text
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace

MOST_PROPOSALS = 6


def ranked(*groups: Proposal | Sequence[Proposal | None] | None) -> tuple[Proposal, ...]:
    """Proposals in the given order, each edit once, at most `MOST_PROPOSALS`."""
    found: list[Proposal] = []
    for group in groups:
        for proposal in (group,) if isinstance(group, Proposal) or group is None else group:
            if proposal is not None and all(
                (proposal.kind, proposal.actions) != (other.kind, other.actions) or not proposal.actions for other in found
            ):
                found.append(proposal)
    return tuple(found[:MOST_PROPOSALS])


def change_argument(
    kind: FixKind,
    layer: Layer,
    argument: str,
    value: int | str,
    factors: Factors = (),
    extra: Sequence[SetArgument] = (),
    safety: Safety = Safety.UNSAFE,
) -> Proposal | None:
    """Set one argument of a layer where it is built, and what follows from it."""
    action = set_argument(layer, argument, value, factors)
    if action is None:
        return None
    product = f" ({times_text(factors)})" if len(factors) > 1 else ""
    title = f"set `{argument}` of {layer_name(layer)} to {value}{product}"
    for further in extra:
        title += f" and `{further.argument}` of {quoted(further.layer)} to {further.value}" if further.layer else ""
    return Proposal(kind, title, safety, (action, *extra))


def fit_input_size(trace: Trace, pin: Pin, got: int) -> tuple[Proposal, ...]:
    """Both sides of a clash between what a layer declares about its input and what it gets, the better supported first."""
    origin = explain_size(trace, pin.tensor, pin.axis)
    factors = origin.factors
    consumer = _take(trace, pin, got, factors)
    producer = fit_output_size(trace, origin, pin)
    backed = support(pins_on(trace, origin.tensor, origin.axis), pin.layer, got, pin.size)
    prefers_producer = backed.wanted > backed.got and not origin.parts  # a sum is seldom mended by one of its parts
    return ranked(producer, consumer) if prefers_producer else ranked(consumer, producer)


def _take(trace: Trace, pin: Pin, got: int, factors: Factors) -> Proposal | None:
    """Let a layer take another size, with the number of groups that goes with it."""
    groups = declared_int(pin.layer, "groups") or 1
    if groups > 1 and (groups == pin.size or got % groups):
        return depthwise(trace, pin, got, groups)
    normed = declared_int(pin.layer, "num_groups") or 1
    if got % normed:
        fitting = next(count for count in range(normed, 0, -1) if got % count == 0)
        action = set_argument(pin.layer, "num_groups", fitting)
        return change_argument(pin.kind, pin.layer, pin.argument, got, extra=(action,)) if action is not None else None
    return change_argument(pin.kind, pin.layer, pin.argument, got, factors)


def depthwise(trace: Trace, pin: Pin, got: int, groups: int) -> Proposal | None:
    """A convolution with one group per channel for another number of channels."""
    outputs = declared_int(pin.layer, "out_channels")
    output = pin.call.output
    if groups != pin.size or outputs != pin.size or output is None:
        return None
    follow = consequences(trace, output, pin.axis, got, frozenset({pin.layer.name}))
    further = [set_argument(pin.layer, name, got) for name in ("out_channels", "groups")]
    extra = [action for action in further if action is not None]
    return change_argument(pin.kind, pin.layer, pin.argument, got, extra=(*extra, *follow)) if follow is not None else None


def fit_output_size(trace: Trace, origin: SizeOrigin, pin: Pin) -> tuple[Proposal, ...]:
    """Let the layers before make the size that a layer declares: `out_channels` of the one that fixes it, or that it is a product of."""
    if origin.parts:
        clash = pin.size - pin.tensor.shape[pin.axis]
        proposals = [set_output(trace, part, _int(part.size) + clash, pin.layer) for part in origin.parts if _int(part.size) + clash > 0]
        return ranked(proposals)
    if origin.factors and origin.call is not None:
        source = axis_source(origin.call, origin.tensor, origin.axis)
        if isinstance(source, Merged):
            channels = explain_size(trace, source.tensor, source.axes[0])
            others = _int(origin.size) // max(_int(channels.size), 1)
            if others and pin.size % others == 0 and is_declared_elsewhere(trace, pin.size // others, pin.layer):
                return ranked(set_output(trace, channels, pin.size // others, pin.layer))
        return ()
    return ranked(set_output(trace, origin, pin.size, pin.layer))


def is_declared_elsewhere(trace: Trace, size: int, layer: Layer) -> bool:
    """Whether another layer of the model declares this size: a number that stands nowhere is hardly what was meant."""
    names = ("in_features", "out_features", "in_channels", "out_channels", "num_features", "num_channels", "input_size", "hidden_size")
    return any(other.declared.get(name) == size for other in trace.layers if other.name != layer.name for name in names)


def set_output(trace: Trace, origin: SizeOrigin, size: int, settled: Layer | None = None, until: Call | None = None) -> Proposal | None:
    """Let the layer that fixes a size make another one, with everything that follows from it."""
    if origin.scaled is not None:
        inner, factor = origin.scaled
        wanted = size / factor
        return set_output(trace, inner, int(wanted), settled, until) if wanted.denominator == 1 else None
    if origin.call is None or origin.layer is None:
        return None
    declaration = output_declaration(trace, origin.call, origin.tensor, origin.axis)
    if declaration is None or size <= 0 or size % (declared_int(origin.layer, "groups") or 1):
        return None
    names = frozenset({settled.name}) if settled is not None else frozenset()
    follow = consequences(trace, origin.tensor, origin.axis, size, names, until.index if until is not None else None)
    if follow is None:
        return None
    layer, argument, kind = declaration
    return change_argument(kind, layer, argument, size, extra=follow)


def _int(size: object) -> int:
    return size if isinstance(size, int) else 0


def wrap_input(
    failure: Failure,
    kind: FixKind,
    transform: str,
    title: str,
    *,
    axes: Sequence[int] = (),
    dtype: str = "",
    position: int = 0,
    argument: str = "",
    safety: Safety = Safety.UNSAFE,
) -> Proposal | None:
    """Transform what goes into the failed call, or into the layer that it belongs to."""
    layer = failure.layer
    called_by_torch = layer is not None and layer.caller_type == "torch"
    site = failure.place.site or failure.call.site
    if site is None:
        return None
    action = WrapInput(
        site,
        transform,  # type: ignore[arg-type]
        tuple(axes),
        dtype,
        position,
        argument,
        layer.name if layer is not None and called_by_torch else "",
        layer.definition if layer is not None and called_by_torch else None,
    )
    return Proposal(kind, title, safety, (action,))


def add_arguments(trace: Trace, layer: Layer, values: dict[str, int], kind: FixKind) -> Proposal | None:
    """Give the call that builds a layer further arguments, by a name that has the value there if exactly one has."""
    node = call_at(trace, layer.definition)
    if node is None or layer.definition is None or not node.args or any(keyword.arg in (None, *values) for keyword in node.keywords):
        return None
    names = layer.built[0].names if layer.built else {}
    texts = {value: [name for name, known in names.items() if known == value and type(known) is int] for value in values.values()}
    written = [f"{name}={texts[value][0] if len(texts[value]) == 1 else value}" for name, value in values.items()]
    items = [*node.args, *(keyword.value for keyword in node.keywords)]
    end = span_of(trace, layer.definition.path, max(items, key=lambda item: (item.end_lineno or 0, item.end_col_offset or 0)))
    place = Span(end.path, end.end_line, end.end_column, end.end_line, end.end_column)
    sizes = listed([str(value) for value in dict.fromkeys(values.values())])
    title = f"set {' and '.join(f'`{name}`' for name in values)} of {layer_name(layer)} to {sizes}"
    return Proposal(kind, title, Safety.UNSAFE, (ReplaceSource(place, f", {', '.join(written)}"),))


def flatten_input(failure: Failure, safety: Safety, and_set: Proposal | None = None) -> Proposal | None:
    """Flatten what goes into a layer, from axis 1."""
    proposal = wrap_input(failure, "flatten", "flatten", f"flatten the input of {failure.name}", safety=safety)
    return combined(proposal, and_set) if and_set is not None else proposal


def combined(first: Proposal | None, second: Proposal | None) -> Proposal | None:
    """One repair of two parts, of the kind of the first."""
    if first is None or second is None:
        return None
    return replace(first, title=f"{first.title} and {second.title}", actions=(*first.actions, *second.actions))


def permute_input(failure: Failure, order: Sequence[int], what: str = "") -> Proposal | None:
    """Reorder the axes of what goes into a layer; two swapped axes are a transpose."""
    moved = [axis for axis, source in enumerate(order) if axis != source]
    title = what or f"move the axes of the input of {failure.name} to ({', '.join(str(axis) for axis in order)})"
    if len(moved) == 2:
        return wrap_input(
            failure, "permute", "transpose", what or f"swap axes {moved[0]} and {moved[1]} of the input of {failure.name}", axes=moved
        )
    return wrap_input(failure, "permute", "permute", title, axes=order)


def is_first_in_its_container(trace: Trace, call: Call) -> bool:
    """Whether the call in the source that leads to a layer gets the tensor that the layer gets: not so in the middle of a Sequential."""
    around = enclosing(trace, call)
    given = call.input
    while around is not None and around.site == call.site:
        if around.input is None or given is None or around.input.uid != given.uid:
            return False
        around = enclosing(trace, around)
    return True


def replace_text(trace: Trace, call: Call | None, name: str, position: int, kind: FixKind, title: str, template: str) -> Proposal | None:
    """Replace an argument of the call's source by `template`, in which `{}` is the present text."""
    from linearcheck.rules.source import argument_node

    node = call_at(trace, call.site) if call is not None and is_first_in_its_container(trace, call) else None
    argument = argument_node(node, name, position) if node is not None else None
    if call is None or call.site is None or argument is None:
        return None
    span = span_of(trace, call.site.path, argument)
    text = text_of(trace, span)
    return Proposal(kind, title, Safety.UNSAFE, (ReplaceSource(span, template.format(text if is_atom(argument) else f"({text})")),))


def resize_input(trace: Trace, layer: Layer, tensor: TensorInfo, axis: int, wanted: int) -> Proposal | None:
    """An advice without an edit: the images that a layer after a flatten was made for, from the arithmetic of the windows before it.

    None where no square size gives `wanted`, or the size of the features does not follow from the input's.
    """
    origin = explain_size(trace, tensor, axis)
    source = axis_source(origin.call, origin.tensor, origin.axis) if origin.call is not None else None
    if not isinstance(source, Merged) or len(source.axes) < 2:
        return None
    return resize_map(trace, layer_name(layer), source.tensor, source.axes[0], source.axes[1:], wanted)


def resize_map(trace: Trace, name: str, feature_map: TensorInfo, channel: int, spatial: Sequence[int], wanted: int) -> Proposal | None:
    channels = feature_map.shape[channel]
    side = round((wanted / channels) ** (1 / len(spatial))) if channels and wanted % channels == 0 else 0
    if not side or channels * side ** len(spatial) != wanted:
        return None
    sizes: dict[int, int] = {}
    shown: TensorInfo | None = None
    for axis in spatial:
        found = size_function(trace, feature_map, axis)
        size = size_that_gives(side, found[0]) if found is not None else None
        if found is None or size is None:
            return None
        _, shown, at = found
        sizes[at] = size
    if shown is None or all(shown.shape[at] == size for at, size in sizes.items()):
        return None
    shape = tuple(sizes.get(at, size) for at, size in enumerate(shown.sizes))
    return Proposal("resize_input", f"{name} fits an input of {shape_text(shape)}")
