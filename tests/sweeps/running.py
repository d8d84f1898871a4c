"""One model of a zoo, checked in a child of its own with limits, and what came of it as a row of a table."""

from __future__ import annotations

import linecache
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from linearcheck.findings import Diagnostic, Severity
from linearcheck.job import CheckOptions
from linearcheck.load.devices import absent_devices
from linearcheck.load.records import LoadedModel
from linearcheck.load.shapes import plan_inputs
from linearcheck.pipeline import forward_signature
from linearcheck.rules.registry import diagnose
from linearcheck.trace.inputs import InputChoices, make_inputs
from linearcheck.trace.tracing import ConstructionError, Traced, trace_model
from linearcheck.worker.isolation import run_in_fork
from tests.sweeps.specimen import Specimen

SECONDS = 300.0
MEMORY_BYTES = 12 << 30


@dataclass(frozen=True)
class Found:
    """A finding, as it crosses from the child."""

    code: str
    severity: str
    layer: str
    message: str
    place: str


@dataclass(frozen=True)
class Row:
    """What a check of one model came to. `problem` is why it was not checked to its end, "" where it was; `seconds` are CPU time."""

    name: str
    way: str
    seconds: float
    megabytes: int
    calls: int
    probed: bool
    found: tuple[Found, ...]
    problem: str = ""
    wrong: str = ""
    left_out: bool = False

    @property
    def result(self) -> str:
        """`clean`, `findings`, `problem` or `left out`; `true bug` for the one finding about a model that is wrong as released."""
        if self.left_out:
            return "left out"
        if self.problem:
            return "problem"
        if self.wrong and [found.code for found in self.found] == [self.wrong]:
            return "true bug"
        return "findings" if self.found or self.wrong else "clean"


def loaded_from(specimen: Specimen, build: Callable[[], nn.Module] | None = None) -> LoadedModel:
    """The specimen as a model that the user wrote: the files of its packages are the user's own."""
    parts = tuple(f"{os.sep}{package}{os.sep}" for package in specimen.packages)

    def is_user_file(path: str) -> bool:
        return any(part in path for part in parts)

    def source_of(path: str) -> str:
        return "".join(linecache.getlines(path))

    return LoadedModel(specimen.name, Path(f"{specimen.name}.py"), build or specimen.build, is_user_file, source_of, str)


def options_of(specimen: Specimen, *, train: bool = False) -> CheckOptions:
    return CheckOptions(input_shapes=specimen.shapes, batch=specimen.batch, train=train, arguments=dict(specimen.literals))


def run_eagerly(specimen: Specimen, model: nn.Module, n: int, changed_row: int | None = None) -> Any:
    """What the model returns for a batch of `n` samples, one of them changed, in eager PyTorch without linearcheck."""
    options = options_of(specimen)
    plan = plan_inputs(options.input_shapes, forward_signature(model), options)
    made = make_inputs(plan, {"N": n, **plan.letters}, InputChoices(), model, meta=False, changed_row=changed_row)
    torch.manual_seed(0)
    with torch.no_grad(), absent_devices():
        return model(*made.args, **made.kwargs)


def trace_specimen(specimen: Specimen, *, train: bool = False, build: Callable[[], nn.Module] | None = None) -> Traced:
    options = options_of(specimen, train=train)
    with absent_devices():
        return trace_model(
            loaded_from(specimen, build), lambda model: plan_inputs(options.input_shapes, forward_signature(model), options), train=train
        )


def check_apart(specimen: Specimen, *, train: bool = False, build: Callable[[], nn.Module] | None = None) -> Row:
    """Check one model in a forked child, within limits of time and memory."""

    if train and specimen.untrainable:
        return Row(specimen.name, "", 0.0, 0, 0, False, (), specimen.untrainable, left_out=True)

    def check() -> dict[str, Any]:
        began = time.process_time()
        try:
            traced = trace_specimen(specimen, train=train, build=build)
        except ConstructionError as error:
            return {"problem": f"building raises {type(error.error).__name__}: {error.error}"}
        found = [d for d in diagnose(traced.trace) if d.severity is not Severity.NOTE]
        problem = f"forward raises {type(traced.raised).__name__}: {traced.raised}" if traced.raised is not None and not found else ""
        return {
            "way": traced.trace.traced,
            "calls": len(traced.trace.calls),
            "probed": traced.trace.probed,
            "found": [_as_data(diagnostic) for diagnostic in found],
            "problem": problem,
            "megabytes": peak_megabytes(),
            "seconds": time.process_time() - began,
        }

    torch.set_num_threads(1)  # a fork after an OpenMP operation hangs otherwise
    done = run_in_fork(check, SECONDS, MEMORY_BYTES)
    value = done.value if done.returned else {"problem": f"{done.describe()} {done.where}"}
    return Row(
        specimen.name,
        value.get("way", ""),
        value.get("seconds", 0.0),
        value.get("megabytes", 0),
        value.get("calls", 0),
        value.get("probed", False),
        tuple(Found(**found) for found in value.get("found", ())),
        value["problem"],
        specimen.wrong,
    )


def peak_megabytes() -> int:
    """The most memory that this process had at once; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _as_data(diagnostic: Diagnostic) -> dict[str, str]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "layer": diagnostic.layer,
        "message": diagnostic.message,
        "place": f"{span.path}:{span.line}" if span else "",
    }


def heading() -> str:
    return f"{'model':40} {'result':8} {'way':5} {'probe':5} {'calls':>6} {'s':>6} {'MB':>6}  findings"


def line_of(row: Row) -> str:
    findings = " | ".join(f"{found.code} {found.layer} {found.message} ({found.place})" for found in row.found)
    probe = "yes" if row.probed else "no"
    return (
        f"{row.name:40} {row.result:8} {row.way:5} {probe:5} {row.calls:6} {row.seconds:6.1f} {row.megabytes:6}  "
        f"{(row.problem or findings)[:1500]}"
    ).rstrip()


def summary_of(rows: list[Row]) -> str:
    """Counts of results and of ways of tracing, and the time that all took."""
    results = ", ".join(f"{count} {result}" for result, count in Counter(row.result for row in rows).items())
    ways = ", ".join(f"{count} {way or 'not at all'}" for way, count in Counter(row.way for row in rows).items())
    seconds = sum(row.seconds for row in rows)
    probed = sum(row.probed for row in rows)
    return f"{len(rows)} models: {results}; traced {ways}; {probed} probed; {seconds:.0f} s, {seconds / max(len(rows), 1):.1f} s a model"
