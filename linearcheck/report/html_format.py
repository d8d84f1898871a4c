"""The `html` format: one page without scripts or outside files, and the same as a fragment for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from linearcheck.findings import Diagnostic, LayerReport, ModelReport, Report
from linearcheck.report.readings import input_sentences
from linearcheck.report.summary import closing_line
from linearcheck.report.visible import visible, visible_character
from linearcheck.report.wording import (
    got_and_expected,
    label,
    model_title,
    offers,
    path_of,
    place,
    repetition,
    shape_or_dash,
    span_or_start,
)
from linearcheck.source_text import source_lines

_STYLE = """
.linearcheck { font: 14px/1.5 system-ui, sans-serif; max-width: 72em; }
.linearcheck table { border-collapse: collapse; margin: 1em 0; }
.linearcheck th, .linearcheck td { text-align: left; padding: .15em .9em .15em 0; border-bottom: 1px solid #8884; white-space: nowrap; }
.linearcheck td.number, .linearcheck th.number { text-align: right; }
.linearcheck pre { background: #8881; padding: .6em; overflow-x: auto; }
.linearcheck code, .linearcheck pre, .linearcheck td { font-family: ui-monospace, monospace; font-size: 13px; }
.linearcheck mark { background: none; color: inherit; text-decoration: underline wavy #c00; }
.linearcheck .error { color: #c00; } .linearcheck .warning, .linearcheck .skipped { color: #a60; }
.linearcheck article { border-left: 3px solid #8884; padding-left: 1em; margin: 1em 0; }
"""


def render_html(report: Report) -> str:
    """A whole page."""
    head = f'<meta charset="utf-8"><title>linearcheck</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{_body(report)}\n</body>\n</html>\n'


def html_fragment(report: Report) -> str:
    """What a notebook shows for a report."""
    return f"<style>{_STYLE}</style>\n{_body(report)}\n"


def _body(report: Report) -> str:
    errors = [f'<p class="error">{error.kind} error: {_prose(error.message)}</p>' for error in report.errors]
    models = [line for model in report.models for line in _model(model, report.sources)]
    return "\n".join(['<div class="linearcheck">', *errors, *models, f"<p><strong>{_prose(closing_line(report))}</strong></p>", "</div>"])


def _model(model: ModelReport, sources: Mapping[str, str]) -> Iterator[str]:
    yield f"<section><h2><code>{_text(model_title(model))}</code></h2>"
    yield from (f"<p>{_prose(sentence)}</p>" for sentence in input_sentences(model))
    layers = [layer for layer in model.layers if layer.name]
    if layers:
        heads = "".join(f"<th>{name}</th>" for name in ("layer", "type", "input", "output", "weight", "bias"))
        yield f'<table><tr>{heads}<th class="number">params</th><th>status</th></tr>'
        yield from map(_layer, layers)
        yield "</table>"
    for diagnostic in model.diagnostics:
        if not diagnostic.suppressed:
            yield from _finding(diagnostic, sources)
    yield "</section>"


def _layer(layer: LayerReport) -> str:
    shapes = list(dict.fromkeys((call.input, call.output) for call in layer.calls)) or [(None, None)]
    into, out = ("<br>".join(_text(shape_or_dash(pair[side])) for pair in shapes) for side in (0, 1))
    cells = [_text(layer.name), _text(layer.type), into, out, shape_or_dash(layer.weight), shape_or_dash(layer.bias)]
    status = f'<td class="{layer.status.replace(" ", "-")}">{layer.status}</td>'
    return f'<tr>{"".join(f"<td>{cell}</td>" for cell in cells)}<td class="number">{layer.params:,}</td>{status}</tr>'


def _finding(diagnostic: Diagnostic, sources: Mapping[str, str]) -> Iterator[str]:
    span = span_or_start(diagnostic)
    word = label(diagnostic)
    yield f'<article><h3><span class="{word}">{word}[{diagnostic.code}]</span> {_prose(diagnostic.message + repetition(diagnostic))}</h3>'
    yield f"<p><code>{_text(place(path_of(diagnostic), span.line, span.column, diagnostic.cell))}</code></p>"
    code = _source(diagnostic, sources)
    if code:
        yield f"<pre>{code}</pre>"
    shapes = got_and_expected(diagnostic)
    if shapes:
        yield f"<p>{_text(shapes)}</p>"
    if diagnostic.explanation:
        yield f"<p>{_prose(diagnostic.explanation)}</p>"
    offered = offers(diagnostic)
    if offered:
        yield f"<ul>{''.join(f'<li>{_prose(offer)}</li>' for offer in offered)}</ul>"
    yield "</article>"


def _source(diagnostic: Diagnostic, sources: Mapping[str, str]) -> str:
    """The faulty line with its stretch marked; the bare snippet where the file's text is not at hand."""
    span = diagnostic.span
    lines = source_lines(sources.get(span.path, "")) if span else []
    if span is None or not 0 < span.line <= len(lines):
        return _text(diagnostic.snippet)
    line = lines[span.line - 1]
    start, end = span.column - 1, span.end_column - 1 if span.end_line == span.line else len(line)
    before, marked, after = (_source_text(piece) for piece in (line[:start], line[start:end], line[end:]))
    return f"{span.line} | {before}<mark>{marked}</mark>{after}"


def _source_text(text: str) -> str:
    return escape("".join("    " if character == "\t" else visible_character(character) for character in text))


def _text(text: str) -> str:
    return escape(visible(text))


def _prose(text: str) -> str:
    """A message with its backticked pieces as code."""
    pieces = _text(text).split("`")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["`".join(pieces[-2:])]
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
