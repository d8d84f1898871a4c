"""The `json` format: one object, whose keys are a contract (docs/json.md, docs/schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from linearcheck import __version__
from linearcheck.findings import Diagnostic, Edit, Fix, LayerReport, ModelReport, Operand, Report, SizeText
from linearcheck.notebooks import split_cell
from linearcheck.report.summary import summarise
from linearcheck.report.wording import path_of, span_or_start, suggestions
from linearcheck.trace.records import Span

SCHEMA = 1
_Object = dict[str, Any]


def render_json(report: Report) -> str:
    return json.dumps(report_object(report), indent=2) + "\n"


def report_object(report: Report) -> _Object:
    """The report as plain data: the object that `--output-format json` prints."""
    counts = summarise(report)
    return {
        "schema": SCHEMA,
        "linearcheck": __version__,
        "torch": report.torch_version,
        "python": report.python_version,
        "summary": {
            "files": counts.files,
            "models": counts.models,
            "ok": counts.ok,
            "skipped": counts.skipped,
            "errors": counts.errors,
            "warnings": counts.warnings,
            "fixable": counts.fixable,
        },
        "errors": [{"kind": error.kind, "message": error.message} for error in report.errors],
        "files": [{"path": file.path, "sha256": file.sha256, "models": file.models} for file in report.files],
        "models": [_model(model) for model in report.models],
    }


def _model(model: ModelReport) -> _Object:
    return {
        "path": model.path,
        "name": model.name,
        "status": model.status,
        "reason": model.reason,
        "named": model.named,
        "traced": model.traced,
        "batch_sizes": list(model.batch_sizes),
        "seconds": round(model.seconds, 3),
        "stood_in": list(model.stood_in),
        "init": [{"name": value.name, "value": value.value, "source": value.source, "why": value.why} for value in model.init],
        "inputs": [
            {"name": given.name, "shape": _shape(given.shape), "dtype": given.dtype, "source": given.source, "why": given.why}
            for given in model.inputs
        ],
        "outputs": [{"name": output.name, "shape": _shape(output.shape), "dtype": output.dtype} for output in model.outputs],
        "layers": [_layer(layer) for layer in model.layers],
        "diagnostics": [_diagnostic(diagnostic) for diagnostic in model.diagnostics],
        "notes": [_diagnostic(note) for note in model.notes],
    }


def _layer(layer: LayerReport) -> _Object:
    return {
        "name": layer.name,
        "type": layer.type,
        "line": layer.line,
        **_cell(layer.cell),
        "weight": _shape(layer.weight),
        "bias": _shape(layer.bias),
        "params": layer.params,
        "status": layer.status,
        "calls": [
            {"line": call.line, **_cell(call.cell), "input": _shape(call.input), "output": _shape(call.output)} for call in layer.calls
        ],
    }


def _diagnostic(diagnostic: Diagnostic) -> _Object:
    span = span_or_start(diagnostic)
    path, cell = split_cell(path_of(diagnostic))
    return {
        "code": diagnostic.code,
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "fingerprint": diagnostic.fingerprint,
        "message": diagnostic.message,
        "explanation": diagnostic.explanation,
        "path": path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "cell": diagnostic.cell if cell is None else cell,
        "snippet": diagnostic.snippet,
        "layer": diagnostic.layer,
        "definition": _start(diagnostic.definition),
        "got": _shape(diagnostic.got),
        "expected": _shape(diagnostic.expected),
        "operands": [_operand(operand) for operand in diagnostic.operands],
        "related": [{**_place(other.span), "message": other.message} for other in diagnostic.related],
        "times": diagnostic.times,
        "suppressed": diagnostic.suppressed,
        "fixes": [_fix(fix) for fix in suggestions(diagnostic)],
    }


def _operand(operand: Operand) -> _Object:
    origin = operand.origin
    return {
        "name": operand.name,
        "shape": _shape(operand.shape),
        "dtype": operand.dtype,
        "from": {**_place(origin.span), "what": origin.message} if origin else None,
    }


def _fix(fix: Fix) -> _Object:
    return {
        "kind": fix.kind,
        "title": fix.title,
        "safety": fix.safety.value,
        "tried": fix.tried,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> _Object:
    path, cell = split_cell(edit.path)
    return {
        "path": path,
        **_cell(cell),
        "start": {"line": edit.start[0], "column": edit.start[1]},
        "end": {"line": edit.end[0], "column": edit.end[1]},
        "text": edit.text,
    }


def _start(span: Span | None) -> _Object | None:
    return _place(span) if span else None


def _place(span: Span) -> _Object:
    """A place; one in a notebook has its cell, and the line in that."""
    path, cell = split_cell(span.path)
    return {"path": path, "line": span.line, "column": span.column, **_cell(cell)}


def _shape(shape: Iterable[SizeText] | None) -> list[int | str] | None:
    return None if shape is None else [size if isinstance(size, int) else str(size) for size in shape]


def _cell(number: int | None) -> _Object:
    """The key that a place in a notebook has besides its line."""
    return {} if number is None else {"cell": number}
