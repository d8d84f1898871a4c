"""The workers of one command: started early or when first needed, and kept as long as the command runs."""

from __future__ import annotations

from dataclasses import dataclass

from linearcheck.worker.client import Worker, WorkerSettings
from linearcheck.worker.limits import default_memory_limit
from linearcheck.worker.pool import Pool


@dataclass
class Workers:
    """`started` is a worker that runs already, with these settings."""

    settings: WorkerSettings
    started: Worker | None = None
    _pool: Pool | None = None

    def pool(self, n_jobs: int) -> Pool:
        """The pool, for this many models at a time.

        Raises:
            WorkerError: If the interpreter cannot be started.
        """
        if self._pool is None:
            self._pool = Pool(self.settings, self.started, n_jobs, default_memory_limit())
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
