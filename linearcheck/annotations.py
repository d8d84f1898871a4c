"""Shapes as comments in the source: `x = self.fc1(x)  # lc: (N, 120)`. Texts go in and edits come out; writing is somebody else's."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from linearcheck.findings import CallShapes, Diagnostic, Edit, ModelReport, SizeText
from linearcheck.report.wording import got_and_expected, is_skip
from linearcheck.sizes import shape_text
from linearcheck.source_text import LINE_END

MARK = "# lc:"
_OURS = re.compile(r"[ \t]*# lc:.*$")
_MOST_WAYS = 3
_MOST_TENSORS = 4


@dataclass(frozen=True, slots=True)
class _LogicalLine:
    """One statement, or the head of a compound one: its first and last line, and where code ends and a comment may begin on the last."""

    first: int
    last: int
    code_end: int


def annotation_edits(path: str, text: str, models: Sequence[ModelReport]) -> tuple[Edit, ...]:
    """The edits that put the shapes of the models' calls behind the lines of a file, in place of those that stand there already.

    Args:
        path: The file as the models' places name it.
        models: Those of the file; without any, comments of ours are only taken away.

    Raises:
        ValueError: If the text is not Python.
    """
    lines = LINE_END.split(text)
    edits: list[Edit] = []
    for logical in _logical_lines(text):
        line = lines[logical.last - 1]
        rest = line[logical.code_end :]
        kept = _OURS.sub("", rest).rstrip() if MARK in rest else rest.rstrip()
        comment = _comment(path, logical, models)
        new = f"{kept}  {comment}" if comment else kept if MARK in rest else rest
        if new != rest:
            edits.append(Edit(path, (logical.last, logical.code_end + 1), (logical.last, len(line) + 1), new))
    return tuple(edits)


def _logical_lines(text: str) -> Iterator[_LogicalLine]:
    first = last = code_end = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type == tokenize.NEWLINE:
                if first:
                    yield _LogicalLine(first, last, code_end)
                first = 0
            elif token.type not in _NO_CODE:
                first = first or token.start[0]
                last, code_end = token.end
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"not valid Python: {error.args[0]}") from None


_NO_CODE = frozenset((tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER))


def _comment(path: str, logical: _LogicalLine, models: Sequence[ModelReport]) -> str:
    """What stands behind one logical line: what is wrong there, else what it makes; "" for a line without a call."""
    wrong = dict.fromkeys(text for model in models for text in _findings(path, logical, model.diagnostics))
    if wrong:
        return f"{MARK} {'; '.join(wrong)}"
    ways = dict.fromkeys(text for model in models for text in _ways(path, logical, model.calls))
    shown = [*ways][:_MOST_WAYS] + (["..."] if len(ways) > _MOST_WAYS else [])
    return f"{MARK} {' | '.join(shown)}" if shown else ""


def _findings(path: str, logical: _LogicalLine, diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    for diagnostic in diagnostics:
        span = diagnostic.span
        if span is not None and span.path == path and logical.first <= span.line <= logical.last and not is_skip(diagnostic):
            yield f"{diagnostic.code} {got_and_expected(diagnostic)}".rstrip()


def _ways(path: str, logical: _LogicalLine, calls: Iterable[CallShapes]) -> Iterator[str]:
    """The shapes that the line's outermost calls return, once for each way in which they do."""
    here = [call for call in calls if call.span.path == path and logical.first <= call.span.line <= logical.last]
    outermost = [call for call in here if not any(other is not call and _holds(other, call) for other in here)]
    for way in range(max((len(call.outputs) for call in outermost), default=0)):
        tensors = [shape for call in outermost for shape in call.outputs[min(way, len(call.outputs) - 1)]]
        texts = [_shape(shape) for shape in tensors[:_MOST_TENSORS]] + (["..."] if len(tensors) > _MOST_TENSORS else [])
        if texts:
            yield ", ".join(texts)


def _holds(outer: CallShapes, inner: CallShapes) -> bool:
    a, b = outer.span, inner.span
    return (a.line, a.column) <= (b.line, b.column) and (b.end_line, b.end_column) <= (a.end_line, a.end_column) and a != b


def _shape(shape: tuple[SizeText, ...]) -> str:
    return shape_text(shape) if shape else "scalar"
