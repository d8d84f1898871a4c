"""`--fix` and `--diff`: make the tried fixes in rounds, for one fix may bring to light what stood behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from linearcheck.findings import Report
from linearcheck.fix.apply import apply_fixes, diff_of
from linearcheck.fix.repairs import Repair, plan_repairs

_MAX_ROUNDS = 10


class CheckAgain(Protocol):
    """Checks the same models with some texts, by path, in place of those on the disk."""

    def __call__(self, texts: Mapping[str, str], *, try_fixes: bool = True) -> Report: ...


@dataclass
class Fixed:
    """What the rounds have done: the report of what is left, and what was repaired, refused, or clashed."""

    report: Report
    repairs: list[Repair] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    n_unsafe_left: int = 0


def fix_files(report: Report, check_again: CheckAgain, *, unsafe: bool) -> Fixed:
    """Apply fixes to the files until nothing more can be done."""
    fixed = Fixed(report)
    for _ in range(_MAX_ROUNDS):
        applied = apply_fixes(fixed.report, unsafe=unsafe, verify=partial(check_again, try_fixes=False))
        fixed.repairs += applied.repairs
        fixed.written += [path for path in applied.written if path not in fixed.written]
        fixed.problems = [*(conflict.message for conflict in applied.conflicts), *(refusal.reason for refusal in applied.refusals)]
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
        problems = [conflict.message for conflict in plan.conflicts]
        if not plan.texts:
            break
        texts.update(plan.texts)
        present = check_again(texts)
    originals = {path: report.sources.get(path) or _read(path) for path in texts}
    return "".join(diff_of(path, originals[path], text) for path, text in texts.items()), problems


def _read(path: str) -> str:
    from linearcheck.load.sources import read_source

    return read_source(Path(path).absolute()).text
