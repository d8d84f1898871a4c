"""What the front and the worker say to each other, as the fields of each message.

The worker first says `{"hello": true, "torch": …, "python": …}` or `{"no_torch": reason}`. Then, for each request
`{"id", "job", "timeout", "memory", "failed_trials"}`, it sends `{"id", "outcome", "printed"}`. One that cannot fork also says
`{"id", "trial": number, "seconds"}` when it starts on the trial of a fix and `{"id", "trial": null}` when that is over, so
that the front knows what a crash was about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from linearcheck.codec import decode, encode
from linearcheck.job import CheckJob
from linearcheck.worker.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """One model to check. `failed_trials` are the trials that ended the process in an earlier attempt, by their number."""

    id: int
    job: CheckJob
    timeout_seconds: float | None
    memory_limit_bytes: int | None
    failed_trials: dict[str, Outcome] = field(default_factory=dict)

    def message(self) -> dict[str, Any]:
        data: dict[str, Any] = encode(self)
        return data


def request_from(message: dict[str, Any]) -> Request:
    return decode(Request, message)


@dataclass(frozen=True, slots=True)
class Reply:
    id: int
    outcome: Outcome
    printed: str = ""

    def message(self) -> dict[str, Any]:
        data: dict[str, Any] = encode(self)
        return data


def reply_from(message: dict[str, Any]) -> Reply:
    return decode(Reply, message)
