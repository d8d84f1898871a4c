"""LC416 `acts-on-wrong-axis`: what is meant for the channels acts along the width, because both have the same size.

## What it catches
A scale or bias with one number per channel that is multiplied with or added to a feature map (N, C, H, W) without `view(-1, 1, 1)`,
`nn.LayerNorm(C)` on such a map, and a mean over axes 1 and 2, as for channels-last maps, in front of a layer that takes C features.

## Why it matters
Shapes are compared from the right, so the numbers of the channels lie along the columns of the image. It runs only while the map is as
wide as it is deep; with any other image it fails.

## Example
    self.gamma = nn.Parameter(torch.ones(dim))
    y = y * self.gamma                      # (N, 32, 32, 32) * (32,)

## Fix
    y = y * self.gamma.view(-1, 1, 1)
A warning, since sizes alone do not prove what is meant: it speaks where the source builds both from the same name, or the image is
square.

## PyTorch says
Nothing at this image size; with another one "The size of tensor a (48) must match the size of tensor b (32) at non-singleton dimension
3".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, SetArgument, Severity
from linearcheck.rules.axes import Windowed, axis_source, normal_axis
from linearcheck.rules.evidence import pins_on
from linearcheck.rules.flow import is_settled, reach_of, steps_back
from linearcheck.rules.layers import declared_int, torch_layer
from linearcheck.rules.observations import observed, operand_nodes, replace_node, rewrite_call, site_line, user_calls
from linearcheck.rules.provenance import explain_size, is_feature_map
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import call_at, node_text, tree_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import OPERATORS, layer_name, quoted, shape
from linearcheck.sizes import is_batch, shape_text
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace

RULE = Rule("LC416", "acts-on-wrong-axis", Severity.WARNING, FixAvailability.SOMETIMES, __doc__)

CONVERTING = frozenset(
    {"to", "type_as", "detach", "clone", "exp", "sigmoid", "tanh", "softplus", "abs", "float", "unsqueeze", "view", "reshape"}
)


def check(trace: Trace) -> Iterator[Finding]:
    for call in user_calls(trace, "mul", "add", "sub", "div"):
        yield from _scales(trace, call)
    for call in user_calls(trace, "mul", "div"):
        yield from _weights(trace, call)
    for call in trace.calls_of("layer_norm"):
        yield from _norms(trace, call)
    for call in user_calls(trace, "mean", "amax", "sum"):
        yield from _pools(trace, call)


def _is_square_in_channels(trace: Trace, x: TensorInfo) -> bool:
    """Whether a tensor is a feature map (N, C, H, W) that is as wide as it is deep, its width what windows left of the input's."""
    if x.rank < 3 or not is_batch(x.sizes[0]) or x.shape[1] != x.shape[-1] or x.shape[1] == 1 or not is_feature_map(trace, x):
        return False
    channels, width = explain_size(trace, x, 1), explain_size(trace, x, x.rank - 1)
    windowed = width.call is not None and isinstance(axis_source(width.call, width.tensor, width.axis), Windowed)
    return channels.argument == "out_channels" and windowed


def _is_square_image(x: TensorInfo) -> bool:
    """Height and width alike: an image, while a spectrogram, whose last axis may have parameters of its own, hardly is."""
    return x.rank > 3 and len(set(x.shape[2:])) == 1


# ---- scales and biases


def _scales(trace: Trace, call: Call) -> Iterator[Finding]:
    tensors = call.tensors
    if len(tensors) != 2:
        return
    for position, (x, scale) in enumerate((tensors, tensors[::-1])):
        parameter = _parameter_behind(trace, scale)
        wide = [size for size in scale.shape if size != 1]
        if parameter is None or x.rank < 3 or not 1 <= scale.rank <= x.rank or wide != [x.shape[-1]] or scale.shape[-1] == 1:
            continue
        if not _is_square_in_channels(trace, x) or not is_settled(call) or parameter.rank != 1:
            continue
        if _shares_name(trace, parameter, x) or _is_square_image(x):
            yield _scale_finding(trace, call, x, parameter, scale, 1 - position)
            return


def _parameter_behind(trace: Trace, tensor: TensorInfo) -> TensorInfo | None:
    for earlier, _ in steps_back(trace, tensor, CONVERTING, limit=5):
        if earlier.role == "parameter":
            return earlier
    return None


