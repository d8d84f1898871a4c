"""`--watch`: check again whenever a file is saved, with a worker that has imported torch already."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from linearcheck.cli.failure import print_errors
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.findings import RunError
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted, listed

_DEBOUNCE_MILLISECONDS = 50
_STEP_MILLISECONDS = 20
_WAKE_SECONDS = 1.0
_SOURCES = (".py", ".ipynb", ".toml")
_MAX_NAMED = 3

Check = Callable[[], Callable[[str], bool]]
"""Makes one check, shows it, and gives whether its results depend on a file."""


def refuse_with_watch(arguments: CheckArguments) -> None:
    """
    Raises:
        UsageError: If the options cannot go together.
    """
    for given, option in ((arguments.fix, "--fix"), (arguments.diff, "--diff"), (arguments.write_baseline, "--write-baseline")):
        if given:
            raise UsageError(f"`--watch` and `{option}` do not go together")
    if "-" in arguments.targets:
        raise UsageError("`--watch` needs files; standard input is read once")


def watch(folders: Iterable[Path], check: Check) -> NoReturn:
    """Check, and again after each change of a file that matters, until Ctrl-C."""
    changes = _changes(_outermost(folders))
    while True:
        if sys.stdout.isatty():
            sys.stdout.write("\x1b[2J\x1b[H")  # the screen is cleared, what has scrolled away is kept
        try:
            matters = check()
        except UsageError as error:  # such as a configuration or a file that is just being changed
            print_errors([RunError("usage", str(error))])
            matters = _is_source
        print("watching for changes; Ctrl-C ends", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        changed: list[str] = []
        while not changed:
            changed = [path for path in _next(changes) if _is_source(path) or matters(path)]
        names = [f"`{Path(path).name}`" for path in changed[:_MAX_NAMED]]
        more = [counted(len(changed) - _MAX_NAMED, "other file")] if len(changed) > _MAX_NAMED else []
        print(f"\n{visible(listed([*names, *more]))} changed", file=sys.stderr)


def _is_source(path: str) -> bool:
    return path.endswith(_SOURCES)


def _changes(folders: list[Path]) -> queue.SimpleQueue[list[str]]:
    """Paths that change, from now on: a thread listens while a check runs, too."""
    import watchfiles

    found: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def listen() -> None:
        batches = watchfiles.watch(*folders, debounce=_DEBOUNCE_MILLISECONDS, step=_STEP_MILLISECONDS, raise_interrupt=False)
        for batch in batches:
            found.put(sorted({path for _, path in batch}))

    threading.Thread(target=listen, daemon=True).start()
    return found


def _next(changes: queue.SimpleQueue[list[str]]) -> list[str]:
    """What has changed by now, waiting for it if need be. The wait has ends, for on Windows Ctrl-C is heard only between two."""
    try:
        found = changes.get(timeout=_WAKE_SECONDS)
        while not changes.empty():
            found += changes.get()
    except queue.Empty:
        return []
    return list(dict.fromkeys(found))


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Folders that exist, without those that lie in another."""
    there = sorted({folder.resolve() for folder in folders if folder.is_dir()})
    return [folder for folder in there if not any(other != folder and folder.is_relative_to(other) for other in there)]
