"""The checkpoint of `--weights` beside a trace: read once for a check, and compared with each model that is built in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from linearcheck.job import CheckJob
from linearcheck.load.checkpoints.choosing import choose_state
from linearcheck.load.checkpoints.reading import CheckpointError, Contents, read_checkpoint
from linearcheck.trace.records import Trace
from linearcheck.trace.state_names import correspond
from linearcheck.worker.skipped import shown_path

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Weights:
    """What was read; `problem` says why it could not be."""

    path: str = ""
    contents: Contents | None = None
    problem: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        return (self.problem,) if self.problem else ()


def read_weights(job: CheckJob) -> Weights:
    """The checkpoint of a check; nothing where none is asked for."""
    if job.options.weights is None:
        return Weights()
    place = Path(job.working_directory, job.options.weights)
    shown = shown_path(str(place), job.working_directory)
    try:
        return Weights(shown, read_checkpoint(place))
    except CheckpointError as error:
        return Weights(shown, problem=f"the checkpoint `{shown}` {error}")


def whose(trace: Trace) -> Literal["its own", "another's"] | None:
    """Whether the checkpoint that is compared with a model is one of it, whatever may differ."""
    checkpoint = trace.checkpoint
    if checkpoint is None:
        return None
    return "another's" if correspond(checkpoint.entries, checkpoint.wanted).is_unrelated else "its own"


def with_weights(trace: Trace, model: nn.Module, weights: Weights) -> tuple[Trace, tuple[str, ...]]:
    """The trace with what the checkpoint holds for a model, and sentences for the report that say what was compared."""
    if weights.contents is None:
        return trace, ()
    from linearcheck.trace.model_state import adapting_modules, state_entries

    checkpoint, readings = choose_state(weights.contents, state_entries(model), weights.path, adapting_modules(model))
    return replace(trace, checkpoint=checkpoint), readings
