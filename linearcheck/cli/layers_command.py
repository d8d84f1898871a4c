"""`linearcheck layers TARGET`: the layers of a model in the order of their calls, and nothing else."""

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
    Inputs,
    InputShapes,
    NoBatch,
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
from linearcheck.notebooks import in_cells

_EPILOG = "Exit code: 0 every model was traced, whatever is wrong with it, 2 one was not, or the usage is wrong."


def layers(
    targets: Targets,
    input_shape: InputShapes = None,
    no_batch: NoBatch = False,
    size: Sizes = None,
    inputs: Inputs = None,
    init: Init = None,
    arg: Arguments = None,
    set_: Values = None,
    train: Train = False,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="table, or json.")] = "table",
    python: Python = None,
    timeout: Timeout = None,
    config: ConfigFile = None,
) -> int:
    """Print the layers of a model in the order of their calls: input, output, weight, bias and number of parameters."""
    if output_format not in ("table", "json"):
        raise UsageError(f"`--output-format {output_format}`: `layers` knows `table` and `json`")
    arguments = model_arguments(
        targets, input_shape=input_shape, no_batch=no_batch, size=size, inputs=inputs, init=init, arg=arg, set_=set_,
        train=train, python=python, timeout=timeout, config=config,
    )  # fmt: skip
    run = checked(arguments)
    print_errors(run.report.errors)
    report = in_cells(run.report)
    from linearcheck.report import layers_only

    if output_format == "json":
        sys.stdout.write(layers_only.render_layers_json(report))
    else:
        from rich.console import Console

        layers_only.print_layers(report, Console(file=sys.stdout))
    return run.code


app = app_of(layers, _EPILOG)


def main(words: Sequence[str]) -> int:
    """The exit code of `layers` with these arguments."""
    return run_app(app, words, "linearcheck layers")
