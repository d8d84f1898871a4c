"""Records every torch function and every module that a forward pass calls, and keeps it going after a failure.

A `Recorder` is a `TorchFunctionMode`. It is on while the model is built (the only way to see `layer.weight.data = ...`) and
while it runs. What it notes is raw: `assemble.py` turns it into the records that rules read.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearcheck.exception_text import text_of
from linearcheck.trace import constants, devices
from linearcheck.trace.births import Births
from linearcheck.trace.functions import INITIALISING, FunctionName, function_name
from linearcheck.trace.handlers import is_handled
from linearcheck.trace.kept_values import KeptValues, written_by
from linearcheck.trace.known_results import known_result
from linearcheck.trace.nests import tensors_of
from linearcheck.trace.open_inputs import OpenInput, retry_for_function, retry_for_module
from linearcheck.trace.raw import Key, RawCall, RawDecision, RawPythonError, guesses_of
from linearcheck.trace.refusals import refuse_like_eager
from linearcheck.trace.run_errors import ask_for_another_run, wants_values
from linearcheck.trace.seen_tensors import SeenTensors
from linearcheck.trace.signals import FirstFailure, LosesValues, NeedsValues, TooLarge, TraceSignal
from linearcheck.trace.spans import Instruction
from linearcheck.trace.stand_ins import StandIn, stand_in_for_function, stand_in_for_module
from linearcheck.trace.user_frames import UserFrames
from linearcheck.trace.work import estimate_work

HOME = str(Path(__file__).with_name("tracing.py"))
"""Whose frames stand between the user's program, where the Python API is called, and the model."""
RECOVERABLE = (RuntimeError, ValueError, IndexError, AssertionError, TypeError)
ABOUT_SHAPES = (*RECOVERABLE, KeyError, ZeroDivisionError)
_REFUSED = object()


@dataclass
class RecorderOptions:
    is_user_file: Callable[[str], bool]
    source_of: Callable[[str], str] = lambda file: ""
    meta: bool = False
    work_limit: float = float("inf")
    bytes_limit: float = float("inf")
    choices: Mapping[Key, int] = field(default_factory=dict)
    keep_tensors: bool = False
    constants: bool = True
    """Whether small constants keep their values in a trace without data."""
    kept_limit: float = float("inf")
    """Bytes of values that may be kept."""
    on_values: Callable[[Key, list[Tensor]], None] | None = None
    """Told what each call returned, as it returns."""
    stop_at_failure: bool = False
    """Whether the first failure ends the run with a `FirstFailure`, instead of being recovered from."""


