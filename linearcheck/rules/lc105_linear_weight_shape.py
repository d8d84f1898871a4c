"""LC105 `linear-weight-shape`: the weight or bias of an `nn.Linear` has another shape than its declaration promises.

## What it catches
`layer.weight = nn.Parameter(...)`, `layer.weight.data = ...` or `layer.bias = ...` with sizes that `in_features` and `out_features` do
not allow, such as (in, out) instead of (out, in).

## Why it matters
`repr` keeps showing the declared sizes, so the layer looks right. A weight of another shape makes the call fail with sizes that are not
in the declaration, or silently changes the output.

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
from dataclasses import replace

from linearcheck.findings import Severity
from linearcheck.rules.failures import failure_of, failures
from linearcheck.rules.flow import is_settled
from linearcheck.rules.layers import torch_layer
from linearcheck.rules.parameters import wrong_parameter_finding
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.wording import shape
from linearcheck.trace.records import Call, Layer, Trace

RULE = Rule("LC105", "linear-weight-shape", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "linear"):
        finding = wrong_parameter_finding(RULE, failure)
        if finding is not None:
            yield finding
    for call in trace.calls_of("linear"):
        owned = torch_layer(trace, call)
        if owned is not None and is_settled(call) and _broadcasts(owned[0]):
            finding = wrong_parameter_finding(RULE, failure_of(trace, call))
            if finding is not None:
                yield _silent(finding, call)


def _broadcasts(layer: Layer) -> bool:
    """Whether a weight or bias of another shape than (out, in) and (out,) is used all the same.

    A layer whose weight and bias agree with one another was resized on purpose (pruning, a larger vocabulary).
    """
    weight, bias = layer.parameters.get("weight"), layer.parameters.get("bias")
    if weight is None or layer.replaced.keys().isdisjoint({"weight", "bias"}):
        return False
    if weight.rank != 2:
        return True
    return bias is not None and bias.shape not in ((weight.shape[0],), ()) and bias.shape != weight.shape[:1]


def _silent(finding: Finding, call: Call) -> Finding:
    """What becomes of the output, since nothing raises."""
    diagnostic, x, output = finding.diagnostic, call.input, call.output
    if x is None or output is None:
        return finding
    lost = output.rank < x.rank
    effect = f"{shape(x)} becomes {shape(output)}: the last axis is gone." if lost else f"It is broadcast: the output is {shape(output)}."
    return replace(finding, diagnostic=replace(diagnostic, explanation=f"{diagnostic.explanation} PyTorch does not check it. {effect}"))
