"""LC102 `unflattened-feature-map`: a feature map reaches `nn.Linear` without being flattened.

## What it catches
An `nn.Linear` whose input is a feature map (N, C, H, W), as convolution and pooling leave it, or any (N, ...) whose values per
sample are exactly `in_features`.

## Why it matters
A Linear acts on the last axis only, here the width. PyTorch stops with sizes that stand nowhere in the source,
and if `in_features` happens to equal W it does not stop at all (see LC103).

## Example
    x = self.pool(self.conv2(x))            # (N, 16, 4, 4)
    return self.fc1(x)                      # nn.Linear(256, 120)

## Fix
    return self.fc1(torch.flatten(x, 1))    # (N, 256)
Safe where the sizes match exactly, so that it cannot hide another mistake. Where they do not, `in_features` is set as well.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (4096x4 and 256x120)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from linearcheck.findings import Proposal, Safety, Severity
from linearcheck.rules.arithmetic import is_plain
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import input_pin
from linearcheck.rules.lc101_in_features_mismatch import in_features
from linearcheck.rules.provenance import Factors, is_channels_first, is_feature_map
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import change_argument, flatten_input, ranked, resize_map
from linearcheck.rules.wording import axis_words, shape, times_text
from linearcheck.sizes import Shape, shape_text
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC102", "unflattened-feature-map", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "linear"):
        x, expected = failure.input, in_features(failure)
        if x is None or expected is None or x.rank < 3 or x.shape[-1] == expected or not is_plain(x.sizes[1:]):
            continue
        values = prod(x.shape[1:])
        if values != expected and (expected in x.sizes[1:-1] or not is_feature_map(trace, x)):
            continue
        flat: Shape = (x.sizes[0], values)
        words = axis_words(x.sizes, is_channels_first(trace, x))
        rows = prod(x.shape[:-1])
        yield report(
            RULE,
            failure,
            f"{failure.name} gets the feature map {shape(x)}, which is not flattened to {shape_text(flat)}",
            f"A Linear acts on the last axis only, here the {words[-1]} {x.sizes[-1]}. "
            f"Flattened, a sample has {times_text(_factors(trace, x))} = {values} values"
            + (f", which are the `in_features` of {failure.name}." if values == expected else f", and {failure.name} expects {expected}.")
            + (f" PyTorch's {rows} is {' * '.join(map(str, x.shape[:-1]))}." if rows else ""),
            got=x.sizes,
            expected=(x.sizes[0], expected),
            proposals=_proposals(failure, x, values, expected),
        )


def _factors(trace: Trace, x: TensorInfo) -> Factors:
    words = axis_words(x.sizes, is_channels_first(trace, x))
    return tuple((x.shape[axis], words[axis]) for axis in range(1, x.rank))


def _proposals(failure: Failure, x: TensorInfo, values: int, expected: int) -> tuple[Proposal, ...]:
    if values == expected:
        return ranked(flatten_input(failure, Safety.SAFE))
    trace, pin = failure.trace, input_pin(failure.trace, failure.call)
    resized = change_argument(pin.kind, pin.layer, pin.argument, values, _factors(trace, x)) if pin is not None else None
    fits = resize_map(trace, failure.name, x, 1, range(2, x.rank), expected) if failure.layer is not None else None
    return ranked(flatten_input(failure, Safety.UNSAFE, resized), fits, flatten_input(failure, Safety.UNSAFE))
