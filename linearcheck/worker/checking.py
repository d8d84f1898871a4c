"""What a child does: check one model and hand back plain data. The one place where the worker meets the pipeline."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from linearcheck.codec import decode, encode
from linearcheck.findings import Diagnostic, ModelReport
from linearcheck.job import CheckJob
from linearcheck.load.grammar import InputShapeError
from linearcheck.load.records import LoadError
from linearcheck.load.sources import read_source
from linearcheck.trace.records import Span
from linearcheck.worker.limits import is_out_of_memory
from linearcheck.worker.outcome import Outcome
from linearcheck.worker.recording import Recorder, Seen
from linearcheck.worker.skipped import skipped_by_load

RunTrial = Callable[..., Outcome]
"""Runs a function apart from everything else: `run_in_fork`, or `run_in_process` where there is no fork."""

CheckModel = Callable[[CheckJob, RunTrial], ModelReport]

PIPELINE = "linearcheck.pipeline:check_model"


def pipeline_named(name: str) -> CheckModel:
    """The function that checks a model, from `module:function`."""
    module, _, function = name.partition(":")
    check: CheckModel = getattr(importlib.import_module(module), function)
    return check


def check_as_data(check_model: CheckModel, job: CheckJob, run_trial: RunTrial) -> dict[str, Any]:
    """The model's report, the text of each file that it points into, and what it was made from, as JSON can hold them."""
    recorder = Recorder()
    with recorder.recording():
        report = _report(check_model, job, _recorded_trials(run_trial, recorder))
        seen = recorder.seen()
    return {"report": encode(report), "sources": dict(_sources(report, job)), "seen": encode(seen)}


def _report(check_model: CheckModel, job: CheckJob, run_trial: RunTrial) -> ModelReport:
    try:
        return check_model(job, run_trial)
    except LoadError as error:
        if (cause := _memory_error_behind(error)) is not None:
            raise MemoryError(str(cause)) from error
        return skipped_by_load(job, error)
    except InputShapeError as error:
        return skipped_by_load(job, LoadError("LC902", str(error)))


def _recorded_trials(run_trial: RunTrial, recorder: Recorder) -> RunTrial:
    """Trials whose reading is recorded too. One that time or memory ended may end otherwise another time, so its result is not kept."""

    def run(function: Callable[[], Any], *arguments: Any, **options: Any) -> Outcome:
        def trial() -> dict[str, Any]:
            with recorder.paused(False):
                value = function()
                return {"value": value, "seen": encode(recorder.seen())}

        with recorder.paused():
            outcome = run_trial(trial, *arguments, **options)
        if outcome.returned:
            recorder.add(decode(Seen, outcome.value["seen"]))
            return replace(outcome, value=outcome.value["value"])
        if outcome.ending in ("timed out", "out of memory"):
            recorder.obstacle = f"the trial of a fix {outcome.describe()}"
        return outcome

    return run


def _memory_error_behind(error: BaseException) -> BaseException | None:
    """The exception, among those that led to this one, that says that memory ran out."""
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:  # the user's code may chain exceptions in a ring
        if is_out_of_memory(cause):
            return cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return None


def _sources(report: ModelReport, job: CheckJob) -> Iterator[tuple[str, str]]:
    findings = (*report.diagnostics, *report.notes)
    shown = [span.path for diagnostic in findings for span in _spans(diagnostic)]
    edited = [edit.path for diagnostic in findings for fix in diagnostic.fixes for edit in fix.edits]
    for path in dict.fromkeys((*shown, *edited)):
        with contextlib.suppress(LoadError):
            yield path, read_source(Path(job.working_directory, path).absolute(), job.overlay, path).text


def _spans(diagnostic: Diagnostic) -> Iterator[Span]:
    for span in (
        diagnostic.span,
        diagnostic.definition,
        *(related.span for related in diagnostic.related),
        *(operand.origin.span for operand in diagnostic.operands if operand.origin),
    ):
        if span is not None:
            yield span
