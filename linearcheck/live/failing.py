"""Look at an exception where it was raised: which of the user's lines, which layer, which tensors. Nothing of it is kept or changed."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import nn

from linearcheck.api import _display_path, _is_user_file
from linearcheck.explain.explaining import Explanation, explanation_of
from linearcheck.explain.records import Frame, Pasted

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
_MAX_TENSORS = 6
_ABOUT_A_SHAPE = re.compile(r"shape|size|chunk|split|unbind|dim\b")


class Note(str):
    """A note of ours, so that it is known from those of others."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TensorSeen:
    """A tensor as the failing line names it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failed call. `layer` is the layer of torch's that refused its input, by its name in the model (`fc1`)."""

    explanation: Explanation
    layer: str
    layer_text: str
    tensors: tuple[TensorSeen, ...]


def explain_in_call(error: Exception, call: FrameType, seconds: float) -> None:
    """Note what an exception means that leaves the call of a module, if it is the outermost call."""
    if _is_inside_another(call) or has_note(error):
        return
    model = call.f_locals.get("self")
    failure = _failure(error, model if isinstance(model, nn.Module) else None)
    if failure is None:
        return
    found = None
    if isinstance(model, nn.Module) and seconds > 0:
        from linearcheck.live.again import findings_at

        found = findings_at(model, call.f_locals.get("args", ()), call.f_locals.get("kwargs", {}), failure.explanation, seconds)
    _attach(error, failure, found)


def explain_uncaught(error: Exception) -> None:
    """Note what an exception means that was raised outside of every module."""
    if not has_note(error) and (failure := _failure(error, None)) is not None:
        _attach(error, failure, None)


def has_note(error: BaseException) -> bool:
    return any(isinstance(note, Note) for note in getattr(error, "__notes__", ()))


def take_note(error: BaseException) -> str:
    """Take our note off an exception, to show it elsewhere; "" where it has none."""
    notes = getattr(error, "__notes__", [])
    ours = [note for note in notes if isinstance(note, Note)]
    for note in ours:
        notes.remove(note)
    return str(ours[0]) if ours else ""


def _attach(error: Exception, failure: Failure, found: Any) -> None:
    from linearcheck.live.note import note_text

    error.add_note(Note(note_text(failure, found)))


def _is_inside_another(call: FrameType) -> bool:
    """Whether another module's call is further out, or a check of our own, whose failures are no failures."""
    outer = call.f_back
    while outer is not None:
        path = outer.f_code.co_filename
        if outer.f_code is call.f_code or (path.startswith(_PACKAGE) and not path.startswith(_HERE)):
            return True
        outer = outer.f_back
    return False


def _failure(error: Exception, model: nn.Module | None) -> Failure | None:
    entries = list(_entries(error.__traceback__))
    frames = tuple(_frame(entry) for entry in entries)
    explanation = explanation_of(Pasted(" ".join(str(error).split()), frames))
    if explanation is None:
        return None
    users = next((entry for entry in reversed(entries) if _is_user_file(entry.tb_frame.f_code.co_filename)), None)
    frame = _frame(users, _display_path) if users is not None else None
    if "LC414" in explanation.codes and not (frame and _ABOUT_A_SHAPE.search(frame.source)):
        return None  # an unpacking of something else than a shape
    layer = _refusing_layer(entries)
    tensors = tuple(_layer_inputs(entries, layer)) if layer is not None else tuple(_tensors_of(users))
    name = _name_of(layer, model, users) if layer is not None else ""
    text = _shortened(repr(layer).splitlines()[0]) if layer is not None else ""
    explanation = Explanation(explanation.kind, explanation.message, explanation.reading, frame, explanation.command)
    return Failure(explanation, name, text, tensors[:_MAX_TENSORS])


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _frame(entry: TracebackType, shown: Any = str) -> Frame:
    code = entry.tb_frame.f_code
    source = linecache.getline(code.co_filename, entry.tb_lineno, entry.tb_frame.f_globals).strip()
    return Frame(shown(code.co_filename), entry.tb_lineno, code.co_qualname, source)


def _refusing_layer(entries: list[TracebackType]) -> nn.Module | None:
    """The innermost module whose own method raised, if it is one of torch's and lies below the user's last line."""
    for entry in reversed(entries):
        if _is_user_file(entry.tb_frame.f_code.co_filename):
            return None
        owner = entry.tb_frame.f_locals.get("self")
        if isinstance(owner, nn.Module) and entry.tb_frame.f_code.co_name not in ("_wrapped_call_impl", "_call_impl", "__call__"):
            return owner
    return None


def _layer_inputs(entries: list[TracebackType], layer: nn.Module) -> Iterator[TensorSeen]:
    """The arguments of the layer's `forward`."""
    frame = next((e.tb_frame for e in entries if e.tb_frame.f_locals.get("self") is layer and e.tb_frame.f_code.co_name == "forward"), None)
    if frame is None:
        return
    for name in frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]:
        yield from _seen(name, frame.f_locals.get(name))


def _seen(name: str, value: Any, depth: int = 0) -> Iterator[TensorSeen]:
    if isinstance(value, torch.Tensor):
        yield TensorSeen(name, tuple(int(size) for size in value.shape), str(value.dtype).removeprefix("torch."))
    elif isinstance(value, (tuple, list)) and depth < 2:
        for index, item in enumerate(value[:_MAX_TENSORS]):
            yield from _seen(f"{name}[{index}]", item, depth + 1)


def _tensors_of(entry: TracebackType | None) -> Iterator[TensorSeen]:
    """The tensors that the failing statement names: local names, and attributes of `self`, none of which is computed."""
    if entry is None:
        return
    frame = entry.tb_frame
    source = linecache.getline(frame.f_code.co_filename, entry.tb_lineno, frame.f_globals)
    owner = frame.f_locals.get("self")
    for name in dict.fromkeys(re.findall(r"\bself\.\w+|(?<![\w.])[A-Za-z_]\w*", source)):
        if name.startswith("self."):
            attribute = name.removeprefix("self.")
            places = (owner._parameters, owner._buffers, owner.__dict__) if isinstance(owner, nn.Module) else ()
            yield from _seen(name, next((place[attribute] for place in places if attribute in place), None))
        else:
            yield from _seen(name, frame.f_locals.get(name))


def _name_of(layer: nn.Module, model: nn.Module | None, users: TracebackType | None) -> str:
    """The layer's path in the model, or in the module whose line calls it."""
    owner = users.tb_frame.f_locals.get("self") if users is not None else None
    for root in (model, owner):
        if isinstance(root, nn.Module):
            name = next((name for name, module in root.named_modules() if module is layer), "")
            if name:
                return name
    return ""


def _shortened(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
