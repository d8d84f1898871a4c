"""Nothing that comes from a user's file is obeyed: no markup, no terminal escape, no workflow command, no tag."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from linearcheck.report import render
from linearcheck.report.table import print_report
from linearcheck.report.visible import visible

from .written import REPORTS

_COMMAND = re.compile(r"^::(\w+)(?: ([^:]*))?::(.*)$")


def parse_command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it (actions/runner, `ActionCommand.cs`)."""
    match = _COMMAND.match(line)
    assert match, line
    level, properties, data = match.groups()
    pairs = dict(pair.split("=", 1) for pair in (properties or "").split(","))
    unescaped = {name: _unescape(value).replace("%3A", ":").replace("%2C", ",") for name, value in pairs.items()}
    return level, unescaped, _unescape(data)


def _unescape(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def table(name: str, **options: object) -> str:
    page = io.StringIO()
    print_report(REPORTS[name], Console(file=page, **options), verbose=True)  # type: ignore[arg-type]
    return page.getvalue()


def test_table_shows_escapes_and_markup_as_text() -> None:
    text = table("hostile", width=80, color_system=None)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold red]" in text
    assert r"\x1b[31m\n" in text


def test_colours_of_a_terminal_are_ours_alone() -> None:
    text = table("hostile", width=80, force_terminal=True, color_system="standard", no_color=False)
    assert "\x1b[1;31merror[LC101]\x1b[0m" in text
    assert "\x1b[31m\n" not in text
    assert "\x1b[2J" not in text


def test_no_color_keeps_the_layout() -> None:
    coloured = table("lenet", width=80, force_terminal=True, color_system="standard", no_color=False)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == table("lenet", width=80, color_system=None)


@pytest.mark.parametrize("name", REPORTS)
def test_concise_is_one_printable_line_a_finding(name: str) -> None:
    lines = render(REPORTS[name], "concise").split("\n")
    found = [d for model in REPORTS[name].models for d in model.diagnostics if not d.suppressed]
    assert len(lines) == len(found) + 1
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", REPORTS)
def test_github_commands_parse_back(name: str) -> None:
    report = REPORTS[name]
    found = [d for model in report.models for d in model.diagnostics if not d.suppressed]
    commands = [parse_command(line) for line in render(report, "github").splitlines()]
    assert len(commands) == len(report.errors) + len(found)
    for (level, properties, data), finding in zip(commands[len(report.errors) :], found, strict=True):
        assert level == finding.severity
        assert properties["file"] == (finding.span.path if finding.span else finding.path)
        assert properties["title"].startswith(finding.code)
        assert data.startswith(visible(finding.message))


@given(st.text())
def test_visible_text_is_one_line_and_harmless(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert visible(shown) == shown


@pytest.mark.parametrize("name", REPORTS)
def test_an_ascii_terminal_gets_ascii(name: str) -> None:
    raw = io.BytesIO()
    page = io.TextIOWrapper(raw, encoding="ascii")
    print_report(REPORTS[name], Console(file=page, width=80, color_system=None), verbose=True)
    page.flush()
    assert raw.getvalue().decode("ascii")


def test_a_dumb_terminal_gets_no_drawing_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert table("lenet", width=80, force_terminal=True).isascii()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", [name for name in REPORTS if name != "hostile"])
def test_lines_fit_the_page(name: str, width: int) -> None:
    room = max(width, 36)  # a place such as `--> model.py:16:33` is never cut
    assert [line for line in table(name, width=width, color_system=None).splitlines() if len(line) > room] == []
