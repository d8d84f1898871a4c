"""Reports as a worker would hand them over, for tests of what the front makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from linearcheck.findings import Diagnostic, ModelReport, Related, Report, Severity
from linearcheck.trace.records import Span


def span(line: int, path: str = "net.py", end_line: int | None = None) -> Span:
    return Span(path, line, 5, end_line or line, 20)


def finding(code: str, line: int | None, **fields: Any) -> Diagnostic:
    """A finding at a line of net.py; None is one without a place of its own."""
    place = span(line) if line is not None else None
    severity = Severity.WARNING if code.startswith("LC9") else Severity.ERROR
    found = Diagnostic(code, "rule", severity, f"something about {code}", place, path="net.py")
    return replace(found, **fields)


def built_at(line: int) -> Related:
    return Related(span(line), "it is built here")


def model(*diagnostics: Diagnostic, name: str = "Net", **fields: Any) -> ModelReport:
    skipped = any(d.code.startswith("LC9") for d in diagnostics)
    status = "skipped" if skipped else "findings" if diagnostics else "ok"
    return replace(ModelReport("net.py", name, status, diagnostics=diagnostics), **fields)


def report(*models: ModelReport, text: str = "") -> Report:
    return Report(models=models, sources={"net.py": text})
