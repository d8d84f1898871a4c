"""LC103 `map-silently-not-flattened`: an `nn.Linear` runs over the width of a feature map, because the width happens to fit.

## What it catches
A Linear straight behind a convolution or pooling whose `in_features` equals the width of the map, and a flatten that leaves the channel
axis: `torch.flatten(x, 2)`, `x.view(n, 96, -1)`.

## Why it matters
A Linear acts on the last axis only. PyTorch applies it to every row of every channel, and the model returns one vector of scores per row
and channel, (N, 16, 16, 10) in place of (N, 10). A loss with class targets then reads one of these axes for the classes.

## Example
    x = self.pool(F.relu(self.conv(x)))     # (N, 16, 16, 16)
    return self.fc(x)                       # nn.Linear(16, 10)

## Fix
    return self.fc(torch.flatten(x, 1))     # nn.Linear(16 * 16 * 16, 10)
Unsafe: a global pool before the Linear keeps its size, and is offered as well where the channels fit.

## PyTorch says
Nothing.

## Known problems
Silent where axes were moved in between, where a convolution follows, or where the output has no map's axes any more: then a Linear along
the width may be meant, as in axial MLPs and in models of spectrograms.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from linearcheck.findings import Proposal, Safety, Severity, WrapInput
from linearcheck.rules.axes import Merged, Through, Windowed, axis_source
from linearcheck.rules.flow import Reach, inputs_behind, is_settled, reach_of
from linearcheck.rules.layers import ADAPTIVE_POOLS, CONVOLUTIONS, POOLS, declared_int, operation, torch_layer
from linearcheck.rules.observations import observed, rewrite_call, site_line
from linearcheck.rules.provenance import Factors, explain_size, is_feature_map
from linearcheck.rules.reshapes import reshape_of, unflatten_source
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import argument_node, call_at
from linearcheck.rules.suggestions import change_argument, combined, ranked, replace_text
from linearcheck.rules.wording import axis_words, call_on_line, layer_name, shape, times_text
from linearcheck.sizes import is_batch, shape_text
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

RULE = Rule("LC103", "map-silently-not-flattened", Severity.ERROR, FixAvailability.ALWAYS, __doc__)

MOVES = frozenset({"permute", "transpose", "movedim", "t", "T", "mT", "swapaxes", "einsum"})


def check(trace: Trace) -> Iterator[Finding]:
    for call in trace.calls_of("linear"):
        x, owned = call.input, torch_layer(trace, call)
        if x is None or owned is None or not is_settled(call) or x.rank < 3 or not is_batch(x.sizes[0]) or call.output is None:
            continue
        if not any(output.sizes[:-1] == x.sizes[:-1] for output in trace.outputs):
            continue
        flattened = _flattened_map(trace, x)
        feature_map = x if is_feature_map(trace, x) else flattened
        if feature_map is None or not _comes_from_convolution(trace, feature_map):
            continue
        reach = reach_of(trace, call.output)
        if _stays_map(trace, x, feature_map, call.output, reach):
            yield _finding(trace, call, owned[0], x, feature_map)


def _flattened_map(trace: Trace, x: TensorInfo) -> TensorInfo | None:
    """The feature map that `flatten(2)` made (N, C, H * W) of, with nothing but element-wise calls since."""
    if x.rank != 3:
        return None
    origin = explain_size(trace, x, 2)
    source = axis_source(origin.call, origin.tensor, origin.axis) if origin.call is not None else None
    if not isinstance(source, Merged) or origin.axis != 2 or any(call.name in MOVES for call in origin.passed):
        return None
    before = source.tensor
    whole = source.axes == tuple(range(2, before.rank)) and before.sizes[:2] == x.sizes[:2]
    return before if whole and is_feature_map(trace, before) else None


def _comes_from_convolution(trace: Trace, feature_map: TensorInfo) -> bool:
    """Whether axis 1 holds the channels of a convolution and the last axes what windows left of the input's."""
    channels = explain_size(trace, feature_map, 1)
    last = explain_size(trace, feature_map, feature_map.rank - 1)
    spatial = last.call is not None and operation(last.call) in CONVOLUTIONS | POOLS | ADAPTIVE_POOLS
    kept = isinstance(axis_source(last.call, last.tensor, last.axis), Windowed | Through) if last.call is not None else False
    pooled = last.call is not None and operation(last.call) in ADAPTIVE_POOLS
    return channels.argument == "out_channels" and spatial and (kept or pooled)


def _stays_map(trace: Trace, x: TensorInfo, feature_map: TensorInfo, output: TensorInfo, reach: Reach) -> bool:
    """Whether the channels and rows are still there in every output, and nothing moved them or convolved again."""
    if reach.fails or not reach.outputs or any(call.name in MOVES or call.name in CONVOLUTIONS for call in reach.calls):
        return False
    if any(result.sizes[:-1] != x.sizes[:-1] for result in reach.outputs):
        return False
    widths = {result.sizes[-1] for result in reach.outputs}
    given = [tensor for tensor in trace.inputs if tensor.name in inputs_behind(trace, x)]
    if any(widths & {tensor.sizes[-1]} and tensor.rank == feature_map.rank for tensor in given):
        return False  # as wide as the input: a map is what the model returns
    # A forecast per variable, Linear(L, horizon) behind a Conv1d that keeps the variables, returns as many rows as it got.
    return not any(tensor.rank > 2 and tensor.sizes[1] == x.sizes[1] for tensor in given)


