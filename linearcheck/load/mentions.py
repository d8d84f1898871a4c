"""Whether a file of the project speaks of a name, without the file becoming part of what was loaded."""

from __future__ import annotations

import sys
from pathlib import Path

from linearcheck.load.project import Project
from linearcheck.load.sources import read_source

SEARCH_EVENT = "linearcheck.searches"
"""Audit event of a file that is read for a word alone, with the file and the word; whoever keeps results need not keep its content."""


def mentions(project: Project, path: Path, word: str) -> bool:
    """Whether the word stands anywhere in the file.

    Raises:
        LoadError: LC901, if the file cannot be read.
    """
    known = project.sources.get(path)
    if known is None:
        sys.audit(SEARCH_EVENT, str(path), word)
        known = read_source(path, project.overlay, project.shown(path))
    return word in known.text
