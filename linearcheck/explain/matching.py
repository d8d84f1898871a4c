"""Which findings of a check speak of the mistake that a message is about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from linearcheck.explain.explaining import Explanation
from linearcheck.findings import Diagnostic, Report

_AT_THE_PLACE = 4
_NUMBERS = 2


def certain(explanation: Explanation, report: Report) -> tuple[Diagnostic, ...]:
    """The findings that fit, if they stand at the message's place, or have its numbers and its code."""
    return tuple(diagnostic for diagnostic in fitting(explanation, report) if _score(explanation, diagnostic) > _NUMBERS)


def fitting(explanation: Explanation, report: Report) -> tuple[Diagnostic, ...]:
    """The findings with the place or the numbers of the message; those with the most in common, in the report's order.

    A place counts more than numbers, for the batch that was tried is another one than the message's. The code alone is no match.
    """
    found = [diagnostic for model in report.models for diagnostic in model.diagnostics if not diagnostic.suppressed]
    scored = [(_score(explanation, diagnostic), diagnostic) for diagnostic in found]
    best = max((score for score, _ in scored), default=0)
    return tuple(diagnostic for score, diagnostic in scored if score == best > 0)


def _score(explanation: Explanation, diagnostic: Diagnostic) -> int:
    place = _AT_THE_PLACE if _is_there(explanation, diagnostic) else 0
    numbers = _common(explanation.reading.sizes, _numbers(diagnostic))
    return place + numbers + (1 if (place or numbers) and diagnostic.code in explanation.codes else 0)


def _is_there(explanation: Explanation, diagnostic: Diagnostic) -> bool:
    """Whether the traceback's line is one of the finding's: the call, or another line that it names."""
    frame = explanation.frame
    if frame is None:
        return False
    name = os.path.basename(frame.path.replace("\\", "/"))
    spans = [diagnostic.span, *(related.span for related in diagnostic.related)]
    return any(
        span is not None and os.path.basename(span.path) == name and span.line <= frame.line <= max(span.end_line, span.line)
        for span in spans
    )


def _common(sizes: Iterable[int], numbers: set[int]) -> int:
    """Something if all numbers that the mistake is about stand in the finding, else 0: one alone is there by chance."""
    wanted = {abs(size) for size in sizes}
    return _NUMBERS if wanted and wanted <= numbers else 0


def _numbers(diagnostic: Diagnostic) -> set[int]:
    shapes = [diagnostic.got or (), diagnostic.expected or (), *(operand.shape for operand in diagnostic.operands)]
    text = " ".join((diagnostic.message, diagnostic.explanation, *(str(size) for shape in shapes for size in shape)))
    return {int(number) for number in re.findall(r"\d+", text)}
