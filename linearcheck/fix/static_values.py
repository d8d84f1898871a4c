"""Values of names as the text alone gives them, for what no trace has seen."""

from __future__ import annotations

import ast
from typing import Any

from linearcheck.fix.definitions import Project, bindings
from linearcheck.fix.source import SourceFile
from linearcheck.fix.values import evaluate


class StaticValues:
    """Values of names as the text alone gives them: where everything that a name may stand for is worth the same."""

    def __init__(self, project: Project, source: SourceFile, at: ast.AST, depth: int = 5) -> None:
        self._project, self._source, self._at, self._depth = project, source, at, depth

    def __call__(self, name: str) -> Any:
        if self._depth == 0:
            return None
        key = (self._at, name)
        if key not in self._project.values:
            self._project.values[key] = None  # for names that are defined by themselves
            self._project.values[key] = self._find(name)
        return self._project.values[key]

    def _find(self, name: str) -> Any:
        try:
            node = ast.parse(name, mode="eval").body
        except SyntaxError:
            return None
        located = _locate(node, self._at, self._source)
        values = []
        for binding in bindings(self._project, self._source, located):
            if binding.kind == "loop" or binding.path:
                return None
            values.append(evaluate(binding.value, StaticValues(self._project, binding.source, binding.value, self._depth - 1)))
        return values[0] if values and all(value is not None and value == values[0] for value in values) else None


def _locate(node: ast.expr, at: ast.AST, source: SourceFile) -> ast.expr:
    """A fresh expression, made to stand where `at` stands."""
    source.parents.setdefault(node, source.parents.get(at, source.tree))
    parent = source.parents.get(at)
    if parent is not None:
        source.parents[node] = at if isinstance(at, ast.expr) else parent
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            source.parents[child] = node
    return node
