"""The user's program: every module of the project that was asked for, and what an import statement in one of them means.

Modules of the project are ours and lazy (`spaces.py`); all others are Python's own. Nothing is put before Python's path, so that a file
with the name of one of its modules (`random.py`, `cuda.py`) is seen by the user's own imports alone.
"""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import sys
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linearcheck.load.class_bodies import LeftOut
from linearcheck.load.effects import absolute_module, read_imports
from linearcheck.load.guard import unguarded
from linearcheck.load.names import NO_CHANGE
from linearcheck.load.project import Project
from linearcheck.load.records import LoadError
from linearcheck.load.shapes import literal
from linearcheck.load.slicing import slice_body
from linearcheck.load.sources import Source
from linearcheck.load.spaces import ABSENT, Space

__all__ = ["Program", "ProjectModule", "Space", "forget_modules"]

MAX_IMPORTED_FILES = 200
_NEVER_SHADOWED = frozenset({"torch", "os", "sys", "io", "abc", "codecs", "stat", "site", "builtins", *sys.builtin_module_names})


class ProjectModule(types.ModuleType):
    """A module of the user's project, whose names are made when they are asked for."""

    space: Space

    def __getattr__(self, name: str) -> Any:
        space = self.__dict__["__space__"]
        if name == "space":
            return space
        if name.startswith("__") and name.endswith("__") and name not in space.body.by_name:
            raise AttributeError(name)
        if name in space.body.by_name or name in space.overrides or space.offers(name):
            try:
                return space.look_up(name)
            except KeyError:
                pass
        submodule = space.program.submodule(self, name)
        if submodule is not None:
            return submodule
        raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")


