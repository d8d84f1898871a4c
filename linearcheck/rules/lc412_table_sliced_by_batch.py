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

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.flow import steps_back
from linearcheck.rules.observations import observed, user_calls
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import node_text, nodes_at, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import call_name, on_line, shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC412", "table-sliced-by-batch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

PASSING = frozenset(
    [
        "unsqueeze",
        "squeeze",
        "transpose",
        "permute",
        "to",
        "detach",
        "clone",
        "contiguous",
        "requires_grad",
        "dropout",
        "type_as",
        "expand",
        "mul",
    ]
)


def check(trace: Trace) -> Iterator[Finding]:
    for call in user_calls(trace, "add"):
        tensors = call.tensors
        if len(tensors) != 2:
            continue
        for table, other in (tensors, tensors[::-1]):
            found = _slice_behind(trace, table)
            if found is not None and _stands_beside_samples(table, other):
                yield _finding(trace, call, found, table, other)
                break


def _stands_beside_samples(table: TensorInfo, other: TensorInfo) -> bool:
    """(N, 1, features) added to (N, T, features): the steps of a sample all get the same row."""
    if other.role in ("parameter", "buffer") or other.rank < 3 or table.rank != other.rank or not is_batch(other.sizes[0]):
        return False
    same = is_batch(table.sizes[0]) and table.sizes[-1] == other.sizes[-1]
    steps = other.sizes[1:-1]
    return same and all(size == 1 for size in table.sizes[1:-1]) and all(size != 1 for size in steps)


def _slice_behind(trace: Trace, tensor: TensorInfo) -> Call | None:
    """The call that takes N rows of a table: a slice of a parameter or buffer, or an embedding of `arange(N)`."""
    if not is_batch(tensor.sizes[0] if tensor.sizes else 1):
        return None
    for _, maker in steps_back(trace, tensor, PASSING):
        if maker is None or maker.name in PASSING:
            continue
        taken = maker.input
        if maker.name in {"getitem", "narrow"} and taken is not None and taken.role in ("parameter", "buffer"):
            return maker
        if maker.name == "embedding" and taken is not None and _is_count(trace, taken):
            return maker
    return None


def _is_count(trace: Trace, indices: TensorInfo) -> bool:
    """Whether indices are `arange(N)`, whatever was unsqueezed or expanded since."""
    return any(maker is not None and maker.name == "arange" for _, maker in steps_back(trace, indices, PASSING))


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
        proposals=ranked(_by_steps(trace, sliced, other)),
        at=sliced if sliced.site is not None and sliced.name != "embedding" else None,
    )  # fmt: skip


def _by_steps(trace: Trace, sliced: Call, other: TensorInfo) -> Proposal | None:
    """`self.pe[:x.size(1)].transpose(0, 1)` for a table of (steps, 1, features)."""
    source, site = sliced.input, sliced.site
    node = next((node for node in nodes_at(trace, site) if isinstance(node, ast.Subscript)), None)
    if source is None or site is None or node is None or source.rank != 3 or source.shape[1] != 1:
        return None
    text = node_text(trace, site.path, node)
    changed = text.replace(".size(0)", ".size(1)").replace(".shape[0]", ".shape[1]")
    if changed == text:
        return None
    edit = ReplaceSource(span_of(trace, site.path, node), f"{changed}.transpose(0, 1)")
    return Proposal("other", f"take one row per step, `{changed}.transpose(0, 1)`", Safety.UNSAFE, (edit,))
