"""What the sample probe saw, judged: whether samples that leak into one another can be meant, and which call is to blame."""

from __future__ import annotations

import re
from dataclasses import dataclass

from linearcheck.rules.flow import Reach, ancestors, inputs_behind, reach_of
from linearcheck.rules.layers import outermost_layer_call
from linearcheck.sizes import NamedSize, depends_on, is_batch
from linearcheck.trace.records import Call, Layer, Leak, TensorInfo, Trace

PRODUCTS = frozenset(
    [
        "matmul",
        "mm",
        "bmm",
        "einsum",
        "cdist",
        "baddbmm",
        "addmm",
        "addbmm",
        "mv",
        "outer",
        "tensordot",
        "dot",
        "inner",
        "scaled_dot_product_attention",
        "pairwise_distance",
        "cosine_similarity",
        "cov",
        "corrcoef",
    ]
)
"""Calls that compare samples with one another, as contrastive losses, prototypes and attention between samples do on purpose."""
WRITES = frozenset(
    [
        "index_add",
        "index_copy",
        "index_put",
        "scatter",
        "scatter_add",
        "scatter_reduce",
        "setitem",
        "masked_scatter",
        "index_reduce",
        "segment_reduce",
    ]
)
PICKS = frozenset(["getitem", "index_select", "gather", "take_along_dim", "take", "embedding", "masked_select"])
STATISTICS = frozenset({"std", "var", "std_mean", "var_mean", "rsqrt", "sqrt"})
REPEATS = frozenset({"expand", "expand_as", "repeat", "broadcast_to", "tile"})
SCALINGS = frozenset({"mul", "div", "masked_fill", "float", "to", "contiguous"})
LENGTHS = re.compile(r"(^|_)(len|lens|length|lengths)(_|$)")
SOFTMAXES = frozenset({"softmax", "log_softmax", "softmin", "gumbel_softmax"})


@dataclass(frozen=True)
class Culprit:
    """One leak with the call as the user sees it: the function, or the layer of torch's around it."""

    leak: Leak
    call: Call
    layer: Layer | None
    """The outermost of torch's own layers that the call is inside of."""
    layer_call: Call | None
    reach: Reach
    through: tuple[Call, ...] = ()
    """The calls that took the batch away from a value before it was mixed in."""

    @property
    def output(self) -> TensorInfo | None:
        return self.call.output

    @property
    def is_seen(self) -> bool:
        """Whether the mixing shows: an output with one row per sample is mixed, or weights act on what is mixed before a loss."""
        return (self.leak.reaches_output and has_rows(self.reach)) or (self.reach.is_loss and bool(self.reach.weights))


def has_rows(reach: Reach) -> bool:
    """Whether mixed outputs have the batch as one of their axes, once: (N, N) compares samples on purpose."""
    batched = reach.batched_outputs
    return bool(batched) and all(sum(map(is_batch, output.sizes)) < 2 for output in batched)


def culprits(trace: Trace) -> tuple[Culprit, ...]:
    """Every leak that the probe found, in order of calls, but for those that rest on a guess; without a probe what shows without values."""
    found = []
    for leak in trace.leaks if trace.probed else moves_along_batch(trace):
        call = trace.calls[leak.call]
        layer_call = outermost_layer_call(trace, call)
        layer = trace.layer_of(layer_call) if layer_call is not None else None
        if call.failed or any(tensor.guesses for tensor in call.outputs):
            continue
        through = [*(trace.calls[index] for index in leak.through), *reductions_behind(trace, call)]
        once = tuple({step.index: step for step in through}.values())
        found.append(Culprit(leak, call, layer, layer_call, reach_of(trace, *call.outputs), once))
    return tuple(found)


def moves_along_batch(trace: Trace) -> tuple[Leak, ...]:
    """The first `roll` or `flip` along the batch, where no sample could be changed to see what moves, in evaluation mode.

    In training mode samples are shuffled on purpose (mixup). Where the moves undo one another, or may, nothing is said.
    """
    if trace.training or not trace.has_batch:
        return ()
    rolls = [(call, steps) for call in trace.calls_of("roll") if not call.failed and (steps := _steps_along_batch(call)) is not None]
    flips = [call for call in trace.calls_of("flip") if not call.failed and _steps_along_batch(call) is not None]
    undone = sum(steps for _, steps in rolls) == 0 if rolls else len(flips) != 1
    if undone or (rolls and flips):
        return ()
    return (Leak(rolls[0][0].index if rolls else flips[0].index, axis=0, reaches_output=True),)


