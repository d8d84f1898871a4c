"""Run a function in a forked child, so that nothing it does can harm this process: a hang, `os._exit`, a crash, a patched torch.

A fork of a process that has imported torch and run nothing takes 6 ms. The child may fork again for a trial of a fix:
`run_in_fork` can be called from within itself. Where there is no safe fork, `run_in_process` stands in for it.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from linearcheck.exception_text import text_of
from linearcheck.worker.frames import FrameReader, encode_frame, new_nonce, write_all
from linearcheck.worker.limits import die_with_parent, is_out_of_memory, lift_limits, set_limits
from linearcheck.worker.outcome import Outcome

_CHUNK_BYTES = 1 << 16
_POLL_SECONDS = 0.05
_RECURSION_LIMIT = 10_000
_LOST_CONNECTION = 86
"""Exit code of a child that could not send its result, because the user's code closed the pipe."""

_exit = os._exit
if hasattr(os, "fork"):
    _fork = os.fork
_getpid = os.getpid
_monotonic = time.monotonic

_in_child = False


def run_in_fork(function: Callable[[], Any], timeout_seconds: float | None = None, memory_limit_bytes: int | None = None) -> Outcome:
    """How `function` ended in a child of this process. What it returns must be what `json.dumps` takes.

    Args:
        timeout_seconds: Wall-clock time until the child is killed; None waits for ever.
        memory_limit_bytes: What the child may allocate, this process's present memory included.
    """
    run = ForkedRun(function, timeout_seconds, memory_limit_bytes)
    try:
        while True:
            ready = wait_for_any(run.descriptors, run.seconds_left())
            if (outcome := run.advance(ready)) is not None:
                return outcome
    finally:
        run.end()


def run_in_process(function: Callable[[], Any], timeout_seconds: float | None = None, memory_limit_bytes: int | None = None) -> Outcome:
    """The same where there is no fork. Time and memory are watched from outside, by the process that started this one."""
    return _outcome_of(function)


class ForkedRun:
    """One function in one child: started by the constructor, moved on by `advance`, always finished by `end`."""

    def __init__(
        self,
        function: Callable[[], Any],
        timeout_seconds: float | None = None,
        memory_limit_bytes: int | None = None,
        output: int | None = None,
        close: Iterable[int] = (),
    ) -> None:
        """
        Args:
            output: Descriptor that takes the child's stdout and stderr; None leaves them as they are in this process.
            close: Descriptors of this process that the child has no business with.
        """
        self._timeout_seconds = timeout_seconds
        self._deadline = None if timeout_seconds is None else _monotonic() + timeout_seconds
        # A trial stays in the process group of its model, so that whoever ends the model ends the trial too.
        self._own_group = not _in_child
        nonce = new_nonce()
        self._reader = FrameReader(nonce)
        self._result, write_end = os.pipe()
        os.set_blocking(self._result, False)
        parent = _getpid()
        try:
            self._pid = _fork()
        except OSError:
            os.close(self._result)
            os.close(write_end)
            raise
        if self._pid == 0:
            _be_child(function, nonce, write_end, memory_limit_bytes, output, (*close, self._result), self._own_group, parent)
        os.close(write_end)
        if self._own_group:
            with contextlib.suppress(OSError):  # the child does the same; whoever is first
                os.setpgid(self._pid, self._pid)
        self._result_open = True
        self._pidfd = _open_pidfd(self._pid)
        self._ended = False

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Descriptors whose readiness means that `advance` has something to do."""
        result = (self._result,) if self._result_open else ()
        return result if self._pidfd is None else (*result, self._pidfd)

    def seconds_left(self) -> float | None:
        """How long to wait at most before `advance` is called again."""
        left = None if self._deadline is None else max(0.0, self._deadline - _monotonic())
        if self._pidfd is None:  # its death is seen by asking only
            return _POLL_SECONDS if left is None else min(left, _POLL_SECONDS)
        return left

    def advance(self, ready: Iterable[int] = ()) -> Outcome | None:
        """Take in what has come; the outcome, once there is one."""
        outcome = self._read() if self._result in ready else None
        if outcome is None and (death := self._death()) is not None:
            outcome = self._read() or death  # the last words may have come between the two looks
        if outcome is None and self._deadline is not None and _monotonic() >= self._deadline:
            outcome = Outcome("timed out", seconds=self._timeout_seconds)
        return outcome

    def end(self) -> None:
        """Kill what is left of the child and of the processes it started, and forget it. May be called twice."""
        if self._ended:
            return
        self._ended = True
        if self._own_group:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(self._pid, 0)
        os.close(self._result)
        if self._pidfd is not None:
            os.close(self._pidfd)

    def _read(self) -> Outcome | None:
        """The outcome in what stands in the pipe. The end of the file is not waited for: a grandchild may hold the pipe open."""
        while self._result_open:
            try:
                data = os.read(self._result, _CHUNK_BYTES)
            except BlockingIOError:
                return None
            if not data:
                self._result_open = False
            for message in self._reader.feed(data):
                return _outcome_from(message)
        return None

    def _death(self) -> Outcome | None:
        try:
            # The dead child is left in place, so that its number is not given to another process before `end` kills the group.
            result = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return Outcome("died")
        if result is None:
            return None
        if result.si_code == os.CLD_EXITED:
            if result.si_status == _LOST_CONNECTION:
                return Outcome("died", text="closed linearcheck's own pipe")
            return Outcome("died", exit_code=result.si_status)
        return Outcome("died", signal=result.si_status)


def wait_for_any(descriptors: Sequence[int], seconds: float | None) -> set[int]:
    """Those of the descriptors that can be read or are at their end; none when the time is over."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # Rounded up: waking a moment before the deadline would only mean waiting again.
    return {descriptor for descriptor, _ in poll.poll(None if seconds is None else int(seconds * 1000) + 1)}


