"""LC303 `embedding-input`: an embedding gets something else than indices below `num_embeddings`.

## What it catches
Floating-point numbers in `nn.Embedding` or `nn.EmbeddingBag`, and indices beyond its table, such as positions of a sequence that is
longer than the table of
positions.

## Why it matters
An index beyond the table stops on the CPU, and on CUDA ends in a device-side assertion that names no layer.

## Example
    self.positions = nn.Embedding(128, 64)
    return self.positions(torch.arange(ids.size(1)))      # ids is (N, 200)

## Fix
    self.positions = nn.Embedding(200, 64)
Unsafe: sequences may be meant to be cut instead.

## PyTorch says
    index out of range in self
    Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.dtypes import is_integer
from linearcheck.rules.failures import Failure, failures, failures_without_data, report
from linearcheck.rules.layers import declared_int
from linearcheck.rules.provenance import origin_of, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import change_argument, ranked, wrap_input
from linearcheck.rules.wording import counted, shape
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC303", "embedding-input", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "embedding", "embedding_bag"):
        x = failure.input
        if x is None:
            continue
        if not is_integer(x.dtype):
            yield _not_indices(failure, x)
        elif "range" in (failure.call.error.message if failure.call.error else ""):
            yield _out_of_range(failure, x)
    for failure in failures_without_data(trace, frozenset({"embedding"})):
        x, weight = failure.input, failure.weight
        positions = _positions(failure, x) if x is not None else None
        if x is not None and positions is not None and weight is not None and weight.rank and positions > weight.shape[0]:
            yield _out_of_range(failure, x)


def _not_indices(failure: Failure, x: TensorInfo) -> Finding:
    return report(
        RULE,
        failure,
        f"{failure.name} looks up whole numbers, but its input {shape(x)} is {x.dtype}",
        origin_sentence(failure.trace, x),
        got=x.sizes,
        proposals=ranked(wrap_input(failure, "dtype", "dtype", f"convert the input of {failure.name} to int64", dtype="int64")),
    )


def _out_of_range(failure: Failure, x: TensorInfo) -> Finding:
    weight = failure.weight
    rows = declared_int(failure.layer, "num_embeddings") or (weight.shape[0] if weight is not None and weight.rank else 0)
    positions = _positions(failure, x)
    enlarge = None
    if positions is not None and positions > rows and failure.layer is not None:
        enlarge = change_argument("other", failure.layer, "num_embeddings", positions)
    counted_to = f" `arange` counts to {positions - 1} here." if positions is not None else ""
    return report(
        RULE,
        failure,
        f"{failure.name} has {counted(rows, 'row')}, but its input {shape(x)} holds an index beyond them",
        f"The table takes indices from 0 to {rows - 1}.{counted_to} {origin_sentence(failure.trace, x)}".strip(),
        got=x.sizes,
        proposals=ranked(enlarge),
    )


_KEEPS_VALUES = frozenset({"unsqueeze", "expand", "view", "reshape", "repeat", "to", "long", "int", "expand_as", "contiguous"})


def _positions(failure: Failure, x: TensorInfo) -> int | None:
    """How far an `arange` behind the indices counts."""
    for call in origin_of(failure.trace, x):
        if call.name == "arange":
            return call.outputs[0].shape[0] if call.outputs and call.outputs[0].rank == 1 else None
        if call.name not in _KEEPS_VALUES:
            return None
    return None
