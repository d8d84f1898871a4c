"""The options of `linearcheck explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.explain_command import explain_words
from linearcheck.cli.options import CheckArguments, UsageError, named_sizes, named_values, readable_shapes
from linearcheck.findings import Report

_EPILOG = "Exit code: 0 the message is known, 1 it is not, 2 the usage is wrong."


def explain(
    message: Annotated[
        list[str] | None,
        typer.Argument(help="The message or traceback, or a file with it; standard input without one.", show_default=False),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="TARGET", help="Check this model too, and show the finding that fits.")] = None,
    input_shape: Annotated[list[str] | None, typer.Option("--input-shape", "-s", metavar="SHAPE", help="As for a check.")] = None,
    init: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of the model's constructor.")] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="NAME=INT", help="Size of a named axis.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Check in training mode.")] = False,
    weights: Annotated[str | None, typer.Option(metavar="FILE", help="Check a checkpoint against the model.")] = None,
    python: Annotated[str | None, typer.Option(metavar="PATH", help="The interpreter whose torch is used.")] = None,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="text, or json.")] = "text",
) -> int:
    """Explain an error message of PyTorch: which rule it is, what each number is, and what to change."""
    if output_format not in ("text", "json"):
        raise UsageError(f"`--output-format {output_format}`: `explain` knows `text` and `json`")
    if model is None and (input_shape or init or size or train or weights or python):
        raise UsageError("options about the model need `--model TARGET`")
    arguments = CheckArguments(
        targets=(model or "",),
        input_shapes=readable_shapes(input_shape or ()),
        init=named_values(init or (), "--init"),
        sizes=named_sizes(size or ()),
        train=train,
        weights=weights,
        python=python,
    )

    def run() -> Report:
        from linearcheck.cli.one_run import checked

        report = checked(arguments, try_fixes=True).report
        if report.errors and not report.models:
            raise UsageError(report.errors[0].message)
        return report

    return explain_words(list(message or ()), model or "", run if model is not None else None, as_json=output_format == "json")


app = app_of(explain, _EPILOG)


def run_explain(words: Sequence[str]) -> int:
    """The exit code of `explain` with these arguments."""
    return run_app(app, words, "linearcheck explain")
