"""Every format of every written report, compared with a checked-in file. `LINEARCHECK_SNAPSHOTS=write` rewrites them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

import linearcheck
from linearcheck.report import FORMATS, render
from linearcheck.report.table import print_report

from .written import REPORTS

SNAPSHOTS = Path(__file__).parent / "snapshots"
TEXT_FORMATS = [name for name in FORMATS if name != "table"]
# Width, and whether details are shown: the usual terminal, a narrow one, a wide one.
PAGES = [(80, False), (46, False), (120, True)]


def compare(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    shown = text.replace(linearcheck.__version__, "<version>")
    if os.environ.get("LINEARCHECK_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(shown.encode())
    assert path.exists(), f"{path.name} is missing: look at the output, then write it with LINEARCHECK_SNAPSHOTS=write"
    assert shown == path.read_bytes().decode()


def as_table(name: str, width: int, **options: bool) -> str:
    page = io.StringIO()
    print_report(REPORTS[name], Console(file=page, width=width, color_system=None, force_terminal=False), **options)
    return page.getvalue()


@pytest.mark.parametrize(("width", "verbose"), PAGES)
@pytest.mark.parametrize("name", REPORTS)
def test_table(name: str, width: int, verbose: bool) -> None:
    compare(f"{name}.table{width}.txt", as_table(name, width, verbose=verbose))


@pytest.mark.parametrize("fmt", TEXT_FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_text_format(name: str, fmt: str) -> None:
    text = render(REPORTS[name], fmt)
    compare(f"{name}.{fmt}.txt", without_catalogue(text) if fmt == "sarif" else text)


def without_catalogue(sarif: str) -> str:
    """The rules' pages have tests of their own, and change with every new rule."""
    log = json.loads(sarif)
    (run,) = log["runs"]
    del run["tool"]["driver"]["rules"]
    for result in run["results"]:
        del result["ruleIndex"]
    return json.dumps(log, indent=2) + "\n"


def test_quiet_table_has_findings_alone() -> None:
    text = as_table("lenet", 80, quiet=True)
    assert text.startswith("error[LC201]")
    assert "2 errors" not in text
    assert as_table("clean", 80, quiet=True) == ""
