"""The worker's loop where it cannot fork: one model after the other in this process, put back in order after each.

The front watches the time, kills this process when it hangs or dies, and starts another. A model whose trial of a fix ended
the process is asked for again, with that trial's outcome already known, so that results are those of forked children.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from linearcheck.worker.checking import CheckModel, check_as_data
from linearcheck.worker.frames import FrameReader, Message, encode_frame, write_all
from linearcheck.worker.isolation import run_in_process, send_output_to
from linearcheck.worker.limits import lift_limits, set_limits
from linearcheck.worker.outcome import Outcome
from linearcheck.worker.printed import new_output_file, text_printed
from linearcheck.worker.process_state import restored_afterwards
from linearcheck.worker.requests import Reply, Request, request_from

_CHUNK_BYTES = 1 << 16


class InlineServer:
    """Reads requests and answers them one by one. Ends with the process when the front is gone."""

    def __init__(self, requests: int, replies: int, nonce: bytes, check_model: CheckModel) -> None:
        self._requests, self._replies, self._nonce = requests, replies, nonce
        self._check_model = check_model
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def serve(self) -> NoReturn:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            request = request_from(self._inbox.get())
            try:
                write_all(self._replies, encode_frame(self._nonce, self._answer(request).message()))
            except OSError:
                os._exit(0)

    def _listen(self) -> None:
        """Take in requests while a model runs too, so that the front's end is seen at once."""
        reader = FrameReader(self._nonce)
        while data := os.read(self._requests, _CHUNK_BYTES):
            for message in reader.feed(data):
                self._inbox.put(message)
        os._exit(0)

    def _answer(self, request: Request) -> Reply:
        trials = _Trials(request, self._say)
        with new_output_file() as output:
            send_output_to(output.fileno())
            set_limits(request.memory_limit_bytes)
            with restored_afterwards():
                outcome = run_in_process(lambda: check_as_data(self._check_model, request.job, trials.run))
            lift_limits()
            return Reply(request.id, outcome, text_printed(output))

    def _say(self, message: Message) -> None:
        write_all(self._replies, encode_frame(self._nonce, message))


class _Trials:
    """Runs the trials of one model's fixes in this process, and tells the front which one is under way."""

    def __init__(self, request: Request, say: Callable[[dict[str, Any]], None]) -> None:
        self._request, self._say = request, say
        self._number = 0

    def run(self, function: Callable[[], Any], timeout_seconds: float | None = None, memory_limit_bytes: int | None = None) -> Outcome:
        number, self._number = self._number, self._number + 1
        known = self._request.failed_trials.get(str(number))
        if known is not None:
            return known
        self._say({"id": self._request.id, "trial": number, "seconds": timeout_seconds})
        try:
            with restored_afterwards():
                outcome = run_in_process(function)
        finally:
            self._say({"id": self._request.id, "trial": None})
        return outcome
