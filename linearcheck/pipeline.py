"""One model from its file to its report: load, trace, diagnose, fix. Runs in the worker's child, or in-process for the Python API."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from linearcheck.codec import decode, encode
from linearcheck.exception_text import text_of
from linearcheck.findings import Diagnostic, ModelReport, Severity, SizeText
from linearcheck.job import CheckJob
from linearcheck.load.building import load_model
from linearcheck.load.devices import absent_devices
from linearcheck.load.discover import discover_models
from linearcheck.load.given import inputs_from_function
from linearcheck.load.inference import infer_inputs
from linearcheck.load.records import InputPlan, LoadedModel, LoadError
from linearcheck.load.shapes import plan_inputs, read_first_axis_as_batch
from linearcheck.load.signals import Unavailable
from linearcheck.model_report import call_shapes, input_reports, layer_rows, output_reports
from linearcheck.rules.descent import followers
from linearcheck.rules.registry import diagnose, skipped_diagnostic
from linearcheck.sizes import BATCH
from linearcheck.trace.records import Call, TensorInfo, Trace
from linearcheck.trace.signals import OutOfMemory, TraceSignal
from linearcheck.trace.tracing import ConstructionError, Traced, trace_model
from linearcheck.trace.unrun import traced_without_forward
from linearcheck.weights import Weights, read_weights, whose, with_weights

__all__ = ["check_model", "discover_models"]

_IMPORTING = tuple(sys.path), tuple(sys.meta_path), tuple(sys.path_hooks)
ROOM_FOR_AXES = {f"{kind}{dims}d": dims + 2 for kind in ("conv", "conv_transpose", "max_pool", "avg_pool") for dims in (1, 2, 3)}


def check_model(job: CheckJob, run_apart: Callable[..., Any] | None = None) -> ModelReport:
    """The report of one model.

    Args:
        run_apart: Runs a function in a process of its own (`worker.isolation.run_in_fork`); with it, fixes are tried.

    Raises:
        LoadError: Where the model could not be loaded, built, or given an input.
    """
    began = time.perf_counter()
    torch.set_num_threads(1)  # a fork after an OpenMP operation hangs otherwise, and small models run faster
    with absent_devices():
        loaded = load_model(job)
    return check_loaded(loaded, job, run_apart, began)


def check_loaded(
    loaded: LoadedModel, job: CheckJob, run_apart: Callable[..., Any] | None = None, began: float | None = None
) -> ModelReport:
    """The report of a model that is at hand already."""
    began = time.perf_counter() if began is None else began
    weights = read_weights(job)
    stopped: LoadError | None = None
    with absent_devices(), _collector_paused():
        try:
            traced = trace_of(loaded, job)
        except LoadError as error:
            if weights.contents is None or error.code == "LC901":
                raise
            traced, stopped = traced_without_forward(loaded, train=job.options.train), error  # what it would load is known all the same
    trace, readings = with_weights(traced.trace, traced.session.model, weights)
    traced = replace(traced, trace=trace)
    loaded = replace(loaded, remarks=(*loaded.remarks, *readings))
    diagnostics = diagnose(trace, job.options.select, job.options.ignore)
    if run_apart is not None:  # in a process of the worker's
        _put_back_for_us(job)
    if run_apart is not None and job.options.try_fixes and diagnostics and stopped is None:
        diagnostics = _with_tried_fixes(job, loaded, traced, weights, diagnostics, run_apart, time.perf_counter() - began)
    stopped = stopped or _stopped(loaded, traced, diagnostics)
    if stopped is None:
        return replace(_report(job, loaded, traced, diagnostics, time.perf_counter() - began), problems=weights.problems)
    if weights.contents is None:
        raise stopped
    report = _report(job, loaded, traced, (skipped_diagnostic(stopped), *diagnostics), time.perf_counter() - began)
    return replace(report, status="skipped", reason=stopped.message)


def _put_back_for_us(job: CheckJob) -> None:
    """What the model's code may have taken away, for what is still to be imported and read is ours."""
    for present, before in zip((sys.path, sys.meta_path, sys.path_hooks), _IMPORTING, strict=True):
        present += [entry for entry in before if entry not in present]  # type: ignore[operator]
    try:
        os.getcwd()
    except OSError:  # a temporary folder, say, which is gone
        with contextlib.suppress(OSError):
            os.chdir(job.working_directory)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """A trace keeps what it makes: looking for garbage among it is a fifth of the time of a large model."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def trace_of(loaded: LoadedModel, job: CheckJob) -> Traced:
    """The trace of a model with the inputs that the job gives or that are found out.

    Raises:
        LoadError: Where the model cannot be built, or what goes into it is not known.
        MemoryError: Where the machine has less than the model asks for.
    """
    try:
        traced = trace_model(loaded, lambda model: _plan(loaded, model, job), train=job.options.train)
        reread = _read_again(traced)
        if reread is not None:
            traced = trace_model(loaded, lambda model: reread, train=job.options.train)
    except ConstructionError as error:
        reason = _cannot_build(loaded, error)
        raise reason from (None if reason is error.error else error)
    except Unavailable as error:
        raise error.as_load_error(loaded.name) from None
    except OutOfMemory as error:
        raise MemoryError(str(error)) from error
    return traced


def _plan(loaded: LoadedModel, model: nn.Module, job: CheckJob) -> InputPlan:
    signature = forward_signature(model)
    if job.options.inputs_from is not None:
        return inputs_from_function(loaded, job.options.inputs_from, signature, job.options)
    if job.options.input_shapes:
        return plan_inputs(job.options.input_shapes, signature, job.options)
    return infer_inputs(loaded, model, signature, job.options)


def forward_signature(model: nn.Module) -> inspect.Signature:
    """Arguments of the model's own `forward`; those of its first child where the model is one of torch's containers."""
    return inspect.signature(model.forward)


def _read_again(traced: Traced) -> InputPlan | None:
    """The plan with a leading number read as the batch, where the layer that takes an input has no room for one axis more."""
    plan = traced.plan
    for call in traced.trace.failures:
        given = call.input
        room = ROOM_FOR_AXES.get(call.name)
        if given is not None and given.role == "input" and room is not None and given.rank == room + 1:
            reread = read_first_axis_as_batch(plan, given.name)
            if reread is not plan and reread.inputs != plan.inputs:
                return reread
    return None


def _cannot_build(loaded: LoadedModel, error: ConstructionError) -> LoadError:
    raised = error.error
    if isinstance(raised, LoadError):
        return raised
    line = None
    path = str(loaded.path)
    if error.instruction is not None:
        code, offset = error.instruction
        positions = list(code.co_positions())
        line = positions[offset // 2][0]
        path = code.co_filename
    text = text_of(raised).strip().splitlines()
    what = f"{type(raised).__name__}: {text[0]}" if text else type(raised).__name__
    return LoadError("LC901", f"{error.what.format(loaded.name)} raises {what}", loaded.display_path(path), line)


def _report(job: CheckJob, loaded: LoadedModel, traced: Traced, diagnostics: tuple[Diagnostic, ...], seconds: float) -> ModelReport:
    trace = traced.trace
    findings = tuple(d for d in diagnostics if d.severity is not Severity.NOTE)
    only_reasons = bool(findings) and all(d.code.startswith("LC9") for d in findings)
    return ModelReport(
        path=loaded.display_path(str(loaded.path)),
        name=loaded.name,
        status="skipped" if only_reasons else "findings" if findings else "ok",
        reason=findings[0].message if only_reasons else None,
        named=job.target.name is not None,
        traced=trace.traced,
        batch_sizes=trace.batch_sizes,
        seconds=seconds,
        stood_in=loaded.stood_in,
        init=loaded.init,
        inputs=input_reports(traced.plan, trace),
        outputs=output_reports(trace),
        layers=layer_rows(trace, findings),
        calls=call_shapes(trace),
        diagnostics=findings,
        notes=tuple(d for d in diagnostics if d.severity is Severity.NOTE),
        remarks=(*traced.plan.readings, *loaded.remarks, *_unprobed(trace)),
        left_out=loaded.left_out,
        weights=whose(trace),
    )


def _unprobed(trace: Trace) -> tuple[str, ...]:
    """What a model that is only traced without data cannot get."""
    if trace.probed or trace.traced == "real" or not trace.has_batch or trace.failures or trace.python_errors:
        return ()
    return ("traced without data, so whether samples of a batch leak into one another was not tried",)


def _stopped(loaded: LoadedModel, traced: Traced, diagnostics: tuple[Diagnostic, ...]) -> LoadError | None:
    """The reason why `forward` did not come to its end, where no finding about it says why."""
    error = traced.raised
    if error is None or any(d.severity is not Severity.NOTE and not d.code.startswith("LC6") for d in diagnostics):
        return None
    text = text_of(error).strip().splitlines()
    what = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    site = next((e.site for e in reversed(traced.trace.python_errors) if e.site is not None), None)
    path = site.path if site else loaded.display_path(str(loaded.path))
    return LoadError("LC903", f"`forward` of `{loaded.name}` raises {what}", path, site.line if site else None)


@dataclass(frozen=True)
class TrialResult:
    """What a trial of patched sources found, as the fix room judges it."""

    diagnostics: tuple[Diagnostic, ...]
    outputs: tuple[Any, ...]
    loaded: bool


def _with_tried_fixes(
    job: CheckJob,
    loaded: LoadedModel,
    traced: Traced,
    weights: Weights,
    diagnostics: tuple[Diagnostic, ...],
    run_apart: Callable[..., Any],
    seconds: float,
) -> tuple[Diagnostic, ...]:
    """The diagnostics with their fixes; `seconds` is what the check has taken so far, which the time for trials follows from."""
    from linearcheck.fix.trial import TrialLimits, TrialOutcome, try_fixes

    # Trials must not make a model run out of time that was checked within it.
    left = max(0.0, job.options.timeout_seconds - seconds)
    limits = TrialLimits(seconds=min(20.0, left / 2))
    longest = min(left / 3, 2.0 + 10.0 * seconds)

    def outcome_of(report_diagnostics: tuple[Diagnostic, ...], trace: Trace) -> TrialOutcome:
        return TrialOutcome(report_diagnostics, tuple(_certain_sizes(tensor) for tensor in trace.outputs), loaded=True)

    def run(overlay: Mapping[str, str]) -> TrialOutcome:
        def trial() -> Any:
            absolute = {str(Path(job.working_directory, path).absolute()): text for path, text in overlay.items()}
            patched = replace(job, overlay={**job.overlay, **absolute}, options=replace(job.options, try_fixes=False))
            with absent_devices():  # the same inputs: what is inferred may rest on the very size that an edit changes
                reloaded = load_model(patched)
                again = trace_model(reloaded, lambda model: _plan_again(traced.plan, reloaded, model, patched), train=job.options.train)
            trace, _ = with_weights(again.trace, again.session.model, weights)
            found = diagnose(trace, job.options.select, job.options.ignore)
            if again.raised is not None and not found:
                return None
            return encode(outcome_of(found, again.trace))

        done = run_apart(trial, timeout_seconds=longest)
        if not done.returned or done.value is None:
            return TrialOutcome((), (), loaded=False)
        return decode(TrialOutcome, done.value)

    trace = traced.trace
    before = outcome_of(diagnostics, trace)
    return try_fixes(
        diagnostics,
        _users_sources(loaded, trace),
        run,
        before=before,
        layers=trace.layers,
        followers=followers(trace, diagnostics),
        limits=limits,
    )


def _plan_again(plan: InputPlan, loaded: LoadedModel, model: nn.Module, job: CheckJob) -> InputPlan:
    """The same inputs, but for their layout where that was inferred from a layer with time first and the edit puts the batch first."""
    if not any(BATCH in spec.axes[1:2] and spec.source in ("inferred", "solved") for spec in plan.inputs):
        return plan
    try:
        now = infer_inputs(loaded, model, forward_signature(model), job.options)
    except LoadError:
        return plan
    turned = [replace(old, axes=(BATCH, old.axes[0], *old.axes[2:])) if BATCH in old.axes[1:2] else old for old in plan.inputs]
    layouts = [(spec.name, spec.axes.index(BATCH) if BATCH in spec.axes else None) for spec in now.inputs]
    wanted = [(spec.name, spec.axes.index(BATCH) if BATCH in spec.axes else None) for spec in turned]
    return replace(plan, inputs=tuple(turned)) if layouts == wanted else plan


def _certain_sizes(output: TensorInfo) -> tuple[SizeText, ...]:
    """The sizes of an output; not height and width of a map where they rest on a stand-in, for a repair may well change them."""
    guessed = bool(output.guesses) and output.rank > 2
    return tuple("?" if guessed and axis > 1 else size for axis, size in enumerate(output.sizes))


def _users_sources(loaded: LoadedModel, trace: Trace) -> dict[str, str]:
    """Text of the user's files that a fix may edit."""
    from linearcheck.fix.reach import with_imported_files

    modules = dict(sys.modules)

    def read(name: str) -> tuple[str, str] | None:
        file = getattr(modules[name], "__file__", None)
        if not isinstance(file, str) or not loaded.is_user_file(file):
            return None
        try:
            return loaded.display_path(file), loaded.source_of(file)
        except (OSError, ValueError, KeyError, LoadError):
            return None

    return with_imported_files(trace.sources, modules, read)


def first_calls(trace: Trace) -> dict[str, Call]:
    """For each input, the first call that takes it."""
    found: dict[str, Call] = {}
    for call in trace.calls:
        for tensor in call.tensors:
            if tensor.role == "input" and call.kind == "function":
                found.setdefault(tensor.name, call)
    return found


__all__ += ["TraceSignal", "forward_signature"]
