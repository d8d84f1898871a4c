"""What a run comes to: 0, 1 or 2. People script against these."""

from __future__ import annotations

from collections.abc import Iterable

from linearcheck.findings import Report
from linearcheck.report.summary import summarise
from linearcheck.suppression import is_silenced

CLEAN, FOUND, FAILED = 0, 1, 2


def exit_code(report: Report, targets_unchecked: Iterable[bool], *, strict: bool = False, exit_zero: bool = False) -> int:
    """The exit code of a run.

    Args:
        targets_unchecked: For each file or model that the user named, whether it has models and none could be checked.
        strict: Warnings and skipped models count as failures.
        exit_zero: Findings do not count.
    """
    counts = summarise(report)
    found = counts.errors + (counts.warnings if strict else 0)
    if found and not exit_zero:
        return FOUND
    if report.errors or any(targets_unchecked):
        return FAILED
    skipped = any(model.status == "skipped" and not is_silenced(model) for model in report.models)
    return FOUND if strict and skipped and not exit_zero else CLEAN
