"""What the user's code writes to stdout and stderr: to a temporary file, never into the report."""

from __future__ import annotations

import os
import tempfile
from typing import IO

_KEPT_BYTES = 8_000


def new_output_file() -> IO[bytes]:
    """A file without a name, unbuffered."""
    return tempfile.TemporaryFile(buffering=0)


def text_printed(file: IO[bytes]) -> str:
    """The beginning and the end of what was written."""
    size = os.fstat(file.fileno()).st_size
    if size <= 2 * _KEPT_BYTES:
        return _text(_read(file, 0, size))
    left_out = size - 2 * _KEPT_BYTES
    head, tail = _text(_read(file, 0, _KEPT_BYTES)), _text(_read(file, size - _KEPT_BYTES, _KEPT_BYTES))
    return f"{head}\n… {left_out:,} bytes left out …\n{tail}"


def _read(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length) or b""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
