"""Where a name gets its value: every expression in the user's files that a name may stand for.

This follows names as they are written and runs nothing, so it may find too much: what is changed there is tried before it is offered.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from linearcheck.fix.source import Comprehension, Function, SourceFile, dotted, last_name, source_file
from linearcheck.fix.values import evaluate

Kind = Literal["assignment", "default", "passed", "loop", "class", "attribute", "entry"]


@dataclass(frozen=True)
class Binding:
    """An expression that a name stands for. `value` of a loop is what is looped over, `path` leads to the name in its items."""

    kind: Kind
    source: SourceFile
    value: ast.expr
    path: tuple[int, ...] = ()
    owner: ast.ClassDef | None = None


@dataclass(frozen=True)
class Project:
    """The user's files that a fix may look into, parsed when first asked for."""

    texts: Mapping[str, str]
    parsed: dict[str, SourceFile | None] = field(default_factory=dict)
    indexes: dict[ast.AST, dict[str, list[Binding]]] = field(default_factory=dict)
    values: dict[tuple[ast.AST, str], Any] = field(default_factory=dict)
    """What `StaticValues` has found out."""

    def file(self, path: str) -> SourceFile | None:
        if path not in self.parsed:
            try:
                self.parsed[path] = source_file(path, self.texts[path]) if path in self.texts else None
            except (SyntaxError, ValueError, RecursionError):
                self.parsed[path] = None
        return self.parsed[path]

    def files(self) -> Iterator[SourceFile]:
        return (found for path in self.texts if (found := self.file(path)) is not None)

    def classes(self, name: str) -> Iterator[tuple[SourceFile, ast.ClassDef]]:
        return ((source, node) for source in self.files() for node in source.classes() if node.name == name)


def bindings(project: Project, source: SourceFile, node: ast.expr) -> list[Binding]:
    """Every expression that a name, attribute or entry (`cfg["dim"]`) may stand for, the nearest scope's only."""
    if isinstance(node, ast.Name):
        return _of_name(project, source, node, node.id)
    if isinstance(node, ast.Attribute):
        return _of_attribute(project, source, node)
    if isinstance(node, ast.Subscript):
        return _of_entry(project, source, node)
    return []


def _of_name(project: Project, source: SourceFile, at: ast.AST, name: str) -> list[Binding]:
    for parent in source.ancestors(at):
        if isinstance(parent, Comprehension):
            bound = [pair for generator in parent.generators for pair in _unpacked("loop", source, generator.target, generator.iter)]
            found = [binding for loop_name, binding in bound if loop_name == name]
            if found:
                return found
    scope = source.scope_of(at)
    while True:
        found = list(_in_scope(project, source, scope, name))
        if found or isinstance(scope, ast.Module):
            break
        scope = source.scope_of(scope)
        while isinstance(scope, ast.ClassDef):  # a method does not see the names of its class's body
            scope = source.scope_of(scope)
    return found or list(_imported(project, source, name))


def _in_scope(project: Project, source: SourceFile, scope: ast.AST, name: str) -> list[Binding]:
    if scope not in project.indexes:
        project.indexes[scope] = _index_of(source, scope)
    found = project.indexes[scope].get(name, [])
    return [*found, *parameter_bindings(project, source, scope, name)] if isinstance(scope, Function) else found


def _index_of(source: SourceFile, scope: ast.AST) -> dict[str, list[Binding]]:
    """What every name that a scope sets is set to there."""
    index: dict[str, list[Binding]] = {}
    for node in _own_nodes(scope):
        match node:
            case ast.Assign(targets=targets, value=value):
                bound = [pair for target in targets for pair in _unpacked("assignment", source, target, value)]
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                bound = [*_unpacked("assignment", source, target, value)]
            case ast.NamedExpr(target=target, value=value):
                bound = [*_unpacked("assignment", source, target, value)]
            case ast.For(target=target, iter=iterable):
                bound = [*_unpacked("loop", source, target, iterable)]
            case _:
                continue
        for name, binding in bound:
            index.setdefault(name, []).append(binding)
    return index


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of functions and classes inside it."""
    body = scope.body if isinstance(scope, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []
    waiting: deque[ast.AST] = deque(body)
    while waiting:
        node = waiting.popleft()
        yield node
        if not isinstance(node, Function | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _unpacked(
    kind: Kind, source: SourceFile, target: ast.expr, value: ast.expr, path: tuple[int, ...] = ()
) -> Iterator[tuple[str, Binding]]:
    """Every name of a target with what it is bound to."""
    if isinstance(target, ast.Name):
        yield target.id, Binding(kind, source, value, path)
    elif isinstance(target, ast.Tuple | ast.List):
        for index, item in enumerate(target.elts):
            pairwise = kind == "assignment" and not path and isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            if pairwise:
                assert isinstance(value, ast.Tuple | ast.List)
                yield from _unpacked(kind, source, item, value.elts[index])
            else:
                yield from _unpacked(kind, source, item, value, (*path, index))


def parameter_bindings(project: Project, source: SourceFile, function: Function, name: str) -> Iterator[Binding]:
    """What a parameter is given: by every call in the files that names the function or its class, and by its default."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    index = next((i for i, argument in enumerate(named) if argument.arg == name), None)
    if index is None and all(argument.arg != name for argument in arguments.kwonlyargs):
        return
    for file, call in _calls_of(project, source, function):
        value = passed(call, name, None if index is None else index - _bound_arguments(source, function))
        if value is not None:
            yield Binding("passed", file, value)
    default = _default_of(arguments, name)
    if default is not None:
        yield Binding("default", source, default)


