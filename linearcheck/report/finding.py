"""One finding in the manner of rustc: heading, place, underlined source, where the sizes come from, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from linearcheck.findings import Diagnostic, Fix
from linearcheck.report.excerpt import GUTTER, Mark, changed_lines, margin_for, marked_snippet, marked_source, numbered
from linearcheck.report.page import Page
from linearcheck.report.wording import got_and_expected, label, offers, path_of, place, repetition, span_or_start, suggestions
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Span

_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan", "skipped": "bold yellow"}
_MOST_SUGGESTIONS = 3
_MOST_CHANGED_LINES = 8


def finding_lines(page: Page, diagnostic: Diagnostic, sources: Mapping[str, str], *, verbose: bool) -> Iterator[Text]:
    """The finding as lines of text, ready to print."""
    style = _STYLES[label(diagnostic)]
    margin = _margin(diagnostic)
    yield from _heading(page, diagnostic, style)
    if diagnostic.span or diagnostic.path:
        yield from _source(page, margin, diagnostic, sources, style)
    yield from _notes(page, margin, diagnostic)
    yield from _help(page, margin, diagnostic, sources, verbose=verbose)


def _margin(diagnostic: Diagnostic) -> int:
    spans = [span_or_start(diagnostic), *(other.span for other in diagnostic.related)]
    if diagnostic.definition:
        spans.append(diagnostic.definition)
    edited = [edit.end[0] + edit.text.count("\n") for fix in diagnostic.fixes for edit in fix.edits]
    return margin_for([*(span.end_line for span in spans), *edited])


def _heading(page: Page, diagnostic: Diagnostic, style: str) -> Iterator[Text]:
    word = f"{label(diagnostic)}[{diagnostic.code}]"
    first, *rest = page.wrap(diagnostic.message + repetition(diagnostic), indent=2, first=len(word) + 2)
    suppressed = Text(" (suppressed)", style="dim") if diagnostic.suppressed else ""
    yield Text.assemble((word, style), (f": {first}", "bold"), suppressed if not rest else "")
    for line in rest:
        yield Text(f"  {line}", style="bold")


def _source(page: Page, margin: int, diagnostic: Diagnostic, sources: Mapping[str, str], style: str) -> Iterator[Text]:
    span = span_or_start(diagnostic)
    where = place(path_of(diagnostic), span.line, span.column, diagnostic.cell) if diagnostic.span else path_of(diagnostic)
    yield Text.assemble((f"{'':>{margin}}-->", GUTTER), f" {page.clean(where)}")
    if diagnostic.span is None:
        return
    excerpt = marked_source(page, margin, sources, Mark(span, "^", got_and_expected(diagnostic), style))
    if not excerpt and diagnostic.snippet:
        excerpt = marked_snippet(page, margin, span.line, diagnostic.snippet)
    if not excerpt:
        return
    yield numbered(page, margin, None)
    yield from excerpt
    shown_path = span.path
    for other, message in _related(diagnostic):
        mark = Mark(other, "-", message, GUTTER)
        lines = marked_source(page, margin, sources, mark)
        if not lines:
            continue
        if other.path != shown_path:
            where = place(other.path, other.line, other.column)
            yield Text.assemble((f"{'':>{margin}}:::", GUTTER), f" {page.clean(where)}")
            shown_path = other.path
        else:
            yield Text("...", style=GUTTER)
        yield from lines


def _related(diagnostic: Diagnostic) -> Iterator[tuple[Span, str]]:
    """Other places to show, each once: the finding's own list, and the definition where the list leaves it out."""
    shown = {_start(span_or_start(diagnostic))}
    related = [(other.span, other.message) for other in diagnostic.related]
    if diagnostic.definition and diagnostic.layer:
        related.append((diagnostic.definition, f"`{diagnostic.layer}` is built here"))
    for span, message in related:
        if _start(span) not in shown:
            shown.add(_start(span))
            yield span, message


def _start(span: Span) -> tuple[str, int, int]:
    return span.path, span.line, span.column


def _notes(page: Page, margin: int, diagnostic: Diagnostic) -> Iterator[Text]:
    """Operands where there are several, then the explanation, behind `=`."""
    notes = []
    if len(diagnostic.operands) > 1:
        for operand in diagnostic.operands:
            came = f", from {operand.origin.message} at {operand.origin.span.path}:{operand.origin.span.line}" if operand.origin else ""
            notes.append(f"{operand.name}: {shape_text(operand.shape)} {operand.dtype}{came}")
    if diagnostic.explanation:
        notes.append(diagnostic.explanation)
    if notes:
        yield numbered(page, margin, None)
    for note in notes:
        for number, line in enumerate(page.wrap(note, indent=margin + 3)):
            yield numbered(page, margin, None, line, sign="=" if number == 0 else " ")


def _help(page: Page, margin: int, diagnostic: Diagnostic, sources: Mapping[str, str], *, verbose: bool) -> Iterator[Text]:
    offered = list(zip(offers(diagnostic), suggestions(diagnostic), strict=True))
    shown = offered if verbose else offered[:_MOST_SUGGESTIONS]
    for title, fix in shown:
        yield from _suggestion(page, margin, title, fix, sources, verbose=verbose)
    if len(offered) > len(shown):
        yield Text(f"{page.ellipsis} {len(offered) - len(shown)} more with --verbose", style="dim")


def _suggestion(page: Page, margin: int, title: str, fix: Fix, sources: Mapping[str, str], *, verbose: bool) -> Iterator[Text]:
    first, *rest = page.wrap(title, indent=6)
    yield Text.assemble(("help", "bold cyan"), f": {first}")
    for line in rest:
        yield Text(f"      {line}")
    changed = changed_lines(page, margin, sources, fix.edits)
    most = len(changed) if verbose else _MOST_CHANGED_LINES
    yield from changed[:most]
    if len(changed) > most:
        yield numbered(page, margin, None, Text(f"{page.ellipsis} {len(changed) - most} more changed lines with --verbose", style="dim"))
