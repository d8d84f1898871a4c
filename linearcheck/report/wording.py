"""The words and small forms that several formats share: counts, lists, shapes, places."""

from __future__ import annotations

from collections.abc import Iterable

from linearcheck.findings import Diagnostic, Fix, ModelReport, Severity, SizeText
from linearcheck.sentences import listed as listed
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Span


def counted(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "error"), counted(1200, "error")
    ('1 error', '1,200 errors')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shape_or_dash(shape: Iterable[SizeText] | None) -> str:
    return "-" if shape is None else shape_text(shape)


def got_and_expected(diagnostic: Diagnostic) -> str:
    """Both shapes as one phrase, or "" where the finding has neither."""
    phrases = [
        f"{word} {shape_text(shape)}" for word, shape in (("got", diagnostic.got), ("expected", diagnostic.expected)) if shape is not None
    ]
    return ", ".join(phrases)


def span_or_start(diagnostic: Diagnostic) -> Span:
    """Where the finding stands; the first character of its file where it has no place of its own."""
    return diagnostic.span or Span(diagnostic.path, 1, 1, 1, 1)


def path_of(diagnostic: Diagnostic) -> str:
    return diagnostic.span.path if diagnostic.span else diagnostic.path


def place(path: str, line: int, column: int, cell: int | None = None) -> str:
    """`path:line:column`, for a notebook `path:cell 3:line:column`."""
    return f"{path}:{line}:{column}" if cell is None else f"{path}:cell {cell}:{line}:{column}"


def label(diagnostic: Diagnostic) -> str:
    """What a finding's heading calls it: its severity, or "skipped" where it says why a model was not checked."""
    return "skipped" if is_skip(diagnostic) else diagnostic.severity.value


def is_skip(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic says why something was not checked (LC9xx) instead of what is wrong."""
    return diagnostic.code.startswith("LC9")


def is_level(diagnostic: Diagnostic, severity: Severity) -> bool:
    """Whether a diagnostic counts as a finding of this severity: it is not suppressed and no reason for a skip."""
    return diagnostic.severity == severity and not diagnostic.suppressed and not is_skip(diagnostic)


def model_title(model: ModelReport) -> str:
    return f"{model.path}:{model.name}" if model.name else model.path


def suggestions(diagnostic: Diagnostic) -> tuple[Fix, ...]:
    """What may be done about a finding, best first: its fixes, or else its proposals in words, which nobody has tried."""
    if diagnostic.fixes:
        return diagnostic.fixes
    return tuple(Fix(proposal.kind, proposal.title, proposal.safety, tried=False) for proposal in diagnostic.proposals)


def trial(fix: Fix) -> str:
    """How far a suggestion may be trusted, in a word or two."""
    if not fix.tried:
        return "not tried"
    return f"tried, {fix.safety.value}" if fix.edits else "tried"


def offers(diagnostic: Diagnostic) -> list[str]:
    """Each suggestion on one line, with how far it may be trusted; advice about a skip is never tried, so that goes without saying."""
    return [fix.title if is_skip(diagnostic) else f"{fix.title} [{trial(fix)}]" for fix in suggestions(diagnostic)]


def is_fixable(diagnostic: Diagnostic) -> bool:
    return any(fix.tried and fix.edits for fix in diagnostic.fixes)


def repetition(diagnostic: Diagnostic) -> str:
    """`, and 11 more calls` for a finding that stands for several."""
    return f", and {counted(diagnostic.times - 1, 'more call')}" if diagnostic.times > 1 else ""
