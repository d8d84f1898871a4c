"""Records every torch function and every module that a forward pass calls, and keeps it going after a failure.

A `Recorder` is a `TorchFunctionMode`. It is on while the model is built (the only way to see `layer.weight.data = ...`) and
while it runs. What it notes is raw: `assemble.py` turns it into the records that rules read.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearcheck.exception_text import text_of
from linearcheck.trace import constants, devices
from linearcheck.trace.functions import FACTORIES, INITIALISING, FunctionName, function_name
from linearcheck.trace.handlers import is_handled
from linearcheck.trace.kept_values import KeptValues, version_of, written_by
from linearcheck.trace.known_results import known_result
from linearcheck.trace.refusals import refuse_like_eager
from linearcheck.trace.signals import FirstFailure, LosesValues, NeedsGrad, NeedsValues, OutOfMemory, RetryInput, TooLarge, TraceSignal
from linearcheck.trace.spans import Instruction
from linearcheck.trace.stand_ins import StandIn, stand_in_for_function, stand_in_for_module
from linearcheck.trace.work import estimate_work

Key = tuple[Any, ...]
HOME = str(Path(__file__).with_name("tracing.py"))
"""Whose frames stand between the user's program, where the Python API is called, and the model."""
BIRTH_MARK = "_linearcheck_birth"
"""An attribute that every module built under a recorder carries, and so every copy of it."""
RECOVERABLE = (RuntimeError, ValueError, IndexError, AssertionError, TypeError)
ABOUT_SHAPES = (RuntimeError, ValueError, IndexError, AssertionError, TypeError, KeyError, ZeroDivisionError)


@dataclass(slots=True)
class Seen:
    """A tensor's state at one moment."""

    uid: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    contiguous: bool
    guesses: frozenset[int]
    version: int
    guessed_axes: frozenset[int] = frozenset()


@dataclass(slots=True)
class RawCall:
    kind: str
    func: Any
    name: FunctionName | None
    layer: str
    instruction: Instruction | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    parent: int | None
    key: Key
    outputs: list[Seen] = field(default_factory=list)
    error: BaseException | None = None
    decision: int | None = None
    in_place: bool = False
    module: nn.Module | None = None


@dataclass(slots=True)
class RawPythonError:
    error: BaseException
    layer: str
    instruction: Instruction | None
    tensors: dict[str, Seen]
    module_call: int | None
    key: Key
    guesses: frozenset[int]
    after_open: bool


@dataclass(slots=True)
class RawDecision:
    key: Key
    call: int
    candidates: tuple[tuple[int, ...], ...]
    open: bool


@dataclass(slots=True)
class Birth:
    """Where a module was built, by which of the user's frames with which numbers, and where its parameters were given other values."""

    frames: list[tuple[Instruction, dict[str, Any]]]
    replaced: dict[str, Instruction | None] = field(default_factory=dict)


