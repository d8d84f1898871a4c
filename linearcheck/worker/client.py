"""The front's end of a worker: start it, send requests, hear replies, end it. Imports neither torch nor the pipeline."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from linearcheck.worker.forking import can_fork
from linearcheck.worker.frames import FrameReader, Message, encode_frame, new_nonce, write_all

_CHUNK_BYTES = 1 << 16
_START = Path(__file__).with_name("start.py")
CHECK = "linearcheck.pipeline:check_model"

_ENVIRONMENT = {
    "PYTORCH_JIT": "0",  # scripted and compiled parts run as the ordinary code that they were written as
    "TORCHDYNAMO_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "PYTHONBREAKPOINT": "0",
    "HF_HUB_OFFLINE": "1",  # a constructor's `from_pretrained` takes what is in the cache, and downloads nothing
}
# Each of these would change what the user's code does, or where its lines are.
_UNWANTED = (
    "PYTHONNODEBUGRANGES", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONDEVMODE", "PYTHONVERBOSE",
    "PYTHONPROFILEIMPORTTIME", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER", "PYTHONTRACEMALLOC",
)  # fmt: skip


VARIABLES_OF_THE_WORKER = frozenset((*_ENVIRONMENT, *_UNWANTED, "PYTHONHASHSEED"))
"""Variables that the worker does not take over from this process."""


class WorkerError(Exception):
    """No model can be checked, because there is no worker: bad usage where `is_usage`, else a fault of our own."""

    def __init__(self, message: str, is_usage: bool, detail: str = "") -> None:
        super().__init__(message)
        self.message, self.is_usage, self.detail = message, is_usage, detail


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Which interpreter runs the worker, and the function, as `module:function`, that checks a model there."""

    python: str = sys.executable
    pipeline: str = CHECK
    fork: bool | None = None

    @property
    def forks(self) -> bool:
        return can_fork() if self.fork is None else self.fork


Inbox = queue.SimpleQueue[tuple["Worker", Message | None]]
"""What workers say, with the one who says it; None when its pipe has come to its end."""


class Worker:
    """One worker process. It is started at once; its messages come to `inbox`, from a thread of their own."""

    def __init__(self, settings: WorkerSettings, inbox: Inbox | None = None) -> None:
        """
        Raises:
            WorkerError: If the interpreter cannot be started.
        """
        self.settings = settings
        self.inbox = Inbox() if inbox is None else inbox
        self._nonce = new_nonce()
        self._heard = False
        environment = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        environment.setdefault("PYTHONHASHSEED", "0")
        arguments = [self._nonce.hex(), settings.pipeline, "fork" if settings.forks else "inline"]
        try:
            self._process = subprocess.Popen(
                [settings.python, "-P", str(_START), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment | _ENVIRONMENT,
                start_new_session=os.name == "posix",  # Ctrl-C is for the front, which ends the worker in order
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise WorkerError(f"the interpreter `{settings.python}` cannot be started: {reason}", is_usage=True) from None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        reader, descriptor = FrameReader(self._nonce), self._process.stdout.fileno()
        try:
            while data := os.read(descriptor, _CHUNK_BYTES):
                for message in reader.feed(data):
                    self._heard = True
                    self.inbox.put((self, message))
        except OSError:
            pass
        self.inbox.put((self, None))

    def send(self, message: Message) -> None:
        """
        Raises:
            OSError: If the worker is gone; its end comes to the inbox too.
        """
        assert self._process.stdin is not None
        write_all(self._process.stdin.fileno(), encode_frame(self._nonce, message))

    def close(self) -> None:
        """Let the worker end: it does when its requests do, and so do its children."""
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def abandon(self) -> None:
        """Let the worker end, without waiting for it; one that is still importing torch is stopped in that."""
        self.close()
        if not self._heard:
            self._process.kill()

    def kill(self) -> None:
        """End the worker now, and wait until it is gone."""
        if self.settings.forks and self._heard:
            self.close()  # it ends its children first, which a kill would leave to the system
            try:
                self._process.wait(1)
                return
            except subprocess.TimeoutExpired:
                pass
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)  # with what the user's code has started
        self._process.kill()
        self._process.wait()
        self.close()

    def death(self) -> int | None:
        """The exit code of a worker whose pipe has ended; negative for a signal."""
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def last_words(self) -> str:
        """What a dead worker wrote to stderr. Only before its first message is that anything but torch's warnings."""
        pipe = self._process.stderr
        if pipe is None or pipe.closed:
            return ""
        if os.name == "posix":
            os.set_blocking(pipe.fileno(), False)  # a process that it started may still hold the other end
        try:
            return os.read(pipe.fileno(), _CHUNK_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return ""
