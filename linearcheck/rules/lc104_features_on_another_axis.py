"""LC104 `features-on-another-axis`: `in_features` of an `nn.Linear` stands on another axis of its input than the last.

## What it catches
An `nn.Linear` whose input has its `in_features` on exactly one other axis: the channels of a `Conv1d`'s (N, C, L), or of a map that was to
be averaged over height and width first.

## Why it matters
Convolutions keep their channels on axis 1, a Linear wants them last.

## Example
    x = self.conv(x)                        # (N, 96, 150)
    return self.head(x)                     # nn.Linear(96, 48)

## Fix
    return self.head(x.transpose(1, 2))     # (N, 150, 96)
Unsafe: for a map it may be the average over height and width that is missing. Both are offered.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (384x150 and 96x48)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import input_pin
from linearcheck.rules.lc101_in_features_mismatch import in_features
from linearcheck.rules.provenance import explain_size, is_feature_map
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import fit_input_size, permute_input, ranked, replace_text
from linearcheck.rules.turning import moved_and_back, turned_there_and_back
from linearcheck.rules.wording import counted, shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC104", "features-on-another-axis", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "linear"):
        x, expected = failure.input, in_features(failure)
        if x is None or expected is None or x.rank < 2 or x.shape[-1] == expected:
            continue
        axes = [axis for axis in range(x.rank - 1) if x.sizes[axis] == expected and not is_batch(x.sizes[axis])]
        if len(axes) != 1 or (x.rank > 2 and prod(x.shape[1:]) == expected):
            continue
        axis = axes[0]
        yield report(
            RULE,
            failure,
            f"{failure.name} expects {counted(expected, 'feature')} on the last axis of {shape(x)}, but they stand on axis {axis}",
            f"A Linear acts on the last axis only, here {x.sizes[-1]}. {explain_size(trace, x, axis).text}".strip(),
            got=x.sizes,
            expected=("*", expected),
            proposals=_proposals(failure, x, axis),
        )


def _proposals(failure: Failure, x: TensorInfo, axis: int) -> tuple[Proposal, ...]:
    last_moved = [*(place for place in range(x.rank) if place != axis), axis]
    moved = permute_input(failure, last_moved)
    pin = input_pin(failure.trace, failure.call)
    sized = fit_input_size(failure.trace, pin, x.shape[-1]) if pin is not None else ()
    around = turned_there_and_back(failure, x) if axis == 1 else []
    back = moved_and_back(failure, last_moved)
    if around:
        return ranked(around, moved, sized)
    if axis == 1 and x.rank > 3 and is_feature_map(failure.trace, x):
        return ranked(averaged(failure, x), moved, back, sized)
    return ranked(moved, back, sized)


def averaged(failure: Failure, x: TensorInfo) -> Proposal | None:
    """Average a map over its spatial axes before a layer."""
    axes = ", ".join(str(place) for place in range(2, x.rank))
    title = f"average the input of {failure.name} over its spatial axes"
    return replace_text(failure.trace, failure.place, "input", 0, "pad_or_pool", title, "{}.mean((" + axes + "))")
