"""Fingerprints follow a finding through moved lines, and tell two findings on equal lines apart."""

from __future__ import annotations

from dataclasses import replace

from linearcheck.findings import Diagnostic, Report
from linearcheck.report.fingerprint import with_fingerprints
from linearcheck.trace.records import Span

from .written import lenet_findings, model, report


def fingerprints(of: Report) -> list[str]:
    return [diagnostic.fingerprint for one in of.models for diagnostic in one.diagnostics]


def moved(diagnostic: Diagnostic, lines: int, columns: int = 0) -> Diagnostic:
    span = diagnostic.span
    assert span is not None
    return replace(
        diagnostic, span=Span(span.path, span.line + lines, span.column + columns, span.end_line + lines, span.end_column + columns)
    )


def test_moved_and_reformatted_lines_keep_their_fingerprint() -> None:
    before = report(model())
    shifted = tuple(replace(moved(d, 7, 4), snippet=f"    {d.snippet.replace(', ', ',  ')}") for d in lenet_findings())
    assert fingerprints(before) == fingerprints(report(model(diagnostics=shifted)))


def test_code_path_layer_and_line_each_make_another() -> None:
    (first, _) = lenet_findings()
    others = [
        replace(first, code="LC205"),
        replace(first, span=replace(first.span, path="other.py")),
        replace(first, layer="conv3"),
        replace(first, snippet="x = self.conv2(x)"),
    ]
    prints = [fingerprints(report(model(diagnostics=(one,))))[0] for one in (first, *others)]
    assert len(set(prints)) == 5


def test_equal_lines_are_told_apart_in_order_of_place() -> None:
    (first, _) = lenet_findings()
    second = moved(first, 3)
    in_order = fingerprints(report(model(diagnostics=(first, second))))
    assert len(set(in_order)) == 2
    assert fingerprints(report(model(diagnostics=(second, first)))) == in_order[::-1]


def test_one_finding_in_two_models_is_one() -> None:
    (first, _) = lenet_findings()
    a, b = fingerprints(report(model(diagnostics=(first,)), model(name="Other", diagnostics=(first,))))
    assert a == b


def test_stamping_twice_changes_nothing() -> None:
    once = report(model())
    assert with_fingerprints(once) == once
