"""Files of the user's are replaced whole or not at all. Needs the standard library alone."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


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
