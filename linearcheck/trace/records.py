"""What a trace is: plain records of one model's forward pass, which rules read. Imports without torch.

A `Trace` holds every layer of the model and every call of a torch function or module, in order, with the shapes,
dtypes and places in the user's source. A call that failed has an `error`, and its outputs are stand-ins: what the
call would have returned had its input been right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from linearcheck.sizes import Shape

Role = Literal["input", "parameter", "buffer", "constant", "activation"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the user's source. Lines and columns count from 1, in characters; the end is exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor as a call saw it.

    `uid` is one number per value: two records with the same uid are the same tensor with nothing written in between,
    and `Trace.producer(uid)` is the call that made it. `shape` is what was measured at the first traced batch size,
    `sizes` the same with names (`N`); where sizes could not be compared over several traces they are equal to `shape`.
    `guesses` are the decisions (see `Decision`) that this value's shape rests on; `guessed_axes` are the axes that a
    stand-in could not know, only for the direct output of a failed call.
    """

    uid: int
    shape: tuple[int, ...]
    sizes: Shape
    dtype: str
    role: Role = "activation"
    name: str = ""
    guesses: frozenset[int] = frozenset()
    guessed_axes: frozenset[int] = frozenset()
    contiguous: bool = True

    @property
    def rank(self) -> int:
        return len(self.sizes)


Value = None | bool | int | float | complex | str | TensorInfo | tuple["Value", ...] | Mapping[str, "Value"] | slice
"""An argument as recorded: a tensor, a number, text, or a nest of those. Anything else is its `repr`, as text."""


@dataclass(frozen=True, slots=True)
class CallError:
    """What a failed call raised: PyTorch's own words (for the rule pages, never shown raw) and its exception type."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class BuildFrame:
    """One of the user's own frames that was active while a layer was built.

    `call` is the call that the frame stood at. `names` holds the plain numbers (and lists of numbers, as tuples) that its expressions
    could use then: locals, module constants that its code names, and attributes one level deep, spelled as in the source
    (`width`, `self.dim`, `cfg.hidden`).
    """

    call: Span
    names: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Indivisible:
    """An argument of a layer that has to divide another and does not: `num_heads` 8 and `embed_dim` 100. Torch refuses to build it."""

    argument: str
    number: int
    size_argument: str
    size: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A module of the model.

    `name` is its path in the model as the user writes it after `self.` (`fc1`, `net.3`; `""` is the model itself),
    `aliases` are further paths of the same module. `type` is its class name, `torch_type` the name of the class of `torch.nn` that
    it is or inherits from ("" for the user's own modules). `declared` holds the sizes and options it was built with
    (`in_features`, `kernel_size`, `batch_first`, …). `parameters` are its own parameters and buffers by name.
    `definition` is the call that built it, `replaced` says where a parameter was given another value than the constructor's.
    `caller_type` is "torch" where the module that holds it is one of torch's containers, which calls it itself (`nn.Sequential`).
    """

    name: str
    type: str
    torch_type: str
    declared: Mapping[str, Value] = field(default_factory=dict)
    parameters: Mapping[str, TensorInfo] = field(default_factory=dict)
    definition: Span | None = None
    replaced: Mapping[str, Span] = field(default_factory=dict)
    n_params: int = 0
    aliases: tuple[str, ...] = ()
    caller_type: Literal["user", "torch"] = "user"
    children: tuple[str, ...] = ()
    user_class: bool = False
    called: bool = False
    built: tuple[BuildFrame, ...] = ()
    """The user's frames that built it, innermost first (`built[0].call` is `definition`): what `fix/` needs to see that one line
    of a helper or a loop builds several layers, and which names there have the wanted value."""
    indivisible: Indivisible | None = None
    """Why torch refuses to build it; it was built with a number that divides."""


