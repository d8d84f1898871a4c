"""LC105 `linear-weight-shape`: the weight or bias of an `nn.Linear` has another shape than its declaration promises.

## What it catches
`layer.weight = nn.Parameter(...)`, `layer.weight.data = ...` or `layer.bias = ...` with sizes that `in_features` and `out_features` do not
allow, such as (in, out) instead of (out, in).

## Why it matters
`repr` keeps showing the declared sizes, so the layer looks right. A weight of another shape makes the call fail with sizes that are not
in the
declaration, or silently changes the output.

## Example
    self.fc1 = nn.Linear(784, 128)
    self.fc1.weight = nn.Parameter(torch.randn(784, 128))

## Fix
    self.fc1.weight = nn.Parameter(torch.randn(128, 784))
Unsafe: the values of a transposed weight are others.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (64x784 and 128x784)
    mat2 must be a matrix, got 1-D tensor
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.failures import failures
from linearcheck.rules.parameters import wrong_parameter_finding
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.trace.records import Trace

RULE = Rule("LC105", "linear-weight-shape", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "linear"):
        finding = wrong_parameter_finding(RULE, failure)
        if finding is not None:
            yield finding
