"""One of the user's files, parsed: from a span of a trace to the node of the tree, and from nodes to edits.

The tree is Python's own `ast`: it starts at once, knows every position, and an edit that replaces only the characters of one expression
leaves formatting and comments alone by construction.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache

from linearcheck.findings import Edit
from linearcheck.fix.text import Position, line_starts, offset_of
from linearcheck.source_text import BOM
from linearcheck.trace.records import Span

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = ast.Module | ast.ClassDef | Function
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class SourceFile:
    """A file's text and tree. Positions are lines and characters from 1, as in `Span` and `Edit`."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self._inside: dict[ast.AST, tuple[ast.AST, ...]] = {}
        self.tree = ast.parse(text.removeprefix(BOM))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, the outer ones first."""
        return tuple(ast.walk(self.tree))

    def nodes_in(self, scope: ast.AST) -> tuple[ast.AST, ...]:
        """Every node inside another one, itself included; remembered, for scopes."""
        if scope not in self._inside:
            self._inside[scope] = self.nodes if scope is self.tree else tuple(ast.walk(scope))
        return self._inside[scope]

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def calls_by_name(self) -> dict[str, list[ast.Call]]:
        """Calls by the last part of what they call."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.calls:
            found.setdefault(last_name(call.func), []).append(call)
        return found

    @cached_property
    def imported_names(self) -> frozenset[str]:
        """Every name that an import statement of the file binds."""
        names: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                names |= {(alias.asname or alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name for alias in node.names}
        return frozenset(names)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def lines(self) -> list[str]:
        starts = line_starts(self.text)
        return [self.text[a:b] for a, b in zip(starts, (*starts[1:], len(self.text)), strict=True)]

    def start(self, node: ast.AST) -> Position:
        return self._position(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> Position:
        return self._position(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _position(self, line: int, byte_column: int) -> Position:
        text = self.lines[line - 1]
        if text.isascii():
            return line, byte_column + 1
        return line, len(text.encode()[:byte_column].decode(errors="ignore")) + 1

    def offsets(self, node: ast.AST) -> tuple[int, int]:
        return offset_of(self.text, self.start(node)), offset_of(self.text, self.end(node))

    def source_of(self, node: ast.AST) -> str:
        """The text of a node, as the author wrote it."""
        start, end = self.offsets(node)
        return self.text[start:end]

    def replace(self, node: ast.AST, text: str) -> Edit:
        return Edit(self.path, self.start(node), self.end(node), text)

    def insert(self, position: Position, text: str) -> Edit:
        return Edit(self.path, position, position, text)

    def without_lines(self, statement: ast.stmt) -> Edit:
        """A statement taken away with its lines; it must share them with nothing else."""
        return Edit(self.path, (statement.lineno, 1), ((statement.end_lineno or statement.lineno) + 1, 1), "")

    def node_at(self, span: Span) -> ast.expr | ast.stmt | None:
        """The outermost expression or statement that a span covers.

        The compiler moves the start of a method call that is broken over lines to its attribute, so the end decides
        where no node fits exactly.
        """
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        ending: list[ast.expr | ast.stmt] = []
        for node in self.nodes:
            if (
                not isinstance(node, ast.expr | ast.stmt)
                or not node.lineno <= span.end_line <= (node.end_lineno or 0)
                or self.end(node) != end
            ):
                continue
            if self.start(node) == start:
                return node.value if isinstance(node, ast.Expr) else node
            ending.append(node)
        inside = [node for node in ending if isinstance(node, ast.Call) and self.start(node) <= start]
        return max(inside, key=self.start, default=None)

    def call_at(self, span: Span) -> ast.Call | None:
        """The call at a span, also where the span covers only what is around or inside it on the same line."""
        node = self.node_at(span)
        if isinstance(node, ast.Await | ast.Starred | ast.Expr):
            node = node.value
        return node if isinstance(node, ast.Call) else None

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def scope_of(self, node: ast.AST) -> Scope:
        """The function, class or module whose body a node belongs to (a default value belongs to the scope outside)."""
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) and child in parent.body:
                return parent
            if isinstance(parent, ast.Lambda) and child is parent.body:
                return parent
            if isinstance(parent, ast.ClassDef) and child in parent.body:
                return parent
            child = parent
        return self.tree

    def function_of(self, node: ast.AST) -> Function | None:
        scope = self.scope_of(node)
        return scope if isinstance(scope, Function) else None

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        return next((parent for parent in self.ancestors(node) if isinstance(parent, ast.ClassDef)), None)

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that a node is part of."""
        if isinstance(node, ast.stmt):
            return node
        return next(parent for parent in self.ancestors(node) if isinstance(parent, ast.stmt))

    def indentation_of(self, line: int) -> str:
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t\f"))]

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in self.nodes if isinstance(node, ast.ClassDef))


@lru_cache(maxsize=64)
def source_file(path: str, text: str) -> SourceFile:
    """The parsed file; parsed once per text.

    Raises:
        SyntaxError: If the text is no Python.
    """
    return SourceFile(path, text)


def dotted(node: ast.AST) -> str:
    """`torch.nn.Linear` for a chain of names, "" for anything else. Identifiers are normalised as Python does (NFKC)."""
    if isinstance(node, ast.Name):
        return unicodedata.normalize("NFKC", node.id)
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{unicodedata.normalize('NFKC', node.attr)}" if inner else ""
    return ""


def last_name(node: ast.AST) -> str:
    """The last part of what is called: `Linear` for `nn.Linear`, `view` for `f(x).view`."""
    if isinstance(node, ast.Attribute):
        return unicodedata.normalize("NFKC", node.attr)
    return unicodedata.normalize("NFKC", node.id) if isinstance(node, ast.Name) else ""


def is_super_init(node: ast.AST) -> bool:
    """Whether a function is `super().__init__` or `super(Net, self).__init__` or `nn.Linear.__init__`."""
    return isinstance(node, ast.Attribute) and node.attr == "__init__"
