"""Check many models with one or several workers, each model's fate apart from the others'."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty
from typing import Any

from linearcheck.codec import CodecError, decode
from linearcheck.findings import ModelReport
from linearcheck.job import CheckJob
from linearcheck.worker.client import Inbox, Worker, WorkerError, WorkerSettings
from linearcheck.worker.frames import Message
from linearcheck.worker.outcome import Outcome
from linearcheck.worker.recording import Seen
from linearcheck.worker.requests import Request, reply_from
from linearcheck.worker.skipped import internal_error, skipped_by_outcome

_GRACE_SECONDS = 30.0
"""A worker that forks keeps the time itself; only one that says nothing for this much longer is given up."""
_MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """One model's report, with the sources it points into; `fault` is a fault of our own in one line, `traceback` all of it.

    `seen` is what the report was made from; None where it did not come to its end.
    """

    report: ModelReport
    sources: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    traceback: str = ""
    seen: Seen | None = None


@dataclass
class _Attempt:
    """One model under way. `alone`: an earlier worker died while this model and others ran, so it runs by itself now."""

    index: int
    job: CheckJob
    alone: bool = False
    number: int = 0
    failed_trials: dict[str, Outcome] = field(default_factory=dict)
    trial: int | None = None
    trial_seconds: float | None = None
    deadline: float | None = None
    trial_deadline: float | None = None


@dataclass
class _Member:
    worker: Worker
    ready: bool = False
    attempts: dict[int, _Attempt] = field(default_factory=dict)


class Pool:
    """Workers that check models. The first one may have been started before anybody knew what to check."""

    def __init__(
        self, settings: WorkerSettings, started: Worker | None = None, n_jobs: int = 1, memory_limit_bytes: int | None = None
    ) -> None:
        """
        Args:
            started: A worker that runs already, with these settings.
            n_jobs: How many models are checked at a time.
            memory_limit_bytes: What each of them may take.

        Raises:
            WorkerError: If the interpreter cannot be started.
        """
        self.settings = settings
        self.torch_version = self.python_version = ""
        self._n_jobs = max(1, n_jobs)
        self._memory_limit_bytes = memory_limit_bytes
        self._inbox = Inbox() if started is None else started.inbox
        self._members: list[_Member] = [_Member(started or Worker(settings, self._inbox))]
        self._next_id = 0

    def set_jobs(self, n_jobs: int, memory_limit_bytes: int | None) -> None:
        self._n_jobs, self._memory_limit_bytes = max(1, n_jobs), memory_limit_bytes

    def check(self, jobs: Sequence[CheckJob], on_done: Callable[[int, Checked], None] = lambda index, checked: None) -> list[Checked]:
        """What came of each job, in their order.

        Args:
            on_done: Called with the job's index and its result as each is done, in any order.

        Raises:
            WorkerError: If no worker can be had: the interpreter has no torch, or is none.
        """
        waiting = deque(_Attempt(index, job) for index, job in enumerate(jobs))
        results: dict[int, Checked] = {}

        def done(attempt: _Attempt, checked: Checked) -> None:
            results[attempt.index] = checked
            on_done(attempt.index, checked)

        while len(results) < len(jobs):
            self._hand_out(waiting)
            try:
                worker, message = self._inbox.get(timeout=self._seconds_left())
            except Empty:
                self._end_overdue(waiting, done)
                continue
            member = next((member for member in self._members if member.worker is worker), None)
            if member is None:  # one that was given up; these are its last words
                continue
            if message is None:
                self._members.remove(member)
                self._bury(member, waiting, done)
            else:
                self._hear(member, message, done)
        return [results[index] for index in range(len(jobs))]

    def close(self) -> None:
        """Let the workers go, without waiting for them."""
        for member in self._members:
            member.worker.close()
        self._members.clear()

    def kill(self) -> None:
        """End the workers and all that they run, now."""
        for member in self._members:
            member.worker.kill()
        self._members.clear()

    def _hand_out(self, waiting: deque[_Attempt]) -> None:
        """Give waiting models to workers that have room: a forking one takes all the jobs there may be at a time, another one each."""
        while waiting:
            alone = waiting[0].alone or any(attempt.alone for member in self._members for attempt in member.attempts.values())
            n_running = sum(len(member.attempts) for member in self._members)
            if n_running >= (1 if alone else self._n_jobs):
                return
            member = next((member for member in self._members if self.settings.forks or not member.attempts), None)
            if member is None:
                self._members.append(_Member(Worker(self.settings, self._inbox)))
                continue
            self._send(member, waiting.popleft())

    def _send(self, member: _Member, attempt: _Attempt) -> None:
        self._next_id += 1
        attempt.number += 1
        attempt.trial = None
        member.attempts[self._next_id] = attempt
        if member.ready:
            self._start_clock(attempt)
        timeout = attempt.job.options.timeout_seconds
        request = Request(self._next_id, attempt.job, timeout, self._memory_limit_bytes, attempt.failed_trials)
        try:
            member.worker.send(request.message())
        except OSError:
            return  # its end is on its way to the inbox

    def _start_clock(self, attempt: _Attempt) -> None:
        grace = _GRACE_SECONDS if self.settings.forks else 0.0
        attempt.deadline = time.monotonic() + attempt.job.options.timeout_seconds + grace

    def _hear(self, member: _Member, message: Message, done: Callable[[_Attempt, Checked], None]) -> None:
        if "hello" in message:
            member.ready = True
            self.torch_version, self.python_version = str(message.get("torch", "")), str(message.get("python", ""))
            for attempt in member.attempts.values():
                self._start_clock(attempt)
            return
        if "no_torch" in message:
            raise _no_torch(self.settings.python, message)
        if "broken" in message:
            raise WorkerError(f"the worker could not start: {message['broken']}", is_usage=False, detail=str(message.get("traceback", "")))
        if "trial" in message:
            if (under_way := member.attempts.get(message["id"])) is not None:
                _note_trial(under_way, message)
            return
        try:
            reply = reply_from(message)
        except CodecError:
            return
        if (finished := member.attempts.pop(reply.id, None)) is not None:
            done(finished, _checked(finished.job, reply.outcome, reply.printed))

    def _bury(self, member: _Member, waiting: deque[_Attempt], done: Callable[[_Attempt, Checked], None]) -> None:
        """Deal with a worker that died, and with what it was doing."""
        code = member.worker.death()
        if not member.ready:
            raise _no_start(self.settings.python, code, member.worker.last_words())
        member.worker.close()
        death = Outcome("died", signal=-code) if code is not None and code < 0 else Outcome("died", exit_code=code)
        lost = list(member.attempts.values())
        for attempt in lost:
            if len(lost) > 1:
                attempt.alone = True  # one of them did it; each alone will show which
                waiting.append(attempt)
            else:
                self._give_up(attempt, death, waiting, done)

    def _end_overdue(self, waiting: deque[_Attempt], done: Callable[[_Attempt, Checked], None]) -> None:
        now = time.monotonic()
        for member in list(self._members):
            overdue = [attempt for attempt in member.attempts.values() if (due := _due(attempt)) is not None and due <= now]
            if not overdue:
                continue
            self._members.remove(member)
            member.worker.kill()
            for attempt in member.attempts.values():
                if attempt in overdue:
                    in_trial = attempt.trial_deadline is not None and attempt.trial_deadline <= now
                    seconds = attempt.trial_seconds if in_trial else attempt.job.options.timeout_seconds
                    outcome = Outcome("timed out", seconds=seconds)
                    self._give_up(attempt, outcome, waiting, done, in_trial=in_trial)
                else:
                    waiting.append(attempt)

    def _give_up(
        self,
        attempt: _Attempt,
        outcome: Outcome,
        waiting: deque[_Attempt],
        done: Callable[[_Attempt, Checked], None],
        in_trial: bool = True,
    ) -> None:
        """Record what ended the worker; where that was the trial of a fix, the model itself gets another chance."""
        if attempt.trial is None or not in_trial or attempt.number >= _MAX_ATTEMPTS:
            done(attempt, _checked(attempt.job, outcome, ""))
            return
        attempt.failed_trials[str(attempt.trial)] = outcome
        attempt.trial, attempt.trial_deadline = None, None
        waiting.append(attempt)

    def _seconds_left(self) -> float | None:
        dues = [due for member in self._members for attempt in member.attempts.values() if (due := _due(attempt)) is not None]
        return max(0.0, min(dues) - time.monotonic()) if dues else None


def _due(attempt: _Attempt) -> float | None:
    return min((due for due in (attempt.deadline, attempt.trial_deadline) if due is not None), default=None)


def _note_trial(attempt: _Attempt, message: dict[str, Any]) -> None:
    attempt.trial = message["trial"]
    seconds = message.get("seconds")
    attempt.trial_seconds = seconds
    attempt.trial_deadline = None if seconds is None else time.monotonic() + seconds


def _checked(job: CheckJob, outcome: Outcome, printed: str) -> Checked:
    if outcome.returned:
        try:
            report = decode(ModelReport, outcome.value["report"])
            sources = decode(dict[str, str], outcome.value["sources"])
            seen = decode(Seen, outcome.value["seen"])
        except (CodecError, TypeError, KeyError) as error:
            outcome = Outcome("raised", type=type(error).__name__, text=f"the result cannot be read: {error}")
        else:
            return Checked(replace(report, printed=report.printed or printed), sources, seen=seen)
    report = replace(skipped_by_outcome(job, outcome), printed=printed)
    return Checked(report, fault=internal_error(outcome), traceback=outcome.traceback)


def _no_torch(python: str, message: Message) -> WorkerError:
    reason = "has no torch" if message.get("missing") else f"cannot import torch ({message['no_torch']})"
    return WorkerError(f"the interpreter `{python}` {reason}; install torch there, or name another with `--python`", is_usage=True)


def _no_start(python: str, code: int | None, words: str) -> WorkerError:
    last = words.splitlines()[-1] if words else f"it ended with exit code {code} before torch was imported"
    if "unknown option -P" in words.lower():
        last = "it is older than Python 3.11"
    return WorkerError(f"the interpreter `{python}` cannot be used: {last}", is_usage=True, detail=words)
