"""The `junit` format: each model is a test case, as CI systems read it."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from linearcheck.findings import Diagnostic, ModelReport, Report, RunError, Severity
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted, is_level, is_skip, offers, path_of, place, repetition, span_or_start


def render_junit(report: Report) -> str:
    """A model with errors is one failed case that names all of them (readers keep one failure a case); a skip is a skipped case."""
    cases = [*(_failed_run(error) for error in report.errors), *(_case(model) for model in report.models)]
    suite = ElementTree.Element(
        "testsuite",
        name="linearcheck",
        tests=str(len(cases)),
        failures=str(_number_with("failure", cases)),
        errors=str(_number_with("error", cases)),
        skipped=str(_number_with("skipped", cases)),
        time=f"{sum(model.seconds for model in report.models):.3f}",
    )
    suite.extend(cases)
    suites = ElementTree.Element("testsuites", name="linearcheck")
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _number_with(tag: str, cases: Iterable[ElementTree.Element]) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _failed_run(error: RunError) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="linearcheck", name=error.kind)
    ElementTree.SubElement(case, "error", message=visible(error.message), type=error.kind)
    return case


def _case(model: ModelReport) -> ElementTree.Element:
    path = visible(model.path)
    case = ElementTree.Element("testcase", classname=path, name=visible(model.name or model.path), file=path, time=f"{model.seconds:.3f}")
    errors = [d for d in model.diagnostics if is_level(d, Severity.ERROR)]
    warnings = [d for d in model.diagnostics if is_level(d, Severity.WARNING)]
    reasons = [d for d in model.diagnostics if is_skip(d)]
    if errors:
        message = visible(errors[0].message) if len(errors) == 1 else counted(len(errors), "error")
        failure = ElementTree.SubElement(case, "failure", message=message, type=", ".join(dict.fromkeys(d.code for d in errors)))
        failure.text = _details(errors)
    if model.status == "skipped":
        told = visible(f"{reasons[0].code} {reasons[0].message}" if reasons else model.reason or "")
        ElementTree.SubElement(case, "skipped", message=told)
    if warnings:
        ElementTree.SubElement(case, "system-out").text = _details(warnings)
    return case


def _details(found: Iterable[Diagnostic]) -> str:
    blocks = []
    for diagnostic in found:
        span = span_or_start(diagnostic)
        where = place(path_of(diagnostic), span.line, span.column, diagnostic.cell)
        lines = [f"{where}: {diagnostic.code} {diagnostic.message}{repetition(diagnostic)}", diagnostic.explanation]
        lines += [f"help: {offer}" for offer in offers(diagnostic)]
        blocks.append("".join(f"{visible(line)}\n" for line in lines if line))
    return "\n" + "\n".join(blocks)
