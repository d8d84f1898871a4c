"""The `gitlab` format: a Code Quality report, which GitLab shows in merge requests."""

from __future__ import annotations

import json
from typing import Any

from linearcheck.findings import Diagnostic, Report, Severity
from linearcheck.notebooks import split_cell
from linearcheck.report.visible import visible
from linearcheck.report.wording import path_of, repetition, span_or_start

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render_gitlab(report: Report) -> str:
    """One entry for each fingerprint: GitLab keeps one of several that agree in it.

    Source:
        docs.gitlab.com, "Code Quality", section "Code Quality report format".
    """
    found = [d for model in report.models for d in model.diagnostics if not d.suppressed]
    entries = {diagnostic.fingerprint: _entry(diagnostic) for diagnostic in found}
    return json.dumps(list(entries.values()), indent=2) + "\n"


def _entry(diagnostic: Diagnostic) -> dict[str, Any]:
    span = span_or_start(diagnostic)
    return {
        "description": visible(f"{diagnostic.code} {diagnostic.message}{repetition(diagnostic)}"),
        "check_name": diagnostic.rule,
        "fingerprint": diagnostic.fingerprint,
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {"path": split_cell(path_of(diagnostic))[0], "lines": {"begin": span.line, "end": span.end_line}},
    }
