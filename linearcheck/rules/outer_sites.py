"""Repairs one call further out: a tensor that a module only hands on to the layer that refuses it may be transformed where it is passed in.

The layer's own line serves every call of the module, and another one may bring the right layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from linearcheck.findings import Diagnostic, Proposal, WrapInput
from linearcheck.rules.layers import enclosing
from linearcheck.trace.records import Trace


def with_outer_sites(trace: Trace, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics with a further proposal, the last, for every transformation that could stand at a call further out."""
    return tuple(replace(found, proposals=(*found.proposals, *_further(trace, found))) for found in diagnostics)


def _further(trace: Trace, found: Diagnostic) -> Iterator[Proposal]:
    if found.call is None or found.call >= len(trace.calls):
        return
    call = trace.calls[found.call]
    given = call.input
    around = enclosing(trace, call)
    while given is not None and around is not None and around.input is not None and around.input.uid == given.uid:
        if around.site is not None and around.site != call.site and around.parent is not None:
            for proposal in found.proposals:
                action = proposal.actions[0] if len(proposal.actions) == 1 else None
                if isinstance(action, WrapInput) and action.call == call.site and not action.layer and action.position == 0:
                    title = f"{proposal.title}, where `{around.layer}` is called on line {around.site.line}"
                    yield Proposal(proposal.kind, title, proposal.safety, (replace(action, call=around.site, argument=""),))
            return
        around = enclosing(trace, around)
