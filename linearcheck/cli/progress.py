"""A progress bar on stderr, for people who wait: on a terminal, and only when a run takes longer than two seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 2.0


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[], None]]:
    """Gives a function to call when one more of `total` models is done."""
    if total == 0 or not sys.stderr.isatty():
        yield lambda: None
        return
    bar = _LateBar(total)
    timer = threading.Timer(_PATIENCE_SECONDS, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.advance
    finally:
        timer.cancel()
        bar.close()


class _LateBar:
    """Counts from the beginning, and is drawn once `show` is called. The drawing is done by a thread of rich's own."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._lock = threading.Lock()
        self._is_closed = False
        self._update: Callable[[int], None] = lambda done: None
        self._stop: Callable[[], None] = lambda: None

    def advance(self) -> None:
        with self._lock:
            self._done += 1
            self._update(self._done)

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TextColumn("models"), TimeElapsedColumn())
        with self._lock:
            if self._is_closed:
                return
            progress = Progress(*columns, console=Console(file=sys.__stderr__), transient=True)
            task = progress.add_task("", total=self._total, completed=self._done)
            progress.start()
            self._update = lambda done: progress.update(task, completed=done)
            self._stop = progress.stop

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._stop()
