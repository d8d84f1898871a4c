"""LC412 `table-sliced-by-batch`: a table of positions is sliced by the batch size and added to the batch.

## What it catches
`x + self.pe[:x.size(0)]` where x is (N, T, features): the table's rows stand beside samples and not beside steps.

## Why it matters
Every step of a sample gets the same row, and which row depends on the sample's place in the batch. The model never learns an order of
steps.

## Example
    x = x + self.pe[:x.size(0)]             # (N, T, 64) + (N, 1, 64), a table for (T, N, 64)

## Fix
    x = x + self.pe[:x.size(1)].transpose(0, 1)
Unsafe: the input may be the one to turn.

## PyTorch says
Nothing, up to a batch as large as the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.observations import observed
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.tables import misplaced_tables, take_rows_by_steps
from linearcheck.rules.wording import call_name, on_line, shape
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC412", "table-sliced-by-batch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for found in misplaced_tables(trace):
        yield _finding(trace, found.call, found.sliced, found.table, found.other)


def _finding(trace: Trace, call: Call, sliced: Call, table: TensorInfo, other: TensorInfo) -> Finding:
    source = sliced.input
    name = f"`{source.name}`" if source is not None and source.name else call_name(trace, sliced)
    whole = f" of {shape(source)}" if source is not None and source.name else ""
    return observed(
        RULE, trace, call,
        f"the first N rows of the table {name} are added to the samples of the batch: {shape(other)} + {shape(table)}",
        f"{call_name(trace, sliced)}{on_line(sliced.site)} takes as many rows{whole} as the batch has samples, so all steps of a "
        "sample get the same row, and which one depends on the sample's place in the batch.",
        got=table.sizes,
        expected=(1, *other.sizes[1:]),
        proposals=ranked(take_rows_by_steps(trace, sliced)),
        at=sliced if sliced.site is not None and sliced.name != "embedding" else None,
    )  # fmt: skip
