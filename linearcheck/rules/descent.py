"""Which findings lie behind which: what a failed call returned in place of a result is all that a later one had to go on."""

from __future__ import annotations

from collections.abc import Sequence

from linearcheck.findings import Diagnostic
from linearcheck.trace.records import Call, Trace


def followers(trace: Trace, diagnostics: Sequence[Diagnostic]) -> frozenset[tuple[int, int]]:
    """Pairs of positions among the diagnostics: the call of the second takes what descends from the output of the first one's."""
    calls = [trace.calls[found.call] if found.call is not None and found.call < len(trace.calls) else None for found in diagnostics]
    pairs: set[tuple[int, int]] = set()
    for first, call in enumerate(calls):
        if call is None or not call.failed:
            continue
        reached = _descendants(trace, call)
        pairs.update(
            (first, second) for second, other in enumerate(calls) if other is not None and second != first and other.index in reached
        )
    return frozenset(pairs)


def _descendants(trace: Trace, call: Call) -> set[int]:
    """Indexes of the calls that take a tensor which descends from what a call returned."""
    made = {output.uid for output in call.outputs}
    reached = set()
    for later in trace.calls:
        if later.index > call.index and any(tensor.uid in made for tensor in later.tensors):
            reached.add(later.index)
            made.update(output.uid for output in later.outputs)
    return reached
