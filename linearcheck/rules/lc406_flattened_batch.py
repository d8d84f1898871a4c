"""LC406 `flattened-batch`: a flatten without `start_dim=1` merges the batch into the features.

## What it catches
`torch.flatten(x)`, `x.flatten()`, `nn.Flatten(0)`, `x.view(-1)` or `x.ravel()` before a layer that then fails.

## Why it matters
The whole batch becomes one row, whose size no layer can have.

## Example
    x = torch.flatten(x)                    # (N, 16, 4, 4) becomes (256·N,)
    return self.fc1(x)                      # nn.Linear(256, 120)

## Fix
    x = torch.flatten(x, 1)
Safe where the layer after it takes exactly what a sample has.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (1x16384 and 256x120)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import input_pin, torch_layer
from linearcheck.rules.provenance import origin_of
from linearcheck.rules.reshapes import FLATTENINGS, keep_batch, reshape_of, sample_factors, unflatten_source
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import call_at, span_of
from linearcheck.rules.suggestions import change_argument, combined, ranked
from linearcheck.rules.wording import call_name, shape
from linearcheck.sizes import batch_axis, depends_on
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC406", "flattened-batch", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        for tensor in failure.call.tensors:
            culprit = _flattening(trace, tensor)
            if culprit is not None and culprit.input is not None:
                yield _finding(trace, failure, culprit, culprit.input, tensor)
                break


def _flattening(trace: Trace, tensor: TensorInfo) -> Call | None:
    """The call that made one axis of everything, batch included, with nothing but element-wise calls and unsqueezes since."""
    wide = [size for size in tensor.sizes if size != 1]
    if len(wide) != 1 or not depends_on(wide[0]) or batch_axis(tensor.sizes) is not None:
        return None
    for call in origin_of(trace, tensor):
        output, x = call.output, call.input
        if output is None or x is None or prod(output.shape) != prod(tensor.shape):
            return None
        if call.name in FLATTENINGS or (reshape_of(trace, call) is not None and output.rank == 1):
            return call if output.rank == 1 and x.rank > 1 and batch_axis(x.sizes) == 0 else None
    return None


def _finding(trace: Trace, failure: Failure, culprit: Call, x: TensorInfo, got: TensorInfo) -> Finding:
    values = prod(x.shape[1:])
    output = culprit.output
    name = call_name(trace, culprit) if torch_layer(trace, culprit) is not None else f"`{culprit.name}`"
    return report(
        RULE,
        failure,
        f"{name} flattens the batch as well: {shape(x)} becomes {shape(output) if output is not None else '(?)'}",
        f"Each sample has {values} values, and all samples are put into one row. {failure.name} gets {shape(got)}.",
        got=got.sizes,
        expected=(x.sizes[0], values),
        at=culprit,
        proposals=ranked(_proposal(trace, failure, culprit, x, values)),
    )


def _proposal(trace: Trace, failure: Failure, culprit: Call, x: TensorInfo, values: int) -> Proposal | None:
    pin = input_pin(trace, failure.call)
    fits = pin is not None and pin.size == values
    proposal: Proposal | None = None
    reshape = reshape_of(trace, culprit)
    if reshape is not None:
        proposal = keep_batch(trace, reshape)
    elif culprit.name == "ravel":
        node = call_at(trace, culprit.site)
        if node is not None and culprit.site is not None and not node.args:
            span = span_of(trace, culprit.site.path, node)
            from linearcheck.rules.source import text_of

            text = text_of(trace, span)
            edited = text.replace("ravel()", "flatten(1)")
            proposal = (
                Proposal("flatten", "flatten from axis 1 instead", Safety.UNSAFE, (ReplaceSource(span, edited),))
                if edited != text
                else None
            )
    else:
        action = unflatten_source(trace, culprit)
        where = f" on line {culprit.site.line}" if culprit.site is not None else ""
        proposal = Proposal("flatten", f"flatten from axis 1{where}", Safety.UNSAFE, (action,)) if action is not None else None
    if proposal is not None and fits:
        return replace(proposal, safety=Safety.SAFE)
    if proposal is not None and pin is not None and reshape is None:
        follow = change_argument(pin.kind, pin.layer, pin.argument, values, sample_factors(trace, x))
        return combined(proposal, follow) or proposal
    return proposal
