"""Sizes of a reshape as the source writes them: `x.view(n, h * w, c)` after `n, c, h, w = x.shape`.

Where measured sizes are equal by chance (16 channels on a map of 4 x 4) the names still tell a merge from a cut. Only what is certain
counts: names unpacked from the shape of the very tensor that is reshaped, with nothing assigned to it in between.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from linearcheck.rules.observations import receiver_of
from linearcheck.rules.source import function_around
from linearcheck.sizes import NamedSize, Shape, Size, size_product
from linearcheck.trace.records import Call, TensorInfo, Trace


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
    old = tuple(1 if size == 1 else NamedSize((f"axis{axis}",)) for axis, size in enumerate(x.shape))
    names = _unpacked(trace.sources.get(site.path, "").removeprefix("\ufeff"), site.line, receiver.id, x.rank)
    new = _filled([_written(size, receiver.id, names, old) for size in sizes], old)
    return (old, new) if new is not None and _agrees(new, x, output) else None


def _written(node: ast.expr, receiver: str, names: Mapping[str, int], old: Shape) -> Size | None:
    """One size: a product of axes and numbers, -1 where it is left free, None where it cannot be told."""
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
        factors = [_written(part, receiver, names, old) for part in (node.left, node.right)]
        return size_product([factor for factor in factors if factor is not None]) if None not in factors and -1 not in factors else None
    axis = names.get(node.id) if isinstance(node, ast.Name) else axis_of(node, receiver, len(old))
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


def _agrees(new: Shape, x: TensorInfo, output: TensorInfo) -> bool:
    """Whether the names give the measured sizes."""
    for size, measured in zip(new, output.shape, strict=True):
        product = 1
        for letter in size.names if isinstance(size, NamedSize) else ():
            product *= x.shape[int(letter.removeprefix("axis"))]
        if (product if isinstance(size, NamedSize) else size) != measured:
            return False
    return True


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
