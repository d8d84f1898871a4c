"""The `concise` format: one line for each finding, `path:line:column: CODE message`, as editors and grep read it."""

from __future__ import annotations

from linearcheck.findings import Report
from linearcheck.report.visible import visible
from linearcheck.report.wording import path_of, place, repetition, span_or_start


def render_concise(report: Report) -> str:
    lines = []
    for model in report.models:
        for diagnostic in model.diagnostics:
            if diagnostic.suppressed:
                continue
            span = span_or_start(diagnostic)
            where = place(path_of(diagnostic), span.line, span.column, diagnostic.cell)
            lines.append(visible(f"{where}: {diagnostic.code} {diagnostic.message}{repetition(diagnostic)}") + "\n")
    return "".join(lines)