class Program:
    """The user's program as far as it has been run: every module of the project that was asked for."""

    def __init__(self, project: Project, values: Mapping[str, str] | None = None) -> None:
        self.project = project
        self.values = dict(values or {})
        self.modules: dict[str, ProjectModule] = {}
        self.stood_in: dict[str, None] = {}
        self.remarks: list[str] = []
        self._closure: list[str] | None = None

    def main(self) -> ProjectModule:
        """The target file as a module. Raises LoadError where it cannot be read."""
        module = self.modules.get(self.project.module_name)
        if module is None:
            module = self._create(self.project.module_name, self.project.source(self.project.target))
            for name, text in self.values.items():
                root, *path = name.split(".")
                if path:
                    module.space.inner_overrides.setdefault(root, []).append((path, literal(text)))
                else:
                    module.space.overrides[name] = literal(text)
        return module

    def module(self, name: str) -> ProjectModule | None:
        """A module of the project by its dotted name, None where the name is not the project's."""
        if not name:
            return None
        if (known := self.modules.get(name)) is not None:
            return known
        root = name.split(".")[0]
        if root in _NEVER_SHADOWED:
            return None
        path = self.project.locate(name)
        if path is None and not _is_importable(root):
            path = self.project.locate(name, fallbacks=True)
        if path is None:
            return None
        if path == self.project.target and self.project.module_name not in self.modules:
            self.main()
        same = next((m for m in self.modules.values() if m.space.source.path == path), None)
        if same is not None:  # one file under two names is one module, or its classes would not be each other's
            self.modules[name] = same
            return same
        source = Source(path, "", str(path)) if path.is_dir() else self.project.source(path)
        return self._create(name, source)

    def run_registrations(self, space: Space, name: str) -> None:
        """Runs what other files of the project do to a name of this one: `@MODELS.register` in a file that is imported for nothing else."""
        owner = next((known for known, module in self.modules.items() if module.__dict__.get("__space__") is space), None)
        if owner is None or space.body.by_name[name][0].node.__class__ in (ast.Import, ast.ImportFrom, ast.ClassDef):
            return
        words = [name, *(function for function, summary in space.body.summaries.items() if name in summary.changed_globals)]
        for other in self._imported_files(words):
            if other is space:
                continue
            for leaf in other.body.leaves:
                if (
                    not leaf.state
                    and not leaf.main
                    and any(self._reaches(other, called, owner, space, name) for called in leaf.calls | leaf.changes)
                ):
                    other._start(leaf)

    def _reaches(self, other: Space, called: str, owner: str, space: Space, name: str) -> bool:
        """Whether a name of the other file is this one's `name`, or a function of this file that changes it."""
        origin = other.imports.bindings.get(called)
        if origin is None:
            return False
        module, _, last = origin.rpartition(".")
        if last != name and name not in space.body.summaries.get(last, NO_CHANGE).changed_globals:
            return False
        if module == owner:
            return True
        found = self.module(module)  # under another name: re-exported by a package
        return found is not None and getattr(found, last, None) is space.names.get(last, ABSENT)

    def _imported_files(self, words: list[str]) -> list[Space]:
        """Spaces of the files that the target imports, directly or not, which contain one of the words."""
        if self._closure is None:
            self._closure = self._import_closure()
        found = []
        for module_name in self._closure:
            module = self.module(module_name)
            space = module.__dict__["__space__"] if module is not None else None
            if space is not None and any(word in space.source.text for word in words):
                found.append(space)
        return found

    def _import_closure(self) -> list[str]:
        seen: dict[str, None] = {}
        pending = [self.main().__dict__["__space__"]]
        while pending and len(seen) < MAX_IMPORTED_FILES:
            space = pending.pop(0)
            for node in ast.walk(space.source.tree):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    base = absolute_module(node, space.imports.package)
                    names = [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]
                for name in names:
                    if name not in seen and (module := self._readable(name)) is not None:
                        seen[name] = None
                        pending.append(module.__dict__["__space__"])
        return list(seen)

    def _readable(self, name: str) -> ProjectModule | None:
        try:
            return self.module(name)
        except LoadError:
            return None

    def module_at(self, path: Path) -> ProjectModule | None:
        """The module of a project file by its path, under the name that imports of it use."""
        if path == self.project.target:
            return self.main()
        for root in self.project.roots:
            if path.is_relative_to(root):
                name = ".".join(path.relative_to(root).with_suffix("").parts)
                if self.project.locate(name) == path:
                    return self.module(name)
        for root in self.project.fallbacks:
            if path.is_relative_to(root):
                name = ".".join(path.relative_to(root).with_suffix("").parts)
                return self.modules.get(name) or self._create(name, self.project.source(path))
        return None

    def _create(self, name: str, source: Source) -> ProjectModule:
        is_package = source.path.name == "__init__.py" or source.path.is_dir()
        package = name if is_package else name.rpartition(".")[0]
        tree = source.tree
        functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        imports = read_imports(tree, package, self._is_project)
        module = ProjectModule(name, ast.get_docstring(tree, clean=False))
        module.__file__ = str(source.path)
        module.__package__ = package
        if is_package:
            module.__path__ = [str(source.path.parent if source.path.is_file() else source.path)]
        space = Space(self, source, slice_body(tree.body, imports, functions), imports, module.__dict__)
        space.functions = functions
        module.__dict__["__space__"] = space
        self.modules[name] = module
        _prime_line_cache(source)
        if name not in sys.modules or name in _registered:
            # Known to Python too, for dataclasses, pickling and `inspect`; never in the place of a module that something else uses.
            sys.modules[name] = module
            _registered.add(name)
        return module

    def _is_project(self, dotted: str) -> bool:
        root = dotted.split(".")[0]
        return root not in _NEVER_SHADOWED and self.project.locate(root) is not None

    def submodule(self, parent: ProjectModule, name: str) -> ProjectModule | None:
        return self.module(f"{parent.__name__}.{name}") if hasattr(parent, "__path__") else None

    def import_module(self, name: str, package: str, fromlist: Any, level: int, globals: Any) -> types.ModuleType:
        dotted = name
        if level:
            parents = package.split(".") if package else []
            if level > len(parents):
                raise ImportError("attempted relative import with no known parent package")
            dotted = ".".join([*parents[: len(parents) - level + 1], *([name] if name else [])])
        found = self.module(dotted)
        if found is not None:
            if fromlist or "." not in dotted:
                return found
            root = self.module(dotted.split(".")[0])
            return root if root is not None else found
        if level:
            raise ModuleNotFoundError(f"No module named '{dotted}'", name=dotted)
        with unguarded(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return builtins.__import__(name, None, None, fromlist, 0)

    def is_project_class(self, candidate: type) -> bool:
        """Whether a class was defined in one of the project's modules."""
        return candidate.__module__ in self.modules

    def untraceable(self) -> list[str]:
        """Where slicing cannot follow what the file does, as sentences."""
        module = self.modules.get(self.project.module_name)
        if module is None:
            return []
        return [
            f"line {line}: what `{what}` does cannot be followed; `--import full` runs the whole file"
            for line, what in module.space.body.untraceable
        ]

    def left_out(self) -> list[str]:
        """Statements of the target file that act on the outside and were not run, as sentences."""
        module = self.modules.get(self.project.module_name)
        if module is None:
            return []
        statements = [LeftOut(leaf.line, leaf.acts) for leaf in module.space.body.leaves if leaf.acts and not leaf.main]
        return [str(left_out) for left_out in sorted(statements + module.space.left_out, key=lambda left_out: left_out.line)]


_registered: set[str] = set()


def forget_modules() -> None:
    """Takes the project modules of an earlier load out of `sys.modules`, so that the next load reads them anew."""
    for name in _registered:
        if isinstance(sys.modules.get(name), ProjectModule):
            del sys.modules[name]
    _registered.clear()


def _prime_line_cache(source: Source) -> None:
    """`inspect.getsource` and tracebacks read the text that was compiled, which need not be what is on the disk."""
    lines = io.StringIO(source.text, newline=None).readlines()
    linecache.cache[str(source.path)] = (len(source.text), None, lines, str(source.path))


def _is_importable(root: str) -> bool:
    import importlib.util

    if root in sys.modules:
        return True
    try:
        return importlib.util.find_spec(root) is not None
    except (ImportError, ValueError, AttributeError):
        return False
