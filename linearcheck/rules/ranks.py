"""One axis too many or too few: an operand with another number of axes than its partner, or than the operation takes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Literal

from linearcheck.findings import Proposal
from linearcheck.rules.observations import replace_node
from linearcheck.rules.source import call_at
from linearcheck.rules.wording import shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Span, TensorInfo, Trace

Fits = Callable[[tuple[int, ...]], bool]


def of_rank(trace: Trace, site: Span, tensor: TensorInfo, node: ast.expr | None, rank: int, fits: Fits) -> Iterator[Proposal]:
    """Squeeze an axis of size 1 of an operand, or give it one, so that it has `rank` axes and a shape that fits.

    Where the tensor is made comes first if it is used elsewhere too: there one change serves all its uses.
    """
    for kind, axis, result in _changes(tensor, rank):
        if not fits(result):
            continue
        written = f"{{}}.{kind}({axis})"
        verb = f"squeeze axis {axis} of" if kind == "squeeze" else f"insert axis {axis} of size 1 into"
        maker = trace.producer(tensor)
        made = call_at(trace, maker.site) if maker is not None else None
        at_maker = (
            replace_node(trace, maker.site.path, made, kind, f"{verb} what line {maker.site.line} makes, {shape(tensor)}", written)
            if maker is not None and maker.site is not None and made is not None and maker.site != site
            else None
        )
        at_operand = replace_node(trace, site.path, node, kind, f"{verb} {shape(tensor)}", written) if node is not None else None
        shared = sum(call.kind == "function" for call in trace.consumers(tensor)) > 1
        yield from (found for found in ((at_maker, at_operand) if shared else (at_operand, at_maker)) if found is not None)


def _changes(tensor: TensorInfo, rank: int) -> Iterator[tuple[Literal["squeeze", "unsqueeze"], int, tuple[int, ...]]]:
    sizes = tensor.shape
    if tensor.rank == rank + 1:
        for axis in range(1, tensor.rank):
            if sizes[axis] == 1 and not is_batch(tensor.sizes[axis]):
                yield "squeeze", axis, (*sizes[:axis], *sizes[axis + 1 :])
    if tensor.rank == rank - 1:
        for axis in range(1, rank):
            yield "unsqueeze", axis, (*sizes[:axis], 1, *sizes[axis:])
