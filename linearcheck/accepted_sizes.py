"""`linearcheck sizes`: one model from its file to the sizes that it accepts. The worker's child runs this instead of a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from linearcheck.findings import AxisSizes, ModelReport, Refusal, Severity
from linearcheck.job import CheckJob
from linearcheck.load.building import load_model
from linearcheck.load.devices import absent_devices
from linearcheck.load.records import InputPlan, InputSpec, LoadedModel, LoadError
from linearcheck.model_report import input_reports
from linearcheck.pipeline import trace_of
from linearcheck.rules.registry import diagnose
from linearcheck.rules.wording import axis_words, call_on_line, counted
from linearcheck.sizes import shape_text
from linearcheck.trace.acceptance import Axis, Probe, Prober, Sizes, accepted_sizes, axes_of
from linearcheck.trace.assemble import Assembler, Run, layers
from linearcheck.trace.records import Span, Trace
from linearcheck.trace.tracing import Traced

COMMON_SIDES = (224, 256, 128, 64, 32, 28, 96, 112, 299, 384, 48, 84, 512)


def measure_sizes(job: CheckJob, run_apart: Callable[..., Any] | None = None) -> ModelReport:
    """The report of one model, with what it accepts along each axis.

    Raises:
        LoadError: Where the model could not be loaded, built, or given an input, or no size was found at which it runs.
    """
    torch.set_num_threads(1)
    with absent_devices():
        loaded = load_model(job)
        traced = trace_of(loaded, job)
        if traced.plan.make_arguments is not None:
            raise LoadError("LC902", "`--inputs` makes the arguments itself, so their sizes cannot be changed", str(job.target.place))
        prober, plan = _running(loaded, traced)
        prober.prefer_speed()
        axes = axes_of(plan)
        found = []
        for number, axis in enumerate(axes):
            prober.share_time(len(axes) - number)
            sizes = accepted_sizes(prober, axis)
            prober.share_time(1)  # what refuses is looked at again for its words
            found.append(_report(prober, sizes))
    return ModelReport(
        path=loaded.display_path(str(loaded.path)),
        name=loaded.name,
        status="ok",
        named=job.target.name is not None,
        traced=prober.session.way,
        stood_in=loaded.stood_in,
        init=loaded.init,
        inputs=input_reports(plan, traced.trace),
        remarks=(*plan.readings, *loaded.remarks),
        sizes=tuple(found),
    )


def _running(loaded: LoadedModel, traced: Traced) -> tuple[Prober, InputPlan]:
    """A prober at sizes at which the model runs: those of its plan, else a batch or a common side of its images that it runs at.

    Raises:
        LoadError: If there is none.
    """
    prober = Prober(loaded, traced.session, traced.plan, traced.base.letters, traced.base)
    if traced.raised is None and not traced.base.failed_keys:
        return prober, traced.plan
    letter = next((axis for axis in axes_of(traced.plan) if axis.letter == "N"), None)
    for size in [size for failure in traced.trace.batch_failures for size in failure.ran_sizes] if letter is not None else ():
        probe = prober.at([letter] if letter is not None else (), size)
        if probe.accepted and probe.run is not None:
            return Prober(loaded, prober.session, traced.plan, probe.run.letters, probe.run), traced.plan
    sides = [axis for axis in axes_of(traced.plan) if not axis.letter and axis.axis >= 2]
    for side in COMMON_SIDES if sides else ():
        probe = prober.at(sides, side)
        if probe.accepted and probe.run is not None:
            plan, letters = prober.changed(sides, side)
            return Prober(loaded, prober.session, plan, letters, probe.run), plan
    wrong = next((d for d in diagnose(traced.trace) if d.severity is Severity.ERROR), None)
    why = f": {wrong.message}" if wrong is not None else ""
    path = loaded.display_path(str(loaded.path))
    line = wrong.span.line if wrong is not None and wrong.span is not None else None
    raise LoadError(
        "LC903", f"`{loaded.name}` runs at no size that was tried{why}", path, line, f"`linearcheck {path}` says what is wrong."
    )


def _report(prober: Prober, found: Sizes) -> AxisSizes:
    spec = next(spec for spec in prober.plan.inputs if spec.name == found.axis.input)
    return AxisSizes(
        input=found.axis.input,
        axis=found.axis.axis,
        name=_axis_name(spec, found.axis),
        size=found.size,
        letter=found.axis.letter,
        step=found.step,
        smallest=found.smallest,
        largest=found.largest,
        is_open=found.is_open,
        tied=tuple((axis.input, axis.axis) for axis in found.tied),
        exceptions=tuple(found.exceptions),
        also=tuple(found.also),
        refused=tuple(_refusal(prober, found, low, high, probe) for low, high, probe in found.refused),
        finished=found.finished,
        n_tried=found.n_tried,
    )


def _axis_name(spec: InputSpec, axis: Axis) -> str:
    if axis.letter == "N":
        return "batch"
    if not spec.axes or spec.axes[0] != "N":
        return ""
    is_index = spec.dtype is not None and not spec.dtype.startswith(("float", "complex", "bfloat"))
    if is_index and len(spec.axes) == 2:
        return "steps"
    words = axis_words(tuple(0 for _ in spec.axes), channels_first=len(spec.axes) != 3)
    return words[axis.axis] if axis.axis < len(words) else ""


def _refusal(prober: Prober, found: Sizes, low: int, high: int, probe: Probe) -> Refusal:
    """Where the model breaks at a size, in the words of the finding that a check would have."""
    bound = high or None
    trace = _trace_at(prober, (found.axis, *found.tied), probe)
    if trace is None:
        return _placed(low, bound, "the model cannot be run at this size a second time", "", None)
    for diagnostic in sorted(diagnose(trace), key=lambda d: d.call if d.call is not None else len(trace.calls)):
        if diagnostic.severity is Severity.ERROR and not diagnostic.code.startswith(("LC5", "LC9")):
            return _placed(low, bound, diagnostic.message, diagnostic.layer, diagnostic.span, diagnostic.code)
    first = next((call for call in trace.calls if call.failed), None)
    if first is not None:
        shapes = ", ".join(shape_text(tensor.sizes) for tensor in first.tensors if tensor.role not in ("parameter", "buffer"))
        return _placed(low, bound, f"{call_on_line(trace, first)} refuses {shapes}", first.layer, first.site)
    stopped = next(iter(trace.python_errors), None)
    if stopped is not None:
        said = stopped.message.strip().splitlines()
        words = f"the code of the model raises {stopped.type}{f': {said[0]}' if said else ''}"
        return _placed(low, bound, words, stopped.layer, stopped.site)
    rows, samples = ", ".join(shape_text(tensor.shape) for tensor in trace.outputs), counted(prober.letters.get("N", 0), "sample")
    return _placed(low, bound, f"nothing raises, but the output {rows} has no row for each of {samples}", "", None)


def _placed(low: int, high: int | None, message: str, layer: str, span: Span | None, code: str = "") -> Refusal:
    return Refusal(low, high, message, layer, span.path if span is not None else "", span.line if span is not None else None, code)


def _trace_at(prober: Prober, axes: tuple[Axis, ...], probe: Probe) -> Trace | None:
    """The run as a trace, its batch named where another batch fails alike."""
    plan, letters = prober.changed(axes, probe.size)
    run, varied = prober.run(plan, letters), dict[str, Run]()
    if run is None:
        return None
    if "N" in run.letters and not any(axis.letter == "N" for axis in axes):
        other = prober.run(plan, {**letters, "N": 2 * letters["N"]})
        if other is not None and list(other.failed_keys) == list(run.failed_keys):
            varied["N"] = other
    return _assembled(prober, run, varied)


def _assembled(prober: Prober, run: Run, varied: dict[str, Run]) -> Trace:
    assembler = Assembler(run, varied, prober.session.spans)
    return Trace(
        calls=assembler.calls(),
        layers=layers(prober.session.model, prober.session.recorder, run, assembler),
        inputs=assembler.inputs(),
        outputs=assembler.outputs(),
        batch_sizes=(run.letters["N"],) if "N" in run.letters else (),
        has_batch=bool(varied),
        traced=prober.session.way,
        training=prober.session.train,
        decisions=assembler.decisions(),
        python_errors=assembler.python_errors(),
        sources=prober.session.spans.sources,
    )
