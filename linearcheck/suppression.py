"""Findings that the user has silenced: by a comment in the source, or, for models that are not checked, by the configuration.

A silenced finding stays in the report, marked `suppressed`; nothing counts it. An ignore comment that silences nothing is a finding itself.
Imports without torch.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from linearcheck.findings import Diagnostic, ModelReport, Report
from linearcheck.report.wording import is_skip, listed
from linearcheck.source_text import source_lines
from linearcheck.trace.records import Span

MARK = "linearcheck:"

_COMMENT = re.compile(r"#\s*linearcheck:\s*ignore(?P<file>-file)?\b(?P<rest>[^#]*)", re.IGNORECASE)
_CODES = re.compile(r"\s*\[(?P<codes>[^\]]*)\]")
_BARE_CODE = re.compile(r"[\s:=,(\[]*LC\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IgnoreComment:
    """One ignore comment, by where it stands. Without codes it silences everything; `fault` says why it cannot be followed."""

    line: int
    column: int
    end_column: int
    codes: tuple[str, ...] = ()
    whole_file: bool = False
    fault: str = ""

    def silences(self, code: str, first: int, last: int) -> str | None:
        """What of the comment silences a finding on these lines: one of its codes, "" for a comment without codes, None if nothing."""
        if self.fault or not (self.whole_file or first <= self.line <= last):
            return None
        if not self.codes:
            return ""
        return next((prefix for prefix in self.codes if code.startswith(prefix)), None)

    @property
    def text(self) -> str:
        codes = f"[{', '.join(self.codes)}]" if self.codes else ""
        return f"ignore{'-file' if self.whole_file else ''}{codes}"


def ignore_comments(text: str) -> list[IgnoreComment]:
    """The ignore comments of a source text, in order; of a text that is no Python, those before the fault.

    >>> ignore_comments("x = f(x)  # linearcheck: ignore[LC103, lc4]")[0].codes
    ('LC103', 'LC4')
    """
    if MARK not in text.lower():  # most files have none, and finding tokens takes longer than looking for a word
        return []
    comments: list[IgnoreComment] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments += _comments_in(token.string, *token.start)
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass
    return comments


def _comments_in(text: str, line: int, column: int) -> Iterator[IgnoreComment]:
    for match in _COMMENT.finditer(text):
        start, end = column + match.start() + 1, column + len(match.group().rstrip()) + match.start() + 1
        rest = match["rest"]
        codes = _CODES.match(rest)
        whole_file = match["file"] is not None
        if codes is not None:
            listed_codes = tuple(code for part in codes["codes"].split(",") if (code := part.strip().upper()))
            fault = "" if listed_codes else "it names no code between its brackets"
            wrong = [code for code in listed_codes if not re.fullmatch(r"LC\d{1,3}", code)]
            if wrong:
                fault = f"`{wrong[0]}` is not a rule's code"
            yield IgnoreComment(line, start, end, listed_codes, whole_file, fault)
        elif rest.lstrip().startswith("["):
            yield IgnoreComment(line, start, end, (), whole_file, "its bracket is not closed")
        elif _BARE_CODE.match(rest):
            yield IgnoreComment(line, start, end, (), whole_file, "codes stand in brackets: `ignore[LC101]`")
        else:
            yield IgnoreComment(line, start, end, (), whole_file)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run asks of one model: the codes that it reports, and whether its file's comments can be judged by it."""

    is_reported: Callable[[str], bool]
    judges_file: bool = False


def with_suppressions(report: Report, scopes: Iterable[Scope], text_of: Callable[[str], str | None]) -> Report:
    """The report with silenced findings marked, and comments that silence nothing reported.

    A comment counts on the lines of a finding, on those where its layer is built, and, for a layer that one of torch's own containers
    calls, on those of the call. It is judged only where every model of its file was checked for what it could silence.

    Args:
        scopes: One for each model of the report.
        text_of: The text of a file by its path in the report, None where there is none.
    """
    comments = _Comments(report.sources, text_of)
    scopes = tuple(scopes)
    models = [
        _marked(model, scope, comments) if model.diagnostics or model.notes else model
        for model, scope in zip(report.models, scopes, strict=True)
    ]
    sources = dict(report.sources)
    for path, owners in _judged_files(models, scopes).items():
        found = [d for comment in comments.of(path) for d in _verdict(path, comment, comments, [scopes[index] for index in owners])]
        if found:
            sources[path] = comments.text(path)
            first = models[owners[0]]
            status = "findings" if any(not d.suppressed for d in found) else first.status
            models[owners[0]] = replace(first, diagnostics=(*first.diagnostics, *found), status=status)
    return replace(report, models=tuple(models), sources=sources)


def is_silenced(model: ModelReport) -> bool:
    """Whether all that there is to say about a model has been silenced."""
    return bool(model.diagnostics) and all(diagnostic.suppressed for diagnostic in model.diagnostics)


