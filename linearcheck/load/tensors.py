"""Shapes of tensor expressions that are not run: `torch.randn(1, 3, 32, 32).to(device)`, `np.zeros((n, 28, 28))`, `x.view(-1, 784)`."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from linearcheck.load.scopes import Place, places_in, value_at
from linearcheck.load.signals import OutsideEffect, Unavailable

_BY_SIZES = frozenset(
    {"randn", "rand", "zeros", "ones", "empty", "normal", "standard_normal", "random", "random_sample", "Tensor", "FloatTensor"}
)
_WRAPPERS = frozenset({"from_numpy", "tensor", "as_tensor", "Variable", "FloatTensor", "LongTensor", "Tensor", "asarray", "array"})
_SAME = frozenset(
    {
        "to",
        "cuda",
        "cpu",
        "detach",
        "clone",
        "contiguous",
        "requires_grad_",
        "pin_memory",
        "astype",
        "normal_",
        "uniform_",
        "type",
        "random_",
    }
)
_DTYPE_METHODS = {"float": "float32", "long": "int64", "int": "int32", "double": "float64", "half": "float16", "bool": "bool"}
MAX_STEPS = 12


@dataclass(frozen=True, slots=True)
class TensorShape:
    """Sizes of a tensor, None for one that is not known; `is_batch_first` where the first axis is surely the batch (`view(-1, ...)`)."""

    sizes: tuple[int | None, ...]
    dtype: str | None = None
    is_batch_first: bool = False


def tensor_shape(place: Place, expression: ast.expr, steps: int = MAX_STEPS) -> TensorShape | None:
    """The shape that an expression has at a place of the file, None where it cannot be told."""
    if steps == 0:
        return None
    if isinstance(expression, ast.Name):
        return _named(place, expression.id, steps)
    if isinstance(expression, ast.Subscript):
        return _indexed(place, expression, steps)
    if isinstance(expression, ast.BinOp):  # torch.rand(...) * 255
        return tensor_shape(place, expression.left, steps - 1) or tensor_shape(place, expression.right, steps - 1)
    if not isinstance(expression, ast.Call):
        return None
    dotted = place.space.imports.dotted(expression.func) or ""
    last = dotted.rsplit(".", 1)[-1]
    if dotted.startswith(("torch.", "numpy.")):
        return _made(place, expression, last, steps)
    if last == "Variable" and expression.args:
        return tensor_shape(place, expression.args[0], steps - 1)
    if isinstance(expression.func, ast.Attribute):
        return _method(place, expression, expression.func, steps)
    return None


def _named(place: Place, name: str, steps: int) -> TensorShape | None:
    """What was last assigned to the name before the place, in its function or at module level."""
    best: Place | None = None
    for other in places_in(place.space):
        if not isinstance(other.node, ast.Assign) or _assigned_value(other.node, name) is None:
            continue
        if other.around != place.around[: len(other.around)] or other.line > place.line:
            continue
        if best is None or (len(other.around), other.line) >= (len(best.around), best.line):
            best = other
    if best is None or not isinstance(best.node, ast.Assign) or best.line == place.line:
        return None
    value = _assigned_value(best.node, name)
    return tensor_shape(best, value, steps - 1) if value is not None else None


def _assigned_value(node: ast.Assign, name: str) -> ast.expr | None:
    """What `name = value` or `a, name = first, value` gives to the name."""
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            return node.value
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(target.elts) == len(node.value.elts):
            for part, value in zip(target.elts, node.value.elts, strict=True):
                if isinstance(part, ast.Name) and part.id == name:
                    return value
    return None


def _indexed(place: Place, expression: ast.Subscript, steps: int) -> TensorShape | None:
    base = tensor_shape(place, expression.value, steps - 1)
    if base is None:
        return None
    parts = expression.slice.elts if isinstance(expression.slice, ast.Tuple) else [expression.slice]
    sizes = list(base.sizes)
    done: list[int | None] = []
    for part in parts:
        if isinstance(part, ast.Constant) and part.value is None:
            done.append(1)
        elif isinstance(part, ast.Constant) and part.value is Ellipsis:
            return None
        elif isinstance(part, ast.Slice):
            full = part.lower is None and part.upper is None and part.step is None
            done.append(sizes.pop(0) if full and sizes else None)
        elif sizes:
            sizes.pop(0)
    return replace(base, sizes=(*done, *sizes), is_batch_first=False)


def _made(place: Place, call: ast.Call, last: str, steps: int) -> TensorShape | None:
    dtype = _dtype_option(place, call)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if last in _WRAPPERS and call.args:
        inner = tensor_shape(place, call.args[0], steps - 1)
        if inner is not None:
            return replace(inner, dtype=dtype or ("int64" if last == "LongTensor" else inner.dtype))
        literal = _literal_shape(place, call.args[0])
        if literal is not None:
            return replace(literal, dtype=dtype or ("int64" if last == "LongTensor" else literal.dtype))
    if last in ("randint", "randint_like"):
        given = keywords.get("size") or (call.args[2] if len(call.args) > 2 else call.args[1] if len(call.args) > 1 else None)
        sizes = _sizes(place, [given]) if given is not None else None
        return TensorShape(sizes, dtype or "int64") if sizes is not None else None
    if last in ("full", "normal", "uniform"):
        position = 0 if last == "full" else 2
        given = keywords.get("size") or (call.args[position] if len(call.args) > position else None)
        sizes = _sizes(place, [given]) if given is not None else None
        return TensorShape(sizes, dtype) if sizes is not None else None
    if last in ("arange", "linspace"):
        sizes = _sizes(place, call.args[:1]) if len(call.args) == 1 else None
        return TensorShape(sizes, dtype or "int64") if sizes is not None else None
    if last in ("eye",):
        sizes = _sizes(place, call.args[:1])
        return TensorShape((*sizes, *sizes), dtype) if sizes is not None else None
    if last.endswith("_like") and call.args:
        base = tensor_shape(place, call.args[0], steps - 1)
        return replace(base, dtype=dtype or base.dtype) if base is not None else None
    if last in _BY_SIZES:
        given_sizes = [keywords["size"]] if "size" in keywords else call.args
        sizes = _sizes(place, given_sizes)
        return TensorShape(sizes, dtype or ("int64" if last == "LongTensor" else None)) if sizes is not None else None
    return None


def _method(place: Place, call: ast.Call, function: ast.Attribute, steps: int) -> TensorShape | None:
    base = tensor_shape(place, function.value, steps - 1)
    name = function.attr
    if name in ("view", "reshape"):
        return _reshaped(place, call, base)
    if base is None:
        return None
    if name in _DTYPE_METHODS:
        return replace(base, dtype=_DTYPE_METHODS[name])
    if name in _SAME:
        return replace(base, dtype=_dtype_option(place, call) or base.dtype)
    if name == "unsqueeze":
        axis = _one_number(place, call.args[:1])
        if axis is None:
            return None
        at = axis if axis >= 0 else len(base.sizes) + 1 + axis
        return replace(base, sizes=(*base.sizes[:at], 1, *base.sizes[at:]))
    if name in ("permute", "transpose"):
        order = _sizes(place, call.args, signed=True)
        if order is None or any(axis is None for axis in order):
            return None
        return _permuted(base, [int(axis or 0) for axis in order], name)
    if name == "flatten":
        start = _one_number(place, call.args[:1]) or 0
        rest = base.sizes[start:]
        size = math.prod(s for s in rest if s is not None) if None not in rest else None
        return replace(base, sizes=(*base.sizes[:start], size))
    return None


def _permuted(base: TensorShape, order: Sequence[int], name: str) -> TensorShape | None:
    rank = len(base.sizes)
    axes = list(range(rank))
    if name == "transpose" and len(order) == 2 and all(-rank <= axis < rank for axis in order):
        axes[order[0]], axes[order[1]] = axes[order[1]], axes[order[0]]
    elif name == "permute" and sorted(axis % rank for axis in order) == axes:
        axes = [axis % rank for axis in order]
    else:
        return None
    return TensorShape(tuple(base.sizes[axis] for axis in axes), base.dtype)


def _reshaped(place: Place, call: ast.Call, base: TensorShape | None) -> TensorShape | None:
    """`view(-1, 784)`: the sizes after the first, which is the batch; `view(x.size(0), -1)` of a known shape is its product."""
    arguments = list(call.args)
    if len(arguments) == 1 and isinstance(arguments[0], ast.Tuple | ast.List):
        arguments = list(arguments[0].elts)
    sizes: list[int | None] = []
    for argument in arguments:
        value = _one_number(place, [argument])
        sizes.append(value)
    if len(sizes) < 2 or any(size is None for size in sizes[1:]):
        return None
    if -1 in sizes[1:]:
        known = base.sizes if base is not None else ()
        if len(known) < 2 or None in known[1:]:
            return None
        rest = math.prod(int(s or 1) for s in sizes[1:] if s != -1)
        sizes[sizes.index(-1, 1)] = math.prod(int(s or 1) for s in known[1:]) // max(rest, 1)
    return TensorShape((None, *sizes[1:]), base.dtype if base is not None else None, is_batch_first=True)


def _sizes(place: Place, arguments: Sequence[ast.expr], signed: bool = False) -> tuple[int | None, ...] | None:
    """Sizes given one by one, as one tuple, or with a star."""
    sizes: list[int | None] = []
    for argument in arguments:
        value = _value(place, argument.value if isinstance(argument, ast.Starred) else argument)
        if isinstance(value, tuple | list):
            sizes += [item if isinstance(item, int) else None for item in value]
        elif isinstance(value, int) and not isinstance(value, bool):
            sizes.append(value)
        elif isinstance(argument, ast.Tuple | ast.List):
            inner = _sizes(place, argument.elts, signed)
            sizes += inner if inner is not None else [None]
        else:
            sizes.append(None)
    return tuple(sizes) if all(size is None or signed or size > 0 for size in sizes) else None


def _value(place: Place, expression: ast.expr) -> Any:
    if isinstance(expression, ast.Constant):
        return expression.value
    if any(isinstance(part, ast.Call) and not _is_plain_call(part) for part in ast.walk(expression)):
        return None
    try:
        return value_at(place, expression)
    except (Exception, Unavailable, OutsideEffect):
        return None


def _is_plain_call(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("int", "len", "max", "min", "tuple", "list", "range", "round")


def _one_number(place: Place, arguments: Sequence[ast.expr]) -> int | None:
    value = _value(place, arguments[0]) if arguments else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _literal_shape(place: Place, expression: ast.expr) -> TensorShape | None:
    """The shape of a list of lists of numbers."""
    value = _value(place, expression)
    sizes: list[int | None] = []
    while isinstance(value, list | tuple) and value:
        sizes.append(len(value))
        value = value[0]
    if not sizes or not isinstance(value, int | float):
        return None
    return TensorShape(tuple(sizes), "int64" if isinstance(value, int) and not isinstance(value, bool) else None)


def _dtype_option(place: Place, call: ast.Call) -> str | None:
    for keyword in call.keywords:
        if keyword.arg == "dtype":
            dotted = place.space.imports.dotted(keyword.value) or ""
            name = dotted.rsplit(".", 1)[-1]
            return (
                {"long": "int64", "float": "float32", "int": "int64"}.get(name, name) if dotted.startswith(("torch.", "numpy.")) else None
            )
    return None
