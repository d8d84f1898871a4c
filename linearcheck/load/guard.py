"""While statements of the user's module level run, nothing outside may change: an audit hook refuses what would.

`effects.py` leaves out what it can see in the source. What it cannot see (a file written three calls down) ends here, before it
happens, with `OutsideEffect`. Reading is allowed. An audit hook cannot be removed, so there is one, which does nothing outside `guarded()`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from linearcheck.load.signals import OutsideEffect

_EFFECTS = {
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"), "uses the network"),
    **dict.fromkeys(
        ("socket.gethostbyname", "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect"), "uses the network"
    ),
    **dict.fromkeys(
        ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"), "starts a process"
    ),
    **dict.fromkeys(("pty.spawn", "os.startfile", "webbrowser.open", "os.kill", "os.killpg"), "starts or ends a process"),
    **dict.fromkeys(("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod"), "writes files"),
    **dict.fromkeys(("os.chown", "os.utime", "os.setxattr", "os.removexattr", "tempfile.mkstemp", "tempfile.mkdtemp"), "writes files"),
    **dict.fromkeys(("shutil.copyfile", "shutil.move", "shutil.rmtree", "shutil.make_archive", "shutil.unpack_archive"), "writes files"),
    "time.sleep": "sleeps",
    "sqlite3.connect": "opens a database",
    "os.chdir": "changes the working directory",
}
_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _State(threading.local):
    depth = 0
    suspended = 0


_state = _State()
_installed = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _state.depth or _state.suspended:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags and flags & _WRITING_FLAGS)
        if writes and not _is_cache_or_null(path):
            raise OutsideEffect("writes a file")
    elif (what := _EFFECTS.get(event)) is not None:
        raise OutsideEffect(what)


def _is_cache_or_null(path: object) -> bool:
    """Byte code that Python itself keeps for installed packages, and the null device."""
    return isinstance(path, str | bytes) and ("__pycache__" in os.fsdecode(path) or os.fsdecode(path) == os.devnull)


@contextmanager
def guarded() -> Iterator[None]:
    """While this is open, acting on the outside raises `OutsideEffect` in this thread."""
    global _installed
    if not _installed:
        sys.addaudithook(_audit)
        _installed = True
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1


@contextmanager
def unguarded() -> Iterator[None]:
    """For what an installed package does while it is imported, and for building the model: not ours to forbid."""
    _state.suspended += 1
    try:
        yield
    finally:
        _state.suspended -= 1
