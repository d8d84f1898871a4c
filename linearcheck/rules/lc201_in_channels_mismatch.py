"""LC201 `in-channels-mismatch`: a convolution gets another number of channels than its `in_channels`.

## What it catches
`nn.Conv1d`, `Conv2d`, `Conv3d`, their transposed forms and `F.conv…` whose input (N, C, ...) has another C than the weight takes;
and `groups` that do not divide the channels.

## Why it matters
The number of channels is written twice, in the layer that makes them and in the one that takes them, and again in every layer between.

## Example
    self.conv1 = nn.Conv2d(3, 16, 3)
    self.conv2 = nn.Conv2d(32, 64, 3)
    return self.conv2(self.conv1(x))

## Fix
    self.conv2 = nn.Conv2d(16, 64, 3)
Unsafe: `conv1` may be meant to make 32. Both are offered, the number that more layers agree with first.

## PyTorch says
    Given groups=1, weight of size [64, 32, 3, 3], expected input[4, 16, 30, 30] to have 32 channels, but got 16 channels instead
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.convolutions import Convolution, failed_convolutions
from linearcheck.rules.divisions import indivisible_layers
from linearcheck.rules.failures import report
from linearcheck.rules.layers import declared_int, input_pin, int_argument
from linearcheck.rules.operands import resize_parameter
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.reshapes import fitting_sizes, fold_of
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import fit_input_size, permute_input, ranked, replace_text
from linearcheck.rules.wording import counted, shape
from linearcheck.trace.records import Layer, Trace

RULE = Rule("LC201", "in-channels-mismatch", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    yield from indivisible_layers(RULE, trace, {"groups"})
    for conv in failed_convolutions(trace):
        x, failure = conv.input, conv.failure
        if not conv.has_right_rank or x.shape[conv.channel_axis] == conv.channels:
            continue
        groups = _groups(failure.layer)
        grouped = f" It has {groups} groups, so its input channels are a multiple of {groups}." if groups > 1 else ""
        yield report(
            RULE,
            failure,
            f"{failure.name} expects {counted(conv.channels, 'channel')}, but its input {shape(x)} has {x.sizes[conv.channel_axis]}",
            (explain_size(trace, x, conv.channel_axis).text + grouped).strip(),
            got=x.sizes,
            expected=(*x.sizes[: conv.channel_axis], conv.channels, *x.sizes[conv.channel_axis + 1 :]),
            proposals=_proposals(trace, conv),
        )


def _groups(layer: Layer | None) -> int:
    """Those that the user wrote, also where torch refuses them."""
    if layer is not None and layer.indivisible is not None:
        return layer.indivisible.number
    return declared_int(layer, "groups") or 1


def _proposals(trace: Trace, conv: Convolution) -> tuple[Proposal, ...]:
    pin, got = input_pin(trace, conv.failure.call), conv.input.shape[conv.channel_axis]
    if pin is not None:
        fold = fold_of(trace, conv.input)  # a view that makes other rows of the samples is what is wrong
        unfolded = [] if fold is None else fitting_sizes(trace, fold)
        return ranked(unfolded, _frames_first(trace, conv), fit_input_size(trace, pin, got))
    weight = conv.failure.weight
    turned = weight is not None and weight.rank >= 3 and weight.shape[0] == got
    title = f"swap the first two axes of the weight of {conv.failure.name}"
    groups = int_argument(conv.failure.call, "groups", 1) or 1
    plain = weight is not None and "transpose" not in conv.failure.operation and got % groups == 0
    sized = resize_parameter(trace, weight, 1, got // groups, "set_in_channels") if weight is not None and plain else []
    return ranked(
        replace_text(trace, conv.failure.call, "weight", 1, "transpose_weight", title, "{}.transpose(0, 1)") if turned else None, sized
    )


def _frames_first(trace: Trace, conv: Convolution) -> Proposal | None:
    """Channels brought before the frames of a clip as it is loaded: (N, T, C, H, W) where a Conv3d takes (N, C, T, H, W)."""
    x, at = conv.input, conv.channel_axis
    if x.rank != 5 or at != 1 or [axis for axis in range(1, x.rank) if x.shape[axis] == conv.channels] != [2]:
        return None
    from_input = all(explain_size(trace, x, axis).call is None for axis in (1, 2))
    return permute_input(conv.failure, (0, 2, 1, 3, 4)) if from_input else None
