"""One module per format, each a pure function of the `Report`. Nothing here computes a finding or opens a file."""

from __future__ import annotations

from collections.abc import Callable

from linearcheck.findings import Report
from linearcheck.report.concise import render_concise
from linearcheck.report.github import render_github
from linearcheck.report.json_format import render_json

_RENDERERS: dict[str, Callable[[Report], str]] = {
    "concise": render_concise,
    "json": render_json,
    "github": render_github,
}

FORMATS = ("table", *_RENDERERS)


def render(report: Report, fmt: str) -> str:
    """The report as text in one of the formats other than `table`, which `report.table.print_report` writes to a console.

    Raises:
        ValueError: If there is no such format.
    """
    renderer = _RENDERERS.get(fmt)
    if renderer is None:
        raise ValueError(f"no such output format: {fmt!r} (there are {', '.join(_RENDERERS)})")
    return renderer(report)
