"""LC301 `norm-features-mismatch`: a batch, instance or group norm gets another number of channels, or of axes, than it was built for.

## What it catches
`BatchNorm1d/2d/3d`, `InstanceNorm…`, `GroupNorm` and their functions: `num_features` or `num_channels` is not the size of axis 1, or
the number of
axes is another than the layer takes; `num_groups` that do not divide the channels.

## Why it matters
The layer repeats the number of channels of the one before it, and is easily forgotten when that changes.

## Example
    self.conv = nn.Conv2d(3, 16, 3)
    self.bn = nn.BatchNorm2d(32)
    return self.bn(self.conv(x))

## Fix
    self.bn = nn.BatchNorm2d(16)
Unsafe: the convolution may be meant to make 32. The number that the layers after it agree with comes first.

## PyTorch says
    running_mean should contain 16 elements not 32
    Expected number of channels in input to be divisible by num_groups, but got input of shape [4, 30, 8, 8] and num_groups=8
    expected 4D input (got 2D input)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.divisions import indivisible_layers
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import NORMS_OVER_CHANNELS, declared_int, input_pin, int_argument, tensor_argument, window_rank
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import call_at, node_text, span_of
from linearcheck.rules.suggestions import fit_input_size, permute_input, ranked, wrap_input
from linearcheck.rules.wording import counted, listed, shape
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC301", "norm-features-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    yield from indivisible_layers(RULE, trace, {"num_groups"})
    for failure in failures(trace, *NORMS_OVER_CHANNELS):
        x = failure.input
        if x is None:
            continue
        ranks = _ranks(failure)
        if ranks and x.rank not in ranks:
            yield _wrong_rank(failure, x, ranks)
            continue
        channels = _channels(failure)
        if channels is not None and x.rank > 1 and x.shape[1] != channels:
            yield _wrong_channels(failure, x, channels)
        elif (groups := _groups(failure)) is not None and x.rank > 1 and x.shape[1] % groups:
            yield _wrong_groups(failure, x, groups)


def _channels(failure: Failure) -> int | None:
    declared = declared_int(failure.layer, "num_features") or declared_int(failure.layer, "num_channels")
    sized = tensor_argument(failure.call, "running_mean", "weight", "running_var", "bias")
    return declared or (sized.shape[0] if sized is not None and sized.rank == 1 else None)


def _groups(failure: Failure) -> int | None:
    return declared_int(failure.layer, "num_groups") or int_argument(failure.call, "num_groups")


def _ranks(failure: Failure) -> tuple[int, ...]:
    """Numbers of axes that the layer takes; nothing for functions and group norm, which take any."""
    layer = failure.layer
    spatial = window_rank(layer.torch_type) if layer is not None else None
    if layer is None or spatial is None:
        return ()
    unbatched = layer.torch_type.startswith("Instance")
    return (spatial + 1, spatial + 2) if unbatched or spatial == 1 else (spatial + 2,)


def _wrong_channels(failure: Failure, x: TensorInfo, channels: int) -> Finding:
    trace = failure.trace
    pin = input_pin(trace, failure.call)
    elsewhere = [axis for axis in range(2, x.rank) if x.sizes[axis] == channels]
    moved = None
    made = explain_size(trace, x, 1)
    if len(elsewhere) == 1 and x.rank == 3 and made.argument != "out_channels":
        moved = permute_input(failure, (0, 2, 1))
    return report(
        RULE,
        failure,
        f"{failure.name} expects {counted(channels, 'channel')}, but its input {shape(x)} has {x.sizes[1]}",
        made.text,
        got=x.sizes,
        expected=(x.sizes[0], channels, *x.sizes[2:]),
        proposals=ranked(moved, fit_input_size(trace, pin, x.shape[1]) if pin is not None else ()),
    )


def _wrong_groups(failure: Failure, x: TensorInfo, groups: int) -> Finding:
    return report(
        RULE,
        failure,
        f"{failure.name} cannot divide the {counted(x.sizes[1], 'channel')} of {shape(x)} into {groups} groups",
        explain_size(failure.trace, x, 1).text,
        got=x.sizes,
        expected=(x.sizes[0], f"{groups}*k", *x.sizes[2:]),
    )


def _wrong_rank(failure: Failure, x: TensorInfo, ranks: tuple[int, ...]) -> Finding:
    layer = failure.layer
    assert layer is not None
    return report(
        RULE,
        failure,
        f"{failure.name} is a {layer.type} and takes {listed([str(rank) for rank in ranks], 'or')} axes, but gets {shape(x)}",
        origin_sentence(failure.trace, x),
        got=x.sizes,
        proposals=ranked(_norm_of_other_rank(failure, x), _missing_axis(failure, x, ranks)),
    )


def _norm_of_other_rank(failure: Failure, x: TensorInfo) -> Proposal | None:
    """The norm for this number of axes, written where the layer is built."""
    layer = failure.layer
    spatial = {2: 1, 3: 1, 4: 2, 5: 3}.get(x.rank)
    node = call_at(failure.trace, layer.definition) if layer is not None else None
    if layer is None or layer.definition is None or spatial is None or node is None or layer.torch_type != layer.type:
        return None
    written = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    if written != layer.type or not isinstance(node.func, ast.Attribute):
        return None  # another name may not be imported
    kind = f"{layer.type[:-2]}{spatial}d"
    text = node_text(failure.trace, layer.definition.path, node.func)
    action = ReplaceSource(span_of(failure.trace, layer.definition.path, node.func), text[: -len(written)] + kind)
    return Proposal("other", f"make {failure.name} a {kind}", Safety.UNSAFE, (action,))


def _missing_axis(failure: Failure, x: TensorInfo, ranks: tuple[int, ...]) -> Proposal | None:
    if x.rank + 1 not in ranks or _channels(failure) != 1:
        return None
    return wrap_input(failure, "unsqueeze", "unsqueeze", f"insert the channel axis before {failure.name}", axes=(1,))
