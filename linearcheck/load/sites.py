"""Calls that build a model, wherever the project has one: their arguments are what the model is really built with."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linearcheck.load.importing import Program
from linearcheck.load.mentions import mentions
from linearcheck.load.project import Project
from linearcheck.load.records import LoadError
from linearcheck.load.scopes import Place, calls_in, reason, value_at
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.spaces import Space
from linearcheck.load.standins import StandIn

MAX_FILES_BESIDE = 60
LARGEST_FILE_BESIDE = 300_000
_RUNNERS = frozenset({"main", "train", "run", "fit", "test", "demo", "cli"})


@dataclass
class SiteValues:
    """What a site passes: values by parameter, the source of each, and why some cannot be known."""

    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    advice: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        space = self.place.space
        is_target = space.source.path == space.program.project.target
        return f"line {self.place.line}" if is_target else f"{space.source.shown}, line {self.place.line}"


def building_sites(program: Program, name: str, models: frozenset[str]) -> list[Place]:
    """Calls of the class or function `name` of the target file, the likeliest to be the real one first.

    Those at module level and under the main guard come first, then those in `main()`, in factories, in other functions, in classes, and
    last those inside another model, where arguments are a part's. Files beside the target that import the name are read after it.
    """
    space = program.main().space
    sites = [place for place in calls_in(space) if _calls(place, space, name) and not _inside_itself(place, name)]
    ranked = [(_rank(place, models), position, place) for position, place in enumerate(sites)]
    if not ranked or min(rank for rank, _, _ in ranked) >= 5:
        beside = list(_sites_beside(program, name))
        ranked += [(10 + _rank(place, models), len(sites) + position, place) for position, place in enumerate(beside)]
    return [place for _, _, place in sorted(ranked, key=lambda entry: entry[:2])]


def evaluate_site(place: Place, signature: inspect.Signature) -> SiteValues:
    """The site's arguments by parameter; one that cannot be known is among `unknown`, with the reason."""
    found = SiteValues(place)
    call = place.node
    assert isinstance(call, ast.Call)
    positional = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variadic = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    rest: list[Any] = []
    position = 0
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            for value in _tried(found, "*", argument.value) or ():
                _put(found, positional, position, value, ast.unparse(argument), rest)
                position += 1
            continue
        name = positional[position] if position < len(positional) else variadic
        if name is not None:
            value = _tried(found, name, argument)
            if name not in found.unknown:
                _put(found, positional, position, value, ast.unparse(argument), rest)
        position += 1
    if variadic is not None and rest:
        found.values[variadic] = tuple(rest)
    for keyword in call.keywords:
        if keyword.arg is None:
            extra = _tried(found, "**", keyword.value)
            if isinstance(extra, Mapping):
                for key, value in extra.items():
                    found.values[str(key)] = value
                    found.sources[str(key)] = short_repr(value)
        else:
            value = _tried(found, keyword.arg, keyword.value)
            if keyword.arg not in found.unknown:
                found.values[keyword.arg] = value
                found.sources[keyword.arg] = ast.unparse(keyword.value)
    return found


def _tried(found: SiteValues, name: str, expression: ast.expr) -> Any:
    try:
        value = value_at(found.place, expression)
        if isinstance(value, StandIn) and not _is_function_like(value):
            raise value.used("the argument comes from")
        return _without_stand_ins(value, found.place)
    except (Exception, Unavailable, OutsideEffect) as error:
        found.unknown[name] = reason(error)
        if isinstance(error, Unavailable) and error.advice:
            found.advice[name] = error.advice
        return None


def _without_stand_ins(value: Any, place: Place) -> Any:
    """A configuration of the project's own with the defaults of its class where a missing package would say what it holds."""
    if not place.space.program.is_project_class(type(value)):
        return value
    foreign = [name for name, held in getattr(value, "__dict__", {}).items() if isinstance(held, StandIn) and not _is_function_like(held)]
    if not foreign:
        return value
    parameters = inspect.signature(type(value)).parameters
    repaired = copy.copy(value)
    for name in foreign:
        if name in parameters and parameters[name].default is not inspect.Parameter.empty:
            setattr(repaired, name, parameters[name].default)
    return repaired


def _is_function_like(value: StandIn) -> bool:
    """A class or function of a missing package, to be called later, rather than what a call of one returned, or a part of that."""
    dotted: str = value.__dict__["_standin"][1]
    return not any(made in dotted for made in ("(...)", "[...]")) and "config" not in dotted.lower()


def _put(found: SiteValues, positional: list[str], position: int, value: Any, source: str, rest: list[Any]) -> None:
    if position < len(positional):
        found.values[positional[position]] = value
        found.sources[positional[position]] = source
    else:
        rest.append(value)


def short_repr(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shown_value(value: Any, source: str) -> str:
    """A number, text or short list of those as it is, anything else as the source has it."""
    text = short_repr(value)
    return text if not source or (isinstance(value, int | float | str | bool | tuple | list | None) and len(text) <= 60) else source


def _calls(place: Place, space: Space, name: str) -> bool:
    call = place.node
    assert isinstance(call, ast.Call)
    if isinstance(call.func, ast.Name):
        return call.func.id == name
    return False


def _inside_itself(place: Place, name: str) -> bool:
    return any(definition.name == name for definition in place.around)


def _rank(place: Place, models: frozenset[str]) -> int:
    around = place.around
    if not around:
        return 0 if not place.main else 1
    if any(isinstance(d, ast.ClassDef) and d.name in models for d in around):
        return 5
    if isinstance(around[0], ast.ClassDef):
        return 4
    if around[0].name in _RUNNERS or around[0].name.startswith(("main", "train")):
        return 1
    return 2 if _is_returned(place) else 3


def _is_returned(place: Place) -> bool:
    return any(
        isinstance(n, ast.Return) and n.value is not None and place.node in ast.walk(n.value) for f in place.functions for n in ast.walk(f)
    )


def _sites_beside(program: Program, name: str) -> Iterator[Place]:
    """Sites in other files of the project: those in the same folder and in `tests` beside it, that name the model at all."""
    target = program.project.target
    for path in _files_beside(program.project):
        try:
            if not mentions(program.project, path, name):
                continue
            module = program.module_at(path)
        except LoadError:
            continue
        if module is None:
            continue
        imports = module.space.imports
        bound = {alias for alias, origin in imports.bindings.items() if origin.split(".")[-1] == name and imports.is_project(origin)}
        for place in calls_in(module.space):
            call = place.node
            assert isinstance(call, ast.Call)
            dotted = imports.dotted(call.func) or ""
            if (isinstance(call.func, ast.Name) and call.func.id in bound) or dotted.endswith(f"{target.stem}.{name}"):
                yield place


def _files_beside(project: Project) -> list[Path]:
    """Python files of the target's own folder and of the project's root, and of `tests` and `scripts` in both; large ones left aside."""
    bases = dict.fromkeys((project.target.parent, *project.roots, *project.fallbacks))
    found: dict[Path, None] = {}
    for folder in [folder for base in bases for folder in (base, base / "tests", base / "scripts")]:
        try:
            for path in sorted(folder.glob("*.py")):
                if path != project.target and path.is_file() and path.stat().st_size <= LARGEST_FILE_BESIDE:
                    found[path] = None
        except OSError:
            continue
    return list(found)[:MAX_FILES_BESIDE]
