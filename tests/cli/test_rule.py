"""`linearcheck rule`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from linearcheck.cli.main import run
from linearcheck.cli.rule_pages import rule_pages
from linearcheck.rules.registry import RULES


@pytest.mark.parametrize("name", ["LC102", "lc102", "unflattened-feature-map"])
def test_page_of_a_rule(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", name]) == 0
    assert capsys.readouterr().out.startswith("LC102 `unflattened-feature-map`")


def test_catalogue_lists_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.name] for rule in RULES]


@pytest.mark.parametrize("arguments", [["LC1O2"], [], ["--al"], ["\x1b[31m"]])
def test_unknown_rule_is_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rule", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "\x1b" not in captured.err


def test_pages_read_from_files_are_those_of_the_rules() -> None:
    read = [(page.code, page.name, page.severity, page.documentation, page.summary) for page in rule_pages()]
    assert read == [(rule.code, rule.name, rule.severity.value, rule.documentation, rule.summary) for rule in RULES]


@pytest.mark.parametrize("words", [["LC102"], ["--all"]])
def test_a_page_needs_no_rule_to_be_imported(words: list[str]) -> None:
    script = (
        "import sys; from linearcheck.cli.main import run; run(['rule', *sys.argv[1:]]);"
        "print(*(name for name in ('typer', 'linearcheck.rules.registry', 'torch') if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == ""
