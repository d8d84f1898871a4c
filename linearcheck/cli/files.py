"""Writing a report to a file. Needs the standard library alone."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def write_file(path: str, text: str) -> str:
    """Write a text to a file, its folder made if need be; "" or the reason why that cannot be done."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        return str(getattr(error, "strerror", None) or error)
    return ""


def put_in_place(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then into it in one step, with the mode of what was there.

    Raises:
        OSError: If it cannot be written; what was there is as it was.
    """
    target = path.resolve()  # a link stays one
    umask = os.umask(0)
    os.umask(umask)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # nothing is left behind, also on Ctrl-C
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
