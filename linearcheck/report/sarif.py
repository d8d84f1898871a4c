"""The `sarif` format, version 2.1.0: what code scanning services read, with rule pages, fixes and stable fingerprints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from linearcheck import __version__
from linearcheck.findings import Diagnostic, Edit, Fix, ModelReport, Report, Severity
from linearcheck.notebooks import split_cell
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted, offers, repetition, span_or_start, trial
from linearcheck.rules.registry import RULES
from linearcheck.rules.rule import Rule
from linearcheck.trace.records import Span

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_Object = dict[str, Any]


def render_sarif(report: Report) -> str:
    """One run with every finding; columns count characters, and paths are relative to the working directory.

    Source:
        SARIF 2.1.0, OASIS standard of 27 March 2020; the sections are named where the choice is not plain.
    """
    found = [(model, d) for model in report.models for d in model.diagnostics]
    rules = _rules(diagnostic for _, diagnostic in found)
    order = {rule["id"]: index for index, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "linearcheck", "version": __version__, "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(model, diagnostic, order[diagnostic.code]) for model, diagnostic in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(report: Report) -> _Object:
    """How the run went; what went wrong with the run itself is a notification, not a result (3.20.21)."""
    notes = [
        {"level": "error", "message": {"text": visible(error.message)}, "descriptor": {"id": f"linearcheck/{error.kind}"}}
        for error in report.errors
    ]
    return {"executionSuccessful": not report.errors, "toolExecutionNotifications": notes}


def _rules(found: Iterable[Diagnostic]) -> list[_Object]:
    """Every rule of the catalogue; a code that it lacks (of another version) is described by its finding alone."""
    known = [_rule(rule) for rule in RULES]
    codes = {rule["id"] for rule in known}
    unknown = {
        d.code: {"id": d.code, "name": d.rule, "defaultConfiguration": {"level": _LEVELS[d.severity]}} for d in found if d.code not in codes
    }
    return [*known, *unknown.values()]


def _rule(rule: Rule) -> _Object:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.documentation, "markdown": rule.documentation},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["correctness", "pytorch"], "precision": "very-high", "problem.severity": _severity_word(rule.severity)},
    }


def _severity_word(severity: Severity) -> str:
    """GitHub's word for a severity: "recommendation" is its third."""
    return "recommendation" if severity == Severity.NOTE else severity.value


def _result(model: ModelReport, diagnostic: Diagnostic, rule_index: int) -> _Object:
    span = span_or_start(diagnostic)
    result: _Object = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _message(diagnostic)},
        "locations": [{"physicalLocation": _location(span, diagnostic.snippet), "logicalLocations": [_logical(model, diagnostic)]}],
        "partialFingerprints": {"linearcheck/v1": diagnostic.fingerprint},
        "properties": {"model": visible(model.name), "times": diagnostic.times},
    }
    related = list(_related(diagnostic))
    if related:
        result["relatedLocations"] = related
    fixes = [_fix(fix) for fix in diagnostic.fixes if fix.tried and fix.edits]
    if fixes:
        result["fixes"] = fixes
    if diagnostic.suppressed:
        result["suppressions"] = [{"kind": "inSource"}]
    return result


def _message(diagnostic: Diagnostic) -> str:
    """Message, explanation and what helps: viewers show nothing else beside the line."""
    helps = [f"help: {offer}" for offer in offers(diagnostic)]
    lines = [diagnostic.message + repetition(diagnostic), diagnostic.explanation, *helps]
    return "\n".join(visible(line) for line in lines if line)


def _logical(model: ModelReport, diagnostic: Diagnostic) -> _Object:
    if not diagnostic.layer:
        return {"name": visible(model.name), "kind": "type"}
    return {"name": visible(diagnostic.layer), "fullyQualifiedName": visible(f"{model.name}.{diagnostic.layer}"), "kind": "member"}


def _related(diagnostic: Diagnostic) -> Iterator[_Object]:
    places = [(other.span, other.message) for other in diagnostic.related]
    for operand in diagnostic.operands:
        if operand.origin:
            places.append((operand.origin.span, f"{operand.name} comes from {operand.origin.message}"))
    for index, (span, message) in enumerate(places, start=1):
        yield {"id": index, "physicalLocation": _location(span), "message": {"text": visible(message)}}


def _location(span: Span, snippet: str = "") -> _Object:
    region: _Object = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    if snippet:
        region["snippet"] = {"text": snippet}
    return {"artifactLocation": _artifact(span.path), "region": region}


def _artifact(path: str) -> _Object:
    """A path below the working directory as a relative URI, any other as a `file:` URI (3.4.3)."""
    path, _ = split_cell(path)
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path)}


def _fix(fix: Fix) -> _Object:
    by_path: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.path, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(path), "replacements": [_replacement(edit) for edit in edits]} for path, edits in by_path.items()
    ]
    count = counted(len(fix.edits), "edit")
    return {"description": {"text": visible(f"{fix.title} [{trial(fix)}, {count}]")}, "artifactChanges": changes}


def _replacement(edit: Edit) -> _Object:
    (start_line, start_column), (end_line, end_column) = edit.start, edit.end
    region = {"startLine": start_line, "startColumn": start_column, "endLine": end_line, "endColumn": end_column}
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}
