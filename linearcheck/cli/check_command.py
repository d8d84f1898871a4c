"""The options of `linearcheck [TARGET]...`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from linearcheck.cli.apps import app_of, run_app
from linearcheck.cli.model_options import ConfigFile, Init, Inputs, NoBatch, Python, Timeout, Values, Weights, model_arguments
from linearcheck.cli.options import rule_codes, shard_of

if TYPE_CHECKING:
    from linearcheck.cli.invocation import Started

EPILOG = (
    "Further commands: `rule CODE` explains a finding, `rule --all` lists the rules, `explain MESSAGE` says what an error of PyTorch "
    "means, `run SCRIPT` explains the one that a script ends with, `layers TARGET` and `annotate TARGET` show the shapes, "
    "`sizes TARGET` the input sizes that a model accepts, `init` writes a starting configuration; `linearcheck COMMAND --help` says more. "
    "Exit code: 0 nothing wrong, 1 an error was found, 2 a target could not be checked or the usage is wrong, 130 interrupted."
)


class ImportMode(StrEnum):
    SLICE = "slice"
    FULL = "full"


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    from linearcheck import __version__

    try:
        torch = f"torch {version('torch')}"
    except PackageNotFoundError:
        torch = "no torch"
    print(f"linearcheck {__version__} ({torch}, Python {sys.version.split()[0]})")
    raise typer.Exit


def check(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="model.py, model.py:Net, model.py:Net(width=64), package.module:Net, a directory, or - for standard input",
            show_default=False,
        ),
    ] = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            "-s",
            metavar="SHAPE",
            help="1,28,28 is one sample; N,1,28,28 a batch; name=N,128:int64 one argument of forward",
        ),
    ] = None,
    no_batch: NoBatch = False,
    size: Annotated[list[str] | None, typer.Option(metavar="NAME=INT", help="Size of a named axis; N=64 adds that batch size.")] = None,
    inputs: Inputs = None,
    init: Init = None,
    arg: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of forward, such as mask=None.")] = None,
    set_: Values = None,
    train: Annotated[bool, typer.Option("--train", help="Check in training mode.")] = False,
    weights: Weights = None,
    import_: Annotated[
        ImportMode | None, typer.Option("--import", help="Run what the model needs of the file (slice, the default), or all of it.")
    ] = None,
    output_format: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT[=PATH]",
            help="table (the default), concise, json, sarif, github, gitlab, junit, markdown, html; repeatable",
        ),
    ] = None,
    output_file: Annotated[str | None, typer.Option(metavar="PATH", help="Write the report to a file.")] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Only these rules: codes or prefixes, as LC1,LC402.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Not these rules.")] = None,
    extend_select: Annotated[list[str] | None, typer.Option(metavar="CODES", help="These rules as well as those of --select.")] = None,
    statistics: Annotated[bool, typer.Option("--statistics", help="Count the findings of each rule.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings and skipped models count as failures.")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Findings do not count as failures.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the tried fixes that are safe.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix or --diff: the tried fixes that leave a choice too.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would change, and change nothing.")] = False,
    baseline: Annotated[str | None, typer.Option(metavar="FILE", help="Findings that this file knows do not count.")] = None,
    write_baseline: Annotated[str | None, typer.Option(metavar="FILE", help="Write what is found to a baseline.")] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/K", help="Check part I of K, to split a repository over machines.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file is saved.")] = False,
    python: Python = None,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Models checked at a time.")] = None,
    timeout: Timeout = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Check again what is known already.")] = False,
    config: ConfigFile = None,
    stdin_filename: Annotated[str | None, typer.Option(metavar="PATH", help="What file standard input is.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Findings alone.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also notes, all layers and what the model's code printed.")] = False,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the versions.")] = False,
) -> int:
    """Find every shape mistake in PyTorch models before they run.

    A check runs the model's constructor and forward, each model in a process of its own.
    """
    from linearcheck.cli.run import check_targets

    of_the_model = model_arguments(
        targets or (), input_shape=input_shape, no_batch=no_batch, size=size, inputs=inputs, init=init, arg=arg, set_=set_,
        train=train, weights=weights, python=python, timeout=timeout, config=config,
    )  # fmt: skip
    arguments = replace(
        of_the_model,
        import_mode=import_.value if import_ else None,
        output_formats=tuple(output_format or ()),
        output_file=output_file,
        select=rule_codes(select or (), "--select"),
        ignore=rule_codes(ignore or (), "--ignore"),
        extend_select=rule_codes(extend_select or (), "--extend-select"),
        statistics=statistics,
        strict=strict,
        exit_zero=exit_zero,
        fix=fix,
        unsafe_fixes=unsafe_fixes,
        diff=diff,
        jobs=jobs,
        stdin_filename=stdin_filename,
        baseline=baseline,
        write_baseline=write_baseline,
        shard=shard_of(shard),
        watch=watch,
        no_cache=no_cache,
        quiet=quiet,
        verbose=verbose,
    )
    return check_targets(arguments, context.obj)


app = app_of(check, EPILOG)


def run_check(words: Sequence[str], started: Started, program: str) -> int:
    """The exit code of `check` with these arguments, given what has been started for it."""
    return run_app(app, words, program, started)
