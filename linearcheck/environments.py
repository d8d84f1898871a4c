"""Which Python runs the user's code where `--python` does not say: that of the active environment, if it has torch.

An environment that merely lies in the repository is named in messages and never run. Needs the standard library alone.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX")
_USUAL_NAMES = (".venv", "venv", "env", ".env")


@functools.cache
def default_interpreter() -> str:
    """The Python of the environment that is active in the shell, so that linearcheck may lie elsewhere; else the one that runs this."""
    for variable in _VARIABLES:
        folder = os.environ.get(variable, "")
        if not folder or not os.path.isabs(folder):
            continue
        if os.path.realpath(folder) == os.path.realpath(sys.prefix):
            return sys.executable
        if (python := _python_in(Path(folder))) is not None and _has_torch(Path(folder)):
            return str(python)
    return sys.executable


def environment_beside(folder: Path) -> str | None:
    """An environment in the folder or above it, up to the root of the repository, as the path of its Python."""
    for place in (folder, *folder.parents):
        for name in _USUAL_NAMES:
            if (place / name / "pyvenv.cfg").is_file() and (python := _python_in(place / name)) is not None:
                return str(python)
        if (place / ".git").exists() or place == Path.home():
            return None
    return None


def _python_in(folder: Path) -> Path | None:
    return next(
        (path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe", folder / "python.exe") if path.is_file()), None
    )


def _has_torch(folder: Path) -> bool:
    patterns = ("lib*/python*/site-packages/torch/__init__.py", "Lib/site-packages/torch/__init__.py")
    try:
        return any(True for pattern in patterns for _ in folder.glob(pattern))
    except OSError:
        return False