def _scale_finding(trace: Trace, call: Call, x: TensorInfo, parameter: TensorInfo, scale: TensorInfo, position: int) -> Finding:
    sign = quoted(OPERATORS.get(call.name, call.name))
    ones = ", ".join(["1"] * (x.rank - 2))
    name = parameter.name.rsplit(".", 1)[-1]
    nodes = operand_nodes(trace, call)
    proposal = None
    if len(nodes) == 2 and call.site is not None and scale.uid == parameter.uid:
        title = f"let `{name}` stand along the channels: `view(-1, {ones})`"
        proposal = replace_node(trace, call.site.path, nodes[position], "unsqueeze", title, f"{{}}.view(-1, {ones})")
    return observed(
        RULE, trace, call,
        f"{sign} lays the {parameter.shape[0]} numbers of `{name}` along the width of {shape(x)}, which is as wide as it has channels",
        f"Shapes are compared from the right, so {shape(scale)} stands under the last axis. One number per channel is "
        f"{shape_text((parameter.shape[0], *(1,) * (x.rank - 2)))}. A map of any other width makes this line fail.",
        got=scale.sizes,
        expected=(parameter.shape[0], *(1,) * (x.rank - 2)),
        proposals=ranked(proposal),
    )  # fmt: skip


def _shares_name(trace: Trace, parameter: TensorInfo, x: TensorInfo) -> bool:
    """Whether the source builds parameter and channels from the same name: `torch.ones(dim)` and `Conv2d(dim, dim, 3)`."""
    owner = trace.layer(parameter.name.rpartition(".")[0])
    if owner is None:
        return False
    names = _names_of_parameter(trace, owner, parameter.name.rpartition(".")[2])
    channels = explain_size(trace, x, 1)
    return channels.layer is not None and bool(names & _names_in_call(trace, channels.layer.definition))


def _names_of_parameter(trace: Trace, owner: Layer, attribute: str) -> frozenset[str]:
    """Names in the value that a class assigns to `self.attribute`."""
    found: set[str] = set()
    for path in trace.sources:
        for definition in ast.walk(tree_of(trace, path) or ast.Module([], [])):
            if not isinstance(definition, ast.ClassDef) or definition.name != owner.type:
                continue
            for node in ast.walk(definition):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
                if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                    value = getattr(node, "value", None)
                    found |= _names_in(value) if value is not None else set()
    return frozenset(found)


def _names_in_call(trace: Trace, definition: Span | None) -> frozenset[str]:
    node = call_at(trace, definition)
    return frozenset(name for argument in node.args for name in _names_in(argument)) if node is not None else frozenset()


def _names_in(node: ast.AST) -> set[str]:
    """Plain names and attributes of `self` that an expression uses, without modules."""
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} - {"torch", "nn", "self"}
    return names | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute) and getattr(inner.value, "id", "") == "self"}


# ---- weights of one axis along another


def _weights(trace: Trace, call: Call) -> Iterator[Finding]:
    """`h * weights.unsqueeze(1)` of (N, T, T): a weight per step, worked out from the steps of `h`, lies along its features."""
    tensors = call.tensors
    if len(tensors) != 2 or tensors[0].rank != tensors[1].rank or not is_settled(call):
        return
    for position, (x, scale) in enumerate((tensors, tensors[::-1])):
        wide = [axis for axis in range(1, scale.rank) if scale.sizes[axis] != 1]
        if len(wide) != 1 or x.rank < 3 or not (is_batch(x.sizes[0]) and is_batch(scale.sizes[0])):
            continue
        axis = wide[0]
        own = [place for place in range(1, x.rank) if x.sizes[place] == scale.sizes[axis]]
        source = _fixed_at(trace, scale, axis)
        meant = [place for place in own if _fixed_at(trace, x, place) == source]
        if axis not in own or axis in meant or len(meant) != 1 or explain_size(trace, x, axis).call is None:
            continue
        yield _weights_finding(trace, call, x, scale, axis, meant[0], 1 - position)
        return


def _fixed_at(trace: Trace, tensor: TensorInfo, axis: int) -> tuple[int, int]:
    origin = explain_size(trace, tensor, axis)
    return origin.tensor.uid, origin.axis


