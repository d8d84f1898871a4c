"""From raw recordings to the `Trace` that rules read: names for sizes, spans for instructions, layers for modules."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from linearcheck.sizes import UNKNOWN, Shape
from linearcheck.trace.axes import is_doubtful, name_shape, value_at
from linearcheck.trace.births import Birth
from linearcheck.trace.functions import FACTORIES, bind_arguments, parameter_names
from linearcheck.trace.raw import Key, RawCall, RawDecision, RawPythonError, Seen, seen_in
from linearcheck.trace.recorder import Recorder, forward_home
from linearcheck.trace.records import BuildFrame, Call, CallError, Decision, Layer, PythonError, Role, Span, TensorInfo, Value
from linearcheck.trace.spans import SpanTable

TensorName = tuple[Role, str]
THIRD = "third size of N"


@dataclass
class Run:
    """One forward pass as recorded, with what its tensors are called."""

    calls: list[RawCall]
    python_errors: list[RawPythonError]
    decisions: list[RawDecision]
    names: dict[int, TensorName]
    inputs: dict[str, Seen]
    outputs: list[Seen]
    called: set[str]
    letters: Mapping[str, int]
    raised: BaseException | None = None
    values: dict[int, list[torch.Tensor]] = field(default_factory=dict)

    @functools.cached_property
    def by_key(self) -> dict[Key, RawCall]:
        return {call.key: call for call in self.calls}

    @functools.cached_property
    def failed_keys(self) -> dict[Key, RawCall | RawPythonError]:
        failed: dict[Key, RawCall | RawPythonError] = {call.key: call for call in self.calls if call.error is not None}
        failed.update({error.key: error for error in self.python_errors})
        return failed


class Assembler:
    """Turns one base run, with the runs at other sizes beside it, into records."""

    def __init__(
        self, base: Run, varied: Mapping[str, Run], spans: SpanTable, dropped: frozenset[Key] = frozenset(), third: Run | None = None
    ) -> None:
        """`third` is a run at one more batch size, which confirms or refutes names that two sizes leave in doubt."""
        self.base, self.varied, self.spans, self.dropped, self.third = base, varied, spans, dropped, third
        self.doubtful = False
        self.letters = {letter: (base.letters[letter], run.letters[letter]) for letter, run in varied.items()}
        self._factories: set[int] = set()

    def calls(self, raw_calls: Sequence[RawCall] | None = None) -> tuple[Call, ...]:
        return tuple(self.call(index, raw) for index, raw in enumerate(self.base.calls if raw_calls is None else raw_calls))

    def call(self, index: int, raw: RawCall) -> Call:
        twins = {letter: twin for letter, run in self.varied.items() if (twin := run.by_key.get(raw.key)) is not None}
        if len(twins) < len(self.varied):
            twins = {}
        names, bare, qualified = self._names(raw)
        if self.third is not None and twins and (confirming := self.third.by_key.get(raw.key)) is not None:
            twins = {**twins, THIRD: confirming}
        args = self._value(raw.args, [(letter, twin.args) for letter, twin in twins.items()])
        kwargs = self._value(raw.kwargs, [(letter, twin.kwargs) for letter, twin in twins.items()])
        arguments = bind_arguments(names, args, kwargs)
        if raw.kind == "function" and bare in FACTORIES and next(seen_in(raw.args), None) is None:
            self._factories.update(seen.uid for seen in raw.outputs)
        outputs = tuple(self._outputs(raw, twins))
        error = None
        if raw.error is not None and raw.key not in self.dropped:
            error = CallError(type(raw.error).__name__, str(raw.error))
        return Call(
            index=index,
            kind="module" if raw.kind == "module" else "function",
            name=bare,
            qualified=qualified,
            layer=raw.layer,
            site=self.spans.span(raw.instruction),
            arguments=arguments,
            outputs=outputs,
            error=error,
            parent=raw.parent,
            decision=raw.decision,
            in_place=raw.in_place,
            occurrence=raw.key[-1],
        )

    def _names(self, raw: RawCall) -> tuple[tuple[str, ...], str, str]:
        if raw.module is not None:
            kind: Any = type(raw.module)
            return _forward_names(kind), torch_type(kind) or kind.__name__, f"{kind.__module__}.{kind.__qualname__}"
        assert raw.name is not None
        return parameter_names(raw.func), raw.name.bare, raw.name.qualified

    def _outputs(self, raw: RawCall, twins: Mapping[str, RawCall]) -> list[TensorInfo]:
        same = {letter: twin.outputs for letter, twin in twins.items() if len(twin.outputs) == len(raw.outputs)}
        return [self.tensor(seen, {letter: outputs[i] for letter, outputs in same.items()}) for i, seen in enumerate(raw.outputs)]

    def _value(self, value: Any, twins: Sequence[tuple[str, Any]]) -> Any:
        if isinstance(value, Seen):
            return self.tensor(value, {letter: twin for letter, twin in twins if isinstance(twin, Seen)})
        if isinstance(value, tuple):
            same = [(letter, twin) for letter, twin in twins if isinstance(twin, tuple) and len(twin) == len(value)]
            return tuple(self._value(item, [(letter, twin[i]) for letter, twin in same]) for i, item in enumerate(value))
        if isinstance(value, dict):
            return {
                key: self._value(item, [(letter, twin[key]) for letter, twin in twins if isinstance(twin, dict) and key in twin])
                for key, item in value.items()
            }
        return value

    def tensor(self, seen: Seen, twins: Mapping[str, Seen]) -> TensorInfo:
        twins = dict(twins)
        confirming = twins.pop(THIRD, None)
        if self.letters and len(twins) == len(self.letters):
            sizes = name_shape(seen.shape, {letter: twin.shape for letter, twin in twins.items()}, self.letters)
            sizes = self._confirmed(sizes, confirming)
            if any(len(twin.shape) != len(seen.shape) for twin in twins.values()):
                sizes = (UNKNOWN,) * len(seen.shape)
        else:
            sizes = seen.shape
        role, name = self.base.names.get(seen.uid, ("constant" if seen.uid in self._factories else "activation", ""))
        return TensorInfo(
            seen.uid,
            seen.shape,
            sizes,
            str(seen.dtype).removeprefix("torch."),
            role,
            name,
            seen.guesses,
            seen.guessed_axes,
            seen.contiguous,
        )

    def _confirmed(self, sizes: Shape, confirming: Seen | None) -> Shape:
        doubtful = [axis for axis, size in enumerate(sizes) if is_doubtful(size)]
        if not doubtful:
            return sizes
        self.doubtful = True
        if self.third is None:
            return sizes
        if confirming is None or len(confirming.shape) != len(sizes):
            return tuple(UNKNOWN if axis in doubtful else size for axis, size in enumerate(sizes))
        letters = self.third.letters
        return tuple(
            UNKNOWN if axis in doubtful and value_at(size, letters) != confirming.shape[axis] else size for axis, size in enumerate(sizes)
        )

    def decisions(self) -> tuple[Decision, ...]:
        return tuple(Decision(index, raw.call, raw.candidates, raw.open) for index, raw in enumerate(self.base.decisions))

    def python_errors(self) -> tuple[PythonError, ...]:
        kept = [raw for raw in self.base.python_errors if raw.key not in self.dropped]
        return tuple(
            PythonError(
                type(raw.error).__name__,
                str(raw.error),
                raw.layer,
                self.spans.span(raw.instruction),
                self.spans.statement(raw.instruction),
                {name: self._local(seen) for name, seen in raw.tensors.items()},
                raw.module_call,
                raw.guesses,
            )
            for raw in kept
        )

    def _local(self, seen: Seen) -> TensorInfo:
        """A tensor among a frame's locals, with the names that the call which made it gave to its sizes."""
        for raw in reversed(self.base.calls):
            for position, output in enumerate(raw.outputs):
                if output.uid == seen.uid:
                    twins = {letter: run.by_key.get(raw.key) for letter, run in self._runs().items()}
                    found = {
                        letter: twin.outputs[position]
                        for letter, twin in twins.items()
                        if twin is not None and len(twin.outputs) > position
                    }
                    return self.tensor(seen, found)
        for name, given in self.base.inputs.items():
            if given.uid == seen.uid:
                return self.tensor(seen, {letter: run.inputs[name] for letter, run in self._runs().items() if name in run.inputs})
        return self.tensor(seen, {})

    def _runs(self) -> dict[str, Run]:
        return {**self.varied, **({THIRD: self.third} if self.third is not None else {})}

    def inputs(self) -> tuple[TensorInfo, ...]:
        return tuple(
            self.tensor(seen, {letter: run.inputs[name] for letter, run in self._runs().items() if name in run.inputs})
            for name, seen in self.base.inputs.items()
        )

    def outputs(self) -> tuple[TensorInfo, ...]:
        same = {letter: run.outputs for letter, run in self._runs().items() if len(run.outputs) == len(self.base.outputs)}
        return tuple(
            self.tensor(seen, {letter: outputs[i] for letter, outputs in same.items()}) for i, seen in enumerate(self.base.outputs)
        )


