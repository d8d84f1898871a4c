"""Fixes, tried: every proposal is written into a copy of the sources in memory and traced again before it is offered.

Findings are repaired one after the other, each on top of the repairs before it, until the model is clean or nothing more can be done. A
repair that brings a new error to light may take that error's own repair along: together they count as one fix.
"""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from linearcheck.findings import Diagnostic, Edit, Fix, Proposal, Safety, SetArgument, Severity
from linearcheck.fix.edits import Wishes, edit_candidates, wishes_of
from linearcheck.fix.judgement import PlaceOf, TrialOutcome, Verdict, doubts, is_gone, judge, place_in
from linearcheck.fix.producers import producer_proposals
from linearcheck.fix.text import BOM, OverlappingEdits, apply_edits, compose_edits, digest, merge_edits, overlap
from linearcheck.trace.records import Layer

__all__ = ["TrialLimits", "TrialOutcome", "try_fixes"]

Run = Callable[[Mapping[str, str]], TrialOutcome]


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """How much may be tried. The first fix of each finding is worth `seconds`, further ones only `trials_for_more` trials in all.

    Counts decide wherever they can, for what a loaded machine leaves out would differ from run to run.
    """

    fixes_per_finding: int = 3
    candidates_per_proposal: int = 6
    candidates_for_more: int = 2
    trials: int = 60
    seconds: float = 12.0
    trials_for_more: int = 2
    follow_ups: int = 2