def _steps_along_batch(call: Call) -> int | None:
    """How far a `roll` or `flip` moves samples; None where it does not go along the batch axis."""
    x = call.input
    axes = call.arguments.get("dims")
    if x is None or axes is None or not x.dtype.startswith(("float", "bfloat")):
        return None
    axes = axes if isinstance(axes, tuple) else (axes,)
    steps = call.arguments.get("shifts", 1)
    steps = steps if isinstance(steps, tuple) else (steps,) * len(axes)
    for axis, step in zip(axes, steps, strict=False):
        if isinstance(axis, int) and isinstance(step, int) and -x.rank <= axis < x.rank and is_batch(x.sizes[axis]):
            return step
    return None


def reductions_behind(trace: Trace, call: Call) -> tuple[Call, ...]:
    """The calls that took the batch away from operands which have it no more: `x.mean(0)` in `x - x.mean(0)`."""
    found: dict[int, Call] = {}
    for tensor in call.tensors:
        if tensor.role != "activation" or any(map(depends_on, tensor.sizes)):
            continue
        for step in ancestors(trace, tensor, limit=40):
            with_batch = any(depends_on(size) for taken in step.tensors for size in taken.sizes)
            if with_batch and not any(depends_on(size) for output in step.outputs for size in output.sizes):
                found[step.index] = step
    return tuple(found[index] for index in sorted(found))


def may_be_meant(trace: Trace, culprit: Culprit) -> bool:
    """Whether models mix samples by such a call on purpose."""
    leak, call = culprit.leak, culprit.call
    steps = [call, *culprit.through]
    if _sums_batch_alone(call) or _shifts_rows(call) or gives_all_the_same(trace, call):
        return False
    if any(is_attention_over_samples(trace, step) for step in steps):
        return False
    if leak.paired or any(step.name in PRODUCTS | WRITES and not _is_plain_sum(step) for step in steps):
        return True
    if any(sum(map(is_batch, tensor.sizes)) > 1 for step in steps for tensor in step.tensors):
        return True
    if call.name in {"batch_norm", "instance_norm"} or _counts_places(trace, call):
        return True  # statistics of the batch without running ones; places in an expert's queue of tokens
    if any(not output.dtype.startswith(("float", "complex", "bfloat")) for output in call.outputs):
        return True
    return _picks_by_index(trace, call, steps) or _is_appended_statistic(trace, culprit)


def _counts_places(trace: Trace, call: Call) -> bool:
    """Whether a running count of tokens over the whole batch is behind a call, as where experts have a capacity."""
    near = [call, *(step for tensor in call.tensors for step in ancestors(trace, tensor, limit=15))]
    return any(step.name == "cumsum" and not step.outputs[0].dtype.startswith(("float", "bfloat")) for step in near if step.outputs)


def _picks_by_index(trace: Trace, call: Call, steps: list[Call]) -> bool:
    """Rows taken by an index that is data: neighbours in a graph, negatives of a contrastive loss, experts' tokens."""
    for step in steps:
        indices = [tensor for tensor in step.tensors[1:] if not tensor.dtype.startswith("float")] if step.name in PICKS else []
        if any(_is_data(trace, index) and not _picks_by_mistake(trace, step, index) for index in indices):
            return True
    return call.name in {"flip", "roll", "cat", *PICKS} and _leaves_clean_output(trace, call)


def _is_plain_sum(call: Call) -> bool:
    """An einsum of one tensor, `btd->td`, which compares nothing with anything."""
    return call.name == "einsum" and len(call.tensors) == 1


def _sums_batch_alone(call: Call) -> bool:
    """An einsum such as `bij,cjk->bik`: the batch of one operand has a letter of its own and is summed away."""
    equation = call.arguments.get("equation")
    if call.name != "einsum" or not isinstance(equation, str) or "->" not in equation or "." in equation:
        return False
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    for term, tensor in zip(terms, call.tensors, strict=False):
        for letter, size in zip(term, tensor.sizes, strict=False):
            alone = letter not in right and sum(letter in other for other in terms) == 1
            if is_batch(size) and alone and any(map(is_batch, call.outputs[0].sizes)):
                return True
    return False


def _shifts_rows(call: Call) -> bool:
    """`out[1:] = x[:-1]` of rows that a reshape made of samples and steps: the last step of a sample goes to the next sample."""
    x, value = call.input, call.tensors[1] if len(call.tensors) > 1 else None
    if call.name != "setitem" or x is None or value is None or x.rank != value.rank or not x.rank:
        return False
    rows, written = x.sizes[0], value.sizes[0]
    if not isinstance(rows, NamedSize) or not isinstance(written, NamedSize):
        return False
    folded = rows.names == ("N",) and rows.multiple > 1 and not rows.offset
    return folded and written.multiple == rows.multiple and written.offset < 0


