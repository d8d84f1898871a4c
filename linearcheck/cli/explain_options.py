"""The options of `linearcheck explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.explain_command import explain_words
from linearcheck.cli.model_options import Init, InputShapes, Python, Sizes, Train, Weights, model_arguments
from linearcheck.cli.options import UsageError
from linearcheck.findings import Report

_EPILOG = "Exit code: 0 the message is known, 1 it is not, 2 the usage is wrong."


def explain(
    message: Annotated[
        list[str] | None,
        typer.Argument(help="The message or traceback, or a file with it; standard input without one.", show_default=False),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="TARGET", help="Check this model too, and show the finding that fits.")] = None,
    input_shape: InputShapes = None,
    init: Init = None,
    size: Sizes = None,
    train: Train = False,
    weights: Weights = None,
    python: Python = None,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="text, or json.")] = "text",
) -> int:
    """Explain an error message of PyTorch: which rule it is, what each number is, and what to change."""
    if output_format not in ("text", "json"):
        raise UsageError(f"`--output-format {output_format}`: `explain` knows `text` and `json`")
    if model is None and (input_shape or init or size or train or weights or python):
        raise UsageError("options about the model need `--model TARGET`")
    arguments = model_arguments((model or "",), input_shape=input_shape, size=size, init=init, train=train, weights=weights, python=python)

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
