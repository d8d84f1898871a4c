"""Check models for a command that shows something else of the result than findings and an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from linearcheck.cli.checks import Checks
from linearcheck.cli.early import started_for
from linearcheck.cli.exit_code import CLEAN, FAILED
from linearcheck.cli.memory import Memory
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.cli.targets import Configs, named_models
from linearcheck.cli.workers import Workers
from linearcheck.config import ConfigError
from linearcheck.findings import Report
from linearcheck.worker.client import CHECK, WorkerError, WorkerSettings


@dataclass(frozen=True, slots=True)
class OneRun:
    """The report, whether something that was named could not be checked, and what went wrong inside linearcheck, if anything did."""

    report: Report
    incomplete: bool
    traceback: str

    @property
    def code(self) -> int:
        return FAILED if self.report.errors or self.incomplete else CLEAN


def checked(arguments: CheckArguments, *, configs: Configs | None = None, pipeline: str = CHECK, try_fixes: bool = False) -> OneRun:
    """Check what the arguments name, once, and show nothing.

    Args:
        configs: The configurations that count, if not those that lie beside what is checked.
        pipeline: The function, as `module:function`, that looks at each model.

    Raises:
        UsageError: If a target, an option or the configuration makes no sense, or no worker can be had.
    """
    settings = WorkerSettings(arguments.interpreter, pipeline)
    early = started_for(arguments.targets, settings)
    workers = Workers(settings, early)
    try:
        configs = configs if configs is not None else Configs(arguments)
        named = named_models(arguments, configs)
        n_jobs = arguments.jobs or configs.of(Path.cwd()).jobs or 2
        run = Checks(named, lambda n_models: workers.pool(min(n_jobs, n_models)), Memory(None, settings.python))
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
    return OneRun(report, any(run.unchecked), run.traceback)
