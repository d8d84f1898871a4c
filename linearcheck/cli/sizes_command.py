"""`linearcheck sizes TARGET`: which sizes of its inputs a model accepts, and where it breaks at the others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.failure import print_errors
from linearcheck.cli.model_options import (
    Arguments,
    ConfigFile,
    Init,
    InputShapes,
    Python,
    Sizes,
    Targets,
    Timeout,
    Train,
    Values,
    model_arguments,
)
from linearcheck.cli.one_run import checked
from linearcheck.cli.options import UsageError
from linearcheck.findings import Report
from linearcheck.notebooks import in_cells

PIPELINE = "linearcheck.accepted_sizes:measure_sizes"
_EPILOG = "Exit code: 0 every model was measured, 2 one was not, or the usage is wrong."


def sizes(
    targets: Targets,
    input_shape: InputShapes = None,
    size: Sizes = None,
    init: Init = None,
    arg: Arguments = None,
    set_: Values = None,
    train: Train = False,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="table, or json.")] = "table",
    python: Python = None,
    timeout: Timeout = None,
    config: ConfigFile = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also what went wrong inside linearcheck.")] = False,
) -> int:
    """Print which input sizes a model accepts, axis by axis, and for those that it refuses where it breaks first.

    It is found by running the model at other sizes, within 20 seconds for each model.
    """
    if output_format not in ("table", "json"):
        raise UsageError(f"`--output-format {output_format}`: `sizes` knows `table` and `json`")
    arguments = model_arguments(
        targets, input_shape=input_shape, size=size, init=init, arg=arg, set_=set_,
        train=train, python=python, timeout=timeout, config=config,
    )  # fmt: skip
    run = checked(arguments, pipeline=PIPELINE)
    print_errors(run.report.errors)
    if verbose and run.traceback:
        print(run.traceback, file=sys.stderr)
    _show(in_cells(run.report), as_json=output_format == "json")
    return 2 if run.report.errors or any(model.status == "skipped" for model in run.report.models) else 0


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
