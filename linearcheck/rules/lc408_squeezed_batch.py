"""LC408 `squeezed-batch`: a `squeeze()` without an axis takes the batch away where it holds one sample.

## What it catches
`x.squeeze()` of (N, 64, 1, 1): with a batch of one the batch axis has size 1 as well.

## Why it matters
Training works. The last batch of an epoch may hold one sample, and at inference it does: then the output loses its batch axis, or a later
layer fails.

## Example
    x = torch.squeeze(self.pool(x))         # (N, 64, 1, 1)

## Fix
    x = torch.flatten(self.pool(x), 1)
Unsafe only because the title says which axes go.

## PyTorch says
    Dimension out of range (expected to be in range of [-1, 0], but got 1)

## How it is known
The model is run with a batch of one, in evaluation mode. A squeeze whose result is one number per sample is a note only.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Safety, SetArgument, Severity
from linearcheck.rules.flow import reach_of
from linearcheck.rules.observations import observed, rewrite_call, site_line
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import call_on_line, quoted, shape
from linearcheck.sizes import is_batch, shape_text
from linearcheck.trace.records import BatchOfOne, Call, TensorInfo, Trace

RULE = Rule("LC408", "squeezed-batch", Severity.WARNING, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    one = trace.batch_of_one
    if one is None:
        return
    for index in one.dropped:
        call = trace.calls[index]
        x, output = call.input, call.output
        if x is None or output is None or call.failed or call.site is None or not any(map(is_batch, x.sizes)):
            continue
        severity = _severity(trace, one, call)
        if severity is not None:
            yield _finding(trace, one, call, x, output, severity)


def _severity(trace: Trace, one: BatchOfOne, call: Call) -> Severity | None:
    """A warning where a batch of one then fails or returns fewer axes; a note where an axis was named or one number per sample is left."""
    reach = reach_of(trace, *call.outputs)
    fails = one.failed is not None and one.failed.index > call.index
    lost = [
        output
        for output, shape_of_one in zip(trace.outputs, one.outputs or (), strict=False)
        if output in reach.outputs and len(shape_of_one) < output.rank
    ]
    if not fails and not lost:
        return None
    named = call.arguments.get("dim", call.arguments.get("1")) is not None
    harmless = not fails and all(output.rank == 1 for output in lost)
    return Severity.NOTE if named or harmless else Severity.WARNING


def _finding(trace: Trace, one: BatchOfOne, call: Call, x: TensorInfo, output: TensorInfo, severity: Severity) -> Finding:
    single = tuple(1 if is_batch(size) else size for size in x.sizes)
    dropped = tuple(size for size in single if size != 1)
    if one.failed is not None:
        after = f"Then {call_on_line(trace, one.failed)} fails."
    else:
        after = f"The model then returns {shape_text(one.outputs[0])} in place of a batch of one." if one.outputs else ""
    return observed(
        RULE, trace, call,
        f"{quoted(call.name)} drops the batch axis of {shape(x)} where the batch holds one sample",
        f"Without an axis it drops every axis of size 1: {shape_text(single)} becomes {shape_text(dropped)}. {after}".strip(),
        got=x.sizes,
        expected=output.sizes,
        proposals=_proposals(trace, call, x),
        severity=severity,
    )  # fmt: skip


def _proposals(trace: Trace, call: Call, x: TensorInfo) -> tuple[Proposal, ...]:
    ones = [axis for axis, size in enumerate(x.sizes) if size == 1]
    if call.site is None or not ones:
        return ()
    flatten = None
    trailing = ones == list(range(x.rank - len(ones), x.rank)) and x.rank - len(ones) == 2 and is_batch(x.sizes[0])
    if trailing:
        flatten = rewrite_call(trace, call, "flatten", f"flatten from axis 1 on line {site_line(call)}", "{}.flatten(1)")
    dims: int | str = ones[0] if len(ones) == 1 else str(tuple(ones))
    action = SetArgument(call.site, call.name, "dim", dims)
    squeeze = Proposal("squeeze", f"drop only axis {dims} on line {site_line(call)}", Safety.UNSAFE, (action,))
    return ranked(squeeze, flatten) if len(ones) == 1 else ranked(flatten, squeeze)