@dataclass(slots=True)
class OpenInput:
    """An input whose dtype follows its first consumer."""

    name: str
    tensor: Tensor
    dtype_open: bool
    highest: int


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
        self.births: dict[int, Birth] = {}
        self._kept: list[Any] = []
        self._user_codes: dict[CodeType, bool] = {}
        self._seen: dict[int, tuple[ref[Tensor], Seen]] = {}
        """What each living tensor is known as; a recording keeps no tensor alive."""
        self.replaced_data: list[tuple[Tensor, Instruction | None]] = []
        self.built_calls: list[RawCall] = []
        self._built: dict[int, tuple[ref[Tensor], Seen]] = {}
        self._uid = 0
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
        self._seen = {key: known for key, known in self._seen.items() if isinstance(known[0](), nn.Parameter)}
        self._start(tuple((module, name) for name, module in model.named_modules()))
        self._has_constants = has_constants

    def adopt(self, copy: Tensor, original: Tensor) -> None:
        """A buffer of a copied model is known as the original's."""
        known = self._built.get(id(original))
        if known is not None and known[0]() is original:
            self._seen[id(copy)] = (ref(copy), replace(known[1], version=version_of(copy)))

    def note_replacement(self, new: Tensor, old: Tensor) -> None:
        """A tensor that took the place of another is known as that one."""
        known = self._known(old)
        if known is not None:
            self._seen[id(new)] = (ref(new), replace(known, version=version_of(new)))

    def finish_building(self) -> None:
        """Keep what was seen of the finished model's tensors."""
        self._built = dict(self._seen)
        self.built_calls = self.calls

    # What tensors are known as

    def _known(self, tensor: Tensor) -> Seen | None:
        known = self._seen.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def see(self, tensor: Tensor, guesses: frozenset[int] = frozenset()) -> Seen:
        seen = self._known(tensor)
        if seen is not None:
            if seen.shape == _shape(tensor) and (seen.version == version_of(tensor) or isinstance(tensor, nn.Parameter)):
                return seen
            guesses = guesses | seen.guesses
        return self.see_anew(tensor, guesses)

    def see_anew(self, tensor: Tensor, guesses: frozenset[int] = frozenset()) -> Seen:
        self._uid += 1
        try:
            contiguous = tensor.is_contiguous()
        except (RuntimeError, ValueError):  # sparse and nested tensors; parameters of lazy layers before their first call
            contiguous = True
        seen = Seen(self._uid, _shape(tensor), tensor.dtype, contiguous, guesses, version_of(tensor))
        self._seen[id(tensor)] = (ref(tensor), seen)
        return seen

    def capture(self, value: Any) -> Any:
        """An argument as data: tensors become `Seen`, the rest stays or becomes text."""
        if isinstance(value, Tensor):
            return self.see(value)
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, (tuple, list)):
            return tuple([self.capture(item) for item in value])
        if isinstance(value, Mapping):
            return {str(key): self.capture(item) for key, item in value.items()}
        if kind is slice:
            return slice(self.capture(value.start), self.capture(value.stop), self.capture(value.step))
        if value is Ellipsis:
            return "..."
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return {"data": self.see(value.data)}
        if isinstance(value, torch.dtype):
            return str(value)
        if isinstance(value, (int, float, str)):
            return value
        return f"<{kind.__name__}>"

    # Frames of the user's own code

    def user_instruction(self, frame: FrameType | None, born: nn.Module | None = None) -> Instruction | None:
        """The innermost frame of the user's own files, or None; frames of `born`'s own constructors are passed over."""
        codes = self._user_codes
        while frame is not None:
            code = frame.f_code
            is_user = codes.get(code)
            if is_user is None:
                is_user = codes[code] = self.options.is_user_file(code.co_filename)
            if is_user and not (born is not None and code.co_varnames and frame.f_locals.get(code.co_varnames[0]) is born):
                return code, frame.f_lasti
            frame = frame.f_back
        return None

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
            args, kwargs = constants.joined(args, kwargs, self.note_replacement)
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
        instruction = self.user_instruction(sys._getframe(2))
        layer = self._layers[-1]
        call = RawCall(
            "function",
            func,
            name,
            layer,
            instruction,
            self.capture(args),
            self.capture(kwargs),
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
        args, kwargs = constants.joined(args, kwargs, self.note_replacement)
        try:
            return func(*args, **kwargs)
        except RECOVERABLE:
            return _REFUSED

    def _note_result(self, call: RawCall, index: int, result: Any, args: tuple[Any, ...]) -> None:
        guesses = _guesses_of(call.args) | _guesses_of(call.kwargs)
        if call.decision is not None:
            guesses = guesses | {call.decision}
        outputs = tensors_of(result)
        assert call.name is not None
        if call.name.writes and args and isinstance(args[0], Tensor):
            call.in_place = True
            if not outputs or outputs[0] is args[0]:
                outputs = [args[0]]
        for tensor in outputs:
            known = self._known(tensor)
            if known is not None and not call.in_place and known.version == version_of(tensor) and known.shape == _shape(tensor):
                seen = known
            else:
                call.in_place = call.in_place or known is not None
                seen = self.see_anew(tensor, guesses)
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
        if _is_memory_error(text):
            raise OutOfMemory(text) from error
        _ask_for_grad(text, error)
        if self.options.meta and _wants_values(text):
            raise NeedsValues(call.name.bare) from error
        if isinstance(error, TypeError) and not tensors_of((args, tuple(kwargs.values()))):
            raise error
        self._retry_open_input(call, args, kwargs)
        if self._is_handled(error):
            raise error
        stand_in = stand_in_for_function(call.name.bare, call.func, args, kwargs, self._module_of(call))
        if stand_in is None:
            raise error
        call.error = error
        self._stop_if_asked(call.key)
        return _with_grad_of(self._decide(call, stand_in), tensors_of((args, tuple(kwargs.values()))))

    def _is_handled(self, error: Exception) -> bool:
        return is_handled(error, sys._getframe(2), self._is_user_code, self.options.source_of, HOME)

    def _is_user_code(self, code: CodeType) -> bool:
        known = self._user_codes.get(code)
        if known is None:
            known = self._user_codes[code] = self.options.is_user_file(code.co_filename)
        return known

    def _module_of(self, call: RawCall) -> nn.Module | None:
        return self.calls[call.parent].module if call.parent is not None else None

    def _retry_open_input(self, call: RawCall, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Where an input of open dtype is refused, but another dtype is taken, ask for that one."""
        for spec in self.open_inputs:
            if not _mentions(args, spec.tensor) and not _mentions(tuple(kwargs.values()), spec.tensor):
                continue
            if spec.dtype_open:
                for dtype in _dtypes_to_try(args, kwargs, spec.tensor):
                    trial = torch.zeros_like(spec.tensor, dtype=dtype)
                    if _runs(call.func, _replaced(args, spec.tensor, trial), _replaced(kwargs, spec.tensor, trial)):
                        raise RetryInput(spec.name, dtype=str(dtype).removeprefix("torch."))
            if not spec.tensor.is_floating_point() and spec.highest > 0:
                trial = torch.zeros_like(spec.tensor)
                if _runs(call.func, _replaced(args, spec.tensor, trial), _replaced(kwargs, spec.tensor, trial)):
                    raise RetryInput(spec.name, highest=spec.highest // 2)

    def _decide(self, call: RawCall, stand_in: StandIn) -> Any:
        """The stand-in's value under the candidate that this run has chosen."""
        if len(stand_in.candidates) > 1 or stand_in.open:
            call.decision = len(self.decisions)
            self.decisions.append(RawDecision(call.key, len(self.calls), stand_in.candidates, stand_in.open))
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
        instruction = self.user_instruction(sys._getframe(2))
        call = RawCall(
            "module",
            None,
            None,
            layer,
            instruction,
            self.capture(args),
            self.capture(kwargs),
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
            call.outputs.append(self.see(result))
        else:
            call.outputs.extend(self.see(tensor) for tensor in tensors_of(result))
        return result

    def is_running(self, module: nn.Module) -> bool:
        """Whether the innermost module call is one of this module."""
        return bool(self._stack) and self.calls[self._stack[-1]].module is module

    def _recover_module(
        self, call: RawCall, index: int, module: nn.Module, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        text = text_of(error)
        if _is_memory_error(text):
            raise OutOfMemory(text) from error
        _ask_for_grad(text, error)
        if isinstance(error, NotImplementedError) and self.options.meta and "forward" not in text:
            raise NeedsValues(text) from error
        if not isinstance(error, ABOUT_SHAPES) or id(error) in self._final or self._is_handled(error):
            raise error
        frame = self._raising_frame(error.__traceback__)
        from_user = frame is not None
        if not from_user and forward_home(type(module)).startswith("torch."):
            self._retry_open_input_of_module(module, args, kwargs)
            stand_in = stand_in_for_module(module, args, kwargs)
            if stand_in is None:
                raise error
            call.error = error
            self._stop_if_asked(call.key)
            guesses = _guesses_of(call.args) | _guesses_of(call.kwargs)
            if len(stand_in.candidates) > 1 or stand_in.open:
                call.decision = len(self.decisions)
                self.decisions.append(RawDecision(call.key, index, stand_in.candidates, stand_in.open))
                self._has_open_decision = self._has_open_decision or stand_in.open
                guesses |= {call.decision}
            chosen = min(self.options.choices.get(call.key, 0), len(stand_in.candidates) - 1)
            result = stand_in.make(chosen, "meta" if self.options.meta else "cpu")
            for tensor in tensors_of(result):
                self.see_anew(tensor, guesses)
            return result
        self._note_python_error(call, index, error, frame)
        first = next((tensor for tensor in tensors_of((args, tuple(kwargs.values())))), None)
        if first is None or call.parent is None or isinstance(error, (TypeError, KeyError, ZeroDivisionError)):
            self._final.add(id(error))
            raise error
        decision = len(self.decisions)
        call.decision = decision
        self.decisions.append(RawDecision(call.key, index, (tuple(first.shape),), True))
        self._has_open_decision = True
        result = torch.zeros_like(first)
        self.see_anew(result, _guesses_of(call.args) | {decision})
        return result

    def _retry_open_input_of_module(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for spec in self.open_inputs:
            if spec.dtype_open and _mentions(args, spec.tensor):
                weight = next(module.parameters(recurse=False), None)
                if weight is not None and weight.dtype != spec.tensor.dtype and weight.is_floating_point():
                    raise RetryInput(spec.name, dtype=str(weight.dtype).removeprefix("torch."))

    def _raising_frame(self, traceback: TracebackType | None) -> FrameType | None:
        """The innermost frame of the user's own below this module's call, if the user's code raised."""
        frame = None
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if self._is_user_code(code):
                frame = traceback
            traceback = traceback.tb_next
        if frame is None:
            return None
        self._raised_at = (frame.tb_frame.f_code, frame.tb_lasti)
        return frame.tb_frame

    def _note_python_error(self, call: RawCall, index: int | None, error: Exception, frame: FrameType | None) -> None:
        tensors = {}
        instruction = call.instruction
        if frame is not None:
            instruction = self._raised_at
            tensors = {name: self.see(value) for name, value in frame.f_locals.items() if isinstance(value, Tensor)}
        guesses = frozenset[int]().union(*(seen.guesses for seen in tensors.values())) if tensors else frozenset[int]()
        self.python_errors.append(
            RawPythonError(
                error,
                call.layer,
                instruction,
                tensors,
                index,
                self._key(instruction, call.layer, "python"),
                guesses,
                self._has_open_decision,
            )
        )
        self._stop_if_asked(self.python_errors[-1].key)

    def _stop_if_asked(self, key: Key) -> None:
        if self.options.stop_at_failure:
            raise FirstFailure(key)

    def note_construction_error(self, error: Exception) -> Instruction | None:
        """Where in the user's code an exception that ended the constructor was raised."""
        return self._raised_at if self._raising_frame(error.__traceback__) is not None else None

    # Births and replaced parameters

    def note_birth(self, module: nn.Module, frame: FrameType | None) -> None:
        if id(module) not in self.births:
            self._kept.append(module)
            module.__dict__[BIRTH_MARK] = id(module)
            self.births[id(module)] = Birth(list(self._building_frames(frame, module)))

    def birth_of(self, module: nn.Module) -> Birth | None:
        """Where a module was built; for a copy (the layers of `nn.TransformerEncoder`), where its original was."""
        return self.births.get(id(module)) or self.births.get(module.__dict__.get(BIRTH_MARK, 0))

    def _building_frames(self, frame: FrameType | None, born: nn.Module) -> Iterator[tuple[Instruction, dict[str, Any]]]:
        while frame is not None:
            code = frame.f_code
            if self._is_user_code(code) and not (code.co_varnames and frame.f_locals.get(code.co_varnames[0]) is born):
                yield (code, frame.f_lasti), numbers_in_frame(frame)
            frame = frame.f_back

    def note_registration(self, module: nn.Module, name: str, frame: FrameType | None) -> None:
        birth = self.births.get(id(module))
        parameters = module.__dict__.get("_parameters") or {}
        if birth is not None and parameters.get(name) is not None:
            birth.replaced[name] = self.user_instruction(frame)

    def note_parameter(self, made: Tensor, data: Tensor | None, frame: FrameType | None) -> None:
        if data is None:
            return
        source = self.see(data)
        instruction = self.user_instruction(frame)
        name = FunctionName("Parameter", "torch.nn.Parameter", False, False, False, False)
        call = RawCall(
            "function", nn.Parameter, name, self._layers[-1], instruction, (source,), {}, None, self._key(instruction, "", "Parameter")
        )
        call.outputs.append(self.see_anew(made, source.guesses))
        self.calls.append(call)


def forward_home(kind: type[nn.Module]) -> str:
    """The Python module that a class's `forward` is defined in: torch's own also for a subclass that does not define one."""
    try:
        return getattr(kind.forward, "__module__", None) or ""
    except AttributeError:  # a scripted module has no Python `forward`
        return kind.__module__


def numbers_in_frame(frame: FrameType) -> dict[str, Any]:
    """The plain numbers, and sequences of numbers, that a frame's expressions could use, spelled as in the source."""
    code = frame.f_code
    found: dict[str, Any] = {}
    for name, value in frame.f_locals.items():
        number = _plain_number(value)
        if number is not None:
            found[name] = number
        elif code.co_names and hasattr(value, "__dict__") and not isinstance(value, (Tensor, type(sys))):
            for attribute in code.co_names:
                number = _plain_number(vars(value).get(attribute, getattr(type(value), attribute, None)))
                if number is not None:
                    found[f"{name}.{attribute}"] = number
    for name in code.co_names:
        number = _plain_number(frame.f_globals.get(name))
        if number is not None:
            found.setdefault(name, number)
    return found


def _plain_number(value: Any) -> Any:
    if type(value) in (int, float):
        return value
    if isinstance(value, (tuple, list)) and 0 < len(value) <= 32 and all(type(item) in (int, float) for item in value):
        return tuple(value)
    return None


def _shape(tensor: Tensor) -> tuple[int, ...]:
    try:
        return tuple(tensor.shape)
    except (RuntimeError, ValueError):  # nested tensors have no one shape, parameters of lazy layers none yet
        return ()


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor in a nest of tuples, lists, mappings and simple objects, in order."""
    found: list[Tensor] = []
    _collect(value, found, 0)
    return found


def _collect(value: Any, found: list[Tensor], depth: int) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif depth > 6 or isinstance(value, (str, bytes, int, float, type(None), nn.Module)):
        return
    elif isinstance(value, (tuple, list, set)):
        for item in value:
            _collect(item, found, depth + 1)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found, depth + 1)
    elif hasattr(value, "__dataclass_fields__") or type(value).__module__ not in {"builtins", "torch"}:
        for item in getattr(value, "__dict__", {}).values():
            _collect(item, found, depth + 1)


def _guesses_of(value: Any) -> frozenset[int]:
    if isinstance(value, Seen):
        return value.guesses
    if isinstance(value, tuple):
        return frozenset[int]().union(*map(_guesses_of, value)) if value else frozenset()
    if isinstance(value, dict):
        return frozenset[int]().union(*map(_guesses_of, value.values())) if value else frozenset()
    return frozenset()


def _mentions(value: Any, tensor: Tensor) -> bool:
    if value is tensor:
        return True
    return isinstance(value, (tuple, list)) and any(_mentions(item, tensor) for item in value)


def _replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    if value is old:
        return new
    if isinstance(value, tuple):
        return tuple(_replaced(item, old, new) for item in value)
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    return value


def _runs(func: Any, args: Any, kwargs: Any) -> bool:
    try:
        func(*args, **kwargs)
    except Exception:
        return False
    return True


def _dtypes_to_try(args: tuple[Any, ...], kwargs: dict[str, Any], tensor: Tensor) -> list[torch.dtype]:
    others = [other.dtype for other in tensors_of((args, tuple(kwargs.values()))) if other is not tensor]
    wanted = [*dict.fromkeys(dtype for dtype in others if dtype.is_floating_point), torch.int64, torch.bool, torch.float64]
    return [dtype for dtype in wanted if dtype != tensor.dtype]


def _ask_for_grad(text: str, error: Exception) -> None:
    if "does not require grad" in text and not torch.is_grad_enabled():
        raise NeedsGrad(text) from error


def _with_grad_of(made: Any, tensors: list[Tensor]) -> Any:
    """A stand-in that depends on its inputs, so that a forward pass which differentiates can go through it."""
    if not torch.is_grad_enabled() or not isinstance(made, Tensor) or not made.is_floating_point():
        return made
    for tensor in tensors:
        if tensor.requires_grad and tensor.is_floating_point():
            made = made + 0 * tensor.sum().to(made.dtype)
    return made


def _is_memory_error(text: str) -> bool:
    return any(words in text for words in ("can't allocate memory", "not enough memory", "out of memory", "bad alloc"))


def _wants_values(text: str) -> bool:
    return any(
        words in text for words in ("meta tensor", "on meta", "Meta tensor", "device meta", "data-dependent", "is on the meta device")
    )


def _on_meta(result: Any) -> Any:
    """Results of a trace without data, all on meta: constants that a function made on the CPU join the others there."""
    if isinstance(result, Tensor):
        return result if result.is_meta else result.to("meta")
    if type(result) in (tuple, list):
        return type(result)(_on_meta(item) for item in result)
    return result


_REFUSED = object()
_PLAIN = frozenset({int, float, str, bool, type(None), complex})
__all__ = [
    "FACTORIES",
    "Birth",
    "OpenInput",
    "RawCall",
    "RawDecision",
    "RawPythonError",
    "Recorder",
    "RecorderOptions",
    "Seen",
    "tensors_of",
]