@dataclass(frozen=True, slots=True)
class Call:
    """One executed torch function (`kind="function"`) or module (`kind="module"`).

    `name` is the bare name: `view`, `cat`, `linear`, `add` (in-place forms without their underscore, operators by
    name: `add`, `matmul`, `getitem`), for a module its `torch_type` or else its class (`Linear`, `Net`). `qualified` is the full name
    (`torch.Tensor.view`).
    `layer` is the innermost module whose forward the call is made in, for a module call the module itself.
    `arguments` holds what was passed, by parameter name where the signature is known and by position ("0", "1") where not; a
    method's tensor is "input". `parent` is the index of the enclosing module call. A module call comes *before* the calls
    that its forward makes. `site` is the call in the user's own code, the innermost frame of it: for a layer inside `nn.Sequential`
    the line that
    calls the outermost torch container.
    """

    index: int
    kind: Literal["function", "module"]
    name: str
    qualified: str
    layer: str
    site: Span | None
    arguments: Mapping[str, Value]
    outputs: tuple[TensorInfo, ...]
    error: CallError | None = None
    parent: int | None = None
    decision: int | None = None
    in_place: bool = False
    occurrence: int = 0

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Every tensor among the arguments, in order."""
        return tuple(tensors_in(tuple(self.arguments.values())))

    @property
    def input(self) -> TensorInfo | None:
        """The first tensor among the arguments."""
        return next(iter(self.tensors), None)

    @property
    def output(self) -> TensorInfo | None:
        return self.outputs[0] if self.outputs else None


def tensors_in(value: Value) -> Iterator[TensorInfo]:
    """Every tensor in a nest of values, in order."""
    if isinstance(value, TensorInfo):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)


@dataclass(frozen=True, slots=True)
class Decision:
    """A stand-in that had to guess: `call` failed, and `candidates` shapes were possible for its first output.

    `open` means that nothing is known about what the call would have returned (the user's own module failed).
    """

    index: int
    call: int
    candidates: tuple[tuple[int, ...], ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class PythonError:
    """The user's own Python (not a torch call) that raised: unpacking a shape, an `assert`, an index.

    `layer` is the module whose forward raised, `source` the text of the statement, `tensors` the tensors among the local names
    of that frame at the time, by name. `module_call` is the index of that module's call.
    """

    type: str
    message: str
    layer: str
    site: Span | None
    source: str
    tensors: Mapping[str, TensorInfo]
    module_call: int | None
    guesses: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Leak:
    """A call where samples first leak into one another: rows of samples that did not change come out changed (see `trace.probe`).

    `call` is the function call whose output mixes rows while none of its inputs did. `through` are the calls that took the batch away from
    a value before it was mixed in (`x.mean(0)` in `x - x.mean(0)`). `axis` is the batch axis of the mixed output. `reaches_output`
    says whether
    an output of the model that has a batch axis is mixed too; `paired` whether the mixed value has two batch axes (`(N, N)` logits).
    """

    call: int
    axis: int | None = None
    through: tuple[int, ...] = ()
    reaches_output: bool = False
    paired: bool = False


@dataclass(frozen=True, slots=True)
class BatchOfOne:
    """What a batch of one sample does: `failed` is the first call that raises only then; `dropped` are the calls (`squeeze`) that took
    the batch
    axis away; `outputs` are the shapes that the model returned, None where it raised."""

    failed: Call | None
    dropped: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """The model runs at some batch sizes and not at others: what failed at `failed_size`, and the sizes that ran."""

    failed_size: int
    ran_sizes: tuple[int, ...]
    call: Call


@dataclass(frozen=True, slots=True)
class StateEntry:
    """A tensor of a state dict. `shape` is None where a lazy layer takes any; `tied_to` is the first name of the same tensor."""

    name: str
    shape: tuple[int, ...] | None
    dtype: str = ""
    tied_to: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint holds, and what the model would take.

    `path` is as reports show it, `place` where in the file the state was found (`state_dict`; "" for its top). `entries` are the
    checkpoint's, `wanted` the model's own. `adapting` are modules (by name, "" for the model) whose code renames or changes what they
    load, so that nothing is known about what lies below them.
    """

    path: str
    entries: tuple[StateEntry, ...]
    wanted: tuple[StateEntry, ...]
    place: str = ""
    format: Literal["torch", "safetensors"] = "torch"
    adapting: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """Everything that was seen of one model. Rules read this and nothing else."""

    calls: tuple[Call, ...]
    layers: tuple[Layer, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    batch_sizes: tuple[int, ...] = ()
    traced: Literal["real", "meta", "fake", "mixed"] = "real"
    training: bool = False
    has_batch: bool = True
    decisions: tuple[Decision, ...] = ()
    python_errors: tuple[PythonError, ...] = ()
    leaks: tuple[Leak, ...] = ()
    probed: bool = False
    batch_failures: tuple[BatchFailure, ...] = ()
    batch_of_one: BatchOfOne | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    input_readings: Mapping[str, str] = field(default_factory=dict)
    inferred_inputs: frozenset[str] = frozenset()
    """Inputs whose layout nobody gave: where their batch axis stands follows from what takes them."""
    given_values: frozenset[str] = frozenset()
    """Inputs whose values the user gave; those of all others are made up for the check, and may be no index of a table."""
    building_calls: tuple[Call, ...] = ()
    checkpoint: Checkpoint | None = None

    @cached_property
    def _producers(self) -> dict[int, Call]:
        made: dict[int, Call] = {}
        for call in (*self.building_calls, *self.calls):
            taken = {tensor.uid for tensor in call.tensors} if not call.in_place else set()
            for output in call.outputs:
                if output.uid not in taken:
                    made[output.uid] = call  # the innermost call that returns a value comes last
        return made

    @cached_property
    def _layers_by_name(self) -> dict[str, Layer]:
        return {name: layer for layer in self.layers for name in (layer.name, *layer.aliases)}

    def layer(self, name: str) -> Layer | None:
        return self._layers_by_name.get(name)

    def layer_of(self, call: Call) -> Layer | None:
        """The module that a module call calls."""
        return self._layers_by_name.get(call.layer) if call.kind == "module" else None

    def producer(self, tensor: TensorInfo | int) -> Call | None:
        """The call that made a tensor: the innermost one where a function returned it and modules handed it out."""
        return self._producers.get(tensor if isinstance(tensor, int) else tensor.uid)

    @cached_property
    def _consumers(self) -> dict[int, list[Call]]:
        taken: dict[int, list[Call]] = {}
        for call in self.calls:
            for uid in dict.fromkeys(tensor.uid for tensor in call.tensors):
                taken.setdefault(uid, []).append(call)
        return taken

    def consumers(self, tensor: TensorInfo | int) -> tuple[Call, ...]:
        """Every call, in order, that took this tensor as an argument."""
        return tuple(self._consumers.get(tensor if isinstance(tensor, int) else tensor.uid, ()))

    def calls_of(self, *names: str) -> Iterator[Call]:
        """Calls whose bare name is one of `names`, in order."""
        return (call for call in self.calls if call.name in names)

    @property
    def failures(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.failed)
