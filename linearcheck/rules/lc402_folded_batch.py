"""LC402 `folded-batch`: a view with numbers folds the batch axis, so that rows are no longer samples.

## What it catches
`x.view(-1, 128)` of samples that have 256 values each: N samples become 2·N rows.

## Why it matters
The view itself raises nothing. What follows fails with a size that nobody wrote, or does not fail at all, and outputs no longer match
labels.

## Example
    x = x.view(-1, 128)                     # (N, 16, 4, 4), 256 values per sample
    return self.fc1(x)                      # nn.Linear(256, 120)

## Fix
    x = x.view(x.size(0), -1)
Unsafe: the layer after it must take what a sample has, and is set to where it does not.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (128x128 and 256x120)
    The size of tensor a (128) must match the size of tensor b (64) at non-singleton dimension 0
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.arithmetic import cuts_through
from linearcheck.rules.evidence import BROADCASTING
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.folds import silent_folds
from linearcheck.rules.layers import CONVOLUTIONS, input_pin
from linearcheck.rules.provenance import is_feature_map
from linearcheck.rules.reshapes import Reshape, fitting_sizes, fold_of, keep_batch, reshape_of, sample_factors
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import shape, times_text
from linearcheck.sizes import Size, is_batch, shape_text
from linearcheck.trace.records import Trace

RULE = Rule("LC402", "folded-batch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        reshape = _fold_behind(trace, failure)
        if reshape is not None:
            yield _finding(trace, failure, reshape)
    yield from silent_folds(RULE, trace)


def _fold_behind(trace: Trace, failure: Failure) -> Reshape | None:
    own = reshape_of(trace, failure.call)
    if own is not None:
        return own if _folds_by_number(own) else None
    for tensor in failure.call.tensors:
        reshape = fold_of(trace, tensor)
        if reshape is not None and _is_to_blame(trace, failure, reshape):
            return reshape
    return None


def _folds_by_number(reshape: Reshape) -> bool:
    """A failing `view(-1, K)` whose K is a whole part or a multiple of what a sample has."""
    values, row = reshape.values, reshape.literals
    return (
        values is not None
        and reshape.leaves_first_free
        and len(reshape.asked) > 1
        and row != values
        and (row % values == 0 or values % row == 0)
    )


def _is_to_blame(trace: Trace, failure: Failure, reshape: Reshape) -> bool:
    """Whether the failure goes away with the fold: the layer expects what a sample has, or other operands kept their batch axis."""
    values, output = reshape.values, reshape.call.output
    pin = input_pin(trace, failure.call)
    if values is None or output is None:
        return False
    if pin is not None:
        cut = cuts_through(reshape.input.shape, output.shape) or is_feature_map(trace, reshape.input)
        return pin.size == values or (cut and failure.operation in {"linear", *CONVOLUTIONS})
    if failure.operation in BROADCASTING or failure.operation in {"cat", "stack", "matmul", "bmm"}:
        return any(is_batch(size) for tensor in failure.call.tensors for size in tensor.sizes[:1])
    return False


def _finding(trace: Trace, failure: Failure, reshape: Reshape) -> Finding:
    values, call = reshape.values or 1, reshape.call
    row = reshape.literals
    became: tuple[Size | str, ...] = call.output.sizes if call.output is not None and not call.failed else _asked_shape(reshape, values)
    factors = sample_factors(trace, reshape.input)
    count = f"{times_text(factors)} = {values}" if len(factors) > 1 else str(values)
    cut = f"is cut into {values // row} rows" if values > row else f"is one of {row // values} in a row"
    named = f" {failure.name} gets {shape_text(became)}." if call is not failure.call else ""
    rows = f"`{reshape.text}`"
    return report(
        RULE,
        failure,
        f"{rows} folds the batch axis: {shape(reshape.input)} becomes {shape_text(became)}",
        f"Each sample has {count} values and {cut}, so rows are no longer samples.{named}",
        got=became,
        expected=(reshape.input.sizes[0], values) if len(reshape.asked) == 2 else (reshape.input.sizes[0], *reshape.asked[1:]),
        at=call,
        proposals=ranked(keep_batch(trace, reshape), fitting_sizes(trace, reshape)),
    )


def _asked_shape(reshape: Reshape, values: int) -> tuple[Size | str, ...]:
    row = reshape.literals
    first = f"{values // row}*N" if values > row else f"N/{row // values}"
    return first, *reshape.asked[1:]
