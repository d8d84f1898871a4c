"""The faulty line of every finding, as it stands in the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from linearcheck.findings import Diagnostic
from linearcheck.source_text import source_lines


def quoted(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The diagnostics with their `snippet`: the line at which each begins, without its indentation.

    Args:
        sources: The text of each file, by the path that spans name.
    """
    lines: dict[str, list[str]] = {}

    def snippet_of(diagnostic: Diagnostic) -> str:
        span = diagnostic.span
        if span is None or span.path not in sources:
            return ""
        if span.path not in lines:
            lines[span.path] = source_lines(sources[span.path])
        here = lines[span.path]
        return here[span.line - 1].strip() if 0 < span.line <= len(here) else ""

    return tuple(replace(each, snippet=each.snippet or snippet_of(each)) for each in diagnostics)
