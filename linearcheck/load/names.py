"""Which names a statement binds, and which objects it changes, from the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linearcheck.load.effects import IRRELEVANT_METHODS, Imports, executed_now

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_MUTATING_PREFIXES = (
    "append",
    "extend",
    "insert",
    "update",
    "add",
    "setdefault",
    "pop",
    "remove",
    "clear",
    "register",
    "set",
    "apply",
    "merge",
)
_MODULES_THAT_CHANGE_ARGUMENTS = ("torch.nn.init.", "torch.nn.utils.")


@dataclass(frozen=True, slots=True)
class Summary:
    """What calling a function of the file changes: globals by name, and whether it changes its arguments."""

    changed_globals: frozenset[str] = frozenset()
    changes_arguments: bool = False


NO_CHANGE = Summary()


def bound_names(node: ast.stmt) -> Iterator[str]:
    """Names that the statement binds in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Import | ast.ImportFrom):
            for alias in current.names:
                if alias.name != "*":
                    yield alias.asname or (alias.name.split(".")[0] if isinstance(current, ast.Import) else alias.name)
        elif isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield current.name
        elif isinstance(current, ast.Name) and isinstance(current.ctx, ast.Store):
            yield current.id
        elif isinstance(current, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and current.name:
            yield current.name
            stack += ast.iter_child_nodes(current)
        elif isinstance(current, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            yield from (part.target.id for part in ast.walk(current) if isinstance(part, ast.NamedExpr))
        else:
            stack += ast.iter_child_nodes(current)


def root_name(node: ast.AST) -> str | None:
    """The name that a chain of attributes, items and calls begins with: `model` of `model.layers[0].weight`."""
    while True:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return None


def changed_roots(node: ast.stmt, imports: Imports, summaries: Mapping[str, Summary]) -> Iterator[str]:
    """Names whose objects the statement changes: stores into them, method calls on them, what called functions do to them."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            yield from _decorator_changes(decorator, imports, summaries)
    for part in executed_now(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store | ast.Del):
            if (root := root_name(part)) is not None:
                yield root
        elif isinstance(part, ast.Call):
            yield from _call_changes(part, imports, summaries)
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call) and isinstance(part.value.func, ast.Attribute):
            root = root_name(part.value.func)
            if root is not None and root not in imports.bindings and part.value.func.attr not in IRRELEVANT_METHODS:
                yield root


def called_for_effect(node: ast.stmt, imports: Imports) -> Iterator[str]:
    """Names imported from the project that the statement decorates with or calls for their own sake."""
    calls = [node.value.func] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        calls += [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    for call in calls:
        root = root_name(call)
        if root is not None and imports.is_from_project(root):
            yield root


def _decorator_changes(decorator: ast.expr, imports: Imports, summaries: Mapping[str, Summary]) -> Iterator[str]:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Name) and target.id in summaries:
        yield from summaries[target.id].changed_globals
    elif isinstance(target, ast.Name) and imports.is_from_project(target.id):
        yield target.id
    elif isinstance(target, ast.Attribute) and (root := root_name(target)) is not None and _is_own(root, imports):
        yield root


def _is_own(name: str, imports: Imports) -> bool:
    return name not in imports.bindings or imports.is_from_project(name)


def _call_changes(call: ast.Call, imports: Imports, summaries: Mapping[str, Summary]) -> Iterator[str]:
    dotted = imports.dotted(call.func) or ""
    summary = summaries.get(call.func.id) if isinstance(call.func, ast.Name) else None
    changes_arguments = dotted == "setattr" or dotted.startswith(_MODULES_THAT_CHANGE_ARGUMENTS)
    if summary is not None:
        yield from summary.changed_globals
        changes_arguments = changes_arguments or summary.changes_arguments
    if changes_arguments:
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            if (root := root_name(argument)) is not None:
                yield root


def function_summaries(functions: Mapping[str, FunctionNode]) -> dict[str, Summary]:
    """What calling each function changes, through the functions of the file that it calls as well."""
    direct = {name: _summary(node) for name, node in functions.items()}
    for _ in range(4):  # far enough through functions that call one another
        grown = {}
        for name, node in functions.items():
            called = {p.func.id for p in ast.walk(node) if isinstance(p, ast.Call) and isinstance(p.func, ast.Name) and p.func.id in direct}
            names = direct[name].changed_globals.union(*(direct[other].changed_globals for other in called))
            grown[name] = Summary(names, direct[name].changes_arguments or any(direct[other].changes_arguments for other in called))
        if grown == direct:
            break
        direct = grown
    return direct


def _summary(function: FunctionNode) -> Summary:
    declared = {name for part in ast.walk(function) if isinstance(part, ast.Global) for name in part.names}
    local = local_names(function) - declared
    parameters = set(parameter_names(function))
    aliases = parameters | _loop_aliases(function, parameters)
    changed: set[str] = {name for name in declared if any(_stores(part, name) for part in ast.walk(function))}
    changes_arguments = False
    for part in ast.walk(function):
        for root in _changed_in_body(part):
            if root in aliases:
                changes_arguments = True
            elif root not in local:
                changed.add(root)
    return Summary(frozenset(changed), changes_arguments)


def _stores(part: ast.AST, name: str) -> bool:
    return isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store)


def _changed_in_body(part: ast.AST) -> Iterator[str]:
    if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store | ast.Del):
        if (root := root_name(part)) is not None:
            yield root
    elif isinstance(part, ast.Call):
        if isinstance(part.func, ast.Attribute):
            method = part.func.attr
            if method.startswith(_MUTATING_PREFIXES) or (method.endswith("_") and not method.endswith("__")):
                if (root := root_name(part.func)) is not None:
                    yield root
                if part.args and method.endswith("_") and (root := root_name(part.args[0])) is not None:
                    yield root  # nn.init.normal_(m.weight)
        elif isinstance(part.func, ast.Name) and part.func.id == "setattr" and part.args and (root := root_name(part.args[0])) is not None:
            yield root


def _loop_aliases(function: FunctionNode, parameters: set[str]) -> set[str]:
    """Names of loops over a parameter's parts: `for m in model.modules()` changes the model through `m`."""
    return {
        target.id
        for part in ast.walk(function)
        if isinstance(part, ast.For) and root_name(part.iter) in parameters
        for target in ast.walk(part.target)
        if isinstance(target, ast.Name)
    }


def parameter_names(function: FunctionNode | ast.Lambda) -> list[str]:
    arguments = function.args
    parts = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [part.arg for part in parts if part is not None]


def local_names(function: FunctionNode) -> set[str]:
    """Parameters and names bound in the function or in those inside it."""
    names = set(parameter_names(function))
    for part in ast.walk(function):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names.update(parameter_names(part))
        if part is not function and isinstance(part, ast.stmt):
            names.update(bound_names(part))
        elif isinstance(part, ast.comprehension):
            names.update(n.id for n in ast.walk(part.target) if isinstance(n, ast.Name))
    return names
