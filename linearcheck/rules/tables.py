"""Tables of positions that are sliced by the batch size and added to the batch: shared by LC412 and LC305."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.flow import steps_back
from linearcheck.rules.observations import user_calls
from linearcheck.rules.source import node_text, nodes_at, span_of
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace

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


@dataclass(frozen=True)
class MisplacedTable:
    """An addition of N rows of a table to a batch: the addition, the call that takes the rows, the rows, and what they are added to."""

    call: Call
    sliced: Call
    table: TensorInfo
    other: TensorInfo


def misplaced_tables(trace: Trace) -> Iterator[MisplacedTable]:
    for call in user_calls(trace, "add"):
        tensors = call.tensors
        for table, other in (tensors, tensors[::-1]) if len(tensors) == 2 else ():
            sliced = _slice_behind(trace, table)
            if sliced is not None and _stands_beside_samples(table, other):
                yield MisplacedTable(call, sliced, table, other)
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


def take_rows_by_steps(trace: Trace, sliced: Call) -> Proposal | None:
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
