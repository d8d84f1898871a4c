"""Sizes that stand in a list or tuple: the entries that a loop reads, and the shape that a product is taken of."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from linearcheck.findings import Edit
from linearcheck.fix.definitions import Project, bindings
from linearcheck.fix.expressions import Observation
from linearcheck.fix.source import SourceFile, dotted, last_name
from linearcheck.fix.static_values import StaticValues
from linearcheck.fix.values import evaluate, names_in

LARGEST_ENTRY = 1024


def table_entries(
    project: Project, source: SourceFile, iterable: ast.expr, path: tuple[int, ...], depth: int
) -> Iterator[tuple[SourceFile, ast.expr]]:
    """The expressions that the items of a table put at a place: `path` leads into each item, `(1,)` is the second of a pair."""
    if depth == 0:
        return
    match iterable:
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                if not path:
                    yield source, item
                elif isinstance(item, ast.Tuple | ast.List) and path[0] < len(item.elts):
                    inner = item.elts[path[0]]
                    yield from table_entries(project, source, inner, path[1:], depth - 1) if len(path) > 1 else [(source, inner)]
        case ast.Name() | ast.Attribute():
            for binding in bindings(project, source, iterable):
                yield from table_entries(project, binding.source, binding.value, (*binding.path, *path), depth - 1)
        case ast.Subscript(value=value):
            yield from table_entries(project, source, value, path, depth - 1)
        case ast.Call(func=func, args=args) if args:
            name = last_name(func)
            if name == "zip" and path and path[0] < len(args):
                yield from table_entries(project, source, args[path[0]], path[1:], depth - 1)
            elif name == "enumerate" and path[:1] == (1,):
                yield from table_entries(project, source, args[0], path[1:], depth - 1)
            elif name in ("reversed", "list", "tuple", "pairwise"):
                yield from table_entries(project, source, args[0], path if name != "pairwise" else path[1:], depth - 1)


def changed_sequences(
    project: Project, source: SourceFile, expression: ast.expr, observations: Sequence[Observation]
) -> Iterator[tuple[float, tuple[Edit, ...]]]:
    """One number of a tuple changed where it is written, so that what is worked out from it fits: `(1, 28, 28)` for `prod(IMAGE)`."""
    for part in ast.walk(expression):
        if not isinstance(part, ast.Name | ast.Attribute) or dotted(part) not in names_in(expression):
            continue
        for binding in bindings(project, source, part):
            if isinstance(binding.value, ast.Tuple | ast.List) and not binding.path and binding.kind != "loop":
                yield from _changed_entries(project, binding.source, binding.value, expression, dotted(part), observations)


def _changed_entries(
    project: Project,
    source: SourceFile,
    sequence: ast.Tuple | ast.List,
    expression: ast.expr,
    name: str,
    observations: Sequence[Observation],
) -> Iterator[tuple[float, tuple[Edit, ...]]]:
    values = evaluate(sequence, StaticValues(project, source, sequence))
    if not isinstance(values, tuple) or not all(isinstance(value, int) for value in values):
        return
    for old in dict.fromkeys(values):
        places = [item for item in sequence.elts if isinstance(item, ast.Constant) and item.value == old]
        for new in range(1, LARGEST_ENTRY) if places else ():
            changed = tuple(new if value == old else value for value in values)
            if new != old and all(
                evaluate(expression, lambda other, o=o, c=changed: c if other == name else o.names(other)) == o.wanted  # type: ignore[misc]
                for o in observations
            ):
                yield 0.0, tuple(source.replace(place, str(new)) for place in places)
                break
