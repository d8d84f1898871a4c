"""LC410 `two-batch-axes`: (N,) meets (N, 1), and broadcasting makes (N, N) of them; or an index (N,) behind `:` does.

## What it catches
`+`, `-`, `*`, `/`, a comparison or a loss of a tensor with the batch as its last axis and one with a last axis of size 1 that a layer
or reduction left.
And `h[:, lengths - 1]` of (N, T, features), which picks the last steps of all samples from every sample.

## Why it matters
Every value of one sample is combined with those of all others. A mean or sum afterwards hides it: the loss is a plausible number.

## Example
    values = self.value(h)                  # (N, 1)
    advantage = returns - values            # (N,) - (N, 1) is (N, N)

## Fix
    advantage = returns - values.squeeze(1)
Unsafe: the other operand may be the one to change, `sum(dim=1, keepdim=True)`.

## PyTorch says
Nothing; `F.mse_loss` warns "Using a target size that is different to the input size".
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.axes import REDUCTIONS
from linearcheck.rules.crossed_picks import crossed_picks
from linearcheck.rules.flow import is_settled, steps_back
from linearcheck.rules.layers import ADAPTIVE_POOLS, CONVOLUTIONS, RECURRENT, operation
from linearcheck.rules.observations import observed, operand_nodes, replace_node, user_calls
from linearcheck.rules.operands import kept_axis, operand_word
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import OPERATORS, call_on_line, quoted, shape
from linearcheck.sizes import Size, is_batch, shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC410", "two-batch-axes", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

LOSSES = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss"})
ARITHMETIC = frozenset({"add", "sub", "div", "mul", "minimum", "maximum"})
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
LEAVING_ONE = frozenset({"linear", "bilinear", "embedding", "gather", "take_along_dim", *CONVOLUTIONS, *ADAPTIVE_POOLS, *RECURRENT})
"""What makes an axis of size 1 by its declaration: `out_features=1`, a table of one column."""
SAME_AXES = frozenset(
    [
        "detach",
        "contiguous",
        "clone",
        "to",
        "float",
        "double",
        "relu",
        "sigmoid",
        "tanh",
        "exp",
        "log",
        "neg",
        "abs",
        "softplus",
        "logsigmoid",
        "dropout",
        "mul",
        "div",
        "add",
        "sub",
        "clamp",
        "square",
        "sqrt",
        "pow",
    ]
)


def check(trace: Trace) -> Iterator[Finding]:
    losses = (call for call in trace.calls_of(*LOSSES) if call.kind == "function" and is_settled(call))
    for call in (*user_calls(trace, *ARITHMETIC, *COMPARISONS), *losses):
        tensors = call.tensors[:2]
        if len(tensors) < 2 or tensors[0].rank == tensors[1].rank:
            continue
        short, long = sorted(tensors, key=lambda tensor: tensor.rank)
        axis = _crossing(short, long)
        if axis is None or (call.name in COMPARISONS and long.role == "input"):
            continue  # two given lists of labels are compared pair by pair
        if _is_left_over(trace, long, axis):
            yield _finding(trace, call, short, long, axis)
    yield from crossed_picks(RULE, trace)


def _crossing(short: TensorInfo, long: TensorInfo) -> int | None:
    """The axis of size 1 of the longer operand that the batch of the shorter one stands under, where the longer has a batch of its own."""
    if sum(map(is_batch, short.sizes)) != 1 or sum(map(is_batch, long.sizes)) != 1:
        return None
    axis = next(axis for axis, size in enumerate(short.sizes) if is_batch(size)) + long.rank - short.rank
    return axis if long.sizes[axis] == 1 and axis > long.sizes.index(next(filter(is_batch, long.sizes))) else None


def _is_left_over(trace: Trace, tensor: TensorInfo, axis: int) -> bool:
    """Whether a size of 1 is what a layer, an input or a `gather` left, and not put there for broadcasting."""
    origin = explain_size(trace, tensor, axis)
    if origin.call is None:
        return origin.tensor.role == "input"
    if any(call.name in {"unsqueeze", "getitem", "view", "reshape", "expand"} for call in origin.passed):
        return False
    return operation(origin.call) in LEAVING_ONE or (
        origin.call.name in REDUCTIONS and not origin.call.arguments.get("keepdim") and origin.tensor.rank == tensor.rank
    )


def _finding(trace: Trace, call: Call, short: TensorInfo, long: TensorInfo, axis: int) -> Finding:
    sign = OPERATORS.get(call.name)
    what = quoted(sign) if sign is not None else quoted(call.name)
    became = (
        *long.sizes[: long.rank - short.rank],
        *(a if b == 1 else b for a, b in zip(short.sizes, long.sizes[long.rank - short.rank :], strict=True)),
    )
    origin = explain_size(trace, long, axis)
    where = f" The last axis of {shape(long)} comes from {call_on_line(trace, origin.call)}." if origin.call is not None else ""
    words = [operand_word(trace, tensor) for tensor in call.tensors[:2]]
    return observed(
        RULE, trace, call,
        f"{what} broadcasts {words[0]} and {words[1]} to {shape_text(became)}: every sample meets every other one of the batch",
        f"Shapes are compared from the right, so the batch of {shape(short)} stands under the 1 of {shape(long)}.{where}",
        got=became,
        expected=without_axis(long, axis),
        proposals=_proposals(trace, call, short, long, axis),
    )  # fmt: skip


def without_axis(tensor: TensorInfo, axis: int) -> tuple[Size, ...]:
    return (*tensor.sizes[:axis], *tensor.sizes[axis + 1 :])


def _proposals(trace: Trace, call: Call, short: TensorInfo, long: TensorInfo, axis: int) -> tuple[Proposal, ...]:
    """Keep the axis where a reduction dropped it just before; else drop the 1 of the longer one."""
    keep = kept_axis(trace, short, long) if _is_fresh_reduction(trace, short) else None
    nodes = operand_nodes(trace, call)
    path = call.site.path if call.site is not None else ""
    squeeze = unsqueeze = None
    if len(nodes) == 2:
        position = next((place for place, tensor in enumerate(call.tensors[:2]) if tensor.uid == long.uid), 0)
        squeeze = replace_node(
            trace, path, nodes[position], "squeeze", f"drop axis {axis} of size 1 of {operand_word(trace, long)}", f"{{}}.squeeze({axis})"
        )
        if short.rank == 1:
            unsqueeze = replace_node(
                trace, path, nodes[1 - position], "unsqueeze", f"give {operand_word(trace, short)} a second axis", "{}.unsqueeze(1)"
            )
    return ranked(keep, squeeze, unsqueeze)


def _is_fresh_reduction(trace: Trace, tensor: TensorInfo) -> bool:
    return any(maker is not None and maker.name in REDUCTIONS for _, maker in steps_back(trace, tensor, SAME_AXES, limit=4))
