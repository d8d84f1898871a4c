"""Pages of rules, read from their files: importing all rules and typer to print one page takes longer than reading it ten times."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "rules")
_FILE = re.compile(r"(lc\d{3})_(\w+)\.py")
_RULE = re.compile(r'^RULE = Rule\(\s*"(?P<code>LC\d{3})",\s*"(?P<name>[\w-]+)",\s*Severity\.(?P<severity>\w+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RulePage:
    code: str
    name: str
    severity: str
    documentation: str

    @property
    def summary(self) -> str:
        return self.documentation.strip().partition("\n")[0].partition(": ")[2]


def rule_pages(wanted: str | None = None) -> Iterator[RulePage]:
    """The rules in order of code; only the one of this code or name where one is wanted."""
    for entry in sorted(os.listdir(_FOLDER)):
        match = _FILE.fullmatch(entry)
        if match is None or (wanted is not None and wanted.lower() not in (match[1], match[2].replace("_", "-"))):
            continue
        with open(os.path.join(_FOLDER, entry), encoding="utf-8") as file:
            text = file.read()
        rule = _RULE.search(text)
        if rule is not None:
            yield RulePage(rule["code"], rule["name"], rule["severity"].lower(), _docstring(text))


def _docstring(text: str) -> str:
    """The first string of a module, without parsing the rest."""
    end = text.index('"""', 3) + 3
    return str(ast.literal_eval(text[:end]))


def catalogue() -> str:
    """A line for each rule."""
    pages = list(rule_pages())
    width = max((len(page.name) for page in pages), default=0)
    return "".join(f"{page.code}  {page.name:<{width}}  {page.severity:<7}  {page.summary}\n" for page in pages)


def page_or_catalogue(words: Sequence[str]) -> str | None:
    """What `linearcheck rule` prints for these words; None where they need to be read properly."""
    if list(words) == ["--all"]:
        return catalogue()
    pages = list(rule_pages(words[0])) if len(words) == 1 else []
    return pages[0].documentation.strip() + "\n" if pages else None
