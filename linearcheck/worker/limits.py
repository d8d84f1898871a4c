"""How much memory and disk the user's code may take, and how to tell that it asked for more."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
from pathlib import Path

from linearcheck.exception_text import text_of

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

MEMORY_SHARE = 0.75
_FREE_SHARE = 0.9
_LEAST_BYTES = 2 << 30
_FILE_LIMIT_BYTES = 1 << 30
_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_TEXTS = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "std::bad_alloc", "DefaultCPUAllocator: can't allocate")


def default_memory_limit() -> int | None:
    """Bytes that a model may take: three quarters of the machine's memory, or of the container's, and not more than is free now.

    Past what is free the system would end processes to make room, and not always the right ones. None where nothing is known.
    """
    amounts = [amount for amount in (_machine_bytes(), *map(_cgroup_bytes, _CGROUP_FILES)) if amount]
    if not amounts:
        return None
    share = int(min(amounts) * MEMORY_SHARE)
    free = _free_bytes()
    return share if free is None else min(share, max(int(free * _FREE_SHARE), _LEAST_BYTES))


def _free_bytes() -> int | None:
    """What can be had without taking it from another process. Linux alone says so."""
    try:
        text = Path("/proc/meminfo").read_text()
    except (OSError, ValueError):
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _machine_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _cgroup_bytes(path: str) -> int | None:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def set_limits(memory_bytes: int | None) -> None:
    """Limit what this process may take from here on.

    `RLIMIT_DATA`, not `RLIMIT_AS`: the address space that CUDA builds of torch reserve is far larger than what they use.
    """
    _be_the_first_to_go()
    if resource is None:
        return
    if memory_bytes is not None:
        _lower(resource.RLIMIT_DATA, memory_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _FILE_LIMIT_BYTES)  # a model that prints for ever must not fill the disk


def _be_the_first_to_go() -> None:
    """Where memory runs out all the same, the system ends this process and not one of the user's others. Linux alone can."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return


def lift_limits() -> None:
    """Back to what the process was started with, so that a result can be written after the memory ran out."""
    if resource is None:
        return
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
        try:
            resource.setrlimit(kind, (resource.getrlimit(kind)[1], resource.getrlimit(kind)[1]))
        except (ValueError, OSError):
            continue


def _lower(kind: int, soft: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError):
        return


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent, process `parent`, is gone. Linux alone can."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before this was asked for
        os._exit(1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out: Python's `MemoryError`, or torch's `RuntimeError`.

    Source:
        torch 2.13: `DefaultCPUAllocator: can't allocate memory: you tried to allocate 400000000000 bytes`.
    """
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = text_of(error)
    return any(part in text for part in _TEXTS)