@functools.cache
def _forward_names(kind: Any) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(kind.forward).parameters.values())[1:]
    except (TypeError, ValueError, AttributeError):  # a scripted module has no Python signature
        return ()
    return tuple(f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name for p in parameters if p.kind is not p.VAR_KEYWORD)


@functools.cache
def torch_type(kind: Any) -> str:
    """Name of the class of `torch.nn` that a module class is or inherits from, "" for none but `Module` itself."""
    for base in kind.__mro__:
        if base is nn.Module:
            return ""
        if base.__module__.startswith(("torch.nn.modules", "torch.ao.nn", "torch.nn.quantized")) and not base.__name__.startswith("_"):
            return str(base.__name__)
    return ""


@functools.cache
def _declared_names(kind: Any) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("torch.nn.modules") and "__init__" in vars(base):
            for name in inspect.signature(base).parameters:
                names[name] = None
        for name in vars(base).get("__constants__", ()):
            names[name] = None
    return tuple(names)


def layers(model: nn.Module, recorder: Recorder, run: Run, assembler: Assembler) -> tuple[Layer, ...]:
    """Every module of the model, in the order in which it was built into it."""
    paths: dict[int, list[str]] = {}
    modules: dict[int, nn.Module] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), []).append(name)
        modules[id(module)] = module
    torch_called = {
        raw.layer
        for raw in run.calls
        if raw.kind == "module" and raw.parent is not None and _calls_its_children(run.calls[raw.parent].module)
    }
    replaced = _replaced_parameters(recorder, model)
    made = []
    for identity, module in modules.items():
        name, *aliases = paths[identity]
        birth = recorder.births.of(module)
        made.append(
            _layer(name, tuple(aliases), module, birth, replaced.get(identity, {}), name in torch_called, name in run.called, assembler)
        )
    return tuple(made)


