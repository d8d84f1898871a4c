"""LC411 `reshape-cuts-axes`: a reshape cuts through axes where a permute is meant.

## What it catches
A `view` of a transposed tensor that PyTorch refuses, and whose sizes would tear rows apart if it were a `reshape`:
elements of one position land in another. And a reshape that runs and does so: heads split or merged without a transpose, a map viewed as
tokens, patches or channels-last, channels viewed as pixels without the permute of a pixel shuffle, tokens viewed as an image.

## Why it matters
PyTorch's advice is to use `reshape`, which runs and scrambles the values.

## Example
    x = x.transpose(1, 2)                   # (N, 3, H*W)
    x = x.view(n, h, w, 3)

## Fix
    x = x.transpose(1, 2).view(n, h, w, 3)  # (N, H*W, 3)
No repair is offered where the axes do not tell which order is meant.

## PyTorch says
    view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.arithmetic import cuts_through
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.provenance import origin_sentence
from linearcheck.rules.reshapes import Reshape, fills, reshape_of
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.scrambles import silent_scrambles
from linearcheck.rules.suggestions import permute_input, ranked
from linearcheck.rules.wording import shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC411", "reshape-cuts-axes", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "view"):
        x, reshape = failure.input, reshape_of(trace, failure.call)
        asked = _asked(reshape) if reshape is not None else None
        if x is None or reshape is None or asked is None or not fills(reshape) or not cuts_through(x.shape, asked):
            continue
        yield report(
            RULE,
            failure,
            f"`{reshape.text}` cuts through the axes of {shape(x)}, whose values are not in this order in memory",
            f"As a `reshape` it would run and put values of one position into another. {origin_sentence(trace, x)}".strip(),
            got=x.sizes,
            expected=reshape.asked,
            proposals=ranked(_other_order(failure, x, asked)),
        )
    yield from silent_scrambles(RULE, trace)


def _asked(reshape: Reshape) -> tuple[int, ...] | None:
    """The sizes asked for as measured numbers."""
    sizes = [reshape.input.shape[0] if is_batch(size) else size for size in reshape.asked]
    plain = [size for size in sizes if isinstance(size, int)]
    if len(plain) != len(sizes) or plain.count(-1) > 1:
        return None
    known = prod(size for size in plain if size != -1)
    return tuple(prod(reshape.input.shape) // known if size == -1 else size for size in plain) if known else None


def _other_order(failure: Failure, x: TensorInfo, asked: tuple[int, ...]) -> Proposal | None:
    """Two axes of the input swapped, where exactly one swap lets the reshape split and merge whole axes."""
    fitting = [
        order
        for first, second in combinations(range(1, x.rank), 2)
        if (order := _swapped(x.rank, first, second)) and not cuts_through(tuple(x.shape[axis] for axis in order), asked)
    ]
    return permute_input(failure, fitting[0]) if len(fitting) == 1 else None


def _swapped(rank: int, first: int, second: int) -> tuple[int, ...]:
    order = list(range(rank))
    order[first], order[second] = second, first
    return tuple(order)
