"""The silent part of LC402: reshapes that make another number of rows than samples, and nothing restores the batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import prod

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.cut import Regroup, regroups
from linearcheck.rules.evidence import pins_on
from linearcheck.rules.flow import Reach, reach_of
from linearcheck.rules.layers import RECURRENT, operation
from linearcheck.rules.observations import observed, reshaping_calls, rewrite_call, site_line
from linearcheck.rules.provenance import is_feature_map
from linearcheck.rules.reshapes import Reshape, fitting_sizes, keep_batch, reshape_of, sample_factors, size_nodes, unflatten_source
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import span_of
from linearcheck.rules.suggestions import change_argument, combined, ranked
from linearcheck.rules.wording import call_name, quoted, shape, times_text
from linearcheck.sizes import N, NamedSize, Size, batch_axis, depends_on, is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace


def silent_folds(rule: Rule, trace: Trace) -> Iterator[Finding]:
    """Reshapes after which rows are no longer samples, with weights applied to these rows and no output that has the batch again."""
    for call in reshaping_calls(trace, "view", "reshape", "flatten"):
        x, output = call.input, call.output
        if x is None or output is None:
            continue
        rows = _rows(output)
        if rows is None or not (_joins_parts(x, output) if batch_axis(x.sizes) is None else _is_certain(trace, call, x, output, rows)):
            continue
        reach = reach_of(trace, output)
        if not reach.fails and reach.weights and _stays_folded(reach):
            yield _finding(rule, trace, call, x, output, rows)


def _rows(output: TensorInfo) -> Fraction | None:
    """How many rows a sample became: 2 for (2*N, 128), 1/2 for (N/2, 16); None where the first axis is not a multiple of the batch."""
    first = output.sizes[0] if output.sizes else 1
    if not isinstance(first, NamedSize) or first.names != ("N",) or first.offset or first.multiple == 1:
        return None
    return first.multiple if not any(depends_on(size) for size in output.sizes[1:]) else None


def _stays_folded(reach: Reach) -> bool:
    """Whether the batch is in outputs, and in none of them as an axis of its own."""
    outputs = reach.batched_outputs
    return (
        bool(outputs)
        and not any(is_batch(size) for output in outputs for size in output.sizes)
        and all(_rows(output) for output in outputs)
    )


def _is_certain(trace: Trace, call: Call, x: TensorInfo, output: TensorInfo, rows: Fraction) -> bool:
    """A fold that no model means: it takes whole samples apart (or puts parts of several together), not one whole axis more."""
    groups = regroups(x.sizes, output.sizes)
    group = next((group for group in groups or () if 0 in group.new), None)
    if group is None:
        return False
    if group.cut:
        return True
    if rows < 1:
        return _joins_samples(x, output, group)
    if 0 in group.split:
        return not _is_own_axis(x, output, rows)
    channels = group.old == (0, 1) and _feeds_weights(trace, output)
    return is_final_state(trace, x) or (channels and (is_feature_map(trace, x) or _is_colour_image(trace, x, output)))


def _joins_samples(x: TensorInfo, output: TensorInfo, group: Regroup) -> bool:
    """`view(-1, 16)` of (N, 8): two samples in one row. An axis of its own for the samples that belong together is meant."""
    return is_batch(x.sizes[0]) and output.rank == 2 and x.rank == 2 and group.new == (0, 1)


def parts_of_sample(x: TensorInfo) -> int | None:
    """How many rows a sample has in a tensor of (T*N, features), None where the first axis is no such product."""
    first = x.sizes[0] if x.sizes else 1
    if not isinstance(first, NamedSize) or first.names != ("N",) or first.offset or first.multiple.denominator != 1:
        return None
    return first.multiple.numerator if first.multiple > 1 else None


def _joins_parts(x: TensorInfo, output: TensorInfo) -> bool:
    """`view(-1, 16, dim)` of (8*N, dim): the 8 parts of each sample come together with those of the next one."""
    parts, joined = parts_of_sample(x), output.sizes[1] if output.rank > 1 else None
    return parts is not None and isinstance(joined, int) and joined > parts and joined % parts == 0 and output.sizes[2:] == x.sizes[1:]


def _is_own_axis(x: TensorInfo, output: TensorInfo, rows: Fraction) -> bool:
    """Whether the rows of a sample were one axis of the input all along."""
    return any(size == rows for size in x.sizes)


def _is_colour_image(trace: Trace, x: TensorInfo, output: TensorInfo) -> bool:
    """`view(-1, 784)` of (N, 3, 28, 28): the colours of an image as rows."""
    return x.role == "input" and x.rank == 4 and output.rank == 2 and x.shape[1] == 3 and x.shape[2] * x.shape[3] == output.shape[1] > 3


def _feeds_weights(trace: Trace, output: TensorInfo) -> bool:
    return any(operation(call) == "linear" for call in trace.consumers(output))


def is_final_state(trace: Trace, tensor: TensorInfo) -> bool:
    """Whether a tensor is `h_n` or `c_n` of a recurrent layer: (layers * directions, N, features)."""
    maker = trace.producer(tensor)
    return (
        maker is not None
        and operation(maker) in RECURRENT
        and tensor.rank == 3
        and len(maker.outputs) > 1
        and tensor.uid in {output.uid for output in maker.outputs[1:]}
    )


def _finding(rule: Rule, trace: Trace, call: Call, x: TensorInfo, output: TensorInfo, rows: Fraction) -> Finding:
    reshape = reshape_of(trace, call)
    text = f"`{reshape.text}`" if reshape is not None else call_name(trace, call)
    final, parts = is_final_state(trace, x), parts_of_sample(x)
    if parts is not None:
        why = f"The first axis of {shape(x)} holds {parts} rows of each sample, and {output.sizes[1]} of them are put together."
    elif final:
        why = f"The first axis of {shape(x)} holds the layers and directions, and each of them becomes a row of its own."
    elif reshape is not None and reshape.values is not None:
        factors = sample_factors(trace, x)
        count = f"{times_text(factors)} = {reshape.values}" if len(factors) > 1 else str(reshape.values)
        part = f"cut into {rows} rows" if rows > 1 else f"put into a row with {Fraction(1) / rows - 1} more"
        why = f"Each sample has {count} values and is {part}."
    else:
        why = f"{shape(x)} is not cut at its samples."
    batch = N if parts is not None else x.sizes[batch_axis(x.sizes) or 0]
    return observed(
        rule, trace, call,
        f"{text} folds the batch axis: {shape(x)} becomes {shape(output)}",
        f"{why} Rows are no longer samples, so the {rows}*N outputs do not match the N labels." if rows.denominator == 1
        else f"{why} Rows are no longer samples, so the outputs do not match the N labels.",
        got=output.sizes,
        expected=_expected(x, output, reshape, batch, final),
        proposals=_proposals(trace, call, x, reshape, rows, final),
    )  # fmt: skip


def _expected(x: TensorInfo, output: TensorInfo, reshape: Reshape | None, batch: Size, final: bool) -> tuple[Size | str, ...]:
    if (parts := parts_of_sample(x)) is not None:
        return batch, parts, *output.sizes[2:]
    if final or reshape is None or reshape.values is None:
        return batch, *output.sizes[1:]
    return (batch, reshape.values) if output.rank == 2 else (batch, "*", *output.sizes[2:])


def _proposals(trace: Trace, call: Call, x: TensorInfo, reshape: Reshape | None, rows: Fraction, final: bool) -> tuple[Proposal, ...]:
    if final:
        last = rewrite_call(trace, call, "other", f"take the last layer's state on line {site_line(call)}", "{}[-1]")
        return ranked(last)
    if reshape is None:
        return ranked(_flattened_from_one(trace, call, x))
    if (parts := parts_of_sample(x)) is not None:
        return ranked(_with_parts(trace, reshape, parts))
    if len(reshape.asked) <= 2:
        return ranked(keep_batch(trace, reshape))
    return ranked(_square_map(trace, reshape, rows), fitting_sizes(trace, reshape))


def _flattened_from_one(trace: Trace, call: Call, x: TensorInfo) -> Proposal | None:
    """`flatten(1)` for `flatten(0, 1)` of (N, C, L), with the next layer as wide as that makes a sample."""
    action = unflatten_source(trace, call)
    output = call.output
    if action is None or call.arguments.get("start_dim") != 0 or call.arguments.get("end_dim", -1) != 1 or output is None:
        return None
    actions = (action, replace(action, argument="end_dim", value=-1))
    proposal = Proposal("flatten", f"flatten from axis 1 on line {site_line(call)}", Safety.UNSAFE, actions)
    pins = pins_on(trace, output, output.rank - 1)
    values = prod(x.shape[1:])
    follow = change_argument(pins[0].kind, pins[0].layer, pins[0].argument, values, sample_factors(trace, x)) if pins else None
    return combined(proposal, follow) or proposal


def _with_parts(trace: Trace, reshape: Reshape, parts: int) -> Proposal | None:
    found, site = size_nodes(trace, reshape.call), reshape.call.site
    if found is None or site is None or len(found[1]) != len(reshape.asked) or len(reshape.asked) < 2:
        return None
    edit = ReplaceSource(span_of(trace, site.path, found[1][1]), str(parts))
    return Proposal("view_keep_batch", f"put the {parts} rows of one sample together on line {site.line}", Safety.UNSAFE, (edit,))


def _square_map(trace: Trace, reshape: Reshape, rows: Fraction) -> Proposal | None:
    """For `view(-1, 128, 2, 2)` of 2048 values: `view(-1, 128, 4, 4)`, where the next layer agrees with the channels."""
    side = round(float(rows) ** 0.5)
    found, site, output = size_nodes(trace, reshape.call), reshape.call.site, reshape.call.output
    if output is None or output.rank != 4 or side * side != rows or found is None or site is None or len(found[1]) != 4:
        return None
    if not any(pin.size == output.shape[1] for pin in pins_on(trace, output, 1)):
        return None
    edits = tuple(ReplaceSource(span_of(trace, site.path, found[1][axis]), str(output.shape[axis] * side)) for axis in (2, 3))
    sizes = ", ".join(map(str, (*reshape.asked[:2], *(output.shape[axis] * side for axis in (2, 3)))))
    return Proposal("view_keep_batch", f"view it as {quoted(f'({sizes})')} on line {site.line}", Safety.UNSAFE, edits)
