"""Results that are kept from one run to the next, in a folder of the user's. Needs the standard library alone.

An entry is a file of JSON under a digest of its own, written whole or not at all. Whatever is wrong with the folder or an entry, the worst
that comes of it is that the work is done again.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

from linearcheck.dependencies import digest

FOLDER_VARIABLE = "LINEARCHECK_CACHE_DIR"

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_FORMAT = "1"
_LIBRARIES = ("rich-", "typer-", "click-", "pathspec-", "pygments-", "markdown_it_py-")
_KEPT_SECONDS = 30 * 24 * 3600
_LEFT_OVER_SECONDS = 3600
_DAY_SECONDS = 24 * 3600
_MAX_BYTES = 256 << 20
_MAX_ENTRY_BYTES = 32 << 20
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds results of linearcheck and may be deleted.\n"
"""What tells backup programs to leave the folder out (https://bford.info/cachedir/)."""


def cache_folder() -> Path:
    """The folder for results: what the variable names, or the platform's folder for caches.

    Raises:
        RuntimeError: If the user has no home.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    if sys.platform.startswith("linux"):  # as platformdirs, which takes longer to import than all of the rest
        base = os.environ.get("XDG_CACHE_HOME", "")
        return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "linearcheck"
    import platformdirs

    return Path(platformdirs.user_cache_dir("linearcheck", appauthor=False))


def own_digest(package: str = _PACKAGE) -> str:
    """A digest of linearcheck's own source, and of the versions of Python and of what it shows and changes code with."""
    parts: list[str | bytes] = [_FORMAT, sys.version, sys.platform]
    for folder, folders, names in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as file:
                    parts += [os.path.relpath(os.path.join(folder, name), package), file.read()]
    for entry in sys.path:
        if os.path.basename(entry) in ("site-packages", "dist-packages") and os.path.isdir(entry):
            parts += sorted(name for name in os.listdir(entry) if name.startswith(_LIBRARIES) and name.endswith(".dist-info"))
    return digest(*parts)


class Cache:
    """Entries by their keys. Where there is no folder, or none to be trusted, it is always empty."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if folder is not None and _is_trusted(folder) else None

    def get(self, key: str) -> Any:
        """What was put under the key; None where that is nothing, or damaged."""
        if self._folder is None:
            return None
        path = self._path(key)
        try:
            data = path.read_bytes()
            checksum, _, payload = data.partition(b"\n")
            if checksum.decode("ascii") != digest(payload):
                return None
            if time.time() - path.stat().st_mtime > _DAY_SECONDS:
                os.utime(path)  # in use, so not to be cleared away
            return json.loads(payload)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, key: str, value: Any) -> bool:
        """Keep a value that JSON can hold; False where that was not possible."""
        if self._folder is None:
            return False
        path = self._path(key)
        try:
            payload = json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")
            if len(payload) > _MAX_ENTRY_BYTES:
                return False
            if not path.parent.is_dir():
                self._make_folder(path.parent)
            _write_whole(path, digest(payload).encode("ascii") + b"\n" + payload)
        except (OSError, ValueError, RecursionError):
            return False
        return True

    def clear_away(self) -> None:
        """Once a day, remove what has not been used for a month, and the oldest where there is too much."""
        if self._folder is None:
            return
        mark = self._folder / "cleared"
        try:
            if mark.exists() and time.time() - mark.stat().st_mtime < _DAY_SECONDS:
                return
            mark.write_bytes(b"")
            self._remove_old()
        except OSError:
            return

    def _remove_old(self) -> None:
        assert self._folder is not None
        now, total = time.time(), 0
        for path in sorted(self._folder.glob("??/*"), key=_last_use, reverse=True):
            age = now - _last_use(path)
            total += path.stat().st_size
            if age > (_KEPT_SECONDS if path.suffix == ".json" else _LEFT_OVER_SECONDS) or total > _MAX_BYTES:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / f"{key[2:]}.json"

    def _make_folder(self, folder: Path) -> None:
        assert self._folder is not None
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / "CACHEDIR.TAG").write_text(_TAG)
        folder.mkdir(mode=0o700, exist_ok=True)


def user_cache() -> Cache:
    """The cache of the user who runs this."""
    try:
        return Cache(cache_folder())
    except (RuntimeError, OSError, ImportError):
        return Cache(None)


def _is_trusted(folder: Path) -> bool:
    """Whether nobody else can have put results there: one that does not exist yet, or the user's own that is not open to all."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    if not hasattr(os, "geteuid"):
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & stat.S_IWOTH


def _write_whole(path: Path, data: bytes) -> None:
    """Another process that reads sees the old entry or the new one, never a part."""
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.{time.monotonic_ns()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
