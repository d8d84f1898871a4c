"""Every format is rendered without importing torch: the front of the program never pays for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from linearcheck.report import FORMATS

RENDER = """
import io, sys
from rich.console import Console
from linearcheck.findings import Report
from linearcheck.report import FORMATS, render
from linearcheck.report.table import print_report
{extra}
print_report(Report(), Console(file=io.StringIO()))
for name in FORMATS[1:]:
    render(Report(), name)
sys.exit("torch" in sys.modules)
"""


@pytest.mark.parametrize(("extra", "code"), [("", 0), ("sys.modules['torch'] = None", 1)], ids=["as it is", "the test can fail"])
def test_formats_do_not_import_torch(extra: str, code: int) -> None:
    assert subprocess.run([sys.executable, "-c", RENDER.format(extra=extra)], check=False).returncode == code


def test_every_format_of_the_contract_is_there() -> None:
    assert FORMATS == ("table", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "html")
