"""An explanation as text for a terminal, and as plain data."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from linearcheck import __version__
from linearcheck.explain.explaining import Explanation
from linearcheck.report.visible import visible

SCHEMA = 1
_MOST_WORDS = 300
_UNBROKEN = re.compile(r"\w+(?: [*=x] \w+)+|\([\w*, ]{1,40}\)|\[[-\w, ]{1,40}\]|`[^`]{1,40}`")


def as_text(explanation: Explanation, width: int, *, coloured: bool = False) -> str:
    """The explanation in lines of at most `width` characters."""
    return "".join(f"{line}\n" for line in _lines(explanation, width, coloured))


def _lines(explanation: Explanation, width: int, coloured: bool) -> Iterator[str]:
    def bold(text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if coloured else text

    yield from _wrapped(f"PyTorch says: {_shortened(explanation.message)}", width, "  ")
    if explanation.frame is not None:
        frame = explanation.frame
        where = f", in {frame.function}" if frame.function else ""
        yield visible(f"  --> {frame.path}:{frame.line}{where}")
        if frame.source:
            yield visible(f"        {frame.source}")
    yield ""
    code, name = (explanation.codes[0], rule_name(explanation.codes[0])) if explanation.codes else ("", "")
    head = f"{code} {name}".strip()
    for number, line in enumerate(_wrapped(f"{head}: {explanation.reading.summary}" if head else explanation.reading.summary, width, "  ")):
        yield bold(line) if number == 0 else line
    if explanation.numbers:
        yield ""
        yield from _table(explanation, width)
    if explanation.reading.changes:
        yield ""
        yield bold("what to change")
        for change in explanation.reading.changes:
            yield from _wrapped(f"  - {change}", width, "    ")
    yield ""
    if len(explanation.codes) > 1:
        others = [f"{code} {rule_name(code)}".strip() for code in explanation.codes[1:]]
        yield from _wrapped(f"it may also be {' or '.join(others)}: the message alone does not tell", width, "")
    if explanation.command:
        yield bold("to find it, and everything else that is wrong, without a run:")
        yield f"    {visible(explanation.command)}"
        yield f"`linearcheck rule {code}` says more about this mistake"
    else:
        yield from _wrapped("a check of the model's shapes does not see this", width, "")


def _table(explanation: Explanation, width: int) -> Iterator[str]:
    left = min(max(len(visible(number.text)) for number in explanation.numbers), max(width // 3, 12))
    for number in explanation.numbers:
        meaning = _wrapped(number.meaning, max(width - left - 4, 20), "")
        text = visible(number.text)
        if len(text) > left:
            yield f"  {text}"
            text = ""
        yield f"  {text:<{left}}  {meaning[0]}"
        yield from (f"  {'':<{left}}  {line}" for line in meaning[1:])


def _shortened(message: str) -> str:
    return message if len(message) <= _MOST_WORDS else f"{message[:_MOST_WORDS]}..."


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines in which products and shapes stay whole."""
    whole = _UNBROKEN.sub(lambda match: match[0].replace(" ", "\x00"), visible(text))
    lines = textwrap.wrap(whole, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\x00", " ") for line in lines] or [""]


def rule_name(code: str) -> str:
    """The rule's name, or "" where the catalogue does not have the code."""
    from linearcheck.cli.rule_pages import rule_pages

    return next((page.name for page in rule_pages(code)), "")


def as_object(explanation: Explanation | None, report: Any = None) -> dict[str, Any]:
    """What `--output-format json` prints. `kind` is null for a text without a known message, `findings` where no model was checked."""
    if explanation is None:
        return {"schema": SCHEMA, "linearcheck": __version__, "kind": None, "message": None, "codes": [], "findings": None}
    frame = explanation.frame
    return {
        "schema": SCHEMA,
        "linearcheck": __version__,
        "kind": explanation.kind,
        "message": explanation.message,
        "codes": [{"code": code, "rule": rule_name(code)} for code in explanation.codes],
        "summary": explanation.reading.summary,
        "numbers": [{"text": number.text, "meaning": number.meaning} for number in explanation.numbers],
        "changes": list(explanation.reading.changes),
        "command": explanation.command or None,
        "frame": {"path": frame.path, "line": frame.line, "function": frame.function, "source": frame.source} if frame else None,
        "findings": None if report is None else _findings(explanation, report),
    }


def _findings(explanation: Explanation, report: Any) -> list[dict[str, Any]]:
    from dataclasses import replace

    from linearcheck.explain.matching import fitting
    from linearcheck.report.json_format import report_object

    fit = fitting(explanation, report)
    models = tuple(replace(model, diagnostics=tuple(d for d in model.diagnostics if d in fit)) for model in report.models)
    return [diagnostic for model in report_object(replace(report, models=models))["models"] for diagnostic in model["diagnostics"]]