class Recorder(TorchFunctionMode):
    """One recording: of building a model, then of one forward pass at a time (`start_forward`)."""

    def __init__(self, options: RecorderOptions) -> None:
        super().__init__()
        self.options = options
        self.frames = UserFrames(options.is_user_file)
        self.births = Births(self.frames)
        self.tensors = SeenTensors()
        self.replaced_data: list[tuple[Tensor, Instruction | None]] = []
        self.built_calls: list[RawCall] = []
        self.building = True
        self._start(())

    def _start(self, names: tuple[tuple[nn.Module, str], ...]) -> None:
        self.calls: list[RawCall] = []
        self.python_errors: list[RawPythonError] = []
        self.decisions: list[RawDecision] = []
        self.layer_names: dict[int, str] = {id(module): name for module, name in names}
        self.called: set[str] = set()
        self.kept = KeptValues(self.options.kept_limit)
        self.open_inputs: list[OpenInput] = []
        self.work = 0.0
        self.bytes = 0.0
        self._stack: list[int] = []
        self._layers: list[str] = [""]
        self._occurrences: dict[Key, int] = {}
        self._has_open_decision = False
        self._has_constants = False
        self._final: set[int] = set()
        """Exceptions that no enclosing module is to recover from."""

    def start_forward(self, model: nn.Module, choices: Mapping[Key, int] | None = None, *, has_constants: bool = False) -> None:
        """Forget the calls so far; the next ones belong to a forward pass of `model`. Tensors keep their numbers.

        Args:
            has_constants: Whether some inputs have values though the trace is one without data.
        """
        if choices is not None:
            self.options.choices = choices
        self.building = False
        self.tensors.forget_activations()
        self._start(tuple((module, name) for name, module in model.named_modules()))
        self._has_constants = has_constants

    def finish_building(self) -> None:
        """Keep what was seen and called until the model was finished."""
        self.tensors.finish_building()
        self.built_calls = self.calls

    def _key(self, instruction: Instruction | None, layer: str, name: str) -> Key:
        place = (
            (instruction[0].co_filename, instruction[0].co_qualname, instruction[0].co_firstlineno, instruction[1]) if instruction else ()
        )
        base = (place, layer, name)
        count = self._occurrences.get(base, 0)
        self._occurrences[base] = count + 1
        return (*base, count)

    # Torch functions

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        name = function_name(func)
        if name.silent:
            return func(*args, **kwargs)
        if devices.is_move(name.bare) and args and isinstance(args[0], Tensor):
            return args[0]
        beside_constants = self.options.meta and self._may_meet_constants(name.bare)
        is_constant = beside_constants and constants.keeps_its_values(name.bare, args, kwargs)
        moved = devices.rewrite(name.bare, args, kwargs, meta=self.options.meta and not is_constant)
        if moved is not None:
            args, kwargs = moved
        if is_constant:
            self._has_constants = True
            args, kwargs = constants.on_cpu(name.bare, args, kwargs)
        elif beside_constants:
            if name.writes and args and isinstance(args[0], Tensor) and not args[0].is_meta and constants.are_mixed(args, kwargs):
                raise LosesValues(name.bare)
            args, kwargs = constants.joined(args, kwargs, self.tensors.note_replacement)
        if self.building and name.writes and name.bare in INITIALISING:
            if self.options.meta:
                return func(*args, **kwargs)
            self._spend(name.bare, args, kwargs)
            return func(*args, **kwargs)
        if name.reads_value and self.options.meta and any(isinstance(arg, Tensor) and arg.is_meta for arg in args):
            raise NeedsValues(name.bare)
        return self._call(func, name, args, kwargs, is_constant)

    def _may_meet_constants(self, bare: str) -> bool:
        return self.options.constants and (self.building or self._has_constants or bare in constants.OF_NUMBERS)

    def _call(self, func: Any, name: FunctionName, args: tuple[Any, ...], kwargs: dict[str, Any], is_constant: bool) -> Any:
        instruction = self.frames.instruction(sys._getframe(2))
        layer = self._layers[-1]
        call = RawCall(
            "function",
            func,
            name,
            layer,
            instruction,
            self.tensors.capture(args),
            self.tensors.capture(kwargs),
            self._stack[-1] if self._stack else None,
            self._key(instruction, layer, name.bare),
        )
        if not self.options.meta:
            self._spend(name.bare, args, kwargs)
        if self.options.keep_tensors:
            for tensor in written_by(func, name.writes, args, kwargs):
                self.kept.before_write(tensor)
        try:
            result: Any = None
            if self.options.meta:
                refuse_like_eager(name.bare, args, kwargs)
                result = known_result(name.bare, args, kwargs)
            if result is None:
                result = func(*args, **kwargs)
        except TraceSignal:
            raise
        except NotImplementedError as error:
            if self.options.meta:
                raise NeedsValues(name.bare) from error
            raise
        except RECOVERABLE as error:
            result = self._without_constants(func, args, kwargs) if self.options.meta else _REFUSED
            if result is _REFUSED:
                result = self._recover_function(call, error, args, kwargs)
        index = len(self.calls)
        self.calls.append(call)
        if self.options.meta and not self.building and not is_constant:
            result = _on_meta(result)
        self._note_result(call, index, result, args)
        return result

    def _without_constants(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a refused call returns once the constants of the user's that still have values are without data too."""
        if not constants.are_mixed(args, kwargs):
            return _REFUSED
        args, kwargs = constants.joined(args, kwargs, self.tensors.note_replacement)
        try:
            return func(*args, **kwargs)
        except RECOVERABLE:
            return _REFUSED

    def _note_result(self, call: RawCall, index: int, result: Any, args: tuple[Any, ...]) -> None:
        guesses = _guesses_behind(call)
        outputs = tensors_of(result)
        assert call.name is not None
        if call.name.writes and args and isinstance(args[0], Tensor):
            call.in_place = True
            if not outputs or outputs[0] is args[0]:
                outputs = [args[0]]
        for tensor in outputs:
            known = self.tensors.known(tensor)
            if known is not None and not call.in_place and self.tensors.is_unchanged(tensor, known):
                seen = known
            else:
                call.in_place = call.in_place or known is not None
                seen = self.tensors.see_anew(tensor, guesses)
            call.outputs.append(seen)
        if call.name.bare == "set_data":
            self.replaced_data.append((args[0], call.instruction))
        if self.options.keep_tensors and not self.building:
            self.kept.keep(index, outputs)
        if self.options.on_values is not None and not self.building:
            self.options.on_values(call.key, outputs)
        if not self.options.meta:
            self.bytes += sum(math.prod(seen.shape) * seen.dtype.itemsize for seen in call.outputs)
            if self.bytes > self.options.bytes_limit:
                raise TooLarge("memory")

    def _spend(self, bare: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        work, size = estimate_work(bare, args, kwargs)
        self.work += work
        if self.work > self.options.work_limit or self.bytes + size > self.options.bytes_limit:
            raise TooLarge(bare)

    def _recover_function(self, call: RawCall, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        assert call.name is not None
        text = text_of(error)
        ask_for_another_run(text, error)
        if self.options.meta and wants_values(text):
            raise NeedsValues(call.name.bare) from error
        if isinstance(error, TypeError) and not tensors_of((args, tuple(kwargs.values()))):
            raise error
        retry_for_function(self.open_inputs, call.func, args, kwargs)
        if self.is_handled(error):
            raise error
        stand_in = stand_in_for_function(call.name.bare, call.func, args, kwargs, self._module_of(call))
        if stand_in is None:
            raise error
        call.error = error
        self._stop_if_asked(call.key)
        return _with_grad_of(self._decide(call, len(self.calls), stand_in), tensors_of((args, tuple(kwargs.values()))))

    def is_handled(self, error: Exception) -> bool:
        """Whether the user's own code, around whoever asks, goes on another way where this exception comes."""
        return is_handled(error, sys._getframe(2), self.frames.is_users, self.options.source_of, HOME)

    def _module_of(self, call: RawCall) -> nn.Module | None:
        return self.calls[call.parent].module if call.parent is not None else None

    def _decide(self, call: RawCall, index: int, stand_in: StandIn) -> Any:
        """The stand-in's value under the candidate that this run has chosen."""
        if len(stand_in.candidates) > 1 or stand_in.open:
            call.decision = len(self.decisions)
            self.decisions.append(RawDecision(call.key, index, stand_in.candidates, stand_in.open))
            self._has_open_decision = self._has_open_decision or stand_in.open
        chosen = min(self.options.choices.get(call.key, 0), len(stand_in.candidates) - 1)
        return stand_in.make(chosen, "meta" if self.options.meta else "cpu")

    # Modules

    def call_module(self, original: Callable[..., Any], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.layer_names.get(id(module))
        if layer is None:
            layer = self._layers[-1] if not self.building else ""
            name = f"{type(module).__name__}"
            layer = f"{layer}.{name}".lstrip(".") if not self.building else name
        instruction = self.frames.instruction(sys._getframe(2))
        call = RawCall(
            "module",
            None,
            None,
            layer,
            instruction,
            self.tensors.capture(args),
            self.tensors.capture(kwargs),
            self._stack[-1] if self._stack else None,
            self._key(instruction, layer, type(module).__name__),
            module=module,
        )
        index = len(self.calls)
        self.calls.append(call)
        self.called.add(layer)
        self._stack.append(index)
        self._layers.append(layer)
        depth = len(self._stack)
        try:
            result = original(module, *args, **kwargs)
        except TraceSignal:
            raise
        except Exception as error:
            result = self._recover_module(call, index, module, error, args, kwargs)
        finally:
            del self._stack[depth - 1 :]
            del self._layers[depth:]
        if isinstance(result, Tensor):
            call.outputs.append(self.tensors.see(result))
        else:
            call.outputs.extend(self.tensors.see(tensor) for tensor in tensors_of(result))
        return result

    def is_running(self, module: nn.Module) -> bool:
        """Whether the innermost module call is one of this module."""
        return bool(self._stack) and self.calls[self._stack[-1]].module is module

    def _recover_module(
        self, call: RawCall, index: int, module: nn.Module, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        text = text_of(error)
        ask_for_another_run(text, error)
        if isinstance(error, NotImplementedError) and self.options.meta and "forward" not in text:
            raise NeedsValues(text) from error
        if not isinstance(error, ABOUT_SHAPES) or id(error) in self._final or self.is_handled(error):
            raise error
        raised = self.frames.raised(error.__traceback__)
        if raised is None and forward_home(type(module)).startswith("torch."):
            retry_for_module(self.open_inputs, module, args)
            stand_in = stand_in_for_module(module, args, kwargs)
            if stand_in is None:
                raise error
            call.error = error
            self._stop_if_asked(call.key)
            result = self._decide(call, index, stand_in)
            guesses = _guesses_behind(call)
            for tensor in tensors_of(result):
                self.tensors.see_anew(tensor, guesses)
            return result
        self._note_python_error(call, index, error, raised)
        first = next((tensor for tensor in tensors_of((args, tuple(kwargs.values())))), None)
        if first is None or call.parent is None or isinstance(error, (TypeError, KeyError, ZeroDivisionError)):
            self._final.add(id(error))
            raise error
        call.decision = len(self.decisions)
        self.decisions.append(RawDecision(call.key, index, (tuple(first.shape),), True))
        self._has_open_decision = True
        result = torch.zeros_like(first)
        self.tensors.see_anew(result, guesses_of(call.args) | {call.decision})
        return result

    def _note_python_error(self, call: RawCall, index: int, error: Exception, raised: tuple[FrameType, Instruction] | None) -> None:
        tensors = {}
        instruction = call.instruction
        if raised is not None:
            frame, instruction = raised
            tensors = {name: self.tensors.see(value) for name, value in frame.f_locals.items() if isinstance(value, Tensor)}
        self.python_errors.append(
            RawPythonError(
                error,
                call.layer,
                instruction,
                tensors,
                index,
                self._key(instruction, call.layer, "python"),
                guesses_of(tensors),
                self._has_open_decision,
            )
        )
        self._stop_if_asked(self.python_errors[-1].key)

    def _stop_if_asked(self, key: Key) -> None:
        if self.options.stop_at_failure:
            raise FirstFailure(key)

    def note_construction_error(self, error: Exception) -> Instruction | None:
        """Where in the user's code an exception that ended the constructor was raised."""
        raised = self.frames.raised(error.__traceback__)
        return raised[1] if raised is not None else None

    def note_parameter(self, made: Tensor, data: Tensor | None, frame: FrameType | None) -> None:
        if data is None:
            return
        source = self.tensors.see(data)
        instruction = self.frames.instruction(frame)
        name = FunctionName("Parameter", "torch.nn.Parameter", False, False, False, False)
        call = RawCall(
            "function", nn.Parameter, name, self._layers[-1], instruction, (source,), {}, None, self._key(instruction, "", "Parameter")
        )
        call.outputs.append(self.tensors.see_anew(made, source.guesses))
        self.calls.append(call)


def forward_home(kind: type[nn.Module]) -> str:
    """The Python module that a class's `forward` is defined in: torch's own also for a subclass that does not define one."""
    try:
        return getattr(kind.forward, "__module__", None) or ""
    except AttributeError:  # a scripted module has no Python `forward`
        return kind.__module__


def _guesses_behind(call: RawCall) -> frozenset[int]:
    """The decisions that a call's result rests on, one about the call itself among them."""
    guesses = guesses_of(call.args, call.kwargs)
    return guesses if call.decision is None else guesses | {call.decision}


def _with_grad_of(made: Any, tensors: list[Tensor]) -> Any:
    """A stand-in that depends on its inputs, so that a forward pass which differentiates can go through it."""
    if not torch.is_grad_enabled() or not isinstance(made, Tensor) or not made.is_floating_point():
        return made
    for tensor in tensors:
        if tensor.requires_grad and tensor.is_floating_point():
            made = made + 0 * tensor.sum().to(made.dtype)
    return made


def _on_meta(result: Any) -> Any:
    """Results of a trace without data, all on meta: constants that a function made on the CPU join the others there."""
    if isinstance(result, Tensor):
        return result if result.is_meta else result.to("meta")
    if type(result) in (tuple, list):
        return type(result)(_on_meta(item) for item in result)
    return result
