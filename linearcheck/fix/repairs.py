"""Which of a report's fixes are made together: the best tried one of every finding, for each file, without two that clash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from linearcheck.findings import Diagnostic, Edit, Fix, ModelReport, Report, Safety, Severity
from linearcheck.fix.text import apply_edits, digest, merge_edits, overlap

Verify = Callable[[Mapping[str, str]], Report]


@dataclass(frozen=True, slots=True)
class Repair:
    """A finding of a model and the fix that is to be made for it."""

    model: ModelReport
    finding: Diagnostic
    fix: Fix

    @property
    def who(self) -> str:
        return f"{self.model.path}:{self.model.name}" if self.model.name else self.model.path


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two repairs that cannot both be made, neither of which is; or one that would break the other's model."""

    path: str
    line: int
    repairs: tuple[Repair, ...]
    reason: str

    @property
    def message(self) -> str:
        wanted = " and ".join(f"`{repair.who}` wants to {repair.fix.title}" for repair in self.repairs)
        return f"{self.path}:{self.line}: {wanted}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What will be changed (`texts` by path), by which repairs, and what cannot be."""

    repairs: tuple[Repair, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    unsafe_left: int = 0
    """Findings with a tried fix that is unsafe, where unsafe ones were not asked for."""


def plan_repairs(report: Report, *, unsafe: bool, verify: Verify | None = None) -> RepairPlan:
    """The repairs that go together.

    Args:
        unsafe: Whether fixes that leave a choice are made too.
        verify: Checks the report's models again with some texts in place of those on the disk. With it, a repair that would
            leave another model with more errors than it had is refused.
    """
    possible, conflicts = _possible(report, list(_wanted(report, unsafe)))
    chosen, clashes = _without_clashes(possible)
    conflicts += clashes
    if chosen and verify is not None and _spans_models(report):
        chosen, broken = _without_harm(report, chosen, verify)
        conflicts += broken
    left = 0 if unsafe else sum(1 for model in report.models for d in model.diagnostics if _best(d, True) and not _best(d, False))
    return RepairPlan(tuple(chosen), edited_texts(report, chosen), tuple(conflicts), left)


def _wanted(report: Report, unsafe: bool) -> Iterator[Repair]:
    for model in report.models:
        for finding in model.diagnostics:
            fix = _best(finding, unsafe)
            if fix is not None and all(edit.path in report.sources for edit in fix.edits):
                yield Repair(model, finding, fix)


def _possible(report: Report, wanted: list[Repair]) -> tuple[list[Repair], list[Conflict]]:
    """Repairs of files whose present text is the one that was traced."""
    conflicts: list[Conflict] = []
    possible: list[Repair] = []
    for repair in wanted:
        edit = repair.fix.edits[0]
        if any(digest(report.sources[path]) != traced for path, traced in repair.fix.digests):
            conflicts.append(Conflict(edit.path, edit.start[0], (repair,), "the file has changed since it was checked"))
        else:
            possible.append(repair)
    return possible, conflicts


def _best(finding: Diagnostic, unsafe: bool) -> Fix | None:
    if finding.suppressed:
        return None
    return next((fix for fix in finding.fixes if fix.tried and fix.edits and (unsafe or fix.safety is Safety.SAFE)), None)


def _without_clashes(wanted: list[Repair]) -> tuple[list[Repair], list[Conflict]]:
    """Repairs of one model that clash are made in order, the first wins; of two models, neither is made."""
    conflicts: list[Conflict] = []
    refused: set[int] = set()
    for i, one in enumerate(wanted):
        for j, other in enumerate(wanted[:i]):
            if one.fix.edits == other.fix.edits or not overlap(one.fix.edits, other.fix.edits):
                continue
            if one.model is other.model:
                if j not in refused:
                    refused.add(i)
                continue
            refused |= {i, j}
            path, line = _clash(one.fix, other.fix)
            conflicts.append(Conflict(path, line, (other, one), "one block cannot be both, so neither was changed"))
    return [repair for index, repair in enumerate(wanted) if index not in refused], conflicts


def _clash(one: Fix, other: Fix) -> tuple[str, int]:
    edit = next(edit for edit in one.edits if overlap((edit,), other.edits))
    return edit.path, edit.start[0]


def _spans_models(report: Report) -> bool:
    return len(report.models) > 1


def _without_harm(report: Report, chosen: list[Repair], verify: Verify) -> tuple[list[Repair], list[Conflict]]:
    """Repairs after which no model has more errors than before; model by model where all of them together do harm."""
    if not _harmed(report, verify(edited_texts(report, chosen))):
        return chosen, []
    accepted: list[Repair] = []
    conflicts: list[Conflict] = []
    for model in report.models:
        own = [repair for repair in chosen if repair.model is model]
        if not own:
            continue
        harmed = _harmed(report, verify(edited_texts(report, [*accepted, *own])))
        if not harmed:
            accepted += own
            continue
        edit = own[0].fix.edits[0]
        conflicts.append(Conflict(edit.path, edit.start[0], tuple(own), f"{' and '.join(harmed)} would break, so it was not changed"))
    return accepted, conflicts


def _harmed(before: Report, after: Report) -> list[str]:
    errors = {(model.path, model.name): _n_errors(model) for model in after.models}
    return [
        f"`{model.path}:{model.name}`"
        for model in before.models
        if model.status != "skipped" and errors.get((model.path, model.name), 1) > _n_errors(model)
    ]


def _n_errors(model: ModelReport) -> int:
    if model.status == "skipped":
        return 1
    return sum(1 for finding in model.diagnostics if finding.severity is Severity.ERROR and not finding.suppressed)


def edits_by_path(repairs: Iterable[Repair]) -> dict[str, tuple[Edit, ...]]:
    """Every edit of the repairs once, by file."""
    edits: tuple[Edit, ...] = ()
    for repair in repairs:
        edits = merge_edits(edits, repair.fix.edits)
    return {path: tuple(edit for edit in edits if edit.path == path) for path in dict.fromkeys(edit.path for edit in edits)}


def edited_texts(report: Report, repairs: Iterable[Repair]) -> dict[str, str]:
    """The whole new text of every file that the repairs change."""
    return {path: apply_edits(report.sources[path], edits) for path, edits in edits_by_path(repairs).items()}
