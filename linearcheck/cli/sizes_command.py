"""`linearcheck sizes TARGET`: which sizes of its inputs a model accepts, and where it breaks at the others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.checks import Checks
from linearcheck.cli.failure import print_errors
from linearcheck.cli.memory import Memory
from linearcheck.cli.options import CheckArguments, UsageError, named_sizes, named_values, readable_shapes
from linearcheck.cli.targets import Configs, named_models
from linearcheck.cli.workers import Workers
from linearcheck.config import ConfigError
from linearcheck.environments import default_interpreter
from linearcheck.findings import Report
from linearcheck.worker.client import Worker, WorkerError, WorkerSettings

PIPELINE = "linearcheck.accepted_sizes:measure_sizes"
_EPILOG = "Exit code: 0 every model was measured, 2 one was not, or the usage is wrong."


def sizes(
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="model.py, model.py:Net, or a directory.", show_default=False)],
    input_shape: Annotated[list[str] | None, typer.Option("--input-shape", "-s", metavar="SHAPE", help="As for a check.")] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="NAME=INT", help="Size of a named axis.")] = None,
    init: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of the model's constructor.")] = None,
    arg: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of forward.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Value of a name at module level.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Training mode.")] = False,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="table, or json.")] = "table",
    python: Annotated[str | None, typer.Option(metavar="PATH", help="The interpreter whose torch is used.")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Time limit for each model (60).")] = None,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="The configuration to use.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also what went wrong inside linearcheck.")] = False,
) -> int:
    """Print which input sizes a model accepts, axis by axis, and for those that it refuses where it breaks first.

    It is found by running the model at other sizes, within 20 seconds for each model.
    """
    if output_format not in ("table", "json"):
        raise UsageError(f"`--output-format {output_format}`: `sizes` knows `table` and `json`")
    arguments = CheckArguments(
        targets=tuple(targets),
        input_shapes=readable_shapes(input_shape or ()),
        sizes=named_sizes(size or ()),
        init=named_values(init or (), "--init"),
        arguments=named_values(arg or (), "--arg"),
        values=named_values(set_ or (), "--set"),
        train=train,
        python=python,
        timeout_seconds=timeout,
        config=config,
    )
    report, traceback = _measured(arguments)
    print_errors(report.errors)
    if verbose and traceback:
        print(traceback, file=sys.stderr)
    _show(report, as_json=output_format == "json")
    return 2 if report.errors or any(model.status == "skipped" for model in report.models) else 0


def _measured(arguments: CheckArguments) -> tuple[Report, str]:
    python = arguments.python or default_interpreter()
    try:
        workers = Workers(python, Worker(WorkerSettings(python, PIPELINE)))
    except WorkerError as error:
        raise UsageError(error.message) from None
    try:
        configs = Configs(arguments)
        named = named_models(arguments, configs)
        n_jobs = configs.of(Path.cwd()).jobs or 2
        checks = Checks(named, lambda n_models: workers.pool(min(n_jobs, n_models)), Memory(None, python))
        return checks.check(try_fixes=False), checks.traceback
    except (ConfigError, WorkerError) as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt:
        workers.kill()
        raise
    finally:
        if workers.started is not None:
            workers.started.abandon()
        workers.close()


def _show(report: Report, *, as_json: bool) -> None:
    from linearcheck.report.accepted_sizes import print_sizes, render_sizes_json

    if as_json:
        sys.stdout.write(render_sizes_json(report))
        return
    from rich.console import Console

    print_sizes(report, Console(file=sys.stdout))


app = app_of(sizes, _EPILOG)


def main(words: Sequence[str]) -> int:
    """The exit code of `sizes` with these arguments."""
    return run_app(app, words, "linearcheck sizes")
