"""Base classes that only their subclasses complete. One that stands alone in a file is no model, and must not stop a commit."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import ModelReport
from linearcheck.job import CheckJob
from linearcheck.load.classes import ModuleFile
from linearcheck.load.project import open_project
from linearcheck.load.records import LoadError

_MAX_BASES = 50

_Method = ast.FunctionDef | ast.AsyncFunctionDef


def is_incomplete(job: CheckJob, report: ModelReport) -> bool:
    """Whether a model was skipped because its class leaves methods to its subclasses.

    That is so where an abstract method of the class or its bases is nowhere defined, and where `forward` is nothing but
    `raise NotImplementedError`; also where `forward` or the constructor needs such a method, and the model stopped there or its input
    cannot be told without it.
    """
    if report.status != "skipped" or job.target.name is None:
        return False
    try:
        project = open_project(job.target, job.overlay, job.working_directory)
        methods = {method.name: method for method in _methods(ModuleFile(project, project.target, project.module_name), job.target.name)}
    except (LoadError, RecursionError):
        return False
    stubs = {name for name, method in methods.items() if _is_stub(method)}
    if "forward" in stubs or any(map(_is_abstract, methods.values())):
        return True
    said = [text for d in report.diagnostics for text in (d.code, d.message, d.explanation)]
    stopped_there = any("NotImplementedError" in text or text == "LC902" for text in said)
    return stopped_there and not stubs.isdisjoint(_reached(methods))


def _reached(methods: dict[str, _Method]) -> set[str]:
    """Names of methods that building and running an object calls on itself, directly or through one another."""
    reached: set[str] = set()
    pending = ["__init__", "forward"]
    while pending:
        name = pending.pop()
        if name in reached or name not in methods:
            continue
        reached.add(name)
        pending += [node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute) and _is_self(node.value)]
    return reached


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _methods(file: ModuleFile, name: str) -> Iterator[_Method]:
    """The methods that an object of the class has, its own before those of its bases."""
    seen: set[str] = set()
    for node in _with_bases(file, name):
        for part in node.body:
            names = _assigned(part)
            if isinstance(part, _Method) and part.name not in seen:
                yield part
            seen |= names


def _assigned(part: ast.stmt) -> set[str]:
    if isinstance(part, _Method | ast.ClassDef):
        return {part.name}
    targets = part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) and part.value else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _with_bases(file: ModuleFile, name: str) -> Iterator[ast.ClassDef]:
    pending: list[tuple[ModuleFile | None, str]] = [(file, name)]
    for _ in range(_MAX_BASES):
        if not pending:
            return
        place, wanted = pending.pop(0)
        node = place.class_nodes.get(wanted) if place is not None else None
        if place is None or node is None:
            continue
        yield node
        pending[:0] = [_base(place, base) for base in node.bases]


def _base(file: ModuleFile, base: ast.expr) -> tuple[ModuleFile | None, str]:
    """Where the class that a base expression names is defined, within the project."""
    if isinstance(base, ast.Subscript):  # Generic[...]
        base = base.value
    if isinstance(base, ast.Name) and base.id in file.class_nodes:
        return file, base.id
    module, _, name = (file.imports.dotted(base) or "").rpartition(".")
    return (file.other(module) if module else None), name


def _is_abstract(method: _Method) -> bool:
    names = [ast.unparse(decorator).rpartition(".")[2] for decorator in method.decorator_list]
    return any(name.startswith("abstract") for name in names)


def _is_stub(method: _Method) -> bool:
    body = [part for part in method.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and body[0].exc is not None and "NotImplemented" in ast.unparse(body[0].exc)
