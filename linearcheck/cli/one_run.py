"""Check models for a command that shows something else of the result than findings and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linearcheck.cli.checks import Checks
from linearcheck.cli.early import start_worker_early
from linearcheck.cli.exit_code import CLEAN, FAILED
from linearcheck.cli.memory import Memory
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.cli.targets import Configs, Named, named_models
from linearcheck.cli.words import Words
from linearcheck.cli.workers import Workers
from linearcheck.config import ConfigError
from linearcheck.environments import default_interpreter
from linearcheck.findings import Report
from linearcheck.worker.client import WorkerError


@dataclass(frozen=True, slots=True)
class OneRun:
    """The report, and whether something that was named could not be checked."""

    report: Report
    named: Sequence[Named]
    incomplete: bool

    @property
    def code(self) -> int:
        return FAILED if self.report.errors or self.incomplete else CLEAN


def checked(arguments: CheckArguments, *, try_fixes: bool = False) -> OneRun:
    """Check what the arguments name, once, and show nothing.

    Raises:
        UsageError: If a target, an option or the configuration makes no sense, or no worker can be had.
    """
    early = start_worker_early(Words(arguments.targets, (), frozenset(), arguments.python or default_interpreter()))
    workers = Workers(arguments.python, early)
    try:
        configs = Configs(arguments)
        named = named_models(arguments, configs)
        n_jobs = arguments.jobs or configs.of(Path.cwd()).jobs or 1
        run = Checks(
            named, lambda n_models: workers.pool(min(n_jobs, n_models)), Memory(None, arguments.python or default_interpreter()), quiet=True
        )
        report = run.check(try_fixes=try_fixes)
    except (ConfigError, WorkerError) as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt:
        workers.kill()
        raise
    finally:
        if early is not None:
            early.abandon()
        workers.close()
    return OneRun(report, named, any(run.unchecked))
