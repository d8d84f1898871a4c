from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.worker.client import WorkerSettings
from linearcheck.worker.forking import NO_FORK_VARIABLE, can_fork
from linearcheck.worker.pool import Checked, Pool

Check = Callable[..., list[Checked]]

MEMORY_LIMIT = 4 << 30


@pytest.fixture(scope="module", params=["fork", "inline"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both ways to run models: forked children, and one process that is replaced."""
    if request.param == "fork" and not can_fork():
        pytest.skip("there is no safe fork here")
    return str(request.param)


@pytest.fixture(scope="module")
def pool(kind: str) -> Iterator[Pool]:
    """One pool for the tests of a file, which must stand whatever the models of the tests before have done to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        if kind == "inline":
            patch.setenv(NO_FORK_VARIABLE, "1")
        pool = Pool(WorkerSettings(pipeline="fake_pipeline:check_model"))
        yield pool
        pool.kill()


@pytest.fixture
def check(pool: Pool) -> Check:
    """Checks models of the fake pipeline, by name; the results in their order."""

    def check_names(*names: str, n_jobs: int = 1, timeout_seconds: float = 30.0, **init: str) -> list[Checked]:
        pool.set_jobs(n_jobs, MEMORY_LIMIT)
        return pool.check([job(name, timeout_seconds, **init) for name in names])

    return check_names


def job(name: str, timeout_seconds: float = 30.0, **init: str) -> CheckJob:
    return CheckJob(Target("model.py", name), CheckOptions(timeout_seconds=timeout_seconds, init=init))
