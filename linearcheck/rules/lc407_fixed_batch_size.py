"""LC407 `fixed-batch-size`: the model runs with some batch sizes only, because one is written in it.

## What it catches
`x.view(64, -1)`, a hidden state or noise of `torch.zeros(64, ...)`, and anything else that fits one batch size and no other.

## Why it matters
The last batch of an epoch is smaller, and at inference it is one sample. Where the number is only a part of a view, samples are mixed
before anything fails.

## Example
    x = x.view(64, -1)

## Fix
    x = x.view(x.size(0), -1)
Unsafe: `drop_last=True` makes a fixed batch size possible while training, which is why this is a warning.

## PyTorch says
    shape '[64, -1]' is invalid for input of size 1200
    The size of tensor a (4) must match the size of tensor b (64) at non-singleton dimension 0
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.batch_sizes import written_batch_size
from linearcheck.rules.failures import Failure, failure_of, failures, report
from linearcheck.rules.names_at_hand import factory_proposals
from linearcheck.rules.provenance import origin_of
from linearcheck.rules.reshapes import Reshape, reshape_of, size_nodes
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import is_atom, node_text, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import call_name, listed, on_line, quoted, shape
from linearcheck.trace.records import BatchFailure, Trace

RULE = Rule("LC407", "fixed-batch-size", Severity.WARNING, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        for culprit in (failure.call, *(call for tensor in failure.call.tensors for call in origin_of(trace, tensor))):
            reshape = reshape_of(trace, culprit)
            if reshape is not None and _fixes_batch(reshape):
                yield _written_in_view(failure, reshape)
                break
            if reshape is not None:
                break
    for batch_failure in trace.batch_failures:
        yield _some_sizes_only(trace, batch_failure)


def _fixes_batch(reshape: Reshape) -> bool:
    """`view(64, -1)` or `view(64, 16, 4, 4)` of (N, 16, 4, 4): a number where the batch must stand, and the rest is a sample's."""
    values, first = reshape.values, reshape.asked[0] if reshape.asked else None
    if values is None or not isinstance(first, int) or first in (-1, 1) or first in reshape.input.sizes or len(reshape.asked) < 2:
        return False
    rest = reshape.asked[1:]
    known = reshape.literals // first
    return values % known == 0 if -1 in rest else known == values


def _written_in_view(failure: Failure, reshape: Reshape) -> Finding:
    trace, call = failure.trace, reshape.call
    size = reshape.asked[0]
    return report(
        RULE,
        failure,
        f"`{reshape.text}` fixes the batch at {size}: {shape(reshape.input)} with any other batch size fails or mixes samples",
        f"The first axis of {shape(reshape.input)} is the batch, and `{reshape.text}` puts {size} there.",
        got=reshape.input.sizes,
        expected=(reshape.input.sizes[0], *reshape.asked[1:]),
        at=call,
        proposals=ranked(batch_size_of(trace, reshape)),
    )


def batch_size_of(trace: Trace, reshape: Reshape) -> Proposal | None:
    """Write `x.size(0)` for the number in a view."""
    found, site = size_nodes(trace, reshape.call), reshape.call.site
    if found is None or site is None or len(found[1]) != len(reshape.asked):
        return None
    receiver, nodes = found
    text = node_text(trace, site.path, receiver)
    replacement = f"{text if is_atom(receiver) else f'({text})'}.size(0)"
    title = f"take the batch size from the input in `{reshape.text}`{on_line(site)}"
    return Proposal("view_keep_batch", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, site.path, nodes[0]), replacement),))


def _some_sizes_only(trace: Trace, batch_failure: BatchFailure) -> Finding:
    failure = failure_of(trace, batch_failure.call)
    call = batch_failure.call
    ran = listed([str(size) for size in batch_failure.ran_sizes], "or")
    culprit, tensor = written_batch_size(trace, batch_failure) or (None, None)
    reshape = reshape_of(trace, culprit) if culprit is not None else None
    if culprit is None or tensor is None:
        return report(
            RULE,
            failure,
            f"{failure.name} runs with a batch of {ran} and fails with {batch_failure.failed_size}",
            f"It gets {listed([shape(operand) for operand in call.tensors[:3]])}." if call.tensors else "",
            got=call.tensors[0].shape if call.tensors else None,
        )
    what = quoted(reshape.text) if reshape is not None else call_name(trace, culprit)
    return report(
        RULE,
        failure,
        f"{what} fixes the batch at {ran}, and fails with {batch_failure.failed_size}",
        f"{what}{on_line(culprit.site)} makes {shape(tensor)} whatever the batch is, "
        f"and {failure.name}{on_line(call.site)} needs them to agree.",
        got=tensor.sizes,
        at=culprit if culprit.site is not None else None,
        proposals=ranked(batch_size_of(trace, reshape))
        if reshape is not None
        else ranked(factory_proposals(trace, culprit, call, batch_failure.ran_sizes)),
    )