def _finding(trace: Trace, call: Call, layer: Layer, x: TensorInfo, feature_map: TensorInfo) -> Finding:
    words = axis_words(feature_map.sizes)
    factors: Factors = tuple((feature_map.shape[axis], words[axis]) for axis in range(1, feature_map.rank))
    flat = (x.sizes[0], prod(number for number, _ in factors))
    output = call.output
    per = "channel" if x.rank == 3 else "row and channel" if feature_map.rank == 4 else "position but the last axis"
    became = f" It becomes {shape(output)}: one vector of {output.sizes[-1]} for every {per}." if output is not None else ""
    where = "last axis" if x is not feature_map else words[-1]
    origin = explain_size(trace, x, x.rank - 1)
    maker = f" {shape(x)} comes from {call_on_line(trace, origin.call)}." if origin.call is not None else ""
    return observed(
        RULE, trace, call,
        f"{layer_name(layer)} gets the feature map {shape(x)} and works along its {where}, which fits by chance; "
        f"flattened it is {shape_text(flat)}",
        f"A Linear acts on the last axis only, here {x.sizes[-1]} = `in_features`.{became}{maker}",
        got=x.sizes,
        expected=flat,
        layer=layer,
        proposals=_proposals(trace, call, layer, x, feature_map, factors),
    )  # fmt: skip


def _proposals(trace: Trace, call: Call, layer: Layer, x: TensorInfo, feature_map: TensorInfo, factors: Factors) -> tuple[Proposal, ...]:
    values = prod(number for number, _ in factors)
    set_size = change_argument("set_in_features", layer, "in_features", values, factors)
    flatten = _flatten(trace, call, layer, x, feature_map)
    if flatten is not None and set_size is not None:
        title = f"{flatten.title} and set `in_features` of {layer_name(layer)} to {values} ({times_text(factors)})"
        flatten = combined(flatten, set_size)
        flatten = flatten and Proposal(flatten.kind, title, Safety.UNSAFE, flatten.actions)
    pool = _global_pool(trace, call, layer, feature_map) if x is feature_map else None
    return ranked(pool, flatten) if pool is not None and _is_pooled_elsewhere(trace, feature_map) else ranked(flatten, pool)


def _flatten(trace: Trace, call: Call, layer: Layer, x: TensorInfo, feature_map: TensorInfo) -> Proposal | None:
    """Flatten the input of the Linear, or let the flatten that is there begin at axis 1."""
    if x is not feature_map:
        maker = explain_size(trace, x, 2).call
        if maker is None:
            return None
        if maker.name == "flatten":
            start = unflatten_source(trace, maker)
            title = f"flatten from axis 1 on line {site_line(maker)}"
            return Proposal("flatten", title, Safety.UNSAFE, (start,)) if start is not None else None
        if reshape_of(trace, maker) is not None:
            return rewrite_call(trace, maker, "flatten", f"flatten from axis 1 on line {site_line(maker)}", "{}.flatten(1)")
        return None
    place = call.site
    if place is None:
        return None
    by_torch = layer.caller_type == "torch"
    action = WrapInput(place, "flatten", layer=layer.name if by_torch else "", definition=layer.definition if by_torch else None)
    return Proposal("flatten", f"flatten the input of {layer_name(layer)}", Safety.UNSAFE, (action,))


def _global_pool(trace: Trace, call: Call, layer: Layer, feature_map: TensorInfo) -> Proposal | None:
    """Take the mean over the map where the channels are as many as `in_features`."""
    if declared_int(layer, "in_features") != feature_map.shape[1] or feature_map.rank < 3:
        return None
    node = call_at(trace, call.site)
    if node is None or argument_node(node, "input", 0) is None:
        return None
    axes = tuple(range(2, feature_map.rank))
    dims = str(axes[0]) if len(axes) == 1 else str(axes)
    over = "length" if len(axes) == 1 else "spatial axes"
    title = f"pool the map before {layer_name(layer)}: its mean over the {over} is (N, {feature_map.shape[1]})"
    return replace_text(trace, call, "input", 0, "pad_or_pool", title, f"{{}}.mean(dim={dims})")


def _is_pooled_elsewhere(trace: Trace, feature_map: TensorInfo) -> bool:
    """Whether the same map is pooled to one value per channel for another layer."""
    return any(
        operation(call) in ADAPTIVE_POOLS or (call.name in {"mean", "amax"} and call.output is not None and call.output.rank == 2)
        for call in trace.consumers(feature_map)
    )
