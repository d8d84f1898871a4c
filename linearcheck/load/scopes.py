"""Values of expressions inside functions that are never called: `model = Net(cfg.width)` in `main()`, with what leads up to it.

A function's body is a space like a module's: the statements that the expression needs run, the rest does not. A parameter has the
value that a call of the function elsewhere in the file gives it, else its default, else what its annotated class is without arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linearcheck.load.hydra import hydra_configuration
from linearcheck.load.names import FunctionNode
from linearcheck.load.option_decorators import default_of_typer, option_default
from linearcheck.load.signals import OpenValue, OutsideEffect, Unavailable
from linearcheck.load.slicing import slice_body
from linearcheck.load.spaces import ABSENT, Space, exception_text

MAX_DEPTH = 4

Definition = FunctionNode | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: the definitions around it, outermost first, and the module-level statement that holds it."""

    space: Space
    node: ast.expr | ast.stmt
    around: tuple[Definition, ...]
    statement: int
    main: bool

    @property
    def functions(self) -> tuple[FunctionNode, ...]:
        return tuple(d for d in self.around if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef))

    @property
    def line(self) -> int:
        return self.node.lineno


def calls_in(space: Space) -> Iterator[Place]:
    """Every call of a file, with where it stands."""
    return (place for place in places_in(space) if isinstance(place.node, ast.Call))


def places_in(space: Space) -> Iterator[Place]:
    """Every statement and expression of a file, in order, with where it stands."""
    for leaf in space.body.leaves:
        stack: list[tuple[ast.AST, tuple[Definition, ...]]] = [(leaf.node, ())]
        while stack:
            node, around = stack.pop()
            if isinstance(node, ast.expr | ast.stmt):
                yield Place(space, node, around, leaf.index, leaf.main)
            inner = (*around, node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else around
            stack += [(child, inner) for child in reversed(list(ast.iter_child_nodes(node)))]


def value_at(place: Place, expression: ast.expr, depth: int = 0) -> Any:
    """What the expression is worth at that place.

    Raises:
        Unavailable: Where that cannot be known; OutsideEffect or any exception of the user's code where computing it raises.
    """
    space = place.space
    for position, definition in enumerate(place.around):
        if isinstance(definition, ast.ClassDef):
            continue
        owner = place.around[position - 1] if position and isinstance(place.around[position - 1], ast.ClassDef) else None
        space = make_function_space(space, definition, owner if isinstance(owner, ast.ClassDef) else None, depth)
    if space is place.space:
        return space.evaluate(expression, at=place.statement, main=place.main)
    return space.evaluate(expression, at=_statement_index(space, expression))


class FunctionSpace(Space):
    """The names of one function that is not running, on top of those of what is around it."""

    outer_space: Space
    function: FunctionNode
    owner: ast.ClassDef | None
    depth: int

    def look_up(self, name: str) -> Any:
        if name in self.parameters and name not in self.names:
            self.names[name] = self._parameter(name)
        return super().look_up(name)

    def outer(self, name: str) -> Any:
        if name in self.outer_space.names and name != "__builtins__":
            return self.outer_space.names[name]
        return self.outer_space.look_up(name)

    @property
    def parameters(self) -> dict[str, ast.arg]:
        arguments = self.function.args
        parts = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        return {part.arg: part for part in parts if part is not None}

    def _parameter(self, name: str) -> Any:
        arguments = self.function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        if self.owner is not None and positional and positional[0].arg == name and not _is_static(self.function):
            return Instance(self, self.owner)
        given = self._given(name)
        if given is not ABSENT:
            return given
        if arguments.vararg is not None and arguments.vararg.arg == name:
            return ()
        if arguments.kwarg is not None and arguments.kwarg.arg == name:
            return {}
        defaults = dict(zip([a.arg for a in positional[len(positional) - len(arguments.defaults) :]], arguments.defaults, strict=True))
        defaults.update({a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None})
        default = default_of_typer(defaults[name]) if name in defaults else option_default(self.function, name)
        if default is not None:
            return self.outer_space.evaluate(default)
        made = self._from_annotation(self.parameters[name])
        if made is not ABSENT:
            return made
        if (config := hydra_configuration(self.function, self.source.path)) is not None:
            return config
        raise OpenValue(name, f"the argument `{name}` of `{self.function.name}` (line {self.function.lineno}) is known only to its caller")

    def _given(self, name: str) -> Any:
        """What a call of the function in the same file passes for the parameter."""
        if self.depth >= MAX_DEPTH:
            return ABSENT
        wanted = self.owner.name if self.owner is not None and self.function.name == "__init__" else self.function.name
        for call in calls_in(self.module_space):
            if isinstance(call.node, ast.Call) and _called_name(call.node) == wanted and self.function not in call.around:
                expression = argument_of(
                    call.node, self.function, name, skip_first=self.owner is not None and not _is_static(self.function)
                )
                if expression is not None:
                    try:
                        return value_at(call, expression, self.depth + 1)
                    except (Exception, Unavailable, OutsideEffect):
                        continue
        return ABSENT

    @property
    def module_space(self) -> Space:
        space: Space = self
        while isinstance(space, FunctionSpace):
            space = space.outer_space
        return space

    def _from_annotation(self, parameter: ast.arg) -> Any:
        """An object of the annotated class, where that is a class of the project which needs no arguments (a configuration)."""
        annotation = parameter.annotation
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str) and annotation.value.isidentifier():
            annotation = ast.copy_location(ast.Name(annotation.value, ast.Load()), annotation)
        if not isinstance(annotation, ast.Name | ast.Attribute):
            return ABSENT
        try:
            made = self.outer_space.evaluate(annotation)
            if isinstance(made, type) and self.program.is_project_class(made):
                return made()
        except (Exception, Unavailable, OutsideEffect):
            return ABSENT
        return ABSENT


