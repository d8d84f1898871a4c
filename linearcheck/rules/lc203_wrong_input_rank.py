"""LC203 `wrong-input-rank`: a convolution or pooling gets an input with too few or too many axes.

## What it catches
A batch of one-channel images without their channel axis, (N, H, W), which is read as one image of N channels; flattened images; a map
with an axis too much.

## Why it matters
Three axes mean one unbatched (C, H, W) to a Conv2d, so PyTorch complains of N channels, or, if the layer has as many, does not complain
at all.

## Example
    x = images                              # (N, 28, 28)
    return self.conv1(x)                    # nn.Conv2d(1, 32, 3)

## Fix
    return self.conv1(x.unsqueeze(1))       # (N, 1, 28, 28)
Unsafe: the data may be wrong instead of the model.

## PyTorch says
    Given groups=1, weight of size [32, 1, 3, 3], expected input[1, 64, 28, 28] to have 1 channels, but got 64 channels instead
    Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [64, 784]
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import isqrt, prod

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.axes import normal_axis
from linearcheck.rules.convolutions import Convolution, expected_channels, failed_convolutions
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import ADAPTIVE_POOLS, POOLS, operation, torch_layer, window_rank
from linearcheck.rules.provenance import explain_size, origin_of, origin_sentence, size_history
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import argument_node, call_at, span_of
from linearcheck.rules.suggestions import ranked, replace_text, wrap_input
from linearcheck.rules.wording import counted, layer_name, on_line, shape
from linearcheck.sizes import Size, shape_text
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

RULE = Rule("LC203", "wrong-input-rank", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_MAPS = {1: ("C", "L"), 2: ("C", "H", "W"), 3: ("C", "D", "H", "W")}


def check(trace: Trace) -> Iterator[Finding]:
    for conv in failed_convolutions(trace):
        if conv.is_read_unbatched and conv.input.shape[0] != conv.channels:
            yield _read_unbatched(conv)
        elif not conv.has_right_rank:
            yield _other_rank(conv.failure, conv.input, conv.spatial)
    for failure in failures(trace, *POOLS, *ADAPTIVE_POOLS):
        spatial, x = window_rank(failure.operation), failure.input
        if spatial is not None and x is not None and x.rank not in (spatial + 1, spatial + 2):
            yield _other_rank(failure, x, spatial)


def _read_unbatched(conv: Convolution) -> Finding:
    failure, x = conv.failure, conv.input
    widened: tuple[Size, ...] = (x.sizes[0], 1, *x.sizes[1:])
    kind = {1: "sequence", 2: "image", 3: "volume"}[conv.spatial]
    insert = (
        wrap_input(failure, "unsqueeze", "unsqueeze", f"insert the channel axis before {failure.name}", axes=(1,))
        if conv.channels == 1
        else None
    )
    return report(
        RULE,
        failure,
        f"{failure.name} gets {shape(x)}, which is read as one {kind} of {x.sizes[0]} channels",
        f"{_axes_word(x.rank)} mean an unbatched {shape_text(_MAPS[conv.spatial])}. "
        + (
            f"A batch of one-channel {kind}s is {shape_text(widened)}."
            if conv.channels == 1
            else f"{failure.name} takes {counted(conv.channels, 'channel')}, and no axis of {shape(x)} holds them."
        ),
        got=x.sizes,
        expected=(x.sizes[0], conv.channels, *x.sizes[1:]),
        proposals=ranked(insert, _without_channels(failure, x, conv.channels)),
    )


def _without_channels(failure: Failure, x: TensorInfo, channels: int) -> Proposal | None:
    """Repeat a missing channel axis where the layer takes several."""
    if channels == 1:
        return None
    return Proposal("unsqueeze", f"give the input of {failure.name} a channel axis of {channels}: ({x.sizes[0]}, {channels}, …)")


def _other_rank(failure: Failure, x: TensorInfo, spatial: int) -> Finding:
    wanted = ("N", *_MAPS[spatial])
    channels = expected_channels(failure)
    return report(
        RULE,
        failure,
        f"{failure.name} takes {shape_text(wanted)}, but gets {shape(x)} with {_axes_word(x.rank).lower()}",
        _idle_squeeze_text(failure.trace, x) or origin_sentence(failure.trace, x),
        got=x.sizes,
        expected=("N", channels, *wanted[2:]) if channels is not None else wanted,
        layer=_convolution_before(failure.trace, x),
        proposals=_rank_proposals(failure, x, spatial, channels),
    )


def _idle_squeeze(trace: Trace, x: TensorInfo) -> tuple[Call, int] | None:
    """The `squeeze(3)` behind an input with an axis too much that dropped nothing, with that axis: its size is not 1."""
    for call in origin_of(trace, x)[:3]:
        before, after = call.input, call.output
        if call.name == "squeeze" and before is not None and after is not None and before.rank == after.rank:
            axis = normal_axis(call.arguments.get("dim"), before.rank)
            return (call, axis) if axis is not None else None
    return None


def _idle_squeeze_text(trace: Trace, x: TensorInfo) -> str:
    found = _idle_squeeze(trace, x)
    if found is None or found[0].input is None:
        return ""
    call, axis = found
    story = size_history(trace, x, axis, f"size of axis {axis}")
    return f"`squeeze`{on_line(call.site)} drops nothing, since axis {axis} has {x.sizes[axis]}. {story}".strip()


def _convolution_before(trace: Trace, x: TensorInfo) -> Layer | None:
    """The layer that left the axis which a `squeeze` was to drop."""
    found = _idle_squeeze(trace, x)
    maker = explain_size(trace, x, found[1]).call if found is not None else None
    owned = torch_layer(trace, maker) if maker is not None else None
    return owned[0] if owned is not None else None


def _whole_axis_kernel(failure: Failure, x: TensorInfo) -> Proposal | None:
    """Let the kernel of the convolution before cover the whole axis that is squeezed away."""
    found = _idle_squeeze(failure.trace, x)
    origin = explain_size(failure.trace, x, found[1]) if found is not None else None
    owned = torch_layer(failure.trace, origin.call) if origin is not None and origin.call is not None else None
    if found is None or origin is None or origin.call is None or owned is None or owned[0].definition is None:
        return None
    before, spatial = origin.call.input, window_rank(operation(origin.call))
    node = call_at(failure.trace, owned[0].definition)
    kernel = argument_node(node, "kernel_size", 2) if node is not None else None
    if before is None or spatial is None or not isinstance(kernel, ast.Tuple) or len(kernel.elts) != spatial:
        return None
    element = kernel.elts[origin.axis - (before.rank - spatial)]
    wanted = before.shape[origin.axis]
    title = f"let the kernel of {layer_name(owned[0])} cover all {wanted} of axis {origin.axis}"
    edit = ReplaceSource(span_of(failure.trace, owned[0].definition.path, element), str(wanted))
    return Proposal("other", title, Safety.UNSAFE, (edit,))


def _rank_proposals(failure: Failure, x: TensorInfo, spatial: int, channels: int | None) -> tuple[Proposal, ...]:
    if x.rank == spatial + 3 and 1 in x.shape[1:]:
        axis = x.shape.index(1, 1)
        return ranked(wrap_input(failure, "squeeze", "squeeze", f"drop axis {axis} of size 1 before {failure.name}", axes=(axis,)))
    if x.rank == spatial + 3:
        return ranked(_whole_axis_kernel(failure, x))
    if x.rank != 2:
        return ()
    if channels is None or spatial == 1:
        axis = 1 if channels in (None, 1) or x.shape[1] != channels else 2
        return ranked(wrap_input(failure, "unsqueeze", "unsqueeze", f"insert axis {axis} before {failure.name}", axes=(axis,)))
    values = prod(x.shape[1:])
    side = isqrt(values // channels) if spatial == 2 and values % channels == 0 else 0
    if not side or side * side * channels != values:
        return ()
    title = f"make maps ({x.sizes[0]}, {channels}, {side}, {side}) of the rows before {failure.name}"
    if side == 1:
        return ranked(replace_text(failure.trace, failure.place, "input", 0, "unsqueeze", title, "{}.unsqueeze(-1).unsqueeze(-1)"))
    return ranked(
        replace_text(failure.trace, failure.place, "input", 0, "other", title, "{}.reshape(-1, " + f"{channels}, {side}, {side})")
    )


def _axes_word(rank: int) -> str:
    words = ("No axes", "One axis", "Two axes", "Three axes", "Four axes", "Five axes", "Six axes")
    return words[rank] if rank < len(words) else f"{rank} axes"
