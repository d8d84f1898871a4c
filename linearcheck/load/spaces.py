"""The names of one module or function of the user's, made on demand: looking one up runs the statements that define or change it.

A namespace's builtins are a dict that is asked last (`_Builtins.__missing__`): CPython looks a global up in the namespace, then in
`__builtins__`, so a name that is not there yet ends up here, whether a class body, a default argument or a method in the middle of
`forward` needs it. What a slice computed beforehand would have to keep (a data set and the import of pandas, because a method `fit` names
them) never runs, and circular imports resolve themselves.

Statements keep their order: while statement 7 runs, a lookup runs only those before the seventh; what changes the name later runs later.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from linearcheck.exception_text import text_of
from linearcheck.load.class_bodies import LeftOut, define_without_effects
from linearcheck.load.effects import Imports, absolute_module, is_standard
from linearcheck.load.guard import guarded, unguarded
from linearcheck.load.names import FunctionNode
from linearcheck.load.records import LoadError
from linearcheck.load.relative_paths import where_its_files_are
from linearcheck.load.signals import OpenValue, OutsideEffect, Unavailable
from linearcheck.load.slicing import Body, Leaf, prune
from linearcheck.load.sources import Source
from linearcheck.load.standins import StandInModule, stand_in_for

if TYPE_CHECKING:
    from linearcheck.load.importing import Program, ProjectModule

_EVERYTHING = sys.maxsize
_LIGHT_PACKAGES = frozenset({"torch", "typing_extensions", "jaxtyping", "numpy", "beartype", "einops"})
ABSENT = object()
"""No value at all, where None may be one."""


class _Builtins(dict[str, Any]):
    """The builtins of one namespace; a name that is nowhere else is asked of `space`."""

    def __init__(self, space: Space, shadowed: set[str]) -> None:
        super().__init__({name: value for name, value in vars(builtins).items() if name not in shadowed})
        self.space = space
        self["__import__"] = space.import_module

    def __missing__(self, name: str) -> Any:
        return self.space.look_up(name)


class Space:
    """The names of one module or function, made on demand from its statements."""

    def __init__(
        self, program: Program, source: Source, body: Body, imports: Imports, names: dict[str, Any], shadowed: Iterable[str] = ()
    ) -> None:
        self.program, self.source, self.body, self.imports, self.names = program, source, body, imports, names
        self.functions: Mapping[str, FunctionNode] = {}
        self.frontier = _EVERYTHING
        self.live: set[str] = set()
        self.failures: dict[str, OpenValue] = {}
        self.decisions: dict[int, bool] = {}
        self.overrides: dict[str, Any] = {}
        self.inner_overrides: dict[str, list[tuple[list[str], Any]]] = {}
        self.in_main = False
        self.runs_everything = False
        self.left_out: list[LeftOut] = []
        self.missing_stars: list[tuple[str, str]] = []  # packages and modules that are not there, of which the file takes all names
        defined = {name for name in (*body.by_name, *shadowed) if name in vars(builtins)}
        self.names["__builtins__"] = _Builtins(self, defined)

    # A name is first looked for where Python looks; everything below is what happens when it is not there.

    def look_up(self, name: str) -> Any:
        """The value of a name that is not there yet. Raises KeyError where there is none, OpenValue where it cannot be known."""
        with guarded():
            self.demand(name)
            if name in self.names:
                return self.names[name]
            if name in self.failures:
                raise self.failures[name]
            return self.outer(name)

    def outer(self, name: str) -> Any:
        """What a name means that no statement here defines."""
        for leaf in self.body.stars:
            if leaf.index < self.frontier and (found := self._from_star(leaf, name)) is not ABSENT:
                return found
        if name in vars(builtins):
            return vars(builtins)[name]
        if self.missing_stars and not name.startswith("_"):
            package, module = self.missing_stars[-1]
            return stand_in_for(package, f"{module}.{name}")
        raise KeyError(name)

    def demand(self, name: str) -> None:
        """Runs what defines or changes the name, as far as the statement that is running now."""
        is_new = name not in self.live
        self.live.add(name)
        if name in self.overrides:
            self.names.setdefault(name, self.overrides[name])
        self._catch_up(name, self.frontier, main=self.in_main)
        if name not in self.names and name not in self.failures:
            self._catch_up(name, self.frontier, main=True)  # defined under the main guard only, and read as a global
        if is_new and name in self.names and name in self.body.by_name:
            self.program.run_registrations(self, name)

    def settle(self) -> None:
        """Runs what changes names that are in use after they were first looked up: the state at the end of the module."""
        with guarded():
            for leaf in self.body.settings:
                self._start(leaf)
            if _looks_names_up_as_text(self.source.text):
                self.run_definitions()
            for name in list(self.live):
                self._catch_up(name, self.frontier, main=self.in_main)

    def run_definitions(self) -> None:
        """All classes and functions, for code that finds them by their name as text (`globals()[name]`)."""
        with guarded():
            for leaf in self.body.leaves:
                if isinstance(leaf.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not leaf.main:
                    self.demand(leaf.node.name)

    def run_everything(self) -> None:
        """All statements in their order, whatever they do (`--import full`). Raises LoadError at the first that fails."""
        self.runs_everything = True
        for leaf in self.body.leaves:
            if leaf.main or leaf.state:
                continue
            leaf.acts = ""
            with unguarded():
                self._start(leaf)
            self._raise_if_failed(leaf)

    def _raise_if_failed(self, leaf: Leaf) -> None:
        if leaf.state == "failed":
            failed = next((self.failures[name] for name in leaf.defines if name in self.failures), None)
            raise failed.as_load_error() if failed else LoadError("LC901", self.program.remarks[-1], str(self.source.path), leaf.line)

    def evaluate(self, expression: ast.expr, at: int = _EVERYTHING, main: bool = False) -> Any:
        """The value of an expression as it would be at statement number `at`."""
        with guarded(), self._at(at, main):
            self._prepare(expression, at)
            code = compile(ast.Expression(expression), str(self.source.path), "eval", self.body.future_flags, dont_inherit=True)
            return eval(code, self.names)

    @contextmanager
    def _at(self, frontier: int, main: bool = False) -> Iterator[None]:
        before = self.frontier, self.in_main
        self.frontier, self.in_main = frontier, self.in_main or main
        try:
            yield
        finally:
            self.frontier, self.in_main = before

    def _catch_up(self, name: str, limit: int, main: bool) -> None:
        for leaf in self.body.by_name.get(name, ()):
            if leaf.index < limit and not leaf.state and (main or not leaf.main):
                if name in self.overrides and leaf.defines == {name}:
                    leaf.state = "skipped"
                else:
                    self._start(leaf)

    def _prepare(self, node: ast.AST, limit: int) -> None:
        """Names in use that the node reads are brought to the state they have before it."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.live:
                self._catch_up(part.id, limit, main=self.in_main)

    def _start(self, leaf: Leaf) -> None:
        if leaf.state:
            return
        leaf.state = "started"
        for setting in self.body.settings:
            if setting.index < leaf.index:
                self._start(setting)
        with self._at(leaf.index, leaf.main):
            try:
                if not all(self._holds(guard) for guard in leaf.guards):
                    leaf.state = "skipped"
                    return
                if leaf.acts:
                    raise OutsideEffect(leaf.acts)
                for name in leaf.loads & self.live:
                    self._catch_up(name, leaf.index, main=self.in_main)
                where_its_files_are(lambda: self._execute(leaf), self.program.project)
                leaf.state = "done"
                self.live |= leaf.defines
                for name in leaf.defines:
                    self._override(name)
            except (Exception, SystemExit, OutsideEffect, Unavailable) as error:
                self._fail(leaf, error)

    def _override(self, name: str) -> None:
        """Puts values of `--set` in the place of what a statement has made: `width=3` the name itself, `cfg.model.width=3` inside it."""
        if name in self.overrides:
            self.names[name] = self.overrides[name]
        for path, value in self.inner_overrides.get(name, ()):
            owner = self.names[name]
            for part in path[:-1]:
                owner = owner[part] if isinstance(owner, Mapping) else getattr(owner, part)
            if isinstance(owner, dict):
                owner[path[-1]] = value
            else:
                setattr(owner, path[-1], value)

    def _holds(self, guard: Any) -> bool:
        """Which way an `if` went; asked once, since the statements under it may change what it asks."""
        key = id(guard.node)
        if key not in self.decisions:
            self._prepare(guard.node.test, self.frontier)
            code = compile(ast.Expression(guard.node.test), str(self.source.path), "eval", self.body.future_flags, dont_inherit=True)
            self.decisions[key] = bool(eval(code, self.names))
        return self.decisions[key] is guard.branch

    def _execute(self, leaf: Leaf) -> None:
        node = leaf.node
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and self._project_module(node) is not None:
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(leaf, node)
            return
        node = _without_heavy_annotations(node, self.imports)
        if self.runs_everything:
            self._run(node)
        elif isinstance(node, ast.ClassDef):
            self.left_out += define_without_effects(node, self.imports, self.functions, str(self.source.path), self._run)
        else:
            self._run(prune(node, self.imports, dict(self.functions)))

    def _run(self, node: ast.stmt) -> None:
        code = compile(ast.Module([node], []), str(self.source.path), "exec", self.body.future_flags, dont_inherit=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(code, self.names)

    def _import(self, leaf: Leaf, node: ast.Import | ast.ImportFrom) -> None:
        code = compile(ast.Module([node], []), str(self.source.path), "exec", self.body.future_flags, dont_inherit=True)
        try:
            exec(code, self.names)
        except ModuleNotFoundError as error:
            asked = absolute_module(node, self.imports.package) if isinstance(node, ast.ImportFrom) else node.names[0].name
            missing = (error.name or asked).split(".")[0]
            if isinstance(node, ast.ImportFrom) and node.level:
                raise
            self._stand_in(node, asked, missing)

    def _stand_in(self, node: ast.Import | ast.ImportFrom, asked: str, missing: str) -> None:
        self.program.stood_in.setdefault(missing, None)
        alias = node.names[0]
        if isinstance(node, ast.Import):
            root = asked.split(".")[0]
            self.names[alias.asname or root] = StandInModule(missing, asked if alias.asname else root)
        elif alias.name == "*":
            self.missing_stars.append((missing, asked))
        else:
            self.names[alias.asname or alias.name] = stand_in_for(missing, f"{asked}.{alias.name}")

    def _fail(self, leaf: Leaf, error: BaseException) -> None:
        leaf.state = "failed"
        failure = self._failure(leaf, error)
        self.program.remarks.append(failure.message)
        for name in leaf.defines:
            if name not in self.names:
                advice = failure.advice or self._advice(leaf, name)
                self.failures[name] = OpenValue(name, failure.message, failure.path, failure.line, advice)
                self.failures[name].__cause__ = error if isinstance(error, Exception) else error.__cause__

    def _failure(self, leaf: Leaf, error: BaseException) -> OpenValue:
        path, place = str(self.source.path), f"line {leaf.line}"
        if self.source.path != self.program.project.target:
            place = f"{self.source.shown}, line {leaf.line}"
        name = next(iter(leaf.defines), "")
        if isinstance(error, OutsideEffect):
            return OpenValue(name, f"{place} {error.what}, so it is not run", path, leaf.line)
        if isinstance(error, OpenValue) and error.line is not None:
            advice = "" if self._advice(leaf, name) else error.advice  # the last value on the way is the easiest to give
            return OpenValue(name, f"{place} needs `{error.name}`: {error.message}", path, leaf.line, advice)
        if isinstance(error, Unavailable):
            return OpenValue(name, f"{place}: {error.message}", path, leaf.line, error.advice)
        if isinstance(error, LoadError):
            return OpenValue(name, error.message, error.path, error.line, error.advice)
        return OpenValue(name, f"{place} raises {exception_text(error)}", path, leaf.line)

    def _advice(self, leaf: Leaf, name: str) -> str:
        is_value = isinstance(leaf.node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.With | ast.For | ast.Try)
        return f"add `--set {name}=...`" if is_value else ""

    def _from_star(self, leaf: Leaf, name: str) -> Any:
        assert isinstance(leaf.node, ast.ImportFrom)
        module = self._project_module(leaf.node)
        if module is None:
            if not leaf.state:
                self._start(leaf)
                return self.names.get(name, ABSENT)
            return ABSENT
        if module.space.offers(name):
            return getattr(module, name, ABSENT)
        return ABSENT

    def _project_module(self, node: ast.ImportFrom) -> ProjectModule | None:
        return self.program.module(absolute_module(node, self.imports.package))

    def offers(self, name: str, seen: frozenset[int] = frozenset()) -> bool:
        """Whether `from this import *` would bring the name."""
        if id(self) in seen or name.startswith("_"):
            return False
        if name in self.body.by_name or name in self.names:
            return True
        stars = (self._project_module(leaf.node) for leaf in self.body.stars if isinstance(leaf.node, ast.ImportFrom))
        return any(module is not None and module.space.offers(name, seen | {id(self)}) for module in stars)

    def import_module(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> types.ModuleType:
        """`__import__` of the user's modules: modules of the project are ours and lazy, all others Python's own."""
        return self.program.import_module(name, self.imports.package, fromlist or (), level, globals)


def _looks_names_up_as_text(text: str) -> bool:
    return "globals()" in text or "vars()" in text or "__dict__[" in text


def _without_heavy_annotations(node: ast.stmt, imports: Imports) -> ast.stmt:
    """Drops annotations of arguments that would import a package for their own sake: `df: pd.DataFrame`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            if part.returns is not None and _is_heavy(part.returns, imports):
                part.returns = None
        elif isinstance(part, ast.arg) and part.annotation is not None and _is_heavy(part.annotation, imports):
            part.annotation = None
    return node


def _is_heavy(annotation: ast.expr, imports: Imports) -> bool:
    origins = (imports.bindings.get(part.id) for part in ast.walk(annotation) if isinstance(part, ast.Name))
    return any(
        origin is not None and origin.split(".")[0] not in _LIGHT_PACKAGES and not is_standard(origin) and not imports.is_project(origin)
        for origin in origins
    )


def exception_text(error: BaseException) -> str:
    """An exception on one line: `FileNotFoundError: no such file: train.csv`."""
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"FileNotFoundError: there is no file `{error.filename}`"
    if isinstance(error, SystemExit):
        return "SystemExit"
    text = " ".join(text_of(error).split())
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name
