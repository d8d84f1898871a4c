"""What a whole report comes to: the counts, and the one sentence that every run ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.findings import Diagnostic, ModelReport, Report, Safety, Severity
from linearcheck.report.wording import counted, is_fixable, is_level, is_skip, listed, model_title


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over a report; suppressed findings and reasons for skips are neither errors nor warnings."""

    files: int
    models: int
    ok: int
    skipped: int
    errors: int
    warnings: int
    fixable: int


def findings(report: Report) -> Iterator[Diagnostic]:
    """Every finding that counts, in order: not suppressed, and no reason for a skip."""
    for model in report.models:
        for diagnostic in model.diagnostics:
            if not diagnostic.suppressed and not is_skip(diagnostic):
                yield diagnostic


def summarise(report: Report) -> Summary:
    """The counts that stand in JSON and that exit codes follow from."""
    found = list(findings(report))
    return Summary(
        files=len(report.files),
        models=len(report.models),
        ok=sum(model.status == "ok" for model in report.models),
        skipped=sum(model.status == "skipped" for model in report.models),
        errors=sum(diagnostic.severity == Severity.ERROR for diagnostic in found),
        warnings=sum(diagnostic.severity == Severity.WARNING for diagnostic in found),
        fixable=sum(map(is_fixable, found)),
    )


def statistics(report: Report) -> list[tuple[str, str, int]]:
    """Code, rule and count of every kind of finding, most frequent first."""
    counts = Counter((diagnostic.code, diagnostic.rule) for model in report.models for diagnostic in model.diagnostics)
    return [(code, rule, count) for (code, rule), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def closing_line(report: Report) -> str:
    """One sentence: what is wrong, how much was checked, and what was not checked and why."""
    parts = [_verdict(report), *_skips(report), *_empty_files(report), *_suppressed(report)]
    return "; ".join(part for part in parts if part)


def fix_hint(report: Report) -> str:
    """Which options apply the fixes that were tried, or "" where there are none."""
    found = list(findings(report))
    safe = sum(any(fix.tried and fix.edits and fix.safety == Safety.SAFE for fix in diagnostic.fixes) for diagnostic in found)
    unsafe = sum(map(is_fixable, found)) - safe
    if safe and unsafe:
        return f"--fix applies {counted(safe, 'tried fix', 'tried fixes')}, --fix --unsafe-fixes {unsafe:,} more"
    option = "--fix" if safe else "--fix --unsafe-fixes"
    return f"{option} applies {counted(safe or unsafe, 'tried fix', 'tried fixes')}" if safe or unsafe else ""


def checked_how(model: ModelReport) -> str:
    """At which batch sizes a model was traced, as the end of a sentence; "" where it has no batch."""
    if not model.batch_sizes:
        return ""
    return f" at batch size{'s' if len(model.batch_sizes) > 1 else ''} {listed([str(size) for size in model.batch_sizes])}"


def _verdict(report: Report) -> str:
    checked = [model for model in report.models if model.status != "skipped"]
    if not checked:
        return "nothing was checked"
    wrong = [
        model for model in checked if any(is_level(d, level) for d in model.diagnostics for level in (Severity.ERROR, Severity.WARNING))
    ]
    if wrong:
        counts = summarise(report)
        found = [counted(n, noun) for n, noun in ((counts.errors, "error"), (counts.warnings, "warning")) if n]
        models = counted(len(wrong), "model") if len(wrong) == len(checked) else f"{len(wrong):,} of {counted(len(checked), 'model')}"
        return f"{listed(found)} in {models}"
    hows = {checked_how(model) for model in checked}
    return f"no error in {counted(len(checked), 'model')}, checked{hows.pop() if len(hows) == 1 else ''}"


def _skips(report: Report) -> Iterator[str]:
    skipped = [model for model in report.models if model.status == "skipped"]
    if not skipped:
        return
    reasons = Counter(_reason(model) for model in skipped)
    if len(skipped) <= 3:
        named = listed([f"{model_title(model)} ({_reason(model)})" for model in skipped])
        yield f"skipped {named}"
        return
    yield f"{len(skipped):,} models skipped ({', '.join(f'{count:,} {reason}' for reason, count in reasons.most_common())})"


def _reason(model: ModelReport) -> str:
    for diagnostic in model.diagnostics:
        if is_skip(diagnostic):
            return f"{diagnostic.code} {diagnostic.rule}".strip()
    return model.reason or "no reason given"


def _empty_files(report: Report) -> Iterator[str]:
    with_models = {model.path for model in report.models}
    empty = [file.path for file in report.files if file.models == 0 and file.path not in with_models]
    if empty and len(empty) <= 3:
        yield f"no model in {listed(empty)}"
    elif empty:
        yield f"no model in {len(empty):,} of {counted(len(report.files), 'file')}"
    elif not report.models and not report.files:
        yield "no file was given" if not report.errors else ""


def _suppressed(report: Report) -> Iterator[str]:
    hidden = sum(diagnostic.suppressed for model in report.models for diagnostic in model.diagnostics)
    if hidden:
        yield f"{counted(hidden, 'finding')} suppressed"