def passed(call: ast.Call, name: str, position: int | None) -> ast.expr | None:
    """The expression that a call gives for a parameter of the user's own function."""
    keyword = next((k.value for k in call.keywords if k.arg == name), None)
    if keyword is not None or position is None or not 0 <= position < len(call.args):
        return keyword
    return None if any(isinstance(node, ast.Starred) for node in call.args[: position + 1]) else call.args[position]


def argument_for(source: SourceFile, function: Function, call: ast.Call, name: str) -> ast.expr | None:
    """What a call gives for a parameter of a function, by whatever name it calls it."""
    named = [*function.args.posonlyargs, *function.args.args]
    index = next((i for i, argument in enumerate(named) if argument.arg == name), None)
    if index is None and all(argument.arg != name for argument in function.args.kwonlyargs):
        return None
    return passed(call, name, None if index is None else index - _bound_arguments(source, function))


def _default_of(arguments: ast.arguments, name: str) -> ast.expr | None:
    named = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True):
        if argument.arg == name:
            return default
    return next(
        (d for argument, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if argument.arg == name and d is not None), None
    )


def _bound_arguments(source: SourceFile, function: Function) -> int:
    """How many leading parameters a caller does not write: `self` or `cls` of a method."""
    is_method = isinstance(source.parents.get(function), ast.ClassDef)
    static = isinstance(function, ast.FunctionDef) and any(last_name(d) == "staticmethod" for d in function.decorator_list)
    return 1 if is_method and not static else 0


def _calls_of(project: Project, source: SourceFile, function: Function) -> Iterator[tuple[SourceFile, ast.Call]]:
    owner = source.parents.get(function)
    if isinstance(function, ast.Lambda):
        names = {target.id for target in getattr(owner, "targets", []) if isinstance(target, ast.Name)}
    elif isinstance(owner, ast.ClassDef) and function.name == "__init__":
        names = {owner.name}
        for file in project.files():
            for subclass in file.classes():
                if any(last_name(base) == owner.name for base in subclass.bases):
                    yield from ((file, call) for call in _calls_in(subclass) if is_super_call(call))
                    if not any(isinstance(item, ast.FunctionDef) and item.name == "__init__" for item in subclass.body):
                        names.add(subclass.name)
    else:
        names = {function.name}
    for file in project.files():
        yield from ((file, call) for name in names for call in file.calls_by_name.get(name, ()))