def _calls_its_children(module: nn.Module | None) -> bool:
    return module is not None and forward_home(type(module)).startswith("torch.nn")


def _replaced_parameters(recorder: Recorder, model: nn.Module) -> dict[int, dict[str, Any]]:
    """For each module, the instruction that gave a parameter another value: by assignment or through `.data`."""
    found = {identity: dict(birth.replaced) for identity, birth in recorder.births.by_identity.items()}
    by_tensor = {id(tensor): instruction for tensor, instruction in recorder.replaced_data}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in by_tensor:
                found.setdefault(id(module), {})[name] = by_tensor[id(parameter)]
    return found


def _layer(
    name: str,
    aliases: tuple[str, ...],
    module: nn.Module,
    birth: Birth | None,
    replaced: Mapping[str, Any],
    torch_called: bool,
    called: bool,
    assembler: Assembler,
) -> Layer:
    kind: Any = type(module)
    known = torch_type(kind)
    declared = (
        {
            key: _plain(value)
            for key in _declared_names(kind)
            if (value := getattr(module, key, _MISSING)) is not _MISSING and _is_plain(value)
        }
        if known
        else {}
    )
    if isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        declared |= {
            "d_model": module.self_attn.embed_dim,
            "nhead": module.self_attn.num_heads,
            "batch_first": module.self_attn.batch_first,
        }
    own = dict(module.named_parameters(recurse=False))
    parameters = {key: _parameter(f"{name}.{key}".lstrip("."), value, True) for key, value in own.items()}
    parameters |= {key: _parameter(f"{name}.{key}".lstrip("."), value, False) for key, value in module.named_buffers(recurse=False)}
    frames = tuple(
        BuildFrame(span, numbers)
        for instruction, numbers in (birth.frames if birth else ())
        if (span := assembler.spans.span(instruction)) is not None
    )
    spans: dict[str, Span] = {key: span for key, instruction in replaced.items() if (span := assembler.spans.span(instruction)) is not None}
    return Layer(
        name=name,
        type=kind.__name__,
        torch_type=known,
        declared=declared,
        parameters=parameters,
        definition=frames[0].call if frames else None,
        replaced=spans,
        n_params=sum(p.numel() for p in own.values() if not is_lazy(p)),
        aliases=aliases,
        caller_type="torch" if torch_called else "user",
        children=tuple(child for child, _ in module.named_children()),
        user_class=not kind.__module__.startswith("torch."),
        called=called,
        built=frames,
        indivisible=birth.indivisible if birth else None,
    )


_MISSING = object()


def is_lazy(parameter: torch.Tensor) -> bool:
    """Whether a lazy layer has not given its parameter a shape yet."""
    return bool(torch.nn.parameter.is_lazy(parameter))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str)) or (isinstance(value, (tuple, list)) and all(map(_is_plain, value)))


def _plain(value: Any) -> Value:
    return tuple(_plain(item) for item in value) if isinstance(value, (tuple, list)) else value


def _parameter(name: str, value: torch.Tensor, is_parameter: bool) -> TensorInfo:
    shape = () if is_lazy(value) else tuple(value.shape)
    return TensorInfo(0, shape, shape, str(value.dtype).removeprefix("torch."), "parameter" if is_parameter else "buffer", name)
