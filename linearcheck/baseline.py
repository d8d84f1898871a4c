"""Baselines: the findings that an old code base is allowed to keep, by their fingerprints. Imports without torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linearcheck.findings import Diagnostic, ModelReport, Report
from linearcheck.report.fingerprint import with_fingerprints
from linearcheck.suppression import with_status
from linearcheck.trace.records import Span

SCHEMA = 1


class BaselineError(Exception):
    """A baseline that cannot be read or written, in words."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known findings: for each fingerprint, the code, place and message that it was written with."""

    path: Path
    findings: dict[str, dict[str, Any]]


def read_baseline(path: Path) -> Baseline:
    """
    Raises:
        BaselineError: If the file cannot be read or is no baseline.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BaselineError(f"there is no baseline `{path}`; `--write-baseline {path}` makes one") from None
    except OSError as error:
        raise BaselineError(f"the baseline `{path}` cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"the baseline `{path}` is not JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise BaselineError(f"`{path}` is not a baseline: it has no list of `findings`")
    if data.get("schema") != SCHEMA:
        raise BaselineError(f"the baseline `{path}` is of schema {data.get('schema')!r}, and this version reads schema {SCHEMA}")
    found = [entry for entry in data["findings"] if isinstance(entry, dict) and isinstance(entry.get("fingerprint"), str)]
    if len(found) != len(data["findings"]):
        raise BaselineError(f"the baseline `{path}` has an entry without a `fingerprint`")
    return Baseline(path, {entry["fingerprint"]: entry for entry in found})


def with_baseline(report: Report, baseline: Baseline) -> Report:
    """The report with the findings that the baseline knows marked as suppressed."""
    names = iter(_fingerprints(report, baseline.path))

    def marked(model: ModelReport) -> ModelReport:
        known = tuple(replace(d, suppressed=(next(names) in baseline.findings) or d.suppressed) for d in model.diagnostics)
        return with_status(replace(model, diagnostics=known))

    return replace(report, models=tuple(map(marked, report.models)))


def write_baseline(report: Report, path: Path) -> int:
    """Write what the report counts, skipped models too, and return how many findings that are.

    Raises:
        BaselineError: If the file cannot be written.
    """
    entries: dict[str, dict[str, Any]] = {}
    found = [diagnostic for model in report.models for diagnostic in model.diagnostics]
    for fingerprint, diagnostic in zip(_fingerprints(report, path), found, strict=True):
        if not diagnostic.suppressed:
            place = _relative(diagnostic, path.absolute().parent)
            where = place.span.path if place.span else place.path
            entries[fingerprint] = {"code": diagnostic.code, "path": where, "layer": diagnostic.layer, "message": diagnostic.message}
    ordered = sorted(entries.items(), key=lambda item: (item[1]["path"], item[1]["code"], item[0]))
    data = {"schema": SCHEMA, "findings": [{"fingerprint": fingerprint, **entry} for fingerprint, entry in ordered]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        raise BaselineError(f"the baseline `{path}` cannot be written: {getattr(error, 'strerror', None) or error}") from None
    return len(entries)


def gone(report: Report, baseline: Baseline) -> int:
    """How many findings of the baseline are no longer there, of the files that were checked in full."""
    checked = Counter(model.path for model in report.models if model.status != "skipped")
    present = set(_fingerprints(report, baseline.path))
    folder = baseline.path.absolute().parent
    files = {_relative_path(file.path, folder) for file in report.files if checked[file.path] == file.models}
    return sum(entry.get("path") in files and fingerprint not in present for fingerprint, entry in baseline.findings.items())


def _fingerprints(report: Report, baseline: Path) -> Iterator[str]:
    """Fingerprint of each diagnostic with paths relative to the baseline's folder, so that it does not matter where the run is started."""
    folder = baseline.absolute().parent
    models = tuple(replace(model, diagnostics=tuple(_relative(d, folder) for d in model.diagnostics), notes=()) for model in report.models)
    for model in with_fingerprints(replace(report, models=models)).models:
        for diagnostic in model.diagnostics:
            yield diagnostic.fingerprint


def _relative(diagnostic: Diagnostic, folder: Path) -> Diagnostic:
    span = diagnostic.span
    moved: Span | None = None if span is None else replace(span, path=_relative_path(span.path, folder))
    return replace(diagnostic, span=moved, path=_relative_path(diagnostic.path, folder))


def _relative_path(path: str, folder: Path) -> str:
    if not path:
        return path
    absolute = Path(path).absolute()
    return (absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute).as_posix()