def _open_pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # kernels before 5.3, and sandboxes
        return None


def _be_child(
    function: Callable[[], Any],
    nonce: bytes,
    result: int,
    memory_limit_bytes: int | None,
    output: int | None,
    close: Iterable[int],
    own_group: bool,
    parent: int,
) -> NoReturn:
    global _in_child
    _in_child = True
    me = _getpid()
    try:
        die_with_parent(parent)
        if own_group:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
        for descriptor in close:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if output is not None:
            send_output_to(output)
        set_limits(memory_limit_bytes)
        outcome = _outcome_of(function)
        if _getpid() == me:  # not a copy that the user's code made with `os.fork`
            lift_limits()
            write_all(result, encode_frame(nonce, _message_of(outcome)))
            _exit(0)
    except BaseException:
        _exit(_LOST_CONNECTION)
    _exit(0)


def send_output_to(descriptor: int) -> None:
    """Let stdout and stderr go to `descriptor` from here on, and let stdin be empty."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # what was printed before a crash is to be seen


def _outcome_of(function: Callable[[], Any]) -> Outcome:
    try:
        value = function()
        _put_builtins_back()
        _make_room()
        return Outcome("returned", value=value)
    except BaseException as error:  # also `SystemExit` and `KeyboardInterrupt`, which the user's code may raise
        replaced = _put_builtins_back()
        done = f"puts something else in the place of Python's own `{'`, `'.join(replaced)}`" if replaced else _importing_is_broken()
        _make_room()
        if done and isinstance(error, Exception):
            return Outcome("died", text=done)
        if is_out_of_memory(error):
            return Outcome("out of memory", text=text_of(error))
        return Outcome(
            "raised",
            type=type(error).__name__,
            text=text_of(error),
            where=_place_in_us(error),
            traceback=_traceback_of(error),
            foreign=_is_foreign(error),
        )


_BUILTINS = dict(vars(builtins))
_SET_BY_ANYONE = frozenset({"_", "__debug__", "__doc__", "__loader__", "__name__", "__package__", "__spec__"})
_FINDERS, _PATH_HOOKS, _MODULES = list(sys.meta_path), list(sys.path_hooks), dict(sys.modules)


def _put_builtins_back() -> list[str]:
    """Names of Python's own functions that the user's code had replaced; they are the real ones again."""
    present = vars(builtins)
    replaced = [name for name, value in _BUILTINS.items() if present.get(name) is not value and name not in _SET_BY_ANYONE]
    present.update(_BUILTINS)
    return replaced


def _importing_is_broken() -> str:
    """How the user's code has broken what every import needs, "" where it has not; put back."""
    kinds = (("sys.meta_path", sys.meta_path, _FINDERS), ("sys.path_hooks", sys.path_hooks, _PATH_HOOKS))
    emptied = [name for name, present, before in kinds if not set(map(id, before)) <= set(map(id, present))]
    gone = [name for name in _MODULES if name not in sys.modules]
    sys.meta_path[:], sys.path_hooks[:] = _FINDERS, _PATH_HOOKS
    sys.modules.update({name: _MODULES[name] for name in gone})
    if {"sys", "builtins", "torch"} & set(gone):
        return "takes Python's own modules out of `sys.modules`"
    return f"takes Python's own out of `{'`, `'.join(emptied)}`" if emptied else ""


def _make_room() -> None:
    """Undo what would keep a result from being written, and what the user's code printed from being seen."""
    sys.setrecursionlimit(max(_RECURSION_LIMIT, sys.getrecursionlimit()))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _message_of(outcome: Outcome) -> dict[str, Any]:
    return {"ending": outcome.ending, "value": outcome.value} | {
        name: getattr(outcome, name) for name in ("type", "text", "where", "traceback", "foreign") if getattr(outcome, name)
    }


def _outcome_from(message: dict[str, Any]) -> Outcome:
    try:
        return Outcome(**message)
    except TypeError:
        return Outcome("died", text="sent a message that makes no sense")


def _traceback_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:
        return ""


def _is_foreign(error: BaseException) -> bool:
    """Whether an exception is surely the user's: one that `except Exception` does not catch, and not a signal of ours."""
    return not isinstance(error, Exception) and not type(error).__module__.startswith("linearcheck.")


def _place_in_us(error: BaseException) -> str:
    """The innermost line of linearcheck itself that the exception passed through, as `trace/recorder.py:120`."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename
        if path.startswith(package):
            place = f"{path[len(package) :].replace(os.sep, '/')}:{line}"
    return place
