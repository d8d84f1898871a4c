"""Failures at some batch sizes only: those that a written batch size explains are LC407's, all others are ordinary failures."""

from __future__ import annotations

from dataclasses import replace

from linearcheck.rules.provenance import origin_of
from linearcheck.rules.reshapes import reshape_of
from linearcheck.sizes import is_batch
from linearcheck.trace.records import BatchFailure, Call, TensorInfo, Trace


def written_batch_size(trace: Trace, failure: BatchFailure) -> tuple[Call, TensorInfo] | None:
    """The call that wrote the batch size as a number, with what it makes: a view, or a factory such as `zeros(64, 10)`."""
    ran, call = failure.ran_sizes, failure.call
    own = reshape_of(trace, call)
    if own is not None:
        return (call, own.input) if own.asked and own.asked[0] in ran else None
    for tensor in call.tensors:
        if any(is_batch(size) for size in tensor.sizes):
            continue
        for maker in origin_of(trace, tensor):
            output, reshape = maker.output, reshape_of(trace, maker)
            written = reshape is not None and bool(reshape.asked) and reshape.asked[0] in ran
            if output is not None and (written or (not maker.tensors and set(output.shape) & set(ran))):
                return maker, output
    return None


def with_ordinary_failures(trace: Trace) -> Trace:
    """The trace with failures at one batch size put back into its calls where no written batch size explains them.

    A size that fits by chance, such as a batch as large as another axis, is no reason to call a mistake a matter of the batch.
    """
    restored: dict[int, Call] = {}
    remaining: list[BatchFailure] = []
    for failure in trace.batch_failures:
        index = failure.call.index
        here = trace.calls[index] if index < len(trace.calls) else None
        is_same = here is not None and (here.name, here.site, here.layer) == (failure.call.name, failure.call.site, failure.call.layer)
        at_base = failure.failed_size == (trace.batch_sizes[0] if trace.batch_sizes else None)
        if here is not None and is_same and at_base and written_batch_size(trace, failure) is None:
            restored[index] = replace(here, error=failure.call.error)
        else:
            remaining.append(failure)
    if not restored:
        return trace
    calls = tuple(restored.get(call.index, call) for call in trace.calls)
    return replace(trace, calls=calls, batch_failures=tuple(remaining))
