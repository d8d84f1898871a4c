"""Stands in for `linearcheck.pipeline` in a worker under test: the model's name says what happens to it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import torch

from linearcheck.findings import ModelReport, TensorReport
from linearcheck.job import CheckJob
from linearcheck.load.records import LoadError
from linearcheck.sizes import N


def check_model(job: CheckJob, run_trial: Any) -> ModelReport:
    result = globals()[job.target.name or "fine"](job, run_trial)
    remarks = (result,) if isinstance(result, str) else ()
    outputs = (TensorReport("", (N, 10), str(torch.get_default_dtype())),)
    return ModelReport(job.target.place, job.target.name or "", "ok", outputs=outputs, remarks=remarks)


def fine(job: CheckJob, run_trial: Any) -> str:
    return str(torch.ones(2, 3).matmul(torch.ones(3, 2)).sum().item())


def loops(job: CheckJob, run_trial: Any) -> None:
    while True:
        pass


def sleeps(job: CheckJob, run_trial: Any) -> None:
    time.sleep(0.3)


def exits(job: CheckJob, run_trial: Any) -> None:
    sys.exit("bye")


def leaves(job: CheckJob, run_trial: Any) -> None:
    os._exit(3)


def crashes(job: CheckJob, run_trial: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def killed(job: CheckJob, run_trial: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hungry(job: CheckJob, run_trial: Any) -> None:
    torch.zeros(100_000_000_000)


def hungry_python(job: CheckJob, run_trial: Any) -> None:
    bytearray(100_000_000_000)


def refused(job: CheckJob, run_trial: Any) -> None:
    raise LoadError("LC901", "`Net` is not in the file", job.target.place, 3, advice="the nearest is `Nets`")


def faulty(job: CheckJob, run_trial: Any) -> None:
    raise AssertionError("a fault of our own")


def unprintable(job: CheckJob, run_trial: Any) -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise ValueError

    raise Unprintable


def prints(job: CheckJob, run_trial: Any) -> None:
    print("hello from the model")
    os.write(2, b"and from below\n")


def prints_much(job: CheckJob, run_trial: Any) -> None:
    print("first")
    print("x" * 1_000_000)
    print("last")


def meddles(job: CheckJob, run_trial: Any) -> None:
    import json
    import struct

    json.dumps = json.JSONEncoder.encode = None  # type: ignore[assignment, method-assign]
    struct.pack = None  # type: ignore[assignment]
    os.write = os._exit = os.getpid = None  # type: ignore[assignment]
    sys.setrecursionlimit(60)
    sys.stdout = None  # type: ignore[assignment]


def scribbles(job: CheckJob, run_trial: Any) -> None:
    for descriptor in range(3, 40):
        try:
            os.write(descriptor, b"scribble" * 10)
        except OSError:
            continue


def closes_everything(job: CheckJob, run_trial: Any) -> None:
    os.closerange(3, 256)


def forks(job: CheckJob, run_trial: Any) -> str:
    child = os.fork()  # the copy returns from here too, and must not answer
    return "copy" if child == 0 else "original"


def daemon(job: CheckJob, run_trial: Any) -> None:
    if (child := os.fork()) == 0:
        time.sleep(60)
        os._exit(0)
    with open(job.options.init["pids"], "a") as file:
        print(child, file=file)


def kills_worker(job: CheckJob, run_trial: Any) -> None:
    os.kill(os.getppid() if not os.environ.get("LINEARCHECK_NO_FORK") else os.getpid(), signal.SIGKILL)
    time.sleep(5)


def changes_state(job: CheckJob, run_trial: Any) -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    os.environ["LEFT_BEHIND"] = "1"
    os.chdir("/")
    sys.path.insert(0, "/nowhere")


def looks_at_state(job: CheckJob, run_trial: Any) -> str:
    changed = os.environ.get("LEFT_BEHIND"), "/nowhere" in sys.path, os.getcwd() == "/", not torch.is_grad_enabled()
    return str(changed)


def tries_fixes(job: CheckJob, run_trial: Any) -> str:
    """Six trials: one of each ending."""

    def value() -> object:
        return {"answer": fine(job, run_trial)}

    endings = []
    for function in (value, lambda: os._exit(4), lambda: loops(job, None), lambda: sys.exit(1), lambda: crashes(job, None), value):
        outcome = run_trial(function, timeout_seconds=1.0)
        endings.append(f"{outcome.ending} {outcome.value or outcome.exit_code or outcome.signal or outcome.type or outcome.seconds}")
    return "; ".join(endings)


def threads(job: CheckJob, run_trial: Any) -> str:
    """A real parallel operation in the model, and again in the trial forked from it, which hangs where the pool is copied."""
    torch.set_num_threads(4)
    fine_sized = torch.ones(600, 600)
    fine_sized @ fine_sized
    outcome = run_trial(lambda: float((fine_sized @ fine_sized)[0, 0]), timeout_seconds=10.0)
    return f"{outcome.ending} {outcome.value}"
