"""One module per format, each a pure function of the `Report`. Nothing here computes a finding or opens a file."""

from __future__ import annotations

from importlib import import_module

from linearcheck.findings import Report

# By name, so that a run pays for the import of the one format that it prints.
_MODULES = {
    "concise": "concise",
    "json": "json_format",
    "sarif": "sarif",
    "github": "github",
    "gitlab": "gitlab",
    "junit": "junit",
    "markdown": "markdown",
    "html": "html_format",
}

FORMATS = ("table", *_MODULES)


def render(report: Report, fmt: str) -> str:
    """The report as text in one of the formats other than `table`, which `report.table.print_report` writes to a console.

    Raises:
        ValueError: If there is no such format.
    """
    if fmt not in _MODULES:
        raise ValueError(f"no such output format: {fmt!r} (there are {', '.join(_MODULES)})")
    renderer = getattr(import_module(f"linearcheck.report.{_MODULES[fmt]}"), f"render_{fmt}")
    text: str = renderer(report)
    return text
