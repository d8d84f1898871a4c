"""A class without those statements of its body that act on the outside: `class Config: os.makedirs("runs")` defines `Config` all the same.

What the source shows is left out before the class is made; what only running it shows (a function that writes a file) is left out after
`guard.py` has stopped it, and the class is made anew.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from linearcheck.load.effects import FunctionNode, Imports, acts
from linearcheck.load.signals import OutsideEffect
from linearcheck.load.slicing import prune

_MOST_STATEMENTS = 50


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement that was not run, and what it would have done."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line} {self.what}, so it is not run"


def define_without_effects(
    node: ast.ClassDef, imports: Imports, functions: Mapping[str, FunctionNode], path: str, define: Callable[[ast.ClassDef], None]
) -> list[LeftOut]:
    """Makes the class with `define`, without the statements that act; what was left out.

    Raises:
        OutsideEffect: Where what acts also defines a name of the class, or is no statement of its body.
    """
    seen = {id(part): LeftOut(part.lineno, what) for part in _plain_statements(node) if (what := acts(part, imports, functions))}
    while True:
        try:
            define(_without(node, set(seen), lambda part: prune(part, imports, dict(functions))))
        except OutsideEffect as effect:
            acting = _statement_that_ran(node, effect, path)
            if acting is None or id(acting) in seen or len(seen) >= _MOST_STATEMENTS:
                raise
            seen[id(acting)] = LeftOut(acting.lineno, effect.what)
        else:
            return list(seen.values())


def _plain_statements(node: ast.ClassDef) -> list[ast.Expr]:
    """Statements of the body, and of classes in it, that are run for what they do."""
    inner = [part for part in node.body if isinstance(part, ast.ClassDef)]
    return [part for part in node.body if isinstance(part, ast.Expr)] + [part for one in inner for part in _plain_statements(one)]


def _without(node: ast.ClassDef, left_out: set[int], pruned: Callable[[ast.stmt], ast.stmt]) -> ast.ClassDef:
    copy = ast.ClassDef(**{name: getattr(node, name) for name in node._fields})
    copy.body = []
    for part in node.body:
        if id(part) in left_out:
            copy.body.append(ast.copy_location(ast.Pass(), part))
        else:
            copy.body.append(_without(part, left_out, pruned) if isinstance(part, ast.ClassDef) else pruned(part))
    return ast.copy_location(copy, node)


def _statement_that_ran(node: ast.ClassDef, effect: OutsideEffect, path: str) -> ast.Expr | None:
    lines = {line for frame, line in traceback.walk_tb(effect.__traceback__) if frame.f_code.co_filename == path}
    return next((part for part in _plain_statements(node) if lines & set(range(part.lineno, (part.end_lineno or part.lineno) + 1))), None)
