"""Files that the user's code opens by a relative path, where the check was started in another folder than the script is.

The working directory is tried first, as Python would; where the file is not there, but below the script's folder or the project's root, the
code runs again from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from linearcheck.load.guard import unguarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from linearcheck.load.project import Project

T = TypeVar("T")


def where_its_files_are(function: Callable[[], T], project: Project) -> T:
    """What the function returns, run again in the folder that has the file which it did not find.

    Raises:
        FileNotFoundError: Where no folder of the project has it either.
    """
    try:
        return function()
    except FileNotFoundError as error:
        folder = _folder_with(error.filename, project)
        if folder is None:
            raise
    with _working_in(folder):
        return function()


def _folder_with(filename: object, project: Project) -> Path | None:
    if not isinstance(filename, str) or not filename or os.path.isabs(filename):
        return None
    for folder in dict.fromkeys((project.target.parent, *project.roots, *project.fallbacks)):
        try:
            if (folder / filename).exists() and folder != Path.cwd():
                return folder
        except (OSError, ValueError):
            return None
    return None


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    with unguarded():
        os.chdir(folder)
    try:
        yield
    finally:
        with unguarded():
            os.chdir(before)