class _Comments:
    """The comments of each file, read when first asked for, and which of them have silenced something, by which of their codes."""

    def __init__(self, sources: Mapping[str, str], text_of: Callable[[str], str | None]) -> None:
        self._sources, self._text_of = sources, text_of
        self._by_path: dict[str, list[IgnoreComment]] = {}
        self.used: set[tuple[str, IgnoreComment, str]] = set()

    def text(self, path: str) -> str:
        text = self._sources.get(path)
        return text if text is not None else self._text_of(path) or ""

    def of(self, path: str) -> list[IgnoreComment]:
        if path not in self._by_path:
            self._by_path[path] = ignore_comments(self.text(path))
        return self._by_path[path]

    def silence(self, code: str, places: Iterable[tuple[str, int, int]]) -> bool:
        """Whether a comment silences the code at one of the places; it is remembered as used."""
        found = False
        for path, first, last in places:
            for comment in self.of(path):
                by = comment.silences(code, first, last)
                if by is not None:
                    self.used.add((path, comment, by))
                    found = True
        return found


def _marked(model: ModelReport, scope: Scope, comments: _Comments) -> ModelReport:
    def marked(diagnostic: Diagnostic) -> Diagnostic:
        hidden = comments.silence(diagnostic.code, _places(diagnostic))
        hidden = hidden or (is_skip(diagnostic) and not scope.is_reported(diagnostic.code))
        return replace(diagnostic, suppressed=True) if hidden else diagnostic

    diagnostics = tuple(map(marked, model.diagnostics))
    notes = tuple(note for note in map(marked, model.notes) if not note.suppressed)
    return with_status(replace(model, diagnostics=diagnostics, notes=notes))


def with_status(model: ModelReport) -> ModelReport:
    """The model with the status "ok" where it was checked and all its findings are silenced."""
    return replace(model, status="ok") if model.status == "findings" and is_silenced(model) else model


def _places(diagnostic: Diagnostic) -> Iterator[tuple[str, int, int]]:
    span, definition = diagnostic.span, diagnostic.definition
    if span is None:
        yield diagnostic.path, 0, 0
        return
    spans: list[Span] = [span]
    if definition is not None:
        spans.append(definition)
        if (definition.path, definition.line) == (span.path, span.line):
            spans += [related.span for related in diagnostic.related]
    for place in spans:
        yield place.path, place.line, max(place.line, place.end_line)


def _judged_files(models: Iterable[ModelReport], scopes: Iterable[Scope]) -> dict[str, list[int]]:
    """Files of which every model was checked, each with the positions of these models."""
    files: dict[str, list[int]] = {}
    spoiled: set[str] = set()
    for index, (model, scope) in enumerate(zip(models, scopes, strict=True)):
        if scope.judges_file and model.status != "skipped":
            files.setdefault(model.path, []).append(index)
        else:
            spoiled.add(model.path)
    return {path: owners for path, owners in files.items() if path not in spoiled}


def _verdict(path: str, comment: IgnoreComment, comments: _Comments, scopes: list[Scope]) -> Iterator[Diagnostic]:
    from linearcheck.rules.lc001_unused_ignore import RULE

    if not all(scope.is_reported(RULE.code) for scope in scopes):
        return
    if comment.fault:
        message = f"the ignore comment silences nothing: {comment.fault}"
    else:
        unused = [code for code in comment.codes or ("",) if (path, comment, code) not in comments.used]
        if not unused or not all(_could_be_reported(code, scope) for code in unused for scope in scopes):
            return
        where = "in this file" if comment.whole_file else "on this line"
        what = f"`{comment.text}`" if len(unused) == max(1, len(comment.codes)) else listed([f"`{code}`" for code in unused])
        message = f"{what} {'silence' if len(unused) > 1 and what.count('`') > 2 else 'silences'} nothing {where}"
    lines = source_lines(comments.text(path))
    yield Diagnostic(
        code=RULE.code,
        rule=RULE.name,
        severity=RULE.severity,
        message=message,
        span=Span(path, comment.line, comment.column, comment.line, comment.end_column),
        path=path,
        explanation="Whoever reads it looks for a mistake that is not there, and it would hide one that comes.",
        snippet=lines[comment.line - 1].strip() if comment.line <= len(lines) else "",
        suppressed=any(other.whole_file and other.silences(RULE.code, 0, 0) == "LC001" for other in comments.of(path)),
    )


def _could_be_reported(code: str, scope: Scope) -> bool:
    """Whether the run looked for what a code of a comment silences; one without codes silences whatever there is."""
    return all(scope.is_reported(known) for known in _codes_under(code))


def _codes_under(prefix: str) -> list[str]:
    from linearcheck.rules.registry import RULES

    return [rule.code for rule in RULES if rule.code.startswith(prefix or "LC") and not rule.code.startswith(("LC0", "LC9"))] or [prefix]
