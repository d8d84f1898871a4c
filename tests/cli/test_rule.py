"""`linearcheck rule`."""

from __future__ import annotations

import pytest

from linearcheck.cli.main import run
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