def gives_all_the_same(trace: Trace, call: Call) -> bool:
    """Whether one value without a batch is repeated for every sample, and the model's outputs come from nothing else: N equal rows."""
    x, output = call.input, call.output
    if call.name not in REPEATS or x is None or output is None or any(map(depends_on, x.sizes)) or not depends_on(output.sizes[0]):
        return False
    queue = [tensor for tensor in trace.outputs if any(map(depends_on, tensor.sizes))]
    seen = {tensor.uid for tensor in queue}
    repeated = {tensor.uid for tensor in call.outputs}
    for tensor in queue:
        if tensor.uid in repeated:
            continue
        if tensor.role == "input":
            return False
        maker = trace.producer(tensor)
        further = [taken for taken in maker.tensors if taken.uid not in seen] if maker is not None else []
        seen.update(taken.uid for taken in further)
        queue += further
    return bool(queue)


def is_attention_over_samples(trace: Trace, call: Call) -> bool:
    """`einsum("nqd,nkd->qk", q, k).softmax(-1)`: scores of two batches that are added up over the samples, and weigh each of them.

    Batch whitening takes a root of such a sum, and routing by agreement adds it to what it was before the softmax.
    """
    output = call.output
    if call.name not in {"einsum", "tensordot"} or output is None or any(map(depends_on, output.sizes)):
        return False
    if not all(any(map(is_batch, tensor.sizes)) for tensor in call.tensors):
        return False
    reached = [output]
    for tensor in reached:
        for later in trace.consumers(tensor):
            if later.name in SOFTMAXES:
                return True
            if later.name in SCALINGS:
                reached += later.outputs
    return False


def _picks_by_mistake(trace: Trace, step: Call, index: TensorInfo) -> bool:
    """`q.gather(0, actions[:, None])` of (N, A), which only ever takes column 0; `out[lengths - 1]` of (N, T, features)."""
    x = step.input
    if x is None or not x.sizes or not is_batch(x.sizes[0]):
        return False
    if step.name == "gather":
        return gathers_first_column(step)
    lengths = any(LENGTHS.search(name) for name in inputs_behind(trace, index))
    return step.name == "getitem" and lengths and index.rank == 1 and x.rank == 3


def gathers_first_column(call: Call) -> bool:
    """`q.gather(0, actions[:, None])` of (N, A) with (N, 1)."""
    if call.name != "gather" or len(call.tensors) < 2:
        return False
    x, index = call.tensors[:2]
    return call.arguments.get("dim") == 0 and x.rank == index.rank == 2 and is_batch(x.sizes[0]) and index.shape[1] == 1 < x.shape[1]


def _is_data(trace: Trace, index: TensorInfo) -> bool:
    """Whether an index comes from an input, a buffer or an order of values, and not from `arange` and the like."""
    return index.role in ("input", "buffer") or any(
        taken.role in ("input", "buffer")
        or call.name in {"randperm", "topk", "sort", "argsort", "nonzero", "where", "argmax", "argmin", "randint", "multinomial"}
        for call in ancestors(trace, index)
        for taken in (*call.tensors, index)
    )


def _leaves_clean_output(trace: Trace, call: Call) -> bool:
    """Whether another output with a row per sample does not depend on the call: shuffled negatives beside the true pairs."""
    mixed = {output.uid for output in reach_of(trace, *call.outputs).outputs}
    return any(output.uid not in mixed and any(map(depends_on, output.sizes)) for output in trace.outputs)


def _is_appended_statistic(trace: Trace, culprit: Culprit) -> bool:
    """Minibatch standard deviation: a deviation over the batch that is appended to the features as one more channel."""
    mixed = culprit.call.output
    if mixed is None:
        return False
    joins = [culprit.call, *(call for call in culprit.reach.calls if call.name == "cat")]
    joined = next((call for call in joins if call.name == "cat"), None)
    if joined is None or not any(call.name in STATISTICS for call in ancestors(trace, mixed)):
        return False
    between = [
        call
        for call in culprit.reach.calls
        if call.index < joined.index and call.name not in {"expand", "repeat", "view", "reshape", "mean", "unsqueeze"}
    ]
    return not between or all(not any(tensor.role == "parameter" for tensor in call.tensors) for call in between)
