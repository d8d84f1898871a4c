"""The module that failed, traced once more: what the check finds at the place of the failure, within a time."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from linearcheck.explain.explaining import Explanation
from linearcheck.explain.matching import certain
from linearcheck.findings import Diagnostic, Report

_LITERALS = (bool, int, float, str, type(None))
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Found:
    """The findings at the place of the failure, with the report that they are from, and the size that its `N` has in this run."""

    findings: tuple[Diagnostic, ...]
    report: Report
    batch: int | None


def findings_at(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], explanation: Explanation, seconds: float) -> Found | None:
    """What a check of the module finds that fits the failure, with the shapes of this call; None where that is nothing."""
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        model = model.module
    if not any(True for _ in model.children()) and type(model).__module__.startswith("torch."):
        return None  # a loss, or a layer alone: there is nothing before it
    if torch.compiler.is_compiling() or (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return None
    inputs = _inputs_of(model, args, kwargs)
    if inputs is None:
        return None
    with contextlib.suppress(Exception):
        return _within(seconds, lambda: _check(model, inputs, explanation))
    return None


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Tensors by the name of their argument, as `--input-shape` names them, and all other arguments."""

    tensors: dict[str, torch.Tensor]
    arguments: dict[str, Any]

    @property
    def batch(self) -> int | None:
        """The size that the first axes of all inputs have in common."""
        sizes = {tensor.shape[0] if tensor.dim() else None for tensor in self.tensors.values()}
        return int(size) if len(sizes) == 1 and (size := sizes.pop()) else None

    def shapes(self, with_batch: bool) -> dict[str, str]:
        return {name: _shape_text(tensor, with_batch) for name, tensor in self.tensors.items()}


def _shape_text(tensor: torch.Tensor, with_batch: bool) -> str:
    sizes = [str(size) for size in tensor.shape]
    return f"{','.join(['N', *sizes[1:]] if with_batch else sizes)}:{str(tensor.dtype).removeprefix('torch.')}"


def _inputs_of(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Inputs | None:
    """The call's arguments; None where one of them cannot be made again from a shape or a literal."""
    try:
        bound = inspect.signature(model.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    inputs = _Inputs({}, {})
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            parts = value.items()
        elif kind is inspect.Parameter.VAR_POSITIONAL and value:
            return None
        else:
            parts = [(name, value)]
        for part, item in parts:
            tensors = dict(_tensors_in(part, item))
            if isinstance(item, _LITERALS):
                inputs.arguments[part] = item
            elif not tensors or any(tensor is None or not _is_plain(tensor) for tensor in tensors.values()):
                return None
            else:
                inputs.tensors.update(tensors)
    return inputs if inputs.tensors else None


def _tensors_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _tensors_in(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors_in(f"{name}.{key}", item)
    else:
        yield name, None


def _is_plain(tensor: Any) -> bool:
    return type(tensor) in (torch.Tensor, nn.Parameter) and tensor.layout is torch.strided


def _check(model: nn.Module, inputs: _Inputs, explanation: Explanation) -> Found | None:
    from linearcheck.api import check

    for batch in dict.fromkeys((inputs.batch, None)):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            report = check(
                model,
                inputs=inputs.shapes(batch is not None),
                arguments=inputs.arguments,
                batch=batch is not None,
                train=model.training,
            )
        findings = certain(explanation, report)
        if findings:
            return Found(findings, report, batch)
    return None


class _Late(BaseException):
    """Raised in the thread that takes too long. No `except Exception` of a user's takes it."""


class _Watch:
    """Raises `_Late` in a thread when the time is over, and again, for code that takes everything, until `end` is called."""

    _AGAIN_SECONDS = 0.5

    def __init__(self, seconds: float) -> None:
        self._thread = threading.get_ident()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, args=(seconds,), daemon=True).start()

    def _watch(self, seconds: float) -> None:
        while not self._ended.wait(seconds):
            with self._lock:
                if not self._ended.is_set():
                    self._send(ctypes.py_object(_Late))
            seconds = self._AGAIN_SECONDS

    def end(self) -> None:
        """Nothing is raised from here on, nor what is on its way."""
        self._ended.set()
        with self._lock:
            self._send(None)

    def _send(self, what: Any) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), what)


def _within(seconds: float, function: Callable[[], _Value]) -> _Value | None:
    """What a function returns, or None where it takes longer: it is stopped between two steps of Python's."""
    watch = _Watch(seconds)
    value: _Value | None = None
    try:
        value = function()
    except _Late:
        value = None
    finally:
        while True:
            try:
                watch.end()
                break
            except _Late:
                continue
    return value
