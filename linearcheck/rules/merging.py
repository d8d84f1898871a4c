"""Repeated findings become one: twelve blocks built by one line are one finding that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from linearcheck.findings import Action, Diagnostic, Proposal, ReplaceSource, SetArgument, WrapInput
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
    titles = {proposal.title: None}
    for diagnostic in group[1:]:
        alike = [other for other in diagnostic.proposals if _is_like(other, proposal)]
        match = next((other for other in alike if _place(other) == _place(proposal)), alike[0] if alike else None)
        for action in match.actions if match is not None else ():
            if action not in actions and not any(_same_target(action, other) for other in actions):
                actions.append(action)
                titles[match.title if match is not None else ""] = None
    return replace(proposal, title=_title(proposal, actions, list(titles)), actions=tuple(actions))


def _title(proposal: Proposal, actions: list[Action], titles: list[str]) -> str:
    set_alike = [action for action in actions if isinstance(action, SetArgument)]
    if len(set_alike) == len(actions) > 1 and len({(action.argument, action.value) for action in set_alike}) == 1 and len(titles) > 1:
        return f"{titles[0]} (and of {len(titles) - 1} more)"
    return f"{titles[0]} (and alike for {len(titles) - 1} more layers)" if len(titles) > 2 else " and ".join(titles)


def _place(proposal: Proposal) -> object:
    action = proposal.actions[0] if proposal.actions else None
    return None if action is None else action.span if isinstance(action, ReplaceSource) else action.call


def _is_like(one: Proposal, other: Proposal) -> bool:
    """Whether two proposals do the same to two layers."""
    if one.kind != other.kind or not one.actions or not other.actions:
        return False
    match one.actions[0], other.actions[0]:
        case SetArgument(), SetArgument():
            return one.actions[0].argument == other.actions[0].argument
        case WrapInput() as first, WrapInput() as second:
            return (first.transform, first.axes, first.position) == (second.transform, second.axes, second.position)
    return False


def _same_target(one: Action, other: Action) -> bool:
    """Whether two actions set the same argument of the same layer."""
    if isinstance(one, SetArgument) and isinstance(other, SetArgument):
        return (one.call, one.argument, one.layer) == (other.call, other.argument, other.layer)
    return False
