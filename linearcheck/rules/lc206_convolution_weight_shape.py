"""LC206 `convolution-weight-shape`: the weight or bias of a convolution has another shape than its declaration promises.

## What it catches
`conv.weight = nn.Parameter(...)` or `conv.weight.data = ...` with sizes that channels, kernel and groups do not allow.

## Why it matters
`repr` keeps showing the declared sizes, and PyTorch's text may not name the weight at all: a weight without its last axis is told as a
stride
that should have been one number.

## Example
    self.conv = nn.Conv2d(3, 16, 3)
    self.conv.weight = nn.Parameter(torch.randn(3, 16, 3, 3))

## Fix
    self.conv.weight = nn.Parameter(torch.randn(16, 3, 3, 3))
Unsafe: the values of a transposed weight are others.

## PyTorch says
    expected stride to be a single integer value or a list of 1 values to match the convolution dimensions, but got stride=[2, 2]
    Given groups=1, weight of size [3, 16, 3, 3], expected input[4, 3, 32, 32] to have 16 channels, but got 3 channels instead
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.failures import failures
from linearcheck.rules.layers import CONVOLUTIONS
from linearcheck.rules.parameters import wrong_parameter_finding
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.trace.records import Trace

RULE = Rule("LC206", "convolution-weight-shape", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *CONVOLUTIONS):
        finding = wrong_parameter_finding(RULE, failure)
        if finding is not None:
            yield finding
