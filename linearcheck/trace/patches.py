"""The attributes of PyTorch that a recording replaces while it is on, and puts back.

`nn.Module.__call__` (torch.fx patches the same one) for layer paths, `forward` of the model's modules for those that are called by it,
`nn.Module.__init__` for the line where each layer is built, `nn.Module.register_parameter` and `nn.Parameter.__new__` for parameters given
other values. Public attributes all; tried with torch 2.13.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import nn

from linearcheck.trace.recorder import Recorder


@contextmanager
def recording_modules(recorder: Recorder, modules: Iterable[nn.Module] = ()) -> Iterator[None]:
    """Calls, births and parameters of modules go to the recorder; `modules` are those that may be called as `layer.forward(x)`."""
    original_call = nn.Module.__call__
    original_init = nn.Module.__init__
    original_register = nn.Module.register_parameter
    original_new = nn.Parameter.__new__
    forwards = {home: home.__dict__["forward"] for home in {_home_of_forward(type(module)) for module in modules} if home is not None}

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return recorder.call_module(original_call, self, args, kwargs)

    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        recorder.births.note(self, sys._getframe(1))
        original_init(self, *args, **kwargs)

    def register_parameter(self: nn.Module, name: str, param: Any) -> None:
        recorder.births.note_registration(self, name, sys._getframe(1))
        original_register(self, name, param)

    def new(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        made = original_new(cls, data, requires_grad)
        if isinstance(data, torch.Tensor) and recorder.building:
            recorder.note_parameter(made, data, sys._getframe(1))
        return made

    nn.Module.__call__ = call  # type: ignore[method-assign]
    nn.Module.__init__ = init  # type: ignore[method-assign]
    nn.Module.register_parameter = register_parameter  # type: ignore[method-assign]
    nn.Parameter.__new__ = new  # type: ignore[method-assign]
    for home, forward in forwards.items():
        home.forward = _recorded_forward(recorder, forward)
    try:
        yield
    finally:
        nn.Module.__call__ = original_call  # type: ignore[method-assign]
        nn.Module.__init__ = original_init  # type: ignore[method-assign]
        nn.Module.register_parameter = original_register  # type: ignore[method-assign]
        nn.Parameter.__new__ = original_new  # type: ignore[method-assign]
        for home, forward in forwards.items():
            home.forward = forward


def _home_of_forward(kind: type[nn.Module]) -> type[nn.Module] | None:
    """The class that a module has its `forward` from, None where that is not a plain function."""
    home = next((base for base in kind.__mro__ if "forward" in base.__dict__), None)
    return home if home not in (None, nn.Module) and isinstance(home.__dict__["forward"], FunctionType) else None


def _recorded_forward(recorder: Recorder, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A layer's `forward` that is recorded like a call of the layer, unless it is that call itself (or a subclass calling `super()`)."""

    @functools.wraps(forward)
    def recorded(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if recorder.is_running(self):
            return forward(self, *args, **kwargs)
        return recorder.call_module(forward, self, args, kwargs)

    return recorded
