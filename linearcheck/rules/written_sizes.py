"""Sizes of a reshape as the source writes them: `x.view(n, h * w, c)` after `n, c, h, w = x.shape`.

Where measured sizes are equal by chance (16 channels on a map of 4 x 4) the names still tell a merge from a cut. Only what is certain
counts: names unpacked from the shape of the very tensor that is reshaped, with nothing assigned to it in between.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from linearcheck.rules.observations import receiver_of
from linearcheck.rules.source import function_around
from linearcheck.sizes import NamedSize, Shape, Size, size_product
from linearcheck.trace.records import Call, TensorInfo, Trace

PART = "part"
"""The letter of what axes are divided by, such as the side of a patch."""


def written_shapes(trace: Trace, call: Call) -> tuple[Shape, Shape] | None:
    """The old and the new shape of a reshape with a letter for each axis of its input, or None where the source does not tell."""
    x, output, site, found = call.input, call.output, call.site, receiver_of(trace, call)
    if x is None or output is None or site is None or found is None:
        return None
    _, receiver, sizes = found
    if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
        sizes = sizes[0].elts
    if not isinstance(receiver, ast.Name) or len(sizes) != output.rank:
        return None
    names = _unpacked(trace.sources.get(site.path, "").removeprefix("\ufeff"), site.line, receiver.id, x.rank)
    divided = _divided(sizes, receiver.id, names, x)
    if divided is None:
        return None
    old = tuple(1 if size == 1 else _axis(axis, axis in divided.axes) for axis, size in enumerate(x.shape))
    new = _filled([_written(size, receiver.id, names, old, divided.by) for size in sizes], old)
    return (old, new) if new is not None and _agrees(new, x, output, divided.axes) else None


@dataclass(frozen=True, slots=True)
class _Divided:
    """The axes that are divided by one number: `h // p` and `w // p`, whose letters become (how many, how large)."""

    axes: frozenset[int] = frozenset()
    by: str = ""


def _divided(sizes: Sequence[ast.expr], receiver: str, names: Mapping[str, int], x: TensorInfo) -> _Divided | None:
    """What the sizes divide by what; None where they divide by more than one number."""
    axes, by = set(), set()
    for node in (inner for size in sizes for inner in ast.walk(size)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            axis = _axis_named(node.left, receiver, names, x.rank)
            if axis is None or x.shape[axis] == 1:
                return None
            axes.add(axis)
            by.add(ast.unparse(node.right))
    if len(by) > 1:
        return None
    return _Divided(frozenset(axes), next(iter(by), ""))


def _axis(axis: int, is_divided: bool) -> NamedSize:
    return NamedSize((f"axis{axis}", PART)) if is_divided else NamedSize((f"axis{axis}",))


def _axis_named(node: ast.expr, receiver: str, names: Mapping[str, int], rank: int) -> int | None:
    return names.get(node.id) if isinstance(node, ast.Name) else axis_of(node, receiver, rank)


def _written(node: ast.expr, receiver: str, names: Mapping[str, int], old: Shape, by: str) -> Size | None:
    """One size: a product of axes, parts of axes and numbers, -1 where it is left free, None where it cannot be told."""
    if by and ast.unparse(node) == by:
        return NamedSize((PART,))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        axis = _axis_named(node.left, receiver, names, len(old))
        return NamedSize((f"axis{axis}",)) if axis is not None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and by and ast.unparse(node.left) == by:
        times = node.right.value if isinstance(node.right, ast.Constant) else None
        return NamedSize((PART,) * times) if type(times) is int and 0 < times <= 3 else None
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and node.operand.value == 1
    ):
        return -1
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        factors = [_written(part, receiver, names, old, by) for part in (node.left, node.right)]
        return size_product([factor for factor in factors if factor is not None]) if None not in factors and -1 not in factors else None
    axis = _axis_named(node, receiver, names, len(old))
    return old[axis] if axis is not None else None


def axis_of(node: ast.expr, receiver: str, rank: int) -> int | None:
    """The axis that `x.size(1)` or `x.shape[1]` asks for, where `x` is the receiver."""
    index: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size" and len(node.args) == 1:
        owner, index = node.func.value, node.args[0]
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        owner, index = node.value.value, node.slice
    else:
        return None
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) and isinstance(index.operand, ast.Constant):
        value = -index.operand.value if type(index.operand.value) is int else None
    else:
        value = index.value if isinstance(index, ast.Constant) and type(index.value) is int else None
    is_own = isinstance(owner, ast.Name) and owner.id == receiver
    return value % rank if is_own and value is not None and -rank <= value < rank else None


def _filled(sizes: Sequence[Size | None], old: Shape) -> Shape | None:
    """The new shape with its free size worked out by names, or None where it does not come out even."""
    if None in sizes or sizes.count(-1) > 1:
        return None
    known = [size for size in sizes if size is not None and size != -1]
    used, total = _letters(known), _letters(old)
    if any(isinstance(size, int) and size > 1 for size in known) or used - total:
        return None
    if -1 not in sizes:
        return tuple(known) if used == total else None
    free = size_product([NamedSize((letter,)) for letter in sorted((total - used).elements())])
    return tuple(free if size == -1 else size for size in sizes if size is not None)


def _letters(sizes: Sequence[Size]) -> Counter[str]:
    return Counter(letter for size in sizes if isinstance(size, NamedSize) for letter in size.names)


def _agrees(new: Shape, x: TensorInfo, output: TensorInfo, divided: frozenset[int]) -> bool:
    """Whether the names give the measured sizes, with some size of the parts that axes are divided into."""
    parts = range(2, min((x.shape[axis] for axis in divided), default=2) + 1)
    return any(
        all(x.shape[axis] % part == 0 for axis in divided)
        and all(_measured(size, x, divided, part) == measured for size, measured in zip(new, output.shape, strict=True))
        for part in parts
    )


def _measured(size: Size, x: TensorInfo, divided: frozenset[int], part: int) -> int:
    if isinstance(size, int):
        return size
    product = 1
    for letter in size.names:
        axis = int(letter.removeprefix("axis")) if letter != PART else None
        product *= part if axis is None else x.shape[axis] // part if axis in divided else x.shape[axis]
    return product


@lru_cache(maxsize=1024)
def _unpacked(text: str, line: int, receiver: str, rank: int) -> Mapping[str, int]:
    """Names that hold sizes of the receiver where the reshape stands, with the axis of each."""
    body = _statements(text, line)
    before = [statement for statement in body if statement.lineno < line and (statement.end_lineno or statement.lineno) < line]
    changed = max((statement.lineno for statement in before if receiver in _stored(statement)), default=0)
    found: dict[str, int] = {}
    for statement in before:
        for name in _stored(statement):
            found.pop(name, None)
        if statement.lineno <= changed or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Tuple | ast.List) and _is_shape_of(value, receiver) and len(target.elts) == rank:
            found.update(
                {element.id: axis for axis, element in enumerate(target.elts) if isinstance(element, ast.Name) and element.id != "_"}
            )
        elif isinstance(target, ast.Name) and (axis := axis_of(value, receiver, rank)) is not None:
            found[target.id] = axis
    return found


def _statements(text: str, line: int) -> list[ast.stmt]:
    """The statements of the function around a place, in order; none where it has loops before the place, whose order is not the text's."""
    function = function_around(text, line)
    statements = (
        [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function] if function is not None else []
    )
    loops = (ast.For, ast.While, ast.Try, ast.FunctionDef, ast.AsyncFor)
    if any(isinstance(node, loops) and node.lineno <= line for node in statements):
        return []
    return sorted(statements, key=lambda node: node.lineno)


def _stored(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _is_shape_of(node: ast.expr, receiver: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size" and not node.args:
        node = node.func.value
    elif isinstance(node, ast.Attribute) and node.attr == "shape":
        node = node.value
    else:
        return False
    return isinstance(node, ast.Name) and node.id == receiver
