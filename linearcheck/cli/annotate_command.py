"""`linearcheck annotate TARGET`: the model's file with the shape of each line's result as a comment behind it."""

from __future__ import annotations

import io
import sys
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from linearcheck.annotations import annotation_edits
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
from linearcheck.cli.one_run import OneRun, checked
from linearcheck.cli.options import UsageError
from linearcheck.findings import ModelReport, RunError
from linearcheck.fix.apply import diff_of
from linearcheck.fix.text import apply_edits
from linearcheck.load.records import LoadError
from linearcheck.load.sources import read_source
from linearcheck.load.targets import parse_target
from linearcheck.replacing import put_in_place
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted, model_title

_EPILOG = "Exit code: 0 every model was traced, whatever is wrong with it, 2 one was not, or the usage is wrong."


@dataclass(frozen=True, slots=True)
class _Annotated:
    path: str
    old: str
    new: str
    n_comments: int


def annotate(
    targets: Targets,
    diff: Annotated[bool, typer.Option("--diff", help="Print a patch instead of the file.")] = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="Write the file.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take such comments away, without looking at the model.")] = False,
    input_shape: InputShapes = None,
    no_batch: NoBatch = False,
    size: Sizes = None,
    inputs: Inputs = None,
    init: Init = None,
    arg: Arguments = None,
    set_: Values = None,
    train: Train = False,
    python: Python = None,
    timeout: Timeout = None,
    config: ConfigFile = None,
) -> int:
    """Print the file of a model with the shape that each line makes as a comment behind it, such as `# lc: (N, 120)`.

    Nothing is written without --in-place. Comments that are there from before are replaced.
    """
    if diff and in_place:
        raise UsageError("`--diff` and `--in-place` do not go together")
    if "-" in targets:
        raise UsageError("`annotate` needs files")
    if remove:
        found = [_annotated(path, ()) for path in _files(targets)]
        return _put_out(found, diff=diff, in_place=in_place, what="removed")
    arguments = model_arguments(
        targets, input_shape=input_shape, no_batch=no_batch, size=size, inputs=inputs, init=init, arg=arg, set_=set_,
        train=train, python=python, timeout=timeout, config=config,
    )  # fmt: skip
    run = checked(arguments)
    print_errors(run.report.errors)
    for model in run.report.models:
        if model.status == "skipped":
            print(visible(f"{model_title(model)} was not traced: {model.reason}"), file=sys.stderr)
    found = [_annotated(path, models) for path, models in _by_file(run).items()]
    return max(run.code, _put_out(found, diff=diff, in_place=in_place, what="written"))


def _by_file(run: OneRun) -> dict[str, list[ModelReport]]:
    models: dict[str, list[ModelReport]] = {}
    for model in run.report.models:
        if model.status != "skipped":
            models.setdefault(model.path, []).append(model)
    return models


def _files(targets: Sequence[str]) -> list[str]:
    """The files that the targets name, of which no model is looked at."""
    places = []
    for text in targets:
        try:
            target = parse_target(text)
        except ValueError as error:
            raise UsageError(str(error)) from None
        if target.is_module or Path(target.place).is_dir():
            raise UsageError(f"`--remove` needs files, and `{target.place}` is none")
        places.append(target.place)
    return list(dict.fromkeys(places))


def _annotated(path: str, models: Sequence[ModelReport]) -> _Annotated:
    """
    Raises:
        UsageError: If the file cannot be read.
    """
    if path.endswith(".ipynb"):
        raise UsageError(f"`{path}` is a notebook; `annotate` knows Python files")
    try:
        text = read_source(Path(path).absolute(), shown=path).text
        edits = annotation_edits(path, text, models)
    except LoadError as error:
        raise UsageError(error.message) from None
    except ValueError as error:
        raise UsageError(f"`{path}` is {error}") from None
    return _Annotated(path, text, apply_edits(text, edits), len(edits))


def _put_out(found: Sequence[_Annotated], *, diff: bool, in_place: bool, what: str) -> int:
    if in_place:
        return max([0, *(_write(one, what) for one in found)])
    if diff:
        sys.stdout.write("".join(visible_lines(diff_of(one.path, one.old, one.new)) for one in found))
        return 0
    if len(found) > 1:
        names = ", ".join(f"`{one.path}`" for one in found[:3])
        raise UsageError(f"the targets stand in several files ({names}); name one of them, or use `--diff` or `--in-place`")
    for one in found:
        sys.stdout.write(visible_lines(one.new))
    return 0


def visible_lines(text: str) -> str:
    """The text as it is for a file or a pipe; on a terminal without what that would obey."""
    if not sys.stdout.isatty():
        return text
    return "".join(f"{visible(line.expandtabs(8))}\n" for line in text.splitlines())


def _write(one: _Annotated, what: str) -> int:
    if one.new == one.old:
        print(visible(f"{one.path}: nothing to change"), file=sys.stderr)
        return 0
    path = Path(one.path)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(path.read_bytes()).readline)
        put_in_place(path, one.new.encode(encoding))
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        print_errors([RunError("usage", f"`{one.path}` cannot be written: {reason}")])
        return 2
    print(visible(f"{one.path}: {counted(one.n_comments, 'comment')} {what}"), file=sys.stderr)
    return 0


app = app_of(annotate, _EPILOG)


def main(words: Sequence[str]) -> int:
    """The exit code of `annotate` with these arguments."""
    return run_app(app, words, "linearcheck annotate")
