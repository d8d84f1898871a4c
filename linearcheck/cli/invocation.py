"""One invocation of the command, and what the cache knows of it: a run in which nothing has changed is repeated without being made.

All that decides on the results is in the key of an entry, or among the states that the entry holds. Beside them it holds what was printed
and written, for each way of showing it. Needs the standard library alone, and is done before typer is imported or a worker started.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from linearcheck.cache import FOLDER_VARIABLE, Cache, own_digest, user_cache
from linearcheck.cli.files import write_file
from linearcheck.cli.words import Words
from linearcheck.dependencies import World, digest
from linearcheck.environments import default_interpreter

if TYPE_CHECKING:
    from linearcheck.worker.client import Worker

_NOT_KEPT = frozenset(("--no-cache", "--write-baseline", "--fix"))
_PREFIXES = ("PYTHON", "TORCH", "PYTORCH", "CUDA", "LINEARCHECK", "LD_", "DYLD_")
"""Variables that Python, torch and the loader of libraries read where no recorder sees it."""
RENDER_VARIABLES = (
    "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LANG", "LC_ALL", "LC_CTYPE",
    "JUPYTER_COLUMNS", "JUPYTER_LINES", "DATABRICKS_RUNTIME_VERSION", "UNICODE_VERSION",
)  # fmt: skip
"""Variables that change how a report is drawn."""
_GRAPHICS = ("/dev/nvidiactl", "/dev/kfd", "/proc/driver/nvidia/version")


@dataclass
class Invocation:
    """One command line in its surroundings. `renders` are what was shown at other times, if all that it came from is as it was."""

    cache: Cache
    code_digest: str
    surroundings: str
    key: str
    render_key: str
    started_ns: int
    renders: dict[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether all results are in the cache and hold."""
        return bool(self.renders)

    def again(self) -> Invocation:
        """The same command line once more, from now on."""
        return replace(self, started_ns=time.time_ns(), renders={})

    def repeat(self) -> int | None:
        """Show and write what this invocation showed and wrote before, and return its exit code; None where that is not known."""
        shown: Any = self.renders.get(self.render_key)
        try:
            code, stdout, stderr, files = shown
            if any(write_file(path, text) for path, text in files):
                return None  # whoever runs will say what is wrong with it
            sys.stdout.write(stdout)
            sys.stderr.write(stderr)
        except (TypeError, ValueError):
            return None
        return int(code)


@dataclass(frozen=True, slots=True)
class Started:
    """What there is before the options have been read: a worker for the interpreter that they name, and what is known of such a run."""

    worker: Worker | None = None
    invocation: Invocation | None = None


def invocation_of(words: Words | None, everything: Sequence[str]) -> Invocation | None:
    """The invocation that the words make; None where its results are not kept."""
    if words is None or words.options & _NOT_KEPT or "-" in words.targets:
        return None
    started_ns = time.time_ns()
    try:
        directory, code = os.getcwd(), own_digest()
    except OSError:
        return None
    cache = user_cache()
    graphics = (name for name in _GRAPHICS if os.path.exists(name))
    surroundings = digest(code, sys.version, sys.executable, default_interpreter(), directory, *_environment(), *graphics)
    key = digest("run", surroundings, *words.selection)
    found = Invocation(cache, code, surroundings, key, digest(*everything, *_screen()), started_ns)
    entry = cache.get(key) if "--watch" not in words.options else None
    if isinstance(entry, dict) and _holds(entry):
        found.renders = entry["renders"]
    return found


def _holds(entry: dict[str, Any]) -> bool:
    try:
        return isinstance(entry["renders"], dict) and World().holds(entry["states"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _environment() -> list[str]:
    relevant = sorted((name, value) for name, value in os.environ.items() if name.startswith(_PREFIXES) and name != FOLDER_VARIABLE)
    return [part for item in relevant for part in item]


def _screen() -> list[str]:
    """What a report's looks depend on."""
    facts = [f"{name}={os.environ[name]}" for name in RENDER_VARIABLES if name in os.environ]
    for stream in (sys.stdout, sys.stderr):
        facts.append(f"{stream.isatty()} {stream.encoding}")
    for descriptor in (0, 1, 2):
        try:
            facts.append(str(tuple(os.get_terminal_size(descriptor))))
        except (OSError, ValueError):
            facts.append("")
    return facts
