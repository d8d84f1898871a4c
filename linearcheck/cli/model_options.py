"""The options that say how a model is built and fed, which all commands that look at one have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from linearcheck.cli.options import CheckArguments, named_sizes, named_values, readable_shapes, time_limit

Targets = Annotated[list[str], typer.Argument(metavar="TARGET", help="model.py, model.py:Net, or a directory.", show_default=False)]
InputShapes = Annotated[list[str] | None, typer.Option("--input-shape", "-s", metavar="SHAPE", help="As for a check.")]
NoBatch = Annotated[bool, typer.Option("--no-batch", help="The shapes have no batch axis.")]
Sizes = Annotated[list[str] | None, typer.Option("--size", metavar="NAME=INT", help="Size of a named axis.")]
Inputs = Annotated[str | None, typer.Option("--inputs", metavar="FILE:FUNCTION", help="A function that returns the arguments of forward.")]
Init = Annotated[list[str] | None, typer.Option("--init", metavar="NAME=VALUE", help="Argument of the model's constructor.")]
Arguments = Annotated[list[str] | None, typer.Option("--arg", metavar="NAME=VALUE", help="Argument of forward.")]
Values = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Value of a name at module level.")]
Train = Annotated[bool, typer.Option("--train", help="Training mode.")]
Weights = Annotated[str | None, typer.Option("--weights", metavar="FILE", help="Check a checkpoint against the model.")]
Python = Annotated[str | None, typer.Option("--python", metavar="PATH", help="The interpreter whose torch is used.")]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Time limit for each model (60).")]
ConfigFile = Annotated[str | None, typer.Option("--config", metavar="FILE", help="The configuration to use.")]


def model_arguments(
    targets: Sequence[str],
    *,
    input_shape: list[str] | None,
    no_batch: bool = False,
    size: list[str] | None,
    inputs: str | None = None,
    init: list[str] | None,
    arg: list[str] | None = None,
    set_: list[str] | None = None,
    train: bool,
    weights: str | None = None,
    python: str | None,
    timeout: float | None = None,
    config: str | None = None,
) -> CheckArguments:
    """The options as a check takes them.

    Raises:
        UsageError: If one cannot be read.
    """
    return CheckArguments(
        targets=tuple(targets),
        input_shapes=readable_shapes(input_shape or ()),
        no_batch=no_batch,
        sizes=named_sizes(size or ()),
        inputs_from=inputs,
        init=named_values(init or (), "--init"),
        arguments=named_values(arg or (), "--arg"),
        values=named_values(set_ or (), "--set"),
        train=train,
        weights=weights,
        python=python,
        timeout_seconds=time_limit(timeout),
        config=config,
    )
