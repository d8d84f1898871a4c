"""LC504 `samples-leak`: what the model returns for one sample depends on the others, and no other rule names the cause.

## What it catches
Sums, means, maxima and norms over the batch that are mixed back into the samples, `roll`, `flip`, `gather` and convolutions along axis 0,
`einsum` letters that do not match, or scores that it adds up over the batch before a softmax, `.T` of three axes, slices that shift the
rows of samples and steps; and features of two towers that are concatenated along the batch.

## Why it matters
The prediction for an image changes with the images beside it. Training may still converge; at inference, with one sample, the model is
another.

## Example
    x = x / x.sum()                         # (N, 10): the sum is over all samples

## Fix
    x = x / x.sum(dim=1, keepdim=True)
Unsafe: which axis was meant is a guess.

## PyTorch says
Nothing.

## How it is known
One sample of the batch is changed and every call is compared; the first call where rows of other samples move is shown. Products of a
batch with itself (contrastive logits, prototypes), messages between the nodes of a graph, statistics that a discriminator appends, and
batch norm without running statistics mix samples on purpose, and are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, SetArgument, Severity
from linearcheck.rules.axes import REDUCTIONS, normal_axis
from linearcheck.rules.evidence import pins_on
from linearcheck.rules.flow import Reach, inputs_behind, reach_of, steps_back, weights_behind
from linearcheck.rules.folds import is_final_state
from linearcheck.rules.layers import RECURRENT
from linearcheck.rules.leaks import (
    SOFTMAXES,
    Culprit,
    culprits,
    gathers_first_column,
    gives_all_the_same,
    has_rows,
    is_attention_over_samples,
    may_be_meant,
)
from linearcheck.rules.observations import observed, site_line, user_calls
from linearcheck.rules.reshapes import reshape_of, size_nodes
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.sequences import ATTENTION_LAYERS, RECURRENT_LAYERS
from linearcheck.rules.source import is_atom, node_text, nodes_at, span_of
from linearcheck.rules.suggestions import change_argument, combined, ranked
from linearcheck.rules.wording import OPERATORS, call_on_line, listed, on_line, quoted, shape
from linearcheck.sizes import NamedSize, depends_on, is_batch, shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC504", "samples-leak", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


ACTIVATIONS = frozenset({"sigmoid", "tanh", "silu", "gelu", "relu", "softplus", "exp", "softmax", "hardsigmoid"})


def check(trace: Trace) -> Iterator[Finding]:
    for culprit in culprits(trace):
        if _has_rule_of_its_own(culprit) or not culprit.is_seen or culprit.reach.fails:
            continue
        meant = may_be_meant(trace, culprit)
        yield _leak(trace, culprit, Severity.NOTE if meant else None)
    for call in user_calls(trace, "chunk", "split", "tensor_split"):
        if _halves_batch(trace, call):
            yield _halved(trace, call)
    for call in user_calls(trace, "gather"):
        if gathers_first_column(call) and has_rows(reach_of(trace, *call.outputs)):
            yield _gathered(trace, call)
    for call in user_calls(trace, "cat"):
        if _joins_towers(trace, call):
            yield _joined(trace, call)


def _has_rule_of_its_own(culprit: Culprit) -> bool:
    """LC503 speaks about softmax, LC305 and LC204 about layers that run along the batch."""
    sequence = culprit.layer is not None and culprit.layer.torch_type in RECURRENT_LAYERS | ATTENTION_LAYERS
    return culprit.call.name in SOFTMAXES | RECURRENT or sequence


def _leak(trace: Trace, culprit: Culprit, severity: Severity | None) -> Finding:
    call = culprit.call
    batched = (step for step in culprit.through if step.input is not None and any(map(depends_on, step.input.sizes)))
    reduction = next(batched, next(iter(culprit.through), None))
    output = call.output
    sign = OPERATORS.get(call.name)
    name = quoted(sign) if sign is not None else quoted(call.name)
    if reduction is not None and reduction.input is not None:
        taken = f"`{reduction.name}`{on_line(reduction.site)} takes {shape(reduction.input)} over the samples of the batch"
        cause = f"{taken}, and {name} puts that back into each of them"
    else:
        cause = f"{name} moves or adds up values along the batch of {shape(call.input) if call.input is not None else 'its input'}"
    rows = shape(output) if output is not None else "its output"
    shared = next((step for step in culprit.through if is_attention_over_samples(trace, step)), None)
    same = reduction if shared is None and gives_all_the_same(trace, call) else None
    blamed = shared or same
    if blamed is not None and blamed.outputs:
        left = shape(blamed.outputs[0])
        return observed(
            RULE, trace, blamed,
            f"`{blamed.name}` takes the batch away: all N rows of {rows} are the same" if blamed is same
            else f"`{blamed.name}` adds up the samples of the batch: all N of them are weighed by the same {left}",
            f"{cause}, and nothing else of a sample reaches the output." if blamed is same
            else f"{cause}. Changing one sample changes the weights of the others.",
            got=blamed.outputs[0].sizes,
            proposals=ranked([_per_sample(step) for step in culprit.through]),
            severity=severity,
            accounts_for=[call.index, *(step.index for step in culprit.through)],
        )  # fmt: skip
    return observed(
        RULE, trace, call,
        f"{name} mixes the samples of the batch: each of the N rows of {rows} depends on the others",
        f"{cause}. Changing one sample changes what comes out for the others.",
        got=output.sizes if output is not None else None,
        proposals=ranked([_per_sample(step) for step in culprit.through], _along_next_axis(call), _blocks_of_batch(trace, call)),
        severity=severity,
        accounts_for=[step.index for step in culprit.through],
    )  # fmt: skip


def _halves_batch(trace: Trace, call: Call) -> bool:
    """`a, b = x.chunk(2)` for a gate `a * b.sigmoid()`: half of the batch gates the other half, and half as many rows come out.

    Parts that are treated alike are pairs of samples; a gate treats its two parts differently.
    """
    x, parts = call.input, call.outputs
    along = normal_axis(call.arguments.get("dim", 0), x.rank) if x is not None else None
    if (
        x is None
        or along is None
        or len(parts) < 2
        or not is_batch(x.sizes[along])
        or not all(depends_on(part.sizes[along]) for part in parts)
    ):
        return False
    activated = [any(later.name in ACTIVATIONS for later in trace.consumers(part)) for part in parts]
    reach = reach_of(trace, *parts)
    outputs = reach.batched_outputs
    fewer = bool(outputs) and all(isinstance(size := output.sizes[0], NamedSize) and size.multiple < 1 for output in outputs)
    return any(activated) and not all(activated) and fewer and not reach.fails


def _halved(trace: Trace, call: Call) -> Finding:
    x, parts = call.tensors[0], call.outputs
    features = (*x.sizes[:-1], f"{x.sizes[-1]}/{len(parts)}")
    return observed(
        RULE, trace, call,
        f"`{call.name}` splits the batch of {shape(x)} into {listed([shape(part) for part in parts])}: samples gate one another",
        "Without `dim` it goes along axis 0, which is the batch, so the first samples are combined with the last ones and fewer rows "
        "come out. "
        f"Along the last axis each part is {shape_text(features)}.",
        got=parts[0].sizes,
        proposals=ranked(_last_axis(call)),
    )  # fmt: skip


def _last_axis(call: Call) -> Proposal | None:
    if call.site is None:
        return None
    action = SetArgument(call.site, call.name, "dim", -1)
    return Proposal("other", f"split along the last axis on line {site_line(call)}", Safety.UNSAFE, (action,))


def _gathered(trace: Trace, call: Call) -> Finding:
    x, index = call.tensors[0], call.tensors[1]
    return observed(
        RULE, trace, call,
        f"`gather` along axis 0 of {shape(x)} takes values of other samples, and only from column 0",
        f"Along axis 0 the index {shape(index)} says which sample to take, for the one column that it has. Along axis 1 it says which "
        f"of the {x.shape[1]} values of each sample.",
        got=x.sizes,
        proposals=ranked(_along_next_axis(call)),
    )  # fmt: skip


def _per_sample(reduction: Call | None) -> Proposal | None:
    """Reduce over the axes of one sample instead."""
    x = reduction.input if reduction is not None else None
    if (
        reduction is None
        or x is None
        or reduction.site is None
        or reduction.name not in REDUCTIONS
        or x.rank < 2
        or not is_batch(x.sizes[0])
    ):
        return None
    given = reduction.arguments.get("dim")
    rest = tuple(range(1, x.rank))
    dims: int | str = 1 if given is not None or len(rest) == 1 else str(rest)
    if isinstance(given, tuple) and len(given) > 1:  # as it was, without the batch
        own = [axis for axis in (normal_axis(axis, x.rank) for axis in given) if axis]
        dims = str(tuple(own)) if own else dims
    if reduction.name in {"max", "min", "median"} and given is None:
        return None  # with an axis they return two tensors
    actions = (SetArgument(reduction.site, reduction.name, "dim", dims), SetArgument(reduction.site, reduction.name, "keepdim", "True"))
    return Proposal(
        "other", f"take `{reduction.name}` on line {site_line(reduction)} over `dim={dims}`, with `keepdim=True`", Safety.UNSAFE, actions
    )


def _along_next_axis(call: Call) -> Proposal | None:
    """Another axis for a call along axis 0."""
    argument = {"roll": "dims", "flip": "dims", "gather": "dim", "cumsum": "dim", "cumprod": "dim", "normalize": "dim", "sort": "dim"}.get(
        call.name
    )
    x = call.input
    if argument is None or call.site is None or x is None or x.rank < 2:
        return None
    given = call.arguments.get(argument)
    given = given[0] if isinstance(given, tuple) and len(given) == 1 else given
    axis = normal_axis(given, x.rank)
    if axis is None or not is_batch(x.sizes[axis]):
        return None
    return Proposal("other", f"let `{call.name}` go along axis 1", Safety.UNSAFE, (SetArgument(call.site, call.name, argument, 1),))


def _blocks_of_batch(trace: Trace, call: Call) -> Proposal | None:
    """`view(k, -1, …).transpose(0, 1)` for `view(-1, k, …)` of k blocks of the batch, one below the other, as `repeat` makes them."""
    x, output, reshape = call.input, call.output, reshape_of(trace, call)
    found = size_nodes(trace, call) if reshape is not None else None
    if x is None or output is None or found is None or call.site is None or not 2 <= output.rank == len(found[1]):
        return None
    first, times = x.sizes[0] if x.sizes else 1, output.sizes[1]
    blocks = isinstance(first, NamedSize) and first.names == ("N",) and not first.offset and first.multiple == times
    if not blocks or not is_batch(output.sizes[0]) or not isinstance(times, int):
        return None
    receiver, nodes = found
    path = call.site.path
    one, other, *rest = (node_text(trace, path, node) for node in nodes)
    text = node_text(trace, path, receiver)
    written = f"{text if is_atom(receiver) else f'({text})'}.{call.name}({', '.join([other, one, *rest])}).transpose(0, 1)"
    span = span_of(trace, path, next(iter(nodes_at(trace, call.site))))
    title = f"take the {times} blocks of the batch apart, then swap: `{call.name}({', '.join([other, one, *rest])}).transpose(0, 1)`"
    return Proposal("permute", title, Safety.UNSAFE, (ReplaceSource(span, written),))


def _joins_towers(trace: Trace, call: Call) -> bool:
    """`cat((image, meta))`: features of different inputs, by different weights, one below the other, and weights act on the 2*N rows.

    Views, crops, positives and negatives that go through the same weights are put below one another on purpose.
    """
    output, parts = call.output, call.tensors
    if output is None or len(parts) < 2 or normal_axis(call.arguments.get("dim", call.arguments.get("axis", 0)), output.rank) != 0:
        return False
    if not all(part.rank in (2, 4) and is_batch(part.sizes[0]) and part.role == "activation" for part in parts):
        return False
    reach = reach_of(trace, output)
    if reach.fails or not reach.weights or not _stays_joined(reach, len(parts)):
        return False
    if all(_is_of_final_state(trace, part) for part in parts):
        return True
    inputs = [inputs_behind(trace, part) for part in parts]
    weights = [weights_behind(trace, part) for part in parts]
    if len(set(inputs)) == 1 and inputs[0] and _have_own_weights(weights):
        return True
    given = {tensor.name: tensor for tensor in trace.inputs}
    apart = all(not (a & b) for i, a in enumerate(inputs) for b in inputs[:i]) and all(
        not (a & b) for i, a in enumerate(weights) for b in weights[:i]
    )
    kinds = {tuple((given[name].sizes, given[name].dtype) for name in sorted(names) if name in given) for names in inputs}
    return apart and all(inputs) and all(weights) and len(kinds) == len(parts)


def _is_of_final_state(trace: Trace, part: TensorInfo) -> bool:
    """`h[-2]`, the state of one direction or layer."""
    makers = [maker for _, maker in steps_back(trace, part, frozenset({"dropout", "contiguous", "relu", "tanh"})) if maker is not None]
    return any(maker.name == "getitem" and maker.input is not None and is_final_state(trace, maker.input) for maker in makers)


def _have_own_weights(weights: list[frozenset[int]]) -> bool:
    """Whether every part of one input went through weights that no other went through: branches, not views through the same net."""
    return all(own - frozenset().union(*(other for other in weights if other is not own)) for own in weights)


def _stays_joined(reach: Reach, count: int) -> bool:
    outputs = reach.batched_outputs
    return bool(outputs) and all(
        isinstance(output.sizes[0], NamedSize)
        and output.sizes[0].multiple == count
        and not any(depends_on(size) for size in output.sizes[1:])
        for output in outputs
    )


def _joined(trace: Trace, call: Call) -> Finding:
    output, parts = call.output, call.tensors
    words = listed([shape(part) for part in parts])
    makers = [maker for maker in (trace.producer(part) for part in parts) if maker is not None]
    came = f" They come from {listed([call_on_line(trace, maker) for maker in makers])}." if len(makers) == len(parts) else ""
    features = sum(part.shape[1] for part in parts)
    joined = (parts[0].sizes[0], features)
    return observed(
        RULE, trace, call,
        f"`cat` puts {words} below one another along the batch: N samples become {shape(output) if output is not None else 'more'} rows",
        f"Without `dim=1` tensors are joined along axis 0, so the features of one sample stand in {len(parts)} rows of their own, and the "
        f"outputs do not match the N labels. Side by side they would be {shape_text(joined)}.{came}",
        got=output.sizes if output is not None else None,
        expected=joined,
        proposals=ranked(_side_by_side(trace, call, output, features)),
    )  # fmt: skip


def _side_by_side(trace: Trace, call: Call, output: TensorInfo | None, features: int) -> Proposal | None:
    if call.site is None or output is None:
        return None
    proposal = Proposal(
        "other", f"concatenate along axis 1 on line {site_line(call)}", Safety.UNSAFE, (SetArgument(call.site, call.name, "dim", 1),)
    )
    pins = pins_on(trace, output, output.rank - 1)
    follow = change_argument(pins[0].kind, pins[0].layer, pins[0].argument, features) if pins and pins[0].size != features else None
    return combined(proposal, follow) or proposal
