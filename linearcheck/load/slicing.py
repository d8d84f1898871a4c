"""A module or function body cut into the statements that can be run one by one, each with the names it defines and changes.

Only what the model needs is run, and what it needs is found on demand: a name that is looked up and not there yet runs the
statements that define *or change* it, in their order, and those look up what they need in turn (`importing.py`). So all that
has to be known beforehand is, per statement, which names it binds, which objects it changes, and whether it acts on the outside.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from linearcheck.load.effects import IRRELEVANT_METHODS, Imports, acts, is_process_setting, training_mark
from linearcheck.load.names import Summary, bound_names, called_for_effect, changed_roots, function_summaries, root_name


@dataclass(frozen=True, slots=True)
class Guard:
    """An `if` that a statement stands under, and on which side."""

    node: ast.If
    branch: bool


@dataclass(slots=True, eq=False)
class Leaf:
    """A statement that is run whole or not at all. `acts` says why it is not, "" where nothing speaks against it.

    `calls` are names from other files of the project that it calls for their own sake or decorates with: a registration, perhaps.
    """

    index: int
    node: ast.stmt
    guards: tuple[Guard, ...] = ()
    defines: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    acts: str = ""
    main: bool = False
    setting: bool = False
    state: Literal["", "started", "done", "failed", "skipped"] = ""

    @property
    def line(self) -> int:
        return self.node.lineno


@dataclass
class Body:
    """The statements of one module or function. `stars` are its star imports, `untraceable` lines where slicing cannot follow."""

    leaves: list[Leaf]
    by_name: dict[str, list[Leaf]] = field(default_factory=dict)
    stars: list[Leaf] = field(default_factory=list)
    settings: list[Leaf] = field(default_factory=list)
    untraceable: list[tuple[int, str]] = field(default_factory=list)
    future_flags: int = 0
    summaries: dict[str, Summary] = field(default_factory=dict)

    def names(self) -> set[str]:
        return {name for leaf in self.leaves for name in leaf.defines}


def slice_body(statements: Iterable[ast.stmt], imports: Imports, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef]) -> Body:
    """The statements as leaves; `functions` are those whose effects on globals and arguments can be looked up by name."""
    summaries = function_summaries(functions)
    body = Body([], summaries=summaries)
    for node, guards, main in _flatten(list(statements), (), False):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            body.future_flags |= _future_flags(node)
            continue
        leaf = Leaf(len(body.leaves), node, guards, main=main)
        leaf.defines = frozenset(bound_names(node))
        leaf.loads = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
        leaf.changes = frozenset(changed_roots(node, imports, summaries))
        leaf.calls = frozenset(called_for_effect(node, imports))
        leaf.acts = acts(node, imports, functions)
        leaf.setting = is_process_setting(node, imports)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            body.stars.append(leaf)
        if leaf.setting and not main:
            body.settings.append(leaf)
        if (what := _untraceable(node)) is not None:
            body.untraceable.append((node.lineno, what))
        body.leaves.append(leaf)
        for name in leaf.defines | leaf.changes:
            body.by_name.setdefault(name, []).append(leaf)
    return body


def _flatten(nodes: list[ast.stmt], guards: tuple[Guard, ...], main: bool) -> Iterator[tuple[ast.stmt, tuple[Guard, ...], bool]]:
    """Statements in order; those under an `if` with their guards, imports one name at a time."""
    for node in nodes:
        if isinstance(node, ast.If) and (side := main_guard(node)) is not None:
            yield from _flatten(node.body, guards, main or side)
            yield from _flatten(node.orelse, guards, main or not side)
        elif isinstance(node, ast.If):
            yield from _flatten(node.body, (*guards, Guard(node, True)), main)
            yield from _flatten(node.orelse, (*guards, Guard(node, False)), main)
        elif isinstance(node, ast.Import | ast.ImportFrom) and len(node.names) > 1:
            for alias in node.names:
                single: ast.stmt = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)
                yield ast.copy_location(single, node), guards, main
        else:
            yield node, guards, main


def main_guard(node: ast.If) -> bool | None:
    """True for `if __name__ == "__main__"`, False for `!=`, None for any other `if`."""
    test = node.test
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.NotEq):
        sides = [test.left, test.comparators[0]]
        if any(isinstance(s, ast.Name) and s.id == "__name__" for s in sides) and any(
            isinstance(s, ast.Constant) and s.value == "__main__" for s in sides
        ):
            return isinstance(test.ops[0], ast.Eq)
    return None


def prune(node: ast.stmt, imports: Imports, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef]) -> ast.stmt:
    """The statement without the parts of a `try`, `with`, `for` or `match` that act on the outside (prints, for one)."""
    blocks = [name for name in ("body", "orelse", "finalbody") if isinstance(getattr(node, name, None), list)]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or not blocks:
        return node
    copy = type(node)(**{name: getattr(node, name) for name in node._fields})
    for name in blocks:
        setattr(copy, name, _prune_block(getattr(node, name), imports, functions, keep_one=name == "body"))
    if isinstance(node, ast.Try | ast.TryStar):
        copy.handlers = [  # type: ignore[attr-defined]
            ast.copy_location(ast.ExceptHandler(h.type, h.name, _prune_block(h.body, imports, functions, True)), h) for h in node.handlers
        ]
    return ast.copy_location(copy, node)


def _prune_block(
    nodes: list[ast.stmt], imports: Imports, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef], keep_one: bool
) -> list[ast.stmt]:
    kept = []
    for node in nodes:
        if isinstance(node, ast.Expr) and (acts(node, imports, functions) or _is_idle(node)):
            continue
        if isinstance(node, ast.While) or (isinstance(node, ast.For) and training_mark(node)):
            continue
        kept.append(prune(node, imports, functions))
    if not kept and keep_one and nodes:
        return [ast.copy_location(ast.Pass(), nodes[0])]
    return kept


def _is_idle(node: ast.Expr) -> bool:
    """A method call for its own sake that no shape can depend on, such as `model.eval()`."""
    call = node.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in IRRELEVANT_METHODS


def _untraceable(node: ast.stmt) -> str | None:
    """What a statement does that hides names from slicing."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            if isinstance(part.func, ast.Name) and part.func.id == "exec":
                return "exec"
            if isinstance(part.func, ast.Attribute) and root_name(part.func) is None and isinstance(part.func.value, ast.Call):
                inner = part.func.value.func
                if isinstance(inner, ast.Name) and inner.id == "globals" and part.func.attr in ("update", "setdefault", "__setitem__"):
                    return "globals().update"
        if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store) and isinstance(part.value, ast.Call):
            inner = part.value.func
            if isinstance(inner, ast.Name) and inner.id in ("globals", "vars", "locals"):
                return f"{inner.id}()[...] ="
    return None


def _future_flags(node: ast.ImportFrom) -> int:
    import __future__

    flags = 0
    for alias in node.names:
        feature = getattr(__future__, alias.name, None)
        flags |= getattr(feature, "compiler_flag", 0)
    return flags
