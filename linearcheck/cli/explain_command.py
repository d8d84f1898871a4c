"""`linearcheck explain`: what an error message or a traceback of PyTorch means."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from linearcheck.cli.failure import report_failure
from linearcheck.explain import Explanation, explain
from linearcheck.explain.showing import as_object, as_text

if TYPE_CHECKING:
    from linearcheck.findings import Report

UNKNOWN = 1
_STDIN = "-"
_MAX_FILE = 16 << 20


def main(words: Sequence[str]) -> int:
    """The exit code of `explain`: 0 if the message is known, 1 if not, 2 if the usage is wrong.

    Only an explanation of the text alone is made without typer, whose import takes longer than all the rest.
    """
    if not any(word.startswith("-") and word != _STDIN for word in words):
        return explain_words(list(words))
    from linearcheck.cli.explain_options import run_explain

    return run_explain(words)


def explain_words(words: list[str], model: str = "", run: Callable[[], Report] | None = None, *, as_json: bool = False) -> int:
    """Explain the message that the words are or name; with `run`, which checks a model, show what it finds of it.

    Raises:
        UsageError: If the model cannot be checked.
    """
    from linearcheck.cli.options import UsageError

    try:
        text = _text(words)
    except UsageError as error:
        return report_failure(("--output-format=json",) if as_json else (), "usage", str(error))
    explanation = explain(text, model)
    report = run() if run is not None and explanation is not None else None
    if as_json:
        import json

        sys.stdout.write(json.dumps(as_object(explanation, report), indent=2) + "\n")
    elif explanation is not None:
        sys.stdout.write(as_text(explanation, _width(), coloured=_is_coloured()))
        if report is not None:
            _show_findings(explanation, report)
    if explanation is None:
        print(_UNKNOWN, file=sys.stderr)
        return UNKNOWN
    return 0


_UNKNOWN = (
    "no message about shapes or dtypes that is known stands in the text; paste the last line of the error, or the whole traceback. "
    "`linearcheck model.py` checks the model without a message"
)


def _text(words: list[str]) -> str:
    """The message: the words themselves, the file that they name, or standard input.

    Raises:
        UsageError: If there is none.
    """
    from linearcheck.cli.options import UsageError

    if words and words != [_STDIN]:
        text = " ".join(words)
        if len(words) == 1 and "\n" not in text and len(text) < 1024 and os.path.isfile(text):
            with open(text, encoding="utf-8", errors="replace") as file:
                return file.read(_MAX_FILE)
        return text
    if not words and sys.stdin.isatty():
        raise UsageError("`linearcheck explain` needs a message: as an argument, as a file, or on standard input")
    text = sys.stdin.buffer.read(_MAX_FILE).decode("utf-8", "replace") if hasattr(sys.stdin, "buffer") else sys.stdin.read()
    if not text.strip():
        raise UsageError("`linearcheck explain` got no message: standard input is empty")
    return text


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size((80, 24)).columns, 120)


def _is_coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _show_findings(explanation: Explanation, report: Report) -> None:
    """The findings that fit, as the table format shows them; or that there are none."""
    from rich.console import Console

    from linearcheck.explain.matching import fitting
    from linearcheck.report.finding import finding_lines
    from linearcheck.report.page import Page
    from linearcheck.report.summary import closing_line

    found = fitting(explanation, report)
    console = Console(file=sys.stdout)
    page = Page.of(console)
    with console.capture() as captured:
        head = "the check finds it:" if found else f"the check finds nothing of it: {closing_line(report)}"
        for line in page.wrap(head):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        for diagnostic in found:
            console.print()
            for styled in finding_lines(page, diagnostic, report.sources, verbose=False):
                console.print(styled, markup=False, highlight=False, soft_wrap=True)
    sys.stdout.write(f"\n{captured.get()}")