def try_fixes(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    run: Run,
    *,
    before: TrialOutcome | None = None,
    layers: Sequence[Layer] = (),
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
    """
    if not any(d.proposals for d in diagnostics):
        return tuple(diagnostics)
    bench = _Bench(sources, run, limits or TrialLimits())
    start = before if before is not None else run({})
    start = replace(start, diagnostics=tuple(diagnostics), layers=start.layers or tuple(layers))
    return _Repair(bench, start, tuple(diagnostics)).all()


@dataclass
class _Bench:
    """Applies edits, traces, counts and remembers."""

    sources: Mapping[str, str]
    run: Run
    limits: TrialLimits
    began: float = field(default_factory=time.monotonic)
    trials: int = 0
    known: dict[frozenset[Edit], TrialOutcome] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def is_exhausted(self) -> bool:
        return self.trials >= self.limits.trials or self.seconds > self.limits.seconds

    @property
    def is_slow(self) -> bool:
        """Whether half of the time is gone, so that what is merely welcome is left."""
        return self.seconds > self.limits.seconds / 2

    def edited(self, edits: Sequence[Edit]) -> dict[str, str] | None:
        """The texts after the edits, or None where they clash or leave no Python."""
        texts: dict[str, str] = {}
        try:
            for path in dict.fromkeys(edit.path for edit in edits):
                texts[path] = apply_edits(self.sources[path], [edit for edit in edits if edit.path == path])
                ast.parse(texts[path].removeprefix(BOM))
        except (OverlappingEdits, KeyError, ValueError, SyntaxError, RecursionError):
            return None
        return texts

    def digests(self, edits: Sequence[Edit]) -> tuple[tuple[str, str], ...]:
        return tuple((path, digest(self.sources[path])) for path in dict.fromkeys(edit.path for edit in edits))

    def outcome(self, edits: Sequence[Edit]) -> TrialOutcome:
        key = frozenset(edits)
        if key not in self.known:
            texts = self.edited(edits)
            if texts is None or all(texts[path] == self.sources[path] for path in texts):
                self.known[key] = TrialOutcome(loaded=False)
            else:
                self.trials += 1
                self.known[key] = self.run(texts)
        return self.known[key]


@dataclass(frozen=True)
class _State:
    """Repairs accepted so far and what a trace with them showed."""

    edits: tuple[Edit, ...]
    outcome: TrialOutcome
    place: PlaceOf


@dataclass(frozen=True)
class _Passed:
    """A fix that passed its trial, the state with it, and how much speaks against it all the same (0 is nothing)."""

    fix: Fix
    state: _State
    doubts: int = 0


@dataclass
class _Repair:
    """The repair of all findings of one model."""

    bench: _Bench
    start: TrialOutcome
    findings: tuple[Diagnostic, ...]
    fixes: dict[int, list[Fix]] = field(default_factory=dict)
    tried: dict[int, list[Proposal]] = field(default_factory=dict)

    def all(self) -> tuple[Diagnostic, ...]:
        state = _State((), self.start, place_in(self.bench.sources, ()))
        states: dict[int, _State] = {}
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
        return tuple(self._with_fixes(index, finding) for index, finding in enumerate(self.findings))

    def _order(self) -> list[int]:
        """Errors before warnings, else as they were found."""
        wanted = [i for i, f in enumerate(self.findings) if f.proposals and not f.suppressed and f.severity is not Severity.NOTE]
        return sorted(wanted, key=lambda i: self.findings[i].severity is not Severity.ERROR)

    def _first_fix(self, index: int, state: _State) -> _State:
        """The state after the best fix of one finding, or the same where it has none."""
        finding = self.findings[index]
        passed: list[_Passed] = []
        shared = self._may_be_shared(finding, state)
        for proposal in self._proposals(finding, passed):
            found = self._try(index, proposal, state)
            if found is not None:
                passed.append(found)
            if passed and not passed[-1].doubts and (not shared or len(passed) >= self.bench.limits.fixes_per_finding):
                break
        if not passed:
            return state
        # One change that repairs several findings is better evidence than any order of proposals.
        passed.sort(key=lambda found: (found.doubts, len(found.state.outcome.diagnostics) if shared else 0))
        best = passed[0]
        self.fixes[index] = [found.fix for found in passed[: self.bench.limits.fixes_per_finding]]
        self._share(best.fix, state, best.state)
        return best.state

    def _proposals(self, finding: Diagnostic, passed: Sequence[_Passed]) -> Iterator[Proposal]:
        """The rule's own proposals, and the other side of the clash where none of them passed without doubt."""
        yield from finding.proposals
        if all(found.doubts for found in passed):
            yield from producer_proposals(finding, self.start.layers)

    def _all_at_once(self, state: _State, states: dict[int, _State]) -> _State:
        """The likeliest fix of every finding in one trial, where each stands for itself: most files with several errors need no more."""
        order = self._order()
        if len(order) < 2 or any(self._may_be_shared(self.findings[index], state) for index in order):
            return state
        picked: dict[int, Fix] = {}
        edits: tuple[Edit, ...] = ()
        for index in order:
            proposal = next((p for p in self.findings[index].proposals if p.actions), None)
            candidate = next(self._candidates(proposal, state), None) if proposal is not None else None
            if proposal is None or candidate is None or overlap(edits, candidate):
                return state
            picked[index] = Fix(proposal.kind, proposal.title, proposal.safety, tried=True, edits=candidate)
            edits = merge_edits(edits, candidate)
        after = self._state(edits)
        for index in order:
            verdict, _ = judge(self.findings[index], state.outcome, state.place, after.outcome, after.place)
            if verdict is not Verdict.CLEAN or doubts(self.findings[index], state.outcome, after.outcome):
                return state
        for index, fix in picked.items():
            self.fixes[index] = [fix]
            self.tried[index] = [p for p in self.findings[index].proposals if (p.kind, p.title) == (fix.kind, fix.title)]
            states[index] = state
        return after

    def _may_be_shared(self, finding: Diagnostic, state: _State) -> bool:
        """Whether a repair of this finding changes a place that a repair of another one changes as well."""
        own = _targets(finding)
        others = [other for other in self.findings if other is not finding and self._as_now(other, state) is not None]
        return any(own & _targets(other) for other in others)

    def _share(self, fix: Fix, before: _State, after: _State) -> None:
        """Give a fix to every other finding that it removed."""
        for index in self._order():
            if index not in self.fixes:
                current = self._as_now(self.findings[index], before)
                if current is not None and is_gone(
                    current, before.outcome.diagnostics, after.outcome.diagnostics, before.place, after.place
                ):
                    self.fixes[index] = [fix]

    def _more_fixes(self, states: Mapping[int, _State]) -> None:
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
                found = self._try(index, proposal, states[index], follow=False)
                if found is not None and all(found.fix.edits != fix.edits for fix in fixes):
                    fixes.append(found.fix)

    def _try(self, index: int, proposal: Proposal, state: _State, follow: bool = True) -> _Passed | None:
        """The first way to write a proposal into the source that passes its trial, and the state with it."""
        finding = self.findings[index]
        current = self._as_now(finding, state)
        if not proposal.actions or current is None:
            return None
        passed: list[_Passed] = []
        followed = 0
        limit = self.bench.limits.candidates_per_proposal if follow else self.bench.limits.candidates_for_more
        for edits in itertools.islice(self._candidates(proposal, state), limit):
            if self.bench.is_exhausted:
                break
            after = self._state(merge_edits(state.edits, edits))
            verdict, appeared = judge(current, state.outcome, state.place, after.outcome, after.place)
            fix = Fix(proposal.kind, proposal.title, proposal.safety, tried=True, edits=edits)
            if verdict is Verdict.CLEAN:
                passed.append(_Passed(fix, after, doubts(current, state.outcome, after.outcome)))
            elif verdict is Verdict.DOUBTFUL:
                passed.append(_Passed(replace(fix, safety=Safety.UNSAFE), after, 4))
            elif verdict is Verdict.CONSEQUENCE and follow and followed < self.bench.limits.follow_ups:
                followed += 1
                combined = self._followed(current, fix, appeared, state, after)
                if combined is not None:
                    passed.append(combined)
            if passed and passed[-1].doubts < 4:  # what speaks against the rest speaks against every way to write this proposal
                break
        self.tried.setdefault(index, []).append(proposal)
        return min(passed, key=lambda found: found.doubts, default=None)

    def _candidates(self, proposal: Proposal, state: _State) -> Iterator[tuple[Edit, ...]]:
        wishes = self._wishes(self.findings, self.start.layers)
        found = edit_candidates(proposal, self.bench.sources, wishes)
        yield from (edits for edits in found if not overlap(state.edits, edits))

    def _wishes(self, findings: Sequence[Diagnostic], layers: Sequence[Layer]) -> Wishes:
        return wishes_of(layers, [finding.proposals[0] for finding in findings if finding.proposals])

    def _state(self, edits: tuple[Edit, ...]) -> _State:
        outcome = self.bench.outcome(edits)
        return _State(edits, outcome, place_in(self.bench.sources, edits) if outcome.loaded else place_in(self.bench.sources, ()))

    def _as_now(self, finding: Diagnostic, state: _State) -> Diagnostic | None:
        """A finding as the trace with the accepted repairs has it; None where it is gone."""
        if not state.edits:
            return finding
        place = place_in(self.bench.sources, ())(finding)
        same = [f for f in state.outcome.diagnostics if state.place(f) == place]
        return next((f for f in same if f.layer == finding.layer), None) or next(iter(same), None)

    def _followed(self, finding: Diagnostic, fix: Fix, appeared: Sequence[Diagnostic], state: _State, after: _State) -> _Passed | None:
        """A fix together with the repair of the one error that it brought to light, where both leave nothing."""
        if len(appeared) > 2:
            return None
        texts = {**self.bench.sources, **(self.bench.edited(after.edits) or {})}
        new = appeared[0]
        for proposal in new.proposals[:2]:
            for further in edit_candidates(proposal, texts, self._wishes(appeared, after.outcome.layers))[:3]:
                if self.bench.is_exhausted:
                    return None
                try:
                    together = compose_edits(dict(self.bench.sources), after.edits, further)
                except (OverlappingEdits, ValueError):
                    continue
                if any(edit not in together for edit in state.edits):
                    continue
                last = self._state(together)
                verdict, _ = judge(finding, state.outcome, state.place, last.outcome, last.place)
                if verdict is Verdict.CLEAN:
                    edits = tuple(edit for edit in together if edit not in state.edits)
                    title = f"{fix.title} and {proposal.title}"
                    safety = Safety.SAFE if Safety.UNSAFE not in (fix.safety, proposal.safety) else Safety.UNSAFE
                    return _Passed(
                        replace(fix, title=title, safety=safety, edits=edits), last, doubts(finding, state.outcome, last.outcome)
                    )
        return None

    def _with_fixes(self, index: int, finding: Diagnostic) -> Diagnostic:
        fixes = self.fixes.get(index, [])
        failed = [p for p in self.tried.get(index, []) if all(fix.kind != p.kind or fix.title != p.title for fix in fixes)]
        left = tuple(proposal for proposal in finding.proposals if proposal not in failed)
        advice = [Fix(p.kind, p.title, p.safety, tried=False) for p in left if not p.actions] if fixes else []
        traced = [replace(fix, digests=self.bench.digests(fix.edits)) for fix in fixes]
        return replace(finding, fixes=(*traced, *advice), proposals=left)


def _targets(finding: Diagnostic) -> set[tuple[object, str]]:
    """The arguments that the proposals of a finding would set, by the place of the call."""
    actions = (action for proposal in finding.proposals for action in proposal.actions)
    return {(action.call, action.argument) for action in actions if isinstance(action, SetArgument)}
