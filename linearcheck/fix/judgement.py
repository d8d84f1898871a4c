"""Whether a trial went well: which findings are gone, which are new, and whether the output still knows its batch.

Findings of two traces are matched by where they stand. Edits move lines and columns, and a module put into a Sequential renames its
neighbours (`net.3` becomes `net.4`), so places are carried back to the original text and counted there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from linearcheck.findings import Diagnostic, Edit, Severity, SizeText
from linearcheck.fix.text import apply_edits, line_end_of, offset_of, position_of
from linearcheck.sizes import BATCH, N, NamedSize
from linearcheck.trace.records import Layer

Place = tuple[str, int, int, int, int]
"""Where a finding stands, with its end: in `gamma * x + beta` the sum and the product begin at one place."""
PlaceOf = Callable[[Diagnostic], Place]


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What a trace of the edited sources showed. `loaded` is False where the model could not be built or traced at all.

    `outputs` are the shapes of what the model returns, with names for sizes. `layers` help to repair what the edits bring to light.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    outputs: tuple[tuple[SizeText, ...], ...] = ()
    loaded: bool = True
    layers: tuple[Layer, ...] = ()


class Verdict(Enum):
    CLEAN = "the finding is gone and nothing new appeared"
    DOUBTFUL = "the finding is gone, but a warning appeared"
    CONSEQUENCE = "the finding is gone, but an error appeared"
    FAILED = "the finding is still there, or the model is worse off"


def place_in(sources: Mapping[str, str], edits: Sequence[Edit]) -> PlaceOf:
    """A function from findings in the edited text to their place in the original text."""
    maps = {path: _offsets(sources[path], [e for e in edits if e.path == path]) for path in {edit.path for edit in edits}}

    def place(finding: Diagnostic) -> Place:
        span = finding.span
        if span is None:
            return finding.path, 0, 0, 0, 0
        if span.path not in maps:
            return span.path, span.line, span.column, span.end_line, span.end_column
        back = maps[span.path]
        return (span.path, *back(span.line, span.column), *back(span.end_line, span.end_column))

    return place


def _offsets(text: str, edits: Sequence[Edit]) -> Callable[[int, int], tuple[int, int]]:
    edited = apply_edits(text, edits)
    starts: list[int] = []
    blocks: list[tuple[int, int, int]] = []
    shift = 0
    growth = len(line_end_of(text)) - 1
    for edit in sorted(edits, key=lambda e: e.start):
        start, end = offset_of(text, edit.start), offset_of(text, edit.end)
        length = len(edit.text) + growth * edit.text.count("\n")
        starts.append(start + shift)
        blocks.append((start, end, start + shift + length))
        shift += length - (end - start)

    def back(line: int, column: int) -> tuple[int, int]:
        try:
            offset = offset_of(edited, (line, column))
        except ValueError:
            return line, column
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return position_of(text, offset)
        start, end, after = blocks[index]
        if offset < after:
            # An insertion moves what stood at its place behind it, and what it inserted is new there.
            return position_of(text, start)
        return position_of(text, end + offset - after)

    return back


def counts(findings: Iterable[Diagnostic], place: PlaceOf, severity: Severity) -> Counter[Place]:
    return Counter(place(finding) for finding in findings if finding.severity == severity and not finding.suppressed)


def is_gone(
    finding: Diagnostic, before: Sequence[Diagnostic], after: Sequence[Diagnostic], before_place: PlaceOf, after_place: PlaceOf
) -> bool:
    """Whether nothing stands any more where the finding stood, be it under another code."""
    place = before_place(finding)
    standing = [f for f in before if before_place(f) == place and not f.suppressed]
    left = [f for f in after if after_place(f) == place and not f.suppressed]
    return len(left) < len(standing) and all(
        f.layer != finding.layer or f.code not in (finding.code, *_same_mistake(standing)) for f in left
    )


def _same_mistake(findings: Sequence[Diagnostic]) -> set[str]:
    return {finding.code for finding in findings} if len(findings) == 1 else set()


def judge(
    finding: Diagnostic, before: TrialOutcome, before_place: PlaceOf, after: TrialOutcome, after_place: PlaceOf
) -> tuple[Verdict, tuple[Diagnostic, ...]]:
    """How a trial went for one finding, and the errors that appeared."""
    if not after.loaded or not keeps_batch(before.outputs, after.outputs):
        return Verdict.FAILED, ()
    if not is_gone(finding, before.diagnostics, after.diagnostics, before_place, after_place):
        return Verdict.FAILED, ()
    errors = new_findings(before, before_place, after, after_place, Severity.ERROR)
    if errors:
        return (Verdict.FAILED if any(f.code.startswith("LC9") for f in errors) else Verdict.CONSEQUENCE), errors
    warnings = new_findings(before, before_place, after, after_place, Severity.WARNING)
    return (Verdict.DOUBTFUL if warnings else Verdict.CLEAN), ()


def new_findings(
    before: TrialOutcome, before_place: PlaceOf, after: TrialOutcome, after_place: PlaceOf, severity: Severity
) -> tuple[Diagnostic, ...]:
    had = counts(before.diagnostics, before_place, severity)
    new: list[Diagnostic] = []
    for finding in after.diagnostics:
        if finding.severity != severity or finding.suppressed:
            continue
        place = after_place(finding)
        if had[place]:
            had[place] -= 1
        else:
            new.append(finding)
    return tuple(new)


def keeps_batch(before: Sequence[Sequence[SizeText]], after: Sequence[Sequence[SizeText]]) -> bool:
    """Whether every output that has the batch as an axis still has it there: `(N, 10)` may become `(N, 5)`, not `(10,)`.

    A scalar loss or a head of `(T*N, V)` has nothing to keep.
    """
    if before and not after:
        return False
    for old, new in zip(before, after, strict=False):
        axes = [axis for axis, size in enumerate(old) if str(size) == BATCH]
        if axes and axes[0] == 0 and (not new or str(new[0]) != BATCH):
            return False
        if axes and not any(str(size) == BATCH for size in new):
            return False
    return True


SILENT = frozenset({f"LC{n}" for n in (103, 105, 204, 305, 402, 406, 407, 408, 410, 411, 412, 416, 501, 502, 503, 504)})
"""Codes of mistakes that PyTorch runs without a word: their repair may well change the output."""


TAKES_FEATURES = frozenset({"LC104", "LC202", "LC302", "LC304"})
"""Mistakes where the features that a layer takes stand on another axis."""


def doubts(finding: Diagnostic, before: TrialOutcome, after: TrialOutcome, kind: str = "") -> int:
    """What speaks against a repair after which all is clean, in points: 2 for rows that are not samples, 1 for an output of another shape.

    Heads of `(T*N, V)` fold the batch on purpose, and some models are to return something else; another repair that keeps both is likelier.
    """
    folded = 2 if _folds_batch(after.outputs) else 0
    # What comes out of a layer that got its axes in the wrong order, or of a view with wrong sizes, says nothing about these axes.
    moves = kind == "permute" and finding.code in TAKES_FEATURES
    known = 2 if kind == "view_keep_batch" and finding.code == "LC401" else 1 if moves else None
    pairs = ((old[:known], new[:known]) for old, new in zip(before.outputs, after.outputs, strict=False))
    changed = finding.code not in SILENT and any(_differ(old, new) for old, new in pairs)
    return folded + changed


def _folds_batch(outputs: Sequence[Sequence[SizeText]]) -> bool:
    first = outputs[0][0] if outputs and outputs[0] else None
    return isinstance(first, NamedSize) and BATCH in first.names and first != N


def _differ(old: Sequence[SizeText], new: Sequence[SizeText]) -> bool:
    return len(old) != len(new) or any(a != b for a, b in zip(old, new, strict=True) if isinstance(a, int) and isinstance(b, int))
