"""What a check results in: diagnostics, proposals and fixes, and the report of all models. Imports without torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from linearcheck.sizes import Size
from linearcheck.trace.records import Span

SizeText = Size | str


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Safety(StrEnum):
    SAFE = "safe"
    UNSAFE = "unsafe"


FixKind = Literal[
    "set_in_features", "set_out_features", "set_in_channels", "set_out_channels", "set_num_features", "set_input_size",
    "flatten", "permute", "unsqueeze", "squeeze", "view_keep_batch", "batch_first", "dtype", "transpose_weight",
    "resize_input", "pad_or_pool", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SetArgument:
    """Give the call at `call` (a layer's definition or a function call) another value for one argument.

    `callee` is the class or function (`Linear`, `softmax`), `argument` its parameter's name, `value` what it should be, as
    a Python literal or source text. `factors` are the numbers whose product `value` is, with what they are
    (`((16, "channels"), (4, "height"), (4, "width"))`), so that an edit can write `16 * 4 * 4`. `old` is the present value.
    """

    call: Span
    callee: str
    argument: str
    value: int | str
    factors: tuple[tuple[int, str], ...] = ()
    old: int | str | None = None
    layer: str = ""


@dataclass(frozen=True, slots=True)
class WrapInput:
    """Transform the argument number `position` (or `argument`) of the call at `call` before it goes in.

    `transform` is what happens to the tensor `t`: "flatten" (from axis 1), "permute" with `axes` as its order,
    "unsqueeze"/"squeeze" with `axes[0]`, "float" and the like with `dtype`. For a layer that `nn.Sequential` calls, `layer` names it
    and the edit inserts a module before it where one exists (`nn.Flatten()`).
    """

    call: Span
    transform: Literal["flatten", "permute", "transpose", "unsqueeze", "squeeze", "dtype", "view_as_rows"]
    axes: tuple[int, ...] = ()
    dtype: str = ""
    position: int = 0
    argument: str = ""
    layer: str = ""
    definition: Span | None = None


@dataclass(frozen=True, slots=True)
class ReplaceSource:
    """Replace the source at `span` by `text` (`old` is what stands there), for what no other action says."""

    span: Span
    text: str


Action = SetArgument | WrapInput | ReplaceSource


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to change, in the model's terms; `fix/` turns it into edits. Without actions it is an advice in words.

    `rank` orders proposals of one diagnostic: lower is better. All `actions` belong to the one repair.
    """

    kind: FixKind
    title: str
    safety: Safety = Safety.UNSAFE
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `start`..`end` of the file at `path` by `text`; lines and columns as in `Span`."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A proposal as edits of the source. `tried`: traced again, its error was gone and nothing new appeared."""

    kind: FixKind
    title: str
    safety: Safety
    tried: bool
    edits: tuple[Edit, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    """Path and `fix.text.digest` of each edited file as it was traced, so that a file saved meanwhile is left alone."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a finding, e.g. where the layer is built."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor of the failing call, with where it came from."""

    name: str
    shape: tuple[SizeText, ...]
    dtype: str
    origin: Related | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `message` stands alone on one line; `explanation` is whole sentences."""

    code: str
    rule: str
    severity: Severity
    message: str
    span: Span | None
    path: str = ""
    explanation: str = ""
    layer: str = ""
    definition: Span | None = None
    got: tuple[SizeText, ...] | None = None
    expected: tuple[SizeText, ...] | None = None
    operands: tuple[Operand, ...] = ()
    related: tuple[Related, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    fixes: tuple[Fix, ...] = ()
    times: int = 1
    suppressed: bool = False
    snippet: str = ""
    cell: int | None = None
    fingerprint: str = ""
    call: int | None = None
    """Index of the call in the trace that the finding is about; only meaningful beside that trace."""

    def with_fixes(self, fixes: tuple[Fix, ...]) -> Diagnostic:
        return replace(self, fixes=fixes)


@dataclass(frozen=True, slots=True)
class CallShapes:
    """What one call of the user's source returns, a call that stands in no other of its line: the shapes of its tensors, each way once."""

    span: Span
    outputs: tuple[tuple[tuple[SizeText, ...], ...], ...]
    failed: bool = False


Status = Literal["ok", "findings", "skipped"]


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A constructor argument that the model was built with, and why."""

    name: str
    value: str
    source: Literal["given", "default", "inferred"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class InputReport:
    name: str
    shape: tuple[SizeText, ...]
    dtype: str
    source: Literal["given", "declared", "inferred", "solved"]
    why: str = ""
    fill: float | None = None


@dataclass(frozen=True, slots=True)
class TensorReport:
    name: str
    shape: tuple[SizeText, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class LayerCall:
    line: int
    input: tuple[SizeText, ...] | None
    output: tuple[SizeText, ...] | None
    path: str = ""
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One row of the table; `status` is "ok", "error", "warning" or "not called"."""

    name: str
    type: str
    line: int | None
    weight: tuple[int, ...] | None
    bias: tuple[int, ...] | None
    params: int
    status: str
    calls: tuple[LayerCall, ...] = ()
    path: str = ""
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Sizes from `low` to `high` (None: and all that were tried above) that a model refuses, and where it breaks first."""

    low: int
    high: int | None
    message: str
    layer: str = ""
    path: str = ""
    line: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class AxisSizes:
    """The sizes that a model accepts along one axis of an input: every `step`-th from `smallest` to `largest`.

    `is_open`: nothing above `largest` was tried. `tied` are axes, as input and index, that have to have the same size. `exceptions` are
    sizes of this pattern that are refused after all, `also` small ones beside it that are accepted. `finished` is False where time ran
    out, after `n_tried` other sizes.
    """

    input: str
    axis: int
    name: str
    size: int
    letter: str = ""
    step: int = 1
    smallest: int = 1
    largest: int = 1
    is_open: bool = False
    tied: tuple[tuple[str, int], ...] = ()
    exceptions: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()
    finished: bool = True
    n_tried: int = 1


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The result for one model."""

    path: str
    name: str
    status: Status
    reason: str | None = None
    named: bool = False
    traced: Literal["real", "meta", "fake", "mixed"] | None = None
    batch_sizes: tuple[int, ...] = ()
    seconds: float = 0.0
    stood_in: tuple[str, ...] = ()
    init: tuple[NamedValue, ...] = ()
    inputs: tuple[InputReport, ...] = ()
    outputs: tuple[TensorReport, ...] = ()
    layers: tuple[LayerReport, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    remarks: tuple[str, ...] = ()
    """Plain sentences for the head of the report: how each shape was read, what was stood in for, what was left out."""
    left_out: tuple[str, ...] = ()
    """Statements of the file that were not run, and why; shown with --verbose only."""
    printed: str = ""
    """What the user's code wrote to stdout and stderr; shown with --verbose only."""
    calls: tuple[CallShapes, ...] = ()
    """The outermost calls of each line of the forward pass."""
    problems: tuple[str, ...] = ()
    """What was asked for beside the model and could not be done, such as a checkpoint that cannot be read. They are errors of the run."""
    weights: Literal["its own", "another's"] | None = None
    """Whether the checkpoint that it was compared with is one of this model at all."""
    sizes: tuple[AxisSizes, ...] = ()
    """What `linearcheck sizes` found; a check leaves it empty."""


@dataclass(frozen=True, slots=True)
class FileReport:
    path: str
    sha256: str
    models: int


@dataclass(frozen=True, slots=True)
class RunError:
    kind: Literal["usage", "configuration", "internal"]
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The one result object that every format renders."""

    models: tuple[ModelReport, ...] = ()
    files: tuple[FileReport, ...] = ()
    errors: tuple[RunError, ...] = ()
    torch_version: str = ""
    python_version: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    """Text of every file that a finding points into, as it was when traced, by path."""
