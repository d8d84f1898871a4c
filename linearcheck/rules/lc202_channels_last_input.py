"""LC202 `channels-last-input`: a convolution gets its channels on the last axis, (N, H, W, C) or (N, T, C).

## What it catches
A convolution whose `in_channels` is the last size of its input and not the second: images as NumPy and PIL hold them, or a
sequence of embeddings, which has its features last.

## Why it matters
Convolutions of PyTorch take (N, C, H, W) and (N, C, L).

## Example
    x = self.embedding(ids)                 # (N, 40, 50)
    return self.conv(x)                     # nn.Conv1d(50, 24, 3)

## Fix
    return self.conv(x.transpose(1, 2))     # (N, 50, 40)
Unsafe: what follows must expect the new order as well.

## PyTorch says
    Given groups=1, weight of size [16, 3, 3, 3], expected input[4, 32, 32, 3] to have 3 channels, but got 32 channels instead
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.convolutions import Convolution, failed_convolutions
from linearcheck.rules.failures import report
from linearcheck.rules.layers import input_pin
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import fit_input_size, permute_input, ranked
from linearcheck.rules.turning import moved_and_back, turned_there_and_back
from linearcheck.rules.wording import shape
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Trace

RULE = Rule("LC202", "channels-last-input", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for conv in failed_convolutions(trace):
        if not _is_channels_last(trace, conv):
            continue
        x, failure = conv.input, conv.failure
        at = conv.channel_axis
        order = (*range(at), x.rank - 1, *range(at, x.rank - 1))
        expected = tuple(x.sizes[axis] for axis in order)
        pin = input_pin(trace, failure.call)
        around = turned_there_and_back(failure, x) if order == (0, 2, 1) else []
        sized = fit_input_size(trace, pin, x.shape[at]) if pin is not None else ()
        yield report(
            RULE,
            failure,
            f"{failure.name} gets {shape(x)} with its {conv.channels} channels last, and takes them on axis {at}: {shape_text(expected)}",
            f"A convolution reads axis {at} as channels, here {x.sizes[at]}. {explain_size(trace, x, x.rank - 1).text}".strip(),
            got=x.sizes,
            expected=expected,
            proposals=ranked(around, permute_input(failure, order), moved_and_back(failure, order), sized),
        )


def _is_channels_last(trace: Trace, conv: Convolution) -> bool:
    """The last size fits, the channel axis does not, and nothing says that the channel axis holds channels all the same."""
    x, at = conv.input, conv.channel_axis
    if not conv.has_right_rank or conv.is_read_unbatched or x.shape[-1] != conv.channels or x.shape[at] == conv.channels:
        return False
    origin = explain_size(trace, x, at)
    if "out_channels" in {origin.argument, *(part.argument for part in origin.parts)}:
        return False  # a map of earlier convolutions, as wide as the layer has channels
    from_input = explain_size(trace, x, x.rank - 1).call is None
    looks_channels_first = x.shape[at] <= 4 and len(set(x.shape[at + 1 :])) == 1 and x.rank - at > 2
    return not (from_input and looks_channels_first)