def _weights_finding(trace: Trace, call: Call, x: TensorInfo, scale: TensorInfo, axis: int, meant: int, position: int) -> Finding:
    sign = quoted(OPERATORS.get(call.name, call.name))
    wanted = tuple(scale.sizes[axis] if place == meant else 1 if place == axis else size for place, size in enumerate(scale.sizes))
    maker, nodes = trace.producer(scale), operand_nodes(trace, call)
    proposal = None
    if maker is not None and maker.name == "unsqueeze" and scale.rank == 3:
        title = f"insert the new axis at {axis} on line {site_line(maker)}"
        proposal = rewrite_call(trace, maker, "unsqueeze", title, f"{{}}.unsqueeze({axis})")
    elif len(nodes) == 2 and call.site is not None:
        title = f"swap axes {meant} and {axis} of {shape(scale)}"
        proposal = replace_node(trace, call.site.path, nodes[position], "permute", title, f"{{}}.transpose({meant}, {axis})")
    return observed(
        RULE, trace, call,
        f"{sign} lays the {scale.shape[axis]} weights of axis {meant} of {shape(x)} along its axis {axis}, which is as long",
        f"The {scale.shape[axis]} of {shape(scale)} come from axis {meant} of {shape(x)}, and stand under axis {axis}. "
        f"{explain_size(trace, x, axis).text} One weight for each place along axis {meant} is {shape_text(wanted)}.",
        got=scale.sizes,
        expected=wanted,
        proposals=ranked(proposal),
    )  # fmt: skip


# ---- layer norms


def _norms(trace: Trace, call: Call) -> Iterator[Finding]:
    x, owned = call.input, torch_layer(trace, call)
    if x is None or owned is None or not is_settled(call) or not _is_square_in_channels(trace, x):
        return
    layer = owned[0]
    size = declared_int(layer, "normalized_shape")
    channels = explain_size(trace, x, 1).layer
    shared = channels is not None and bool(_names_in_call(trace, layer.definition) & _names_in_call(trace, channels.definition))
    if size != x.shape[1] or not (shared or _is_square_image(x)):
        return
    order = (0, *range(2, x.rank), 1)
    group = Proposal("other", f"normalise the channels with `GroupNorm(1, {size})` in place of {layer_name(layer)}")
    if layer.definition is not None:
        node = call_at(trace, layer.definition)
        if node is not None:
            prefix = node_text(trace, layer.definition.path, node.func).removesuffix("LayerNorm")
            edit = (
                ReplaceSource(layer.definition, f"{prefix}GroupNorm(1, {node_text(trace, layer.definition.path, node.args[0])})")
                if node.args
                else None
            )
            group = Proposal(group.kind, group.title, Safety.UNSAFE, (edit,)) if edit is not None else group
    yield observed(
        RULE, trace, call,
        f"{layer_name(layer)} normalises the width of {shape(x)}, which is as wide as it has channels",
        f"A LayerNorm of {size} normalises the last axis, and the {size} channels are axis 1. It takes "
        f"{shape_text([x.sizes[axis] for axis in order])} for one norm per position. A map of any other width makes it fail.",
        got=x.sizes,
        expected=[x.sizes[axis] for axis in order],
        layer=layer,
        proposals=ranked(group),
    )  # fmt: skip


# ---- means over the wrong axes


def _pools(trace: Trace, call: Call) -> Iterator[Finding]:
    """`x.mean((1, 2))` of (N, C, H, W) leaves the width, where the next layer takes C features."""
    x, output = call.input, call.output
    given = call.arguments.get("dim")
    if x is None or output is None or x.rank not in (3, 4) or not _is_square_in_channels(trace, x):
        return
    axes = {normal_axis(axis, x.rank) for axis in (given if isinstance(given, tuple) else (given,))}
    if axes != set(range(1, x.rank - 1)) or output.rank != 2 or not reach_of(trace, output).weights:
        return
    pins = [pin for pin in pins_on(trace, output, 1) if pin.size == x.shape[1]]
    shared = any(
        _names_in_call(trace, pin.layer.definition) & _names_in_call(trace, layer.definition)
        for pin in pins
        for layer in (explain_size(trace, x, 1).layer,)
        if layer is not None
    )
    if not pins or not (shared or _is_square_image(x)) or call.site is None:
        return
    dims, pooled = ("2", "the length") if x.rank == 3 else ("(2, 3)", "the height and width")
    over = "axis 1" if x.rank == 3 else "axes 1 and 2"
    fix = Proposal("other", f"pool over {pooled} on line {site_line(call)}: `dim={dims}`", Safety.UNSAFE,
                   (SetArgument(call.site, call.name, "dim", dims),))  # fmt: skip
    yield observed(
        RULE, trace, call,
        f"`{call.name}` over {over} of {shape(x)} leaves the width, where {layer_name(pins[0].layer)} takes channels",
        f"Axis 1 holds the channels. Over {pooled} one number per channel is left, {shape_text((x.sizes[0], x.sizes[1]))}; as written "
        "there is one per column, and as many only because the map is as wide as it is deep.",
        got=output.sizes,
        expected=(x.sizes[0], x.sizes[1]),
        proposals=ranked(fix),
    )  # fmt: skip