def is_super_call(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"


def _calls_in(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _imported(project: Project, source: SourceFile, name: str) -> Iterator[Binding]:
    for node in source.nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        alias = next((a for a in node.names if (a.asname or a.name) == name or a.name == "*"), None)
        if alias is None:
            continue
        wanted = name if alias.name == "*" else alias.name
        for file in project.files():
            if file is not source and is_module(file.path, node.module or ""):
                yield from _in_scope(project, file, file.tree, wanted)


def is_module(path: str, module: str) -> bool:
    """Whether a file may be the one that a dotted module name means."""
    parts = path.replace("\\", "/").removesuffix(".py").removesuffix("/__init__").split("/")
    wanted = [part for part in module.split(".") if part]
    return not wanted or parts[-len(wanted) :] == wanted


def _of_attribute(project: Project, source: SourceFile, node: ast.Attribute) -> list[Binding]:
    owner = dotted(node.value)
    if owner in ("self", "cls"):
        own_class = source.class_of(node)
        if own_class is not None:
            found = _class_attributes(project, source, own_class, node.attr)
            if found:
                return found
    for alias_source, tree in _modules_named(project, source, owner):
        found = list(_in_scope(project, alias_source, tree, node.attr))
        if found:
            return found
    return _configured(project, node.attr)


def _modules_named(project: Project, source: SourceFile, owner: str) -> Iterator[tuple[SourceFile, ast.Module]]:
    """The user's file that `import config` or `from . import config` binds to a name."""
    for node in source.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == owner:
                    yield from ((file, file.tree) for file in project.files() if file is not source and is_module(file.path, alias.name))


def _class_attributes(project: Project, source: SourceFile, owner: ast.ClassDef, name: str) -> list[Binding]:
    """What `self.name` is set to in a class, in its body first where a method sets nothing, or else in its bases."""
    seen: set[ast.ClassDef] = set()
    waiting = [(source, owner)]
    while waiting:
        file, node = waiting.pop(0)
        if node in seen:
            continue
        seen.add(node)
        found = [Binding("attribute", file, value, path) for value, path in _set_on_self(node, name)]
        found += [Binding("class", b.source, b.value, b.path, node) for b in _in_scope(project, file, node, name)]
        found += [Binding("attribute", file, value) for value in _returned_by_property(node, name)]
        if found:
            return found
        for base in node.bases:
            waiting += list(project.classes(last_name(base)))
    return []


def _returned_by_property(owner: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    for item in owner.body:
        if isinstance(item, ast.FunctionDef) and item.name == name and any("property" in last_name(d) for d in item.decorator_list):
            yield from (node.value for node in ast.walk(item) if isinstance(node, ast.Return) and node.value is not None)


def _set_on_self(owner: ast.ClassDef, name: str) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    for node in ast.walk(owner):
        if isinstance(node, ast.AnnAssign) and node.value is not None and dotted(node.target) == f"self.{name}":
            yield node.value, ()
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if dotted(target) == f"self.{name}":
                yield node.value, ()
            elif isinstance(target, ast.Tuple):
                for index, item in enumerate(target.elts):
                    if dotted(item) != f"self.{name}":
                        continue
                    if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(target.elts):
                        yield node.value.elts[index], ()
                    else:
                        yield node.value, (index,)


def _configured(project: Project, name: str) -> list[Binding]:
    """Where a configuration gives an attribute its value: a keyword, a field, an entry, an option of argparse, an assignment."""
    found: list[Binding] = []
    for file in project.files():
        for node in file.nodes:
            match node:
                case ast.ClassDef():
                    found += [Binding("class", b.source, b.value, b.path, node) for b in _in_scope(project, file, node, name)]
                    found += [Binding("attribute", file, value, path) for value, path in _set_on_self(node, name)]
                case ast.Assign(targets=[ast.Attribute(attr=attribute) as target], value=value) if (
                    attribute == name and dotted(target.value) != "self"
                ):
                    found.append(Binding("attribute", file, value))
                case ast.Call(func=ast.Attribute(attr="add_argument")):
                    found += _option(file, node, name)
                case ast.Call(func=func, keywords=keywords) if last_name(func)[:1].isupper() or last_name(func) in (
                    "dict",
                    "SimpleNamespace",
                    "namedtuple",
                ):
                    found += [Binding("passed", file, k.value) for k in keywords if k.arg == name]
                case ast.Dict(keys=keys, values=values):
                    found += [
                        Binding("entry", file, v)
                        for k, v in zip(keys, values, strict=True)
                        if isinstance(k, ast.Constant) and k.value == name
                    ]
    return found


def _option(file: SourceFile, call: ast.Call, name: str) -> Iterator[Binding]:
    flags = [a.value.lstrip("-").replace("-", "_") for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    destinations = [k.value.value for k in call.keywords if k.arg == "dest" and isinstance(k.value, ast.Constant)]
    if name in (destinations or flags):
        yield from (Binding("passed", file, k.value) for k in call.keywords if k.arg == "default")


def _of_entry(project: Project, source: SourceFile, node: ast.Subscript) -> list[Binding]:
    """What `cfg["dim"]`, `dims[1]` or `dims[-1]` stands for."""
    key = evaluate(node.slice, lambda _: None) if not isinstance(node.slice, ast.Slice) else None
    if isinstance(key, str):
        owners = bindings(project, source, node.value)
        literal = [b.value for b in owners if isinstance(b.value, ast.Dict | ast.Call)]
        found = [Binding("entry", b.source, v) for b in owners for v in _entries(b.value, key)]
        return found if found or literal else [b for b in _configured(project, key) if b.kind in ("entry", "passed")]
    if isinstance(key, int):
        found = []
        for owner in bindings(project, source, node.value):
            items = owner.value.elts if isinstance(owner.value, ast.Tuple | ast.List) and not owner.path else []
            if -len(items) <= key < len(items):
                found.append(Binding("entry", owner.source, items[key]))
        return found
    return []


def _entries(value: ast.expr, key: str) -> Iterator[ast.expr]:
    if isinstance(value, ast.Dict):
        yield from (v for k, v in zip(value.keys, value.values, strict=True) if isinstance(k, ast.Constant) and k.value == key)
    elif isinstance(value, ast.Call):
        yield from (k.value for k in value.keywords if k.arg == key)
