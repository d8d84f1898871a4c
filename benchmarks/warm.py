"""One measurement in one warm process, in pairs: `warm.py MEASUREMENT TARGET RUNS`. Prints the seconds of the pairs as JSON."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import nn

import linearcheck
from linearcheck.job import CheckJob, CheckOptions
from linearcheck.load.building import load_model
from linearcheck.load.shapes import plan_inputs
from linearcheck.load.targets import parse_target
from linearcheck.pipeline import forward_signature
from linearcheck.trace import tracing

IMAGE = (3, 224, 224)
BATCH = 2

Run = Callable[[], None]


def check_and_forward(target: str) -> tuple[Run, Run]:
    """A check of the model beside its real forward pass."""
    model, images = built(target).eval(), torch.randn(BATCH, *IMAGE)

    @torch.no_grad()
    def forward() -> None:
        model(images)

    return (lambda: checked(target)), forward


def recording_and_meta(target: str) -> tuple[Run, Run]:
    """A forward pass on meta with everything recorded, beside the bare one."""
    options = CheckOptions(input_shapes=(",".join(map(str, IMAGE)),))
    job = CheckJob(parse_target(target), options, working_directory=".")
    session = tracing.build_session(load_model(job), way="meta")
    plan = plan_inputs(options.input_shapes, forward_signature(session.model), options)
    with torch.device("meta"):
        model, images = built(target).eval(), torch.empty(BATCH, *IMAGE)

    @torch.no_grad()
    def forward() -> None:
        model(images)

    return (lambda: check_clean(tracing.run_forward(session, plan, {"N": BATCH}))), forward


def all_and_loud(target: str) -> tuple[Run, Run]:
    """A check beside one that runs the model once and neither varies sizes nor probes samples, as loud errors alone would need."""

    def loud() -> None:
        with mock.patch.object(tracing, "_probe", return_value=((), False)), mock.patch.object(tracing, "_batch_of_one", return_value=None):
            checked(target)

    return (lambda: checked(target)), loud


MEASUREMENTS = {"forward": check_and_forward, "recording": recording_and_meta, "silent": all_and_loud}


def built(target: str) -> nn.Module:
    path, _, name = target.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = getattr(module, name)()
    assert isinstance(model, nn.Module)
    return model


def checked(target: str) -> None:
    report = linearcheck.check(target, IMAGE)
    assert report.ok, report.to_json()


def check_clean(run: tracing.Run) -> None:
    assert run.raised is None and not run.failed_keys


def seconds_of(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main(measurement: str, target: str, runs: int) -> None:
    ours, theirs = MEASUREMENTS[measurement](target)
    ours()
    theirs()
    print(json.dumps([(seconds_of(ours), seconds_of(theirs)) for _ in range(runs)]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
