"""The indexing part of LC410: `h[:, lengths - 1]`, which gives every sample the picked steps of all samples."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.flow import reach_of
from linearcheck.rules.observations import observed, user_calls
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import imports_as, is_atom, node_text, nodes_at, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import shape
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace


def crossed_picks(rule: Rule, trace: Trace) -> Iterator[Finding]:
    """Picks of one position per sample, made with the batch left as `:`; where the output shows both batch axes."""
    for call in user_calls(trace, "getitem"):
        x, output = call.input, call.output
        axis = _picked_axis(call)
        if x is None or output is None or axis is None or sum(map(is_batch, output.sizes)) != 2:
            continue
        reach = reach_of(trace, output)
        batched = reach.batched_outputs
        # Scores of all against all use the pick as it is; here weights act on it as on one row per sample.
        if reach.fails or not reach.weights or not batched or any(sum(map(is_batch, result.sizes)) != 2 for result in batched):
            continue
        yield _finding(rule, trace, call, x, output, axis)


def _picked_axis(call: Call) -> int | None:
    """The axis that an index (N,) stands at, behind a whole `:` for the batch of features of several steps (N, T, features)."""
    x, index = call.input, call.arguments.get("index")
    if x is None or x.rank < 3 or not is_batch(x.sizes[0]) or not isinstance(index, tuple):
        return None
    picks = [axis for axis, item in enumerate(index) if isinstance(item, TensorInfo)]
    if len(picks) != 1 or picks[0] == 0 or not all(item == slice(None) for axis, item in enumerate(index) if axis != picks[0]):
        return None
    pick = index[picks[0]]
    is_position = isinstance(pick, TensorInfo) and pick.rank == 1 and is_batch(pick.sizes[0]) and pick.dtype.startswith("int")
    return picks[0] if is_position else None


def _finding(rule: Rule, trace: Trace, call: Call, x: TensorInfo, output: TensorInfo, axis: int) -> Finding:
    return observed(
        rule, trace, call,
        f"indexing picks the positions of all N samples from every sample: {shape(x)} becomes {shape(output)}",
        f"`:` keeps all samples, and the index (N,) then picks its N positions of axis {axis} from each of them. "
        "Two indices of the batch's length, one for the samples and one for the positions, pick one position per sample.",
        got=output.sizes,
        expected=(*x.sizes[:axis], *x.sizes[axis + 1 :]),
        proposals=ranked(_pick_per_sample(trace, call)) if axis == 1 else (),
    )  # fmt: skip


def _pick_per_sample(trace: Trace, call: Call) -> Proposal | None:
    node = next((node for node in nodes_at(trace, call.site) if isinstance(node, ast.Subscript)), None)
    torch = imports_as(trace, call.site.path, "torch") if call.site is not None else None
    if node is None or torch is None or call.site is None or not isinstance(node.slice, ast.Tuple):
        return None
    text = node_text(trace, call.site.path, node.value)
    samples = f"{torch}.arange({text if is_atom(node.value) else f'({text})'}.size(0))"
    span = span_of(trace, call.site.path, node.slice.elts[0])
    return Proposal("other", f"pick one position per sample with `{samples}`", Safety.UNSAFE, (ReplaceSource(span, samples),))
