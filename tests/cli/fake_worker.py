"""A pool that checks models in this process with a function of the test's in place of torch, and counts them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from linearcheck.findings import ModelReport
from linearcheck.job import CheckJob
from linearcheck.worker.checking import check_as_data
from linearcheck.worker.client import Worker, WorkerSettings
from linearcheck.worker.isolation import run_in_process
from linearcheck.worker.outcome import Outcome
from linearcheck.worker.pool import Checked, _checked

CheckModel = Callable[[CheckJob, Any], ModelReport]


class FakePool:
    """Stands in for `worker.pool.Pool`. `checked` are the names of all models that were really checked, of all pools together."""

    torch_version, python_version = "2.0", "3.11"

    def __init__(self, model: CheckModel) -> None:
        self.model = model
        self.checked: list[str] = []

    def __call__(self, settings: WorkerSettings, started: Worker | None, n_jobs: int, memory: int | None) -> FakePool:
        return self

    def check(self, jobs: Sequence[CheckJob], on_done: Callable[[int, Checked], None]) -> list[Checked]:
        results = []
        for index, job in enumerate(jobs):
            self.checked.append(f"{Path(job.target.place).name}:{job.target.name}")
            data = check_as_data(self.model, job, run_in_process)
            results.append(_checked(job, Outcome("returned", value=json.loads(json.dumps(data))), ""))
            on_done(index, results[-1])
        return results

    def set_jobs(self, n_jobs: int, memory: int | None) -> None:
        pass

    def close(self) -> None:
        pass

    def kill(self) -> None:
        pass
