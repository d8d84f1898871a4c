"""Fingerprints: a name for a finding that survives moved lines, so that baselines and code scanners can follow it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from linearcheck.findings import Diagnostic, Report
from linearcheck.report.wording import path_of, span_or_start

_Key = tuple[str, str, str, str]
_Place = tuple[int, int]


def with_fingerprints(report: Report) -> Report:
    """The report with the fingerprint of every diagnostic and note filled in.

    A fingerprint is a digest of code, path, layer and the faulty line without its spacing, and of an ordinal among the
    findings that agree in all of these, in order of place. No line number is in it, so blank lines and new code
    above change nothing. One finding met in two models of a file has one fingerprint.
    """
    places: dict[_Key, list[_Place]] = {}
    for model in report.models:
        for diagnostic in (*model.diagnostics, *model.notes):
            known = places.setdefault(_key(diagnostic), [])
            if _place(diagnostic) not in known:
                known.append(_place(diagnostic))
    for known in places.values():
        known.sort()

    def stamped(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        return tuple(replace(d, fingerprint=_digest(_key(d), places[_key(d)].index(_place(d)))) for d in diagnostics)

    models = tuple(replace(model, diagnostics=stamped(model.diagnostics), notes=stamped(model.notes)) for model in report.models)
    return replace(report, models=models)


def _key(diagnostic: Diagnostic) -> _Key:
    return diagnostic.code, path_of(diagnostic), diagnostic.layer, "".join(diagnostic.snippet.split())


def _place(diagnostic: Diagnostic) -> _Place:
    span = span_or_start(diagnostic)
    return span.line, span.column


def _digest(key: _Key, ordinal: int) -> str:
    text = "\0".join((*key, str(ordinal)))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