class Instance:
    """`self` in a method that is not running: attributes that `__init__` sets, evaluated there; else those of the class."""

    def __init__(self, space: FunctionSpace, owner: ast.ClassDef) -> None:
        self.__dict__["_of"] = (space, owner)

    def __getattr__(self, name: str) -> Any:
        space, owner = self.__dict__["_of"]
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        methods = [n for n in owner.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for method in sorted(methods, key=lambda m: m.name != "__init__"):
            receiver = method.args.args[0].arg if method.args.args else ""
            for part in ast.walk(method):
                if isinstance(part, ast.Assign) and any(_is_attribute(target, receiver, name) for target in part.targets):
                    if space.depth >= MAX_DEPTH:
                        break
                    inner = make_function_space(space.outer_space, method, owner, space.depth + 1)
                    return inner.evaluate(part.value, at=_statement_index(inner, part.value))
        for part in owner.body:
            if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    return space.outer_space.evaluate(part.value)
        raise OpenValue(f"self.{name}", f"`self.{name}` of `{owner.name}` is known only when it runs")


def make_function_space(outer: Space, function: FunctionNode, owner: ast.ClassDef | None, depth: int = 0) -> FunctionSpace:
    inner = {n.name: n for n in ast.walk(function) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n is not function}
    functions = {**outer.functions, **inner}
    body = slice_body(function.body, outer.imports, functions)
    body.future_flags = outer.body.future_flags
    names = {
        "__name__": outer.names.get("__name__"),
        "__file__": outer.names.get("__file__"),
        "__package__": outer.names.get("__package__"),
    }
    space = FunctionSpace(outer.program, outer.source, body, outer.imports, names, shadowed=set(outer.body.by_name))
    space.outer_space, space.function, space.owner, space.depth = outer, function, owner, depth
    space.functions = functions
    return space


def _statement_index(space: Space, expression: ast.expr) -> int:
    """Number of the statement of the space that holds the expression: what stands before it has run."""
    for leaf in space.body.leaves:
        if any(part is expression for part in ast.walk(leaf.node)):
            return leaf.index
    line = expression.lineno
    return next((leaf.index for leaf in space.body.leaves if leaf.line >= line), len(space.body.leaves))


def argument_of(call: ast.Call, function: FunctionNode, name: str, skip_first: bool) -> ast.expr | None:
    """The expression that a call passes for one of the function's parameters."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    positional = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]][1 if skip_first else 0 :]
    if name in positional and not any(isinstance(value, ast.Starred) for value in call.args):
        index = positional.index(name)
        return call.args[index] if index < len(call.args) else None
    return None


def _called_name(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else None


def _is_static(function: FunctionNode) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)


def _is_attribute(target: ast.expr, receiver: str, name: str) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == name and isinstance(target.value, ast.Name) and target.value.id == receiver


def reason(error: BaseException) -> str:
    """Why a value cannot be known, in words."""
    if isinstance(error, Unavailable):
        return error.message
    if isinstance(error, OutsideEffect):
        return f"computing it {error.what}"
    return f"computing it raises {exception_text(error)}"
