"""Fixes, tried: every proposal is written into a copy of the sources in memory and traced again before it is offered.

Findings are repaired one after the other, each on top of the repairs before it, until the model is clean or nothing more can be done. A
repair that brings a new error to light may take that error's own repair along: together they count as one fix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from linearcheck.findings import Diagnostic, Edit, Fix, Proposal, ReplaceSource, Safety, SetArgument, Severity
from linearcheck.fix.bench import Bench, Run, State, TrialLimits
from linearcheck.fix.edits import Wishes, edit_candidates, wishes_of
from linearcheck.fix.judgement import TrialOutcome, Verdict, doubts, is_gone, judge, place_in
from linearcheck.fix.other_sides import other_sides
from linearcheck.fix.text import OverlappingEdits, compose_edits, merge_edits, overlap
from linearcheck.rules.wording import listed
from linearcheck.trace.records import Layer

__all__ = ["TrialLimits", "TrialOutcome", "try_fixes"]


def try_fixes(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    run: Run,
    *,
    before: TrialOutcome | None = None,
    layers: Sequence[Layer] = (),
    followers: frozenset[tuple[int, int]] = frozenset(),
    limits: TrialLimits | None = None,
) -> tuple[Diagnostic, ...]:
    """The diagnostics with their fixes, best first, each of which was traced; proposals that failed their trial are left out.

    The edits of all fixes are meant for `sources` as they are, so that fixes of several findings can be made together.

    Args:
        diagnostics: Findings in order; earlier ones are repaired first.
        sources: Text of every file of the user's that may be edited.
        run: Traces the model with the given texts in place of those on the disk.
        before: What the trace without edits showed; traced once more where it is not given.
        layers: Layers of that trace, for places that build several of them.
        followers: Pairs of positions among the diagnostics, the second of which lies behind the first in the flow of data. Where one
            change mends both, the second was a consequence: it is left out, and the first says so.
    """
    if not any(_has_repairs(finding, layers) for finding in diagnostics):
        return tuple(diagnostics)
    bench = Bench(sources, run, limits or TrialLimits())
    start = before if before is not None else run({})
    start = replace(start, diagnostics=tuple(diagnostics), layers=start.layers or tuple(layers))
    return _Repair(bench, start, tuple(diagnostics), followers).all()


@dataclass(frozen=True)
class _Passed:
    """A fix that passed its trial, the state with it, and how much speaks against it all the same (0 is nothing).

    `with_consequence`: what it brought to light is repaired with it.
    """

    fix: Fix
    state: State
    doubts: int = 0
    with_consequence: bool = False


_BROUGHT_A_WARNING = 4


@dataclass(frozen=True, slots=True)
class _Look:
    """How far to look: which ways to write a proposal (`first` to `last`), and how many repairs of what they bring to light."""

    first: int
    last: int
    followed: int = 0
    further_proposals: int = 0
    further_candidates: int = 0


_GLANCE = _Look(0, 2)
# Every proposal is looked at before any is looked at in depth: the likeliest ways to write it, then all, then with consequences.
_LOOKS = (_Look(0, 3, 1, 1, 1), _Look(3, 8), _Look(0, 3, 2, 2, 3))


@dataclass
class _Repair:
    """The repair of all findings of one model."""

    bench: Bench
    start: TrialOutcome
    findings: tuple[Diagnostic, ...]
    followers: frozenset[tuple[int, int]] = frozenset()
    fixes: dict[int, list[Fix]] = field(default_factory=dict)
    tried: dict[int, list[Proposal]] = field(default_factory=dict)
    candidates: dict[Proposal, list[tuple[Edit, ...]]] = field(default_factory=dict)
    mended: dict[int, set[int]] = field(default_factory=dict)
    """By the finding that a fix was made for, the other ones that it removed."""

    def all(self) -> tuple[Diagnostic, ...]:
        state = State((), self.start, place_in(self.bench.sources, ()))
        states: dict[int, State] = {}
        state = self._all_at_once(state, states)
        for _ in range(2):  # a second time, for findings that could not be repaired before a later one was
            accepted = state.edits
            for index in self._order():
                if index in self.fixes:
                    continue
                states[index] = state
                state = self._first_fix(index, state)
            if state.edits == accepted or all(i in self.fixes for i in self._order()):
                break
        self._more_fixes(states)
        causes = self._causes()
        return tuple(
            self._with_fixes(index, finding, [self.findings[j] for j, cause in causes.items() if cause == index])
            for index, finding in enumerate(self.findings)
            if index not in causes
        )

    def _causes(self) -> dict[int, int]:
        """For each finding that was a consequence of an earlier one, that one: its own repair mended both."""
        causes: dict[int, int] = {}
        for first, second in sorted(self.followers):
            if second in self.mended.get(first, ()) and first not in causes:
                causes.setdefault(second, first)
        return causes

    def _order(self) -> list[int]:
        """Errors before warnings, else as they were found."""
        wanted = [i for i, finding in enumerate(self.findings) if _has_repairs(finding, self.start.layers)]
        return sorted(wanted, key=lambda i: self.findings[i].severity is not Severity.ERROR)

    def _first_fix(self, index: int, state: State) -> State:
        """The state after the best fix of one finding, or the same where it has none."""
        shared = self._may_be_shared(index, state)
        passed: list[_Passed] = []
        for look in _LOOKS:
            passed = self._look(index, state, look, shared)
            if passed:
                break
        if not passed:
            return state
        # One change that repairs several findings is better evidence than any order of proposals.
        passed.sort(key=lambda found: (found.doubts, len(found.state.outcome.diagnostics) if shared else 0, found.with_consequence))
        best = passed[0]
        self.fixes[index] = [found.fix for found in passed[: self.bench.limits.fixes_per_finding]]
        self._share(index, best.fix, state, best.state)
        return best.state

    def _look(self, index: int, state: State, look: _Look, shared: bool) -> list[_Passed]:
        """Fixes of one finding that pass, up to the first without doubt; further ones where one may repair more than this finding."""
        passed: list[_Passed] = []
        for proposal in self._proposals(self.findings[index], passed, shared):
            found = self._try(index, proposal, state, look)
            if found is not None:
                passed.append(found)
            if passed and not passed[-1].doubts and (not shared or len(passed) >= self.bench.limits.fixes_per_finding):
                break
        return passed

    def _proposals(self, finding: Diagnostic, passed: Sequence[_Passed], shared: bool) -> Iterator[Proposal]:
        """The rule's own proposals, and the other side of the clash where none of them passed without doubt, or it may mend more."""
        yield from finding.proposals
        if shared or all(found.doubts for found in passed):
            yield from other_sides(finding, self.start.layers)

    def _all_at_once(self, state: State, states: dict[int, State]) -> State:
        """The likeliest fix of every finding in one trial, where each stands for itself: most files with several errors need no more."""
        order = self._order()
        if len(order) < 2 or any(self._may_be_shared(index, state) for index in order):
            return state
        picked: dict[int, Fix] = {}
        edits: tuple[Edit, ...] = ()
        for index in order:
            proposal = next((p for p in self.findings[index].proposals if p.actions), None)
            candidate = next(iter(self._candidates(proposal)), None) if proposal is not None else None
            if proposal is None or candidate is None or overlap(edits, candidate):
                return state
            picked[index] = Fix(proposal.kind, proposal.title, proposal.safety, tried=True, edits=candidate)
            edits = merge_edits(edits, candidate)
        after = self.bench.state(edits)
        for index in order:
            verdict, _ = judge(self.findings[index], state.outcome, state.place, after.outcome, after.place)
            if verdict is not Verdict.CLEAN or doubts(self.findings[index], state.outcome, after.outcome):
                return state
        for index, fix in picked.items():
            self.fixes[index] = [fix]
            self.tried[index] = [p for p in self.findings[index].proposals if (p.kind, p.title) == (fix.kind, fix.title)]
            states[index] = state
        return after

    def _may_be_shared(self, index: int, state: State) -> bool:
        """Whether a repair of this finding changes a place that a repair of another one changes as well, or another lies behind it."""
        finding = self.findings[index]
        own = _targets(finding)
        if any(first == index and self._as_now(self.findings[second], state) is not None for first, second in self.followers):
            return True
        others = [other for other in self.findings if other is not finding and self._as_now(other, state) is not None]
        # Without a proposal of its rule it may be one mistake with its neighbours of the same code: which of several tries mends all?
        return any(own & _targets(other) or (not finding.proposals and other.code == finding.code) for other in others)

    def _share(self, mended: int, fix: Fix, before: State, after: State) -> None:
        """Give the fix of one finding to every other one that it removed."""
        for index, finding in enumerate(self.findings):
            current = self._as_now(finding, before) if index not in self.fixes else None
            if current is not None and is_gone(current, before.outcome.diagnostics, after.outcome.diagnostics, before.place, after.place):
                self.mended.setdefault(mended, set()).add(index)
                if _has_repairs(finding, self.start.layers):
                    self.fixes[index] = [fix]

    def _more_fixes(self, states: Mapping[int, State]) -> None:
        """Other ways to repair what is repaired, for the user to choose from, as far as time allows."""
        most = min(self.bench.trials + self.bench.limits.trials_for_more, self.bench.limits.trials)
        for index, fixes in self.fixes.items():
            if index not in states:
                continue
            for proposal in self.findings[index].proposals:
                if len(fixes) >= self.bench.limits.fixes_per_finding or self.bench.trials >= most or self.bench.is_slow:
                    break
                if proposal in self.tried.get(index, []):
                    continue
                found = self._try(index, proposal, states[index], _GLANCE)
                if found is not None and all(found.fix.edits != fix.edits for fix in fixes):
                    fixes.append(found.fix)

    def _try(self, index: int, proposal: Proposal, state: State, look: _Look) -> _Passed | None:
        """The first way to write a proposal into the source that passes its trial, and the state with it."""
        current = self._as_now(self.findings[index], state)
        if not proposal.actions or current is None:
            return None
        self.tried.setdefault(index, []).append(proposal)
        doubtful: _Passed | None = None
        consequences: list[tuple[Fix, tuple[Diagnostic, ...], State]] = []
        candidates = [edits for edits in self._candidates(proposal) if not overlap(state.edits, edits)]
        for edits in candidates[look.first : look.last]:
            if self.bench.is_exhausted:
                return doubtful
            after = self.bench.state(merge_edits(state.edits, edits))
            verdict, appeared = judge(current, state.outcome, state.place, after.outcome, after.place)
            fix = Fix(proposal.kind, proposal.title, proposal.safety, tried=True, edits=edits)
            if verdict is Verdict.CLEAN:  # what is doubtful about it is so however the proposal is written
                return _Passed(fix, after, doubts(current, state.outcome, after.outcome, fix.kind))
            if verdict is Verdict.DOUBTFUL and doubtful is None:
                doubtful = _Passed(replace(fix, safety=Safety.UNSAFE), after, _BROUGHT_A_WARNING)
            if verdict is Verdict.CONSEQUENCE:
                consequences.append((fix, appeared, after))
        for fix, appeared, after in consequences[: look.followed]:
            combined = self._followed(current, fix, appeared, state, after, look)
            if combined is not None:
                return combined
        return doubtful

    def _candidates(self, proposal: Proposal) -> list[tuple[Edit, ...]]:
        if proposal not in self.candidates:
            self.candidates[proposal] = edit_candidates(proposal, self.bench.project, self._wishes(self.findings, self.start.layers))
        return self.candidates[proposal]

    def _wishes(self, findings: Sequence[Diagnostic], layers: Sequence[Layer]) -> Wishes:
        return wishes_of(layers, [finding.proposals[0] for finding in findings if finding.proposals])

    def _as_now(self, finding: Diagnostic, state: State) -> Diagnostic | None:
        """A finding as the trace with the accepted repairs has it; None where it is gone."""
        if not state.edits:
            return finding
        place = place_in(self.bench.sources, ())(finding)
        same = [f for f in state.outcome.diagnostics if state.place(f) == place]
        return next((f for f in same if f.layer == finding.layer), None) or next(iter(same), None)

    def _followed(
        self, finding: Diagnostic, fix: Fix, appeared: Sequence[Diagnostic], state: State, after: State, look: _Look
    ) -> _Passed | None:
        """A fix together with the repair of the one error that it brought to light, where both leave nothing."""
        if len(appeared) > 2:
            return None
        texts = {**self.bench.sources, **(self.bench.edited(after.edits) or {})}
        new = appeared[0]
        for proposal in new.proposals[: look.further_proposals]:
            for further in edit_candidates(proposal, texts, self._wishes(appeared, after.outcome.layers))[: look.further_candidates]:
                if self.bench.is_exhausted:
                    return None
                try:
                    together = compose_edits(dict(self.bench.sources), after.edits, further)
                except (OverlappingEdits, ValueError):
                    continue
                if any(edit not in together for edit in state.edits):
                    continue
                last = self.bench.state(together)
                verdict, _ = judge(finding, state.outcome, state.place, last.outcome, last.place)
                if verdict is Verdict.CLEAN:
                    edits = tuple(edit for edit in together if edit not in state.edits)
                    title = f"{fix.title} and {proposal.title}"
                    safety = Safety.SAFE if Safety.UNSAFE not in (fix.safety, proposal.safety) else Safety.UNSAFE
                    return _Passed(
                        replace(fix, title=title, safety=safety, edits=edits),
                        last,
                        doubts(finding, state.outcome, last.outcome, fix.kind),
                        with_consequence=True,
                    )
        return None

    def _with_fixes(self, index: int, finding: Diagnostic, consequences: Sequence[Diagnostic] = ()) -> Diagnostic:
        fixes = self.fixes.get(index, [])
        failed = [p for p in self.tried.get(index, []) if all(fix.kind != p.kind or fix.title != p.title for fix in fixes)]
        left = tuple(proposal for proposal in finding.proposals if proposal not in failed)
        advice = [Fix(p.kind, p.title, p.safety, tried=False) for p in left if not p.actions] if fixes else []
        traced = [replace(fix, digests=self.bench.digests(fix.edits)) for fix in fixes]
        explanation = f"{finding.explanation} {_mended_too(finding, consequences)}".strip()
        return replace(finding, fixes=(*traced, *advice), proposals=left, explanation=explanation)


def _mended_too(finding: Diagnostic, consequences: Sequence[Diagnostic]) -> str:
    """What else stops the model, and goes with the same change."""
    places = sorted({(found.span.path, found.span.line) for found in consequences if found.span is not None})
    if not places:
        return ""
    elsewhere = [f"line {line}" if finding.span is not None and path == finding.span.path else f"{path}:{line}" for path, line in places]
    return f"What stops on {listed(elsewhere)} comes from it, and goes with the first change below."


def _has_repairs(finding: Diagnostic, layers: Sequence[Layer]) -> bool:
    if finding.suppressed or finding.severity is Severity.NOTE:
        return False
    return bool(finding.proposals) or next(other_sides(finding, layers), None) is not None


def _targets(finding: Diagnostic) -> set[tuple[object, str]]:
    """What the proposals of a finding would set or write, with its place."""
    actions = (action for proposal in finding.proposals for action in proposal.actions)
    return {
        (action.call, action.argument) if isinstance(action, SetArgument) else (action.span, action.text)
        for action in actions
        if isinstance(action, (SetArgument, ReplaceSource))
    }
