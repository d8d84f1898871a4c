"""The worker's loop where it can fork: one child per model, as many at a time as requests have come in."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, NoReturn

from linearcheck.worker.checking import CheckModel, check_as_data
from linearcheck.worker.frames import FrameReader, encode_frame, write_all
from linearcheck.worker.isolation import ForkedRun, run_in_fork, wait_for_any
from linearcheck.worker.outcome import Outcome
from linearcheck.worker.printed import new_output_file, text_printed
from linearcheck.worker.requests import Reply, Request, request_from

_CHUNK_BYTES = 1 << 16


@dataclass
class _Running:
    request: Request
    run: ForkedRun
    output: IO[bytes]


class ForkingServer:
    """Reads requests, runs each in a child, writes replies as they come. Ends with the process when the front is gone."""

    def __init__(self, requests: int, replies: int, nonce: bytes, check_model: CheckModel) -> None:
        self._requests, self._replies, self._nonce = requests, replies, nonce
        self._reader = FrameReader(nonce)
        self._check_model = check_model
        self._running: list[_Running] = []

    def serve(self) -> NoReturn:
        try:
            while True:
                ready = wait_for_any([self._requests, *self._child_descriptors()], self._seconds_left())
                if self._requests in ready:
                    data = os.read(self._requests, _CHUNK_BYTES)
                    if not data:
                        break
                    for message in self._reader.feed(data):
                        self._start(request_from(message))
                for running in list(self._running):
                    if (outcome := running.run.advance(ready)) is not None:
                        self._finish(running, outcome)
        except BrokenPipeError:
            pass
        finally:
            for running in self._running:
                running.run.end()
            os._exit(0)  # tearing down an interpreter with torch in it takes a third of a second

    def _child_descriptors(self) -> list[int]:
        return [descriptor for running in self._running for descriptor in running.run.descriptors]

    def _seconds_left(self) -> float | None:
        left = [seconds for running in self._running if (seconds := running.run.seconds_left()) is not None]
        return min(left, default=None)

    def _start(self, request: Request) -> None:
        output = new_output_file()
        others = [running.output.fileno() for running in self._running]
        close = [self._requests, self._replies, *self._child_descriptors(), *others]
        memory = request.memory_limit_bytes
        work = partial(check_as_data, self._check_model, request.job, _trial_runner(memory))
        try:
            run = ForkedRun(work, request.timeout_seconds, memory, output.fileno(), close)
        except OSError as error:
            output.close()
            self._send(Reply(request.id, Outcome("raised", type=type(error).__name__, text=f"no process could be started: {error}")))
            return
        self._running.append(_Running(request, run, output))

    def _finish(self, running: _Running, outcome: Outcome) -> None:
        self._running.remove(running)
        running.run.end()
        printed = text_printed(running.output)
        running.output.close()
        self._send(Reply(running.request.id, outcome, printed))

    def _send(self, reply: Reply) -> None:
        write_all(self._replies, encode_frame(self._nonce, reply.message()))


def _trial_runner(memory_limit_bytes: int | None) -> Callable[..., Outcome]:
    """`run_in_fork` with the model's own memory limit as its default."""
    return partial(run_in_fork, memory_limit_bytes=memory_limit_bytes)
