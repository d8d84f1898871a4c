"""Values that cannot be known and need not be: a vocabulary's size, a number of classes, a dropout rate.

A value is left open where the file that it is computed from is not there. Where it decides nothing but how many rows an embedding has or
how many outputs a Linear, any size gives the same findings, so one is taken and said to be taken. Whether that is so is tried: the model is
built twice, with two values, and its parameters are compared.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from linearcheck.load.grammar import InputShapeError
from linearcheck.load.names import FunctionNode
from linearcheck.load.shapes import parse_input_shape
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.spaces import Space

SIZES = (97, 101)
RATES = (0.25, 0.5)
MOST_VALUES = 20_000_000

Build = Callable[[Any], Any]


def harmless_value(build: Build, input_shapes: Sequence[str] = ()) -> Any:
    """A value with which the model can be built and that changes no finding, None where there is none.

    Args:
        build: Builds the model with a value.
        input_shapes: Texts of `--input-shape`: a value that is the size of the first layer's input is the one that they give.
    """
    for pair in (SIZES, RATES):
        first, second = _built(build, pair[0]), _built(build, pair[1])
        if first is None or second is None:
            continue
        differing = _differing(first, second)
        if differing == "outputs":
            return pair[0]
        if differing == "first input":
            return _given_size(first, input_shapes)
        return None
    return None


def _built(build: Build, value: Any) -> Any:
    """The model built with the value: for real where it is small, else without data, which costs the import of half of torch first."""
    import torch
    from torch import nn
    from torch.overrides import TorchFunctionMode

    class Limit(TorchFunctionMode):
        values = 0

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and getattr(func, "__name__", "") in ("empty", "zeros", "ones", "randn", "rand", "full"):
                self.values += result.numel()
                if self.values > MOST_VALUES:
                    raise TooLarge
            return result

    for context in (Limit(), torch.device("meta")):
        try:
            with context:
                built = build(value)
        except TooLarge:
            continue
        except (Exception, Unavailable, OutsideEffect):
            return None
        return built if isinstance(built, nn.Module) else None
    return None


class TooLarge(BaseException):
    """A trial build for real is given up."""


def _differing(first: Any, second: Any) -> str:
    """What of two models differs: "outputs" only, the "first input" as well, or "more"."""
    from torch import nn

    one, other = dict(first.named_parameters()), dict(second.named_parameters())
    if one.keys() != other.keys():
        return "more"
    owners = dict(first.named_modules())
    inputs = 0
    for index, (name, parameter) in enumerate(one.items()):
        mine, theirs = tuple(parameter.shape), tuple(other[name].shape)
        if mine == theirs:
            continue
        owner = owners[name.rpartition(".")[0]]
        if len(mine) != len(theirs):
            return "more"
        if isinstance(owner, nn.Embedding | nn.EmbeddingBag | nn.Linear) and mine[1:] == theirs[1:]:
            continue
        is_input_side = isinstance(owner, nn.Linear | nn.modules.conv._ConvNd | nn.RNNBase) and mine[:1] == theirs[:1]
        if not is_input_side or index > 0:
            return "more"
        inputs += 1
    return "first input" if inputs else "outputs"


def _given_size(model: Any, input_shapes: Sequence[str]) -> int | None:
    from torch import nn

    first = next((m for m in model.modules() if isinstance(m, nn.Linear | nn.modules.conv._ConvNd | nn.RNNBase)), None)
    try:
        shapes = [parse_input_shape(text) for text in input_shapes]
    except InputShapeError:
        return None
    if not shapes:
        return SIZES[0]
    axes = shapes[0].axes
    position = (1 if shapes[0].has_letters else 0) if isinstance(first, nn.modules.conv._ConvNd) else -1
    size = axes[position] if -len(axes) <= position < len(axes) else None
    return size if isinstance(size, int) else None


def names_read_by_constructor(space: Space, target: str) -> list[str]:
    """Module-level values of the file that building the target reads: in its constructor, and in what that calls of the file."""
    definitions: dict[str, ast.stmt] = {}
    for leaf in space.body.leaves:
        if isinstance(leaf.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            definitions[leaf.node.name] = leaf.node
    values = {name for leaf in space.body.leaves if not isinstance(leaf.node, ast.ClassDef | FunctionNode | ast.Import | ast.ImportFrom)
              for name in leaf.defines}  # fmt: skip
    found: dict[str, None] = {}
    seen: set[str] = set()
    pending = [target]
    while pending:
        name = pending.pop()
        if name in seen or name not in definitions:
            continue
        seen.add(name)
        for read in _names_read(definitions[name]):
            if read in values:
                found[read] = None
            pending.append(read)
    return list(found)


def _names_read(node: ast.stmt) -> Iterator[str]:
    """Names that a function reads when called, or a class when one of it is made: bases, `__init__`, and the methods that it calls."""
    if not isinstance(node, ast.ClassDef):
        yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
        return
    yield from (part.id for base in node.bases for part in ast.walk(base) if isinstance(part, ast.Name))
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    pending = ["__init__"]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen or name not in methods:
            continue
        seen.add(name)
        for part in ast.walk(methods[name]):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                yield part.id
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                pending.append(part.attr)
