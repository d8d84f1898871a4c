"""The documents say what is so: outputs, rule pages, options and links."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def regenerate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate", ROOT / "docs" / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marked_block(text: str, mark: str) -> str:
    """The fenced block under a mark."""
    return text.split(f"<!-- {mark} -->")[1].split("```")[1].partition("\n")[2].strip()


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_shown_outputs_and_files_are_what_they_are(name: str) -> None:
    text = (ROOT / name).read_text()
    assert regenerate().refreshed(text) == text, "run: python docs/regenerate.py"


def test_rule_pages_are_the_rules_docstrings() -> None:
    pages = regenerate().rule_pages()
    there = {path: path.read_text() for path in (ROOT / "docs" / "rules").glob("*.md")}
    assert there == pages, "run: python docs/regenerate.py"


def test_readme_shows_a_real_report() -> None:
    text = (ROOT / "README.md").read_text()
    shown = marked_block(text, "output: linearcheck docs/examples/lenet_broken.py --input-shape 1,28,28")
    assert shown.splitlines()[-1] == "2 errors in 1 model"
    assert max(map(len, shown.splitlines())) <= 80


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    awk = re.search(r"^command=\$\((awk .*)\)$", script, flags=re.MULTILINE)
    assert awk is not None
    extracted = subprocess.run(["bash", "-c", awk[1]], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    assert extracted == marked_block((ROOT / "README.md").read_text(), "command: test")
    assert extracted.endswith(".venv/bin/pytest")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"(?<!`)\[[^\]\n]+\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def test_options_of_the_usage_page_are_those_of_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "linearcheck", "check", "--help"], capture_output=True, text=True, check=True, env=wide())
    accepted = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", done.stdout)) - {"--help", "--all"}  # `linearcheck rule --all`
    text = (ROOT / "docs" / "usage.md").read_text()
    described = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", text.split("## Options")[1].split("## Exit codes")[0]))
    assert described == accepted


def wide() -> dict[str, str]:
    import os

    return os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}


def test_keys_of_the_configuration_page_are_those_of_the_program() -> None:
    from linearcheck import config

    text = (ROOT / "docs" / "configuration.md").read_text()
    described = {key for row in re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE) for key in re.findall(r"`([\w-]+)`", row)}
    assert described == {*config._GLOBAL, *config._OF_A_MODEL, "target"}


def test_arguments_of_the_api_page_are_those_of_check() -> None:
    import inspect

    import linearcheck

    text = (ROOT / "docs" / "python-api.md").read_text()
    described = {key for row in re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert described == set(inspect.signature(linearcheck.check).parameters) - {"model", "shapes"}
