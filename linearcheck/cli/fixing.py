"""`--fix` and `--diff`: make the tried fixes in rounds, for one fix may bring to light what stood behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from linearcheck.findings import Report
from linearcheck.fix.apply import apply_fixes, diff_of
from linearcheck.fix.repairs import Conflict, Repair, plan_repairs
from linearcheck.load.notebook_cells import CannotPutBack, cells_in, put_back
from linearcheck.load.sources import read_source
from linearcheck.notebooks import placed_in_cells, told_in_cells
from linearcheck.trace.records import Span

_MAX_ROUNDS = 10


class CheckAgain(Protocol):
    """Checks the same models with some texts, by path, in place of those on the disk."""

    def __call__(self, texts: Mapping[str, str], *, try_fixes: bool = True) -> Report: ...


@dataclass
class Fixed:
    """What the rounds have done: the report of what is left, and what was repaired, refused, or clashed."""

    report: Report
    repairs: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    n_unsafe_left: int = 0


def fix_files(report: Report, check_again: CheckAgain, *, unsafe: bool) -> Fixed:
    """Apply fixes to the files until nothing more can be done."""
    fixed = Fixed(report)
    for _ in range(_MAX_ROUNDS):
        applied = apply_fixes(fixed.report, unsafe=unsafe, verify=partial(check_again, try_fixes=False))
        fixed.repairs += [_repair_in_words(repair, fixed.report) for repair in applied.repairs]
        fixed.written += [path for path in applied.written if path not in fixed.written]
        fixed.problems = [
            *(_conflict_in_words(conflict, fixed.report) for conflict in applied.conflicts),
            *(refusal.reason for refusal in applied.refusals),
        ]
        fixed.n_unsafe_left = applied.unsafe_left
        if not applied.written:
            break
        fixed.report = check_again({})
    return fixed


def diff_of_fixes(report: Report, check_again: CheckAgain, *, unsafe: bool) -> tuple[str, list[str]]:
    """The patch that `fix_files` would come to, and what stands in the way of more. Nothing is written."""
    texts: dict[str, str] = {}
    present, problems = report, list[str]()
    for _ in range(_MAX_ROUNDS):

        def verify(changed: Mapping[str, str]) -> Report:
            return check_again({**texts, **changed}, try_fixes=False)

        plan = plan_repairs(present, unsafe=unsafe, verify=verify)
        problems = [_conflict_in_words(conflict, present) for conflict in plan.conflicts]
        if not plan.texts:
            break
        texts.update(plan.texts)
        present = check_again(texts)
    patches: list[str] = []
    for path, text in texts.items():
        try:
            patches.append(diff_of(path, *_whole_files(path, report.sources.get(path), text)))
        except (CannotPutBack, OSError, ValueError) as error:
            problems.append(f"`{path}` cannot be changed: {error}")
    return "".join(patches), problems


def _whole_files(path: str, traced: str | None, text: str) -> tuple[str, str]:
    """A file before and after; a notebook's own text, of which only code was traced."""
    if path.endswith(".ipynb"):
        with open(path, encoding="utf-8", newline="") as file:
            whole = file.read()
        return whole, put_back(whole, text)
    return traced or read_source(Path(path).absolute()).text, text


def _repair_in_words(repair: Repair, report: Report) -> str:
    return f"{repair.finding.code} in {repair.who}: {told_in_cells(repair.fix.title, _cells(repair.model.path, report))}"


def _conflict_in_words(conflict: Conflict, report: Report) -> str:
    cells = _cells(conflict.path, report)
    place = placed_in_cells(Span(conflict.path, conflict.line, 1, conflict.line, 1), cells)
    return told_in_cells(replace(conflict, path=place.path, line=place.line).message, cells)


def _cells(path: str, report: Report) -> tuple[tuple[int, int], ...]:
    return cells_in(report.sources.get(path, "")) if path.endswith(".ipynb") else ()
