"""Entries of a sequence by their number: `sizes[i]` of a helper that is called with `[z_dim, *hidden[::-1], n_out]`.

Which entry a layer was built from follows from the values that its frames saw; the expression of that entry may stand in the call of the
helper, behind a star or in one half of a sum of lists.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from linearcheck.fix.definitions import Binding, Project, bindings
from linearcheck.fix.source import SourceFile, last_name
from linearcheck.fix.static_values import StaticValues
from linearcheck.fix.values import Lookup, evaluate
from linearcheck.trace.records import BuildFrame

MOST_STEPS = 8


@dataclass(frozen=True)
class Entry:
    """The expression of one entry, and the frame (counted from the innermost) that it stands in; `level` past the last one is the text."""

    source: SourceFile
    value: ast.expr
    level: int


def entry_of(project: Project, source: SourceFile, subscript: ast.Subscript, frames: Sequence[BuildFrame], level: int) -> Entry | None:
    """Where the entry that `subscript` reads is written, or None where that cannot be told.

    Args:
        frames: The frames of the layer that the expression helped to build, innermost first.
        level: Which of them the subscript stands in.
    """
    if isinstance(subscript.slice, ast.Slice):
        return None
    lookup = _lookup(project, source, subscript, frames, level)
    index, length = evaluate(subscript.slice, lookup), _length(subscript.value, lookup)
    if not isinstance(index, int) or length is None or not -length <= index < length:
        return None
    return _written(project, source, subscript.value, index % length, length, frames, level, MOST_STEPS)


def _lookup(project: Project, source: SourceFile, at: ast.AST, frames: Sequence[BuildFrame], level: int) -> Lookup:
    seen = frames[level].names if level < len(frames) else {}
    static = StaticValues(project, source, at)
    return lambda name: seen[name] if seen.get(name) is not None else static(name)


def _length(sequence: ast.expr, lookup: Lookup) -> int | None:
    value = evaluate(sequence, lookup)
    if isinstance(value, tuple):
        return len(value)
    match sequence:  # parts that are no plain arithmetic do not hide how many there are
        case ast.Tuple(elts=items) | ast.List(elts=items):
            lengths = [_length(item.value, lookup) if isinstance(item, ast.Starred) else 1 for item in items]
            known = [length for length in lengths if length is not None]
            return sum(known) if len(known) == len(lengths) else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _length(left, lookup), _length(right, lookup)
            return first + second if first is not None and second is not None else None
        case ast.Call(func=func, args=[inner]) if last_name(func) in ("list", "tuple", "reversed"):
            return _length(inner, lookup)
    return None


def _written(
    project: Project, source: SourceFile, sequence: ast.expr, index: int, length: int, frames: Sequence[BuildFrame], level: int, steps: int
) -> Entry | None:
    if steps == 0:
        return None
    lookup = _lookup(project, source, sequence, frames, level)
    match sequence:
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                size = _length(item.value, lookup) if isinstance(item, ast.Starred) else 1
                if size is None:
                    return None
                if index < size:
                    if isinstance(item, ast.Starred):
                        return _written(project, source, item.value, index, size, frames, level, steps - 1)
                    return Entry(source, item, level)
                index -= size
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            size = _length(left, lookup)
            if size is not None:
                part, place, long = (left, index, size) if index < size else (right, index - size, length - size)
                return _written(project, source, part, place, long, frames, level, steps - 1)
        case ast.Call(func=func, args=[inner]) if last_name(func) in ("list", "tuple"):
            return _written(project, source, inner, index, length, frames, level, steps - 1)
        case ast.Call(func=func, args=[inner]) if last_name(func) == "reversed":
            return _written(project, source, inner, length - 1 - index, length, frames, level, steps - 1)
        case ast.Subscript(value=inner, slice=ast.Slice(lower=lower, upper=upper, step=step)):
            whole = _length(inner, lookup)
            bounds = [None if bound is None else evaluate(bound, lookup) for bound in (lower, upper, step)]
            given = [bound for bound in (lower, upper, step) if bound is not None]
            if whole is not None and sum(bound is not None for bound in bounds) == len(given):
                place = range(whole)[slice(*bounds)][index]
                return _written(project, source, inner, place, whole, frames, level, steps - 1)
        case ast.Name() | ast.Attribute():
            found = _binding(project, source, sequence, frames, level)
            if found is not None:
                binding, deeper = found
                return _written(project, binding.source, binding.value, index, length, frames, deeper, steps - 1)
    return None


def _binding(project: Project, source: SourceFile, name: ast.expr, frames: Sequence[BuildFrame], level: int) -> tuple[Binding, int] | None:
    """What a name of a sequence stands for: the argument of the very call that led to the layer, else its one definition."""
    found = [binding for binding in bindings(project, source, name) if not binding.path]
    passed = [binding for binding in found if binding.kind == "passed"]
    if passed and isinstance(name, ast.Name) and level + 1 < len(frames):
        span = frames[level + 1].call
        file = project.file(span.path)
        call = file.call_at(span) if file is not None else None
        if call is not None:
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            own = next((binding for binding in passed if any(binding.value is value for value in given)), None)
            if own is not None:
                return own, level + 1
            found = [binding for binding in found if binding.kind == "default"]  # this call leaves it to its default
    if len(found) != 1 or found[0].kind == "loop":
        return None
    return found[0], level
