"""Rewrites what the documents show of the program: outputs of commands, example files, and the pages of the rules.

usage: python docs/regenerate.py [--check]

A fenced block after `<!-- output: linearcheck … -->` is what that command prints at 80 columns; after `<!-- file: … -->` it is that
file. `docs/rules/` is made from the rules' docstrings. With `--check` nothing is written, and the exit code is 1 if anything is stale.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "docs" / "rules"
_BLOCK = re.compile(
    r"(?P<mark><!-- (?P<kind>output|file): (?P<what>.+?) -->\n+```\w*\n)(?P<body>.*?)(?P<end>^```$)", re.DOTALL | re.MULTILINE
)


def output_of(command: str) -> str:
    """What a `linearcheck` command prints on standard output, without colour, at 80 columns, in the project's folder."""
    program, *words = shlex.split(command)
    if program != "linearcheck":
        raise SystemExit(f"not a linearcheck command: {command}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FORCE_COLOR", "CI", "GITHUB_"))}
    environment |= {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "linearcheck", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.stderr or done.returncode not in (0, 1):
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def refreshed(text: str) -> str:
    """A document with every marked block made anew."""

    def block(match: re.Match[str]) -> str:
        body = output_of(match["what"]) if match["kind"] == "output" else (ROOT / match["what"]).read_text()
        return f"{match['mark']}{body.rstrip()}\n{match['end']}"

    return _BLOCK.sub(block, text)


def rule_pages() -> dict[Path, str]:
    """The page of every rule, and the list of them all."""
    from linearcheck.rules.registry import RULES as rules

    rows = [f"| [{rule.code}]({rule.code}.md) | `{rule.name}` | {rule.severity.value} | {rule.summary} |" for rule in rules]
    head = "# Rules\n\nMade from the rules' docstrings by `docs/regenerate.py`; `linearcheck rule LC102` prints a page.\n\n"
    pages = {
        RULES / "README.md": head + "| code | name | severity | what it catches |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    }
    return pages | {RULES / f"{rule.code}.md": page(rule.documentation) for rule in rules}


def page(documentation: str) -> str:
    """A rule's docstring as a page of its own: its first line is the title."""
    title, _, rest = documentation.strip().partition("\n")
    return f"# {title}\n{rest.rstrip()}\n"


def documents() -> dict[Path, str]:
    """Every generated or partly generated document, as it should be."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path: refreshed(path.read_text()) for path in paths} | rule_pages()


def main(words: list[str]) -> int:
    stale = {path: text for path, text in documents().items() if not path.exists() or path.read_text() != text}
    orphans = sorted(set(RULES.glob("*.md")) - set(rule_pages()))
    for path in [*stale, *orphans]:
        print(path.relative_to(ROOT).as_posix())
    if words == ["--check"]:
        return int(bool(stale or orphans))
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for path in orphans:
        path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
