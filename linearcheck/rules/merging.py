"""Repeated findings become one: twelve blocks built by one line are one finding that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from linearcheck.findings import Action, Diagnostic, Proposal, SetArgument
from linearcheck.rules.wording import listed, quoted
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Span

Key = tuple[str, Span | None, Span | None]


def merged(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One diagnostic per code, place and definition, with `times` and, where the numbers differ, what each layer gets."""
    groups: dict[Key, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        groups.setdefault(_key(diagnostic), []).append(diagnostic)
    return tuple(_one(group) for group in groups.values())


def _key(diagnostic: Diagnostic) -> Key:
    """A layer's finding belongs to the line that builds it, wherever it is called; any other to its call site."""
    if diagnostic.definition is not None and diagnostic.layer:
        return diagnostic.code, diagnostic.definition, None
    return diagnostic.code, None, diagnostic.span


def _one(group: list[Diagnostic]) -> Diagnostic:
    first = group[0]
    if len(group) == 1:
        return first
    others = {other.layer: other for other in reversed(group) if other.layer != first.layer}
    differing = [other for other in reversed(others.values()) if (other.got, other.expected) != (first.got, first.expected)]
    sentences = [first.explanation]
    same = [quoted(name) for name, other in reversed(others.items()) if other not in differing]
    if same:
        sentences.append(f"The same holds for {listed(_shortened(same))}.")
    for other in differing[:3]:
        if other.got is not None and other.expected is not None:
            sentences.append(f"{quoted(other.layer)} gets {shape_text(other.got)} and expects {shape_text(other.expected)}.")
    if len(differing) > 3:
        sentences.append(f"So do {len(differing) - 3} more layers from this line, each with its own numbers.")
    return replace(
        first,
        times=sum(diagnostic.times for diagnostic in group),
        explanation=" ".join(sentence for sentence in sentences if sentence),
        proposals=tuple(_together(proposal, group) for proposal in first.proposals),
    )


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]


def _together(proposal: Proposal, group: list[Diagnostic]) -> Proposal:
    """One repair for all layers of a group: the matching proposal of each, with every different action once."""
    actions: list[Action] = list(proposal.actions)
    for diagnostic in group[1:]:
        match = next((other for other in diagnostic.proposals if _is_like(other, proposal)), None)
        for action in match.actions if match is not None else ():
            if action not in actions and not any(_same_target(action, other) for other in actions):
                actions.append(action)
    return replace(proposal, actions=tuple(actions))


def _is_like(one: Proposal, other: Proposal) -> bool:
    shape_of = [[(type(action), getattr(action, "argument", "")) for action in proposal.actions[:1]] for proposal in (one, other)]
    return one.kind == other.kind and shape_of[0] == shape_of[1]


def _same_target(one: Action, other: Action) -> bool:
    """Whether two actions set the same argument of the same layer."""
    if isinstance(one, SetArgument) and isinstance(other, SetArgument):
        return (one.call, one.argument, one.layer) == (other.call, other.argument, other.layer)
    return False
