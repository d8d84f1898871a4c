"""The text of a note: the finding as the check shows it, or else what the message alone tells, and the shapes of this run."""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.explain.explaining import Explanation
from linearcheck.explain.showing import rule_name
from linearcheck.live.again import Found
from linearcheck.live.failing import Failure
from linearcheck.report.finding import finding_lines
from linearcheck.report.page import Page
from linearcheck.sizes import shape_text

_WIDTH = 88


def note_text(failure: Failure, found: Found | None) -> str:
    """The note, several lines without colour."""
    page = Page(_WIDTH, "utf-8", ascii_only=True)
    lines = list(_found_lines(page, found, failure.explanation) if found is not None else _message_lines(page, failure))
    lines += [line for text in _here(failure, found) for line in page.wrap(text, indent=4, first=0)]
    return "\n".join(["linearcheck:", *lines])


def _found_lines(page: Page, found: Found, explanation: Explanation) -> Iterator[str]:
    for diagnostic in found.findings[:2]:
        yield from (line.plain.rstrip() for line in finding_lines(page, diagnostic, found.report.sources, verbose=False))
    # A module that is built already does not tell its lines, so that the check has no edits to offer; the message has advice of its own.
    changes = explanation.reading.changes if explanation.codes[:1] == (found.findings[0].code,) else ()
    for change in changes[:2]:
        yield from page.wrap(f"help: {change}", indent=6, first=0)


def _message_lines(page: Page, failure: Failure) -> Iterator[str]:
    explanation = failure.explanation
    code = explanation.codes[0] if explanation.codes else ""
    head = f"{code} {rule_name(code)}: " if code else ""
    yield from page.wrap(f"{head}{explanation.reading.summary}", indent=2, first=0)
    if explanation.frame is not None:
        yield f"  --> {page.clean(explanation.frame.path)}:{explanation.frame.line}"
        if explanation.frame.source:
            yield f"   |  {page.clean(explanation.frame.source)}"
    for number in explanation.numbers:
        yield from page.wrap(f"  {number.text}: {number.meaning}", indent=4)
    for change in explanation.reading.changes:
        yield from page.wrap(f"help: {change}", indent=6, first=0)


def _here(failure: Failure, found: Found | None) -> Iterator[str]:
    """The layer and the tensors as they are in this run."""
    tensors = ", ".join(f"`{tensor.name}` {shape_text(tensor.shape)} {tensor.dtype}" for tensor in failure.tensors)
    who = f"`{failure.layer}` is {failure.layer_text}" if failure.layer else failure.layer_text
    if who or tensors:
        yield "in this run: " + (f"{who} and gets {tensors}" if who and tensors else who or tensors)
    if found is not None and found.batch is not None:
        yield f"N is {found.batch} in this run"
