"""Where values go: the calls, layers and outputs that a tensor reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.sizes import depends_on, is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace


@dataclass(frozen=True)
class Reach:
    """Everything downstream of some tensors: the calls that use them, directly or not, and the model's outputs among the results."""

    calls: tuple[Call, ...]
    outputs: tuple[TensorInfo, ...]

    @property
    def fails(self) -> bool:
        """Whether something downstream failed: then a rule about failed calls speaks."""
        return any(call.failed for call in self.calls)

    @property
    def weights(self) -> tuple[Call, ...]:
        """Calls downstream that use a weight, a parameter of at least two axes."""
        return tuple(call for call in self.calls if any(tensor.role == "parameter" and tensor.rank > 1 for tensor in call.tensors))

    @property
    def batched_outputs(self) -> tuple[TensorInfo, ...]:
        return tuple(output for output in self.outputs if any(depends_on(size) for size in output.sizes))

    @property
    def is_loss(self) -> bool:
        """Whether nothing but scalars is returned downstream, and a loss made them: one number may also be the answer about a bag."""
        return bool(self.outputs) and all(output.rank == 0 for output in self.outputs) and any(_is_loss(call) for call in self.calls)


def _is_loss(call: Call) -> bool:
    return call.name.endswith("_loss") or call.name in {
        "cross_entropy",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "kl_div",
    }


def reach_of(trace: Trace, *tensors: TensorInfo) -> Reach:
    """Everything downstream of `tensors`. A module counts through the functions in it, where it has any."""
    opened = {call.parent for call in trace.calls}
    found: dict[int, Call] = {}
    reached = {tensor.uid for tensor in tensors}
    queue = list(reached)
    for uid in queue:
        for call in trace.consumers(uid):
            if call.index in found or (call.kind == "module" and call.index in opened):
                continue
            found[call.index] = call
            for output in call.outputs:
                if output.uid not in reached:
                    reached.add(output.uid)
                    queue.append(output.uid)
    calls = tuple(found[index] for index in sorted(found))
    return Reach(calls, tuple(output for output in trace.outputs if output.uid in reached))


def ancestors(trace: Trace, tensor: TensorInfo, limit: int = 400) -> Iterator[Call]:
    """The calls that a tensor was computed by, nearest first, through every argument; each once."""
    seen: set[int] = set()
    queue = [tensor.uid]
    for uid in queue:
        call = trace.producer(uid)
        if call is None or call.index in seen or len(seen) >= limit:
            continue
        seen.add(call.index)
        yield call
        queue += [taken.uid for taken in call.tensors if taken.role not in ("parameter", "buffer")]


def inputs_behind(trace: Trace, tensor: TensorInfo) -> frozenset[str]:
    """Names of the model's inputs that a tensor was computed from."""
    names = {tensor.name} if tensor.role == "input" else set()
    for call in ancestors(trace, tensor):
        names |= {taken.name for taken in call.tensors if taken.role == "input"}
    return frozenset(names)


def weights_behind(trace: Trace, tensor: TensorInfo) -> frozenset[int]:
    """The parameters, by uid, that a tensor was computed with."""
    return frozenset(taken.uid for call in ancestors(trace, tensor) for taken in call.tensors if taken.role == "parameter")


def has_batch(tensor: TensorInfo) -> bool:
    return any(is_batch(size) for size in tensor.sizes)


def is_settled(call: Call) -> bool:
    """Whether a call succeeded and rests on no guess."""
    return not call.failed and not any(tensor.guesses for tensor in (*call.tensors, *call.outputs))


def steps_back(trace: Trace, tensor: TensorInfo, passing: frozenset[str], limit: int = 12) -> Iterator[tuple[TensorInfo, Call | None]]:
    """A tensor, and what it was before each of the `passing` calls, with the call that made it (None: an input or parameter).

    The last pair is the first tensor that another kind of call made.
    """
    for _ in range(limit):
        call = trace.producer(tensor)
        yield tensor, call
        before = call.input if call is not None and call.kind == "function" and call.name in passing else None
        if before is None:
            return
        tensor = before
