"""The workers of one command: started early or when first needed, and kept as long as the command runs."""

from __future__ import annotations

from dataclasses import dataclass

from linearcheck.environments import default_interpreter
from linearcheck.worker.client import Worker, WorkerSettings
from linearcheck.worker.limits import default_memory_limit
from linearcheck.worker.pool import Pool


@dataclass
class Workers:
    """`started` is a worker that runs already, for the interpreter `python`; None of them means the one that runs this."""

    python: str | None = None
    started: Worker | None = None
    _pool: Pool | None = None

    def pool(self, n_jobs: int) -> Pool:
        """The pool, for this many models at a time.

        Raises:
            WorkerError: If the interpreter cannot be started.
        """
        if self._pool is None:
            settings = self.started.settings if self.started is not None else WorkerSettings(self.python or default_interpreter())
            self._pool = Pool(settings, self.started, n_jobs, default_memory_limit())
        else:
            self._pool.set_jobs(n_jobs, default_memory_limit())
        return self._pool

    def close(self) -> None:
        """Let the workers go, without waiting for them."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def kill(self) -> None:
        """End the workers and all that they run, now."""
        if self._pool is not None:
            self._pool.kill()
            self._pool = None
