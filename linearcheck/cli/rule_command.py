"""`linearcheck rule CODE` prints a rule's page, `linearcheck rule --all` the catalogue."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.options import UsageError
from linearcheck.cli.rule_pages import catalogue, rule_pages


def rule(
    code: Annotated[str | None, typer.Argument(help="A code such as LC102, or a rule's name.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="List all rules.")] = False,
) -> None:
    """Explain a rule: what it catches, why it matters, and what to do."""
    if every:
        sys.stdout.write(catalogue())
    elif code is None:
        raise UsageError("`linearcheck rule` needs a code such as `LC102`, or `--all`")
    else:
        sys.stdout.write(_page(code))


def _page(code: str) -> str:
    for known in rule_pages(code):
        return known.documentation.strip() + "\n"
    names = {text: known.code for known in rule_pages() for text in (known.code, known.name)}
    nearest = difflib.get_close_matches(code.upper(), names, 1) or difflib.get_close_matches(code.lower(), names, 1)
    advice = f"the nearest is `{nearest[0]}`" if nearest else "`linearcheck rule --all` lists them"
    raise UsageError(f"there is no rule `{code}`; {advice}")


app = app_of(rule)


def run_rule(words: Sequence[str]) -> int:
    """The exit code of `rule` with these arguments."""
    return run_app(app, words, "linearcheck rule")
