"""What an expression of sizes is worth, given the values of its names: plain arithmetic, never the user's own code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from linearcheck.fix.source import dotted

Lookup = Callable[[str], Any]

_LIMIT = 2**63

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int, "len": len, "max": max, "min": min, "sum": sum, "abs": abs, "round": round, "math.prod": math.prod, "prod": math.prod,
    "np.prod": math.prod, "math.ceil": math.ceil, "math.floor": math.floor, "math.sqrt": math.sqrt, "math.isqrt": math.isqrt,
    "tuple": tuple, "list": tuple, "range": lambda *bounds: tuple(range(*bounds)) if all(abs(b) < 4096 for b in bounds) else None,
    "reversed": lambda items: tuple(reversed(items)), "math.log2": math.log2,
}  # fmt: skip


def evaluate(node: ast.expr, lookup: Lookup) -> Any:
    """The value of an expression, or None where it is not plain arithmetic of known names.

    >>> evaluate(ast.parse("COLORS * scale ** 2", mode="eval").body, {"COLORS": 3, "scale": 4}.get)
    48
    """
    try:
        return _evaluate(node, lookup)
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _evaluate(node: ast.expr, lookup: Lookup) -> Any:
    match node:
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case ast.Name() | ast.Attribute():
            name = dotted(node)
            return _known(lookup(name) if name else None)
        case ast.UnaryOp(op=ast.USub()):
            return -_evaluate(node.operand, lookup)
        case ast.BinOp(op=ast.Pow()):
            base, exponent = _evaluate(node.left, lookup), _evaluate(node.right, lookup)
            return base**exponent if abs(exponent) <= 32 and abs(base) <= 2**20 else None
        case ast.BinOp():
            left, right = _evaluate(node.left, lookup), _evaluate(node.right, lookup)
            if isinstance(left, tuple | str) and isinstance(node.op, ast.Mult) and abs(right) > 64:
                return None
            value = _OPERATORS[type(node.op)](left, right)
            return None if isinstance(value, int) and abs(value) > _LIMIT else value
        case ast.Tuple() | ast.List():
            return tuple(_known(_evaluate(item, lookup)) for item in node.elts)
        case ast.Subscript():
            return _subscript(node, lookup)
        case ast.Call(args=args, keywords=[]):
            return _FUNCTIONS[dotted(node.func)](*(_known(_evaluate(item, lookup)) for item in args))
        case ast.IfExp():
            return _evaluate(node.body if _known(_evaluate(node.test, lookup)) else node.orelse, lookup)
        case ast.Compare(ops=[op], comparators=[other]):
            left, right = _known(_evaluate(node.left, lookup)), _known(_evaluate(other, lookup))
            return _COMPARISONS[type(op)](left, right)
    return None


def _known(value: Any) -> Any:
    if value is None:
        raise ValueError
    return value


def _subscript(node: ast.Subscript, lookup: Lookup) -> Any:
    whole = f"{dotted(node.value)}[{ast.unparse(node.slice)}]"
    named = lookup(whole)
    if named is not None:
        return named
    owner = _known(_evaluate(node.value, lookup))
    if isinstance(node.slice, ast.Slice):
        bounds = [
            None if part is None else _known(_evaluate(part, lookup)) for part in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        return owner[slice(*bounds)]
    key = _known(_evaluate(node.slice, lookup))
    if isinstance(owner, Mapping | tuple):
        return owner[key]
    return None


def names_in(node: ast.AST) -> list[str]:
    """The names that an expression reads, the longest dotted form of each (`self.dim`, not `self`), in order."""
    found: dict[str, None] = {}

    def visit(part: ast.AST) -> None:
        if isinstance(part, ast.Name | ast.Attribute) and dotted(part):
            found[dotted(part)] = None
        else:
            for child in ast.iter_child_nodes(part):
                visit(child)

    visit(node)
    return list(found)


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is made of numbers alone."""
    return not names_in(node) and all(
        isinstance(n, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop) for n in ast.walk(node)
    )
