"""Arguments that a model is built with: given ones, those that the project itself builds it with, a configuration's, the defaults."""

from __future__ import annotations

import ast
import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from linearcheck.findings import NamedValue
from linearcheck.job import CheckJob
from linearcheck.load.classes import ModuleFile
from linearcheck.load.configs import default_configuration
from linearcheck.load.guessing import harmless_value
from linearcheck.load.importing import Program
from linearcheck.load.records import LoadError
from linearcheck.load.shapes import literal
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.sites import SiteValues, building_sites, evaluate_site, short_repr, shown_value
from linearcheck.load.spaces import exception_text


@dataclass
class Recipe:
    """What to call, with what; `holds_modules` where an argument is itself a module, to be built anew each time."""

    function: Callable[..., Any]
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    init: tuple[NamedValue, ...] = ()
    holds_modules: bool = False


class Arguments:
    """Finds the arguments of one class or function of the user's."""

    def __init__(self, job: CheckJob, file: ModuleFile, name: str) -> None:
        self.job, self.file, self.name = job, file, name

    @property
    def line(self) -> int | None:
        node = self.file.class_nodes.get(self.name) or self.file.functions.get(self.name)
        return node.lineno if node is not None else None

    def recipe(self, program: Program, target: Callable[..., Any]) -> Recipe:
        """What to call the target with. Raises LoadError LC901 naming each argument that is not known."""
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            return Recipe(target, *self._given_without_signature(program))
        return self._with_arguments(program, target, signature)

    def _with_arguments(self, program: Program, target: Callable[..., Any], signature: inspect.Signature) -> Recipe:
        given, rest = self._given(program, signature)
        site = self._best_site(program, signature, given)
        values: dict[str, Any] = {}
        init: list[NamedValue] = []
        missing: list[str] = []
        for name, parameter in signature.parameters.items():
            if name in given:
                values[name] = given[name]
                init.append(NamedValue(name, self._given_text(name, signature), "given", "--init"))
            elif site is not None and name in site.values:
                values[name] = site.values[name]
                shown = shown_value(site.values[name], site.sources.get(name, ""))
                init.append(NamedValue(name, shown, "inferred", f"built so at {site.where}"))
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            elif parameter.default is not parameter.empty:
                init.append(NamedValue(name, short_repr(parameter.default), "default", ""))
            else:
                made = default_configuration(program, parameter)
                if made is None:
                    missing.append(name)
                else:
                    values[name] = made
                    init.append(NamedValue(name, f"{type(made).__name__}()", "inferred", "the file's own configuration with its defaults"))
        unknown = [name for name in missing if site is not None and name in site.unknown]
        if unknown and unknown == missing and (value := self._guess(unknown, target, signature, values)) is not None:
            assert site is not None
            values.update(dict.fromkeys(unknown, value))
            whys = {n: f"any value does: {site.where} passes it, but {site.unknown[n]}" for n in unknown}
            init += [NamedValue(n, repr(value), "inferred", why) for n, why in whys.items()]
        elif missing:
            raise self._missing(missing, site)
        extra = {name: value for name, value in given.items() if name not in signature.parameters}
        init += [NamedValue(name, self._given_text(name, signature), "given", "--init") for name in extra]
        if site is not None and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
            extra = {**{n: v for n, v in site.values.items() if n not in signature.parameters}, **extra}
        positional, named = _arranged(signature, values, rest)
        named.update(extra)
        return Recipe(target, positional, named, tuple(init), any(_holds_module(v) for v in [*positional, *named.values()]))

    def _given_without_signature(self, program: Program) -> tuple[tuple[Any, ...], dict[str, Any]]:
        named = {**self.job.options.init, **self.job.target.arguments}
        positional = tuple(self._given_value(program, text) for text in self.job.target.positional)
        return positional, {name: self._given_value(program, text) for name, text in named.items()}

    def _guess(self, names: list[str], target: Callable[..., Any], signature: inspect.Signature, values: Mapping[str, Any]) -> Any:
        """A value for arguments that cannot be known, where any value does."""

        def build(value: Any) -> Any:
            positional, named = _arranged(signature, copied({**values, **dict.fromkeys(names, value)}), ())
            return unwrapped(target(*positional, **named))

        return harmless_value(build, self.job.options.input_shapes)

    def _given(self, program: Program, signature: inspect.Signature) -> tuple[dict[str, Any], tuple[Any, ...]]:
        """Values of `--init` and of the target's own arguments, which win, and positional ones beyond the named parameters."""
        texts = {**self.job.options.init, **self.job.target.arguments}
        positional = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        takes_more = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
        for name in texts:
            if name not in signature.parameters and not takes_any:
                raise LoadError(
                    "LC901", f"`{self.name}` has no argument `{name}`{_nearest(name, signature)}", str(self.file.path), self.line
                )
        given_by_position = self.job.target.positional
        if len(given_by_position) > len(positional) and not takes_more:
            count = len(positional)
            text = f"`{self.name}` takes {count} argument{'' if count == 1 else 's'}, but {len(given_by_position)} are given"
            raise LoadError("LC901", text, str(self.file.path), self.line)
        texts |= dict(zip(positional, given_by_position, strict=False))
        rest = tuple(self._given_value(program, text) for text in given_by_position[len(positional) :])
        return {name: self._given_value(program, text) for name, text in texts.items()}, rest

    def _given_text(self, name: str, signature: inspect.Signature) -> str:
        positional = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        texts = {**self.job.options.init, **self.job.target.arguments, **dict(zip(positional, self.job.target.positional, strict=False))}
        return texts[name]

    def _given_value(self, program: Program, text: str) -> Any:
        """A Python literal, an expression that begins with a name of the file (`BasicBlock`, `Config(width=3)`), else the text."""
        value = literal(text)
        if not isinstance(value, str) or value != text:
            return value
        try:
            expression = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return text
        names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
        known = program.main().space.body.by_name
        if not names or not any(name in known for name in names):
            return text
        try:
            return program.main().space.evaluate(expression)
        except (Unavailable, OutsideEffect) as error:
            raise LoadError("LC901", f"`{text}` cannot be evaluated: {error}", str(self.file.path)) from None
        except Exception as error:
            raise LoadError("LC901", f"`{text}` cannot be evaluated: {exception_text(error)}", str(self.file.path)) from None

    def _best_site(self, program: Program, signature: inspect.Signature, given: Mapping[str, Any]) -> SiteValues | None:
        """The first site that gives every argument that is still needed; else the one that leaves the fewest open."""
        needed = [name for name in required_names(signature) if name not in given]
        best: SiteValues | None = None
        for place in building_sites(program, self.name, frozenset(self.file.models))[:12]:
            found = evaluate_site(place, signature)
            open_now = [name for name in needed if name not in found.values]
            if not open_now and not (found.unknown and needed == []):
                return found
            if best is None or len(open_now) < len([name for name in needed if name not in best.values]):
                best = found
        return best

    def _missing(self, names: list[str], site: SiteValues | None) -> LoadError:
        quoted = [f"`{name}`" for name in names]
        listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
        plural = "s" if len(names) > 1 else ""
        text = f"`{self.name}` needs the argument{plural} {listed}"
        advice = f"add {' '.join(f'`--init {name}=...`' for name in names)}"
        reasons = [f"{site.where} passes `{name}`, but {site.unknown[name]}" for name in names if site is not None and name in site.unknown]
        if reasons:
            text += f"; {reasons[0]}"
        else:
            text += f", which {'have no defaults and are' if plural else 'has no default and is'} given nowhere in the project"
        hints = list(dict.fromkeys(site.advice.values())) if site is not None else []
        if hints:
            advice += f", or {hints[0]}"
        return LoadError("LC901", text, str(self.file.path), self.line, advice)


def required_names(signature: inspect.Signature) -> list[str]:
    parameters = signature.parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def unwrapped(built: Any) -> Any:
    """The module itself, without `nn.DataParallel` or `torch.compile` around it, and without what stands beside it in a tuple."""
    from torch import nn

    if isinstance(built, tuple | list):
        modules = [item for item in built if isinstance(item, nn.Module) and "Loss" not in type(item).__name__]
        built = modules[0] if modules else built
    if isinstance(built, dict):
        modules = [item for item in built.values() if isinstance(item, nn.Module)]
        built = modules[0] if len(modules) == 1 else built
    while True:
        inner = getattr(built, "_orig_mod", None)
        if inner is None and type(built).__name__ in ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel"):
            inner = getattr(built, "module", None)
        if not isinstance(inner, nn.Module):
            return built
        built = inner


def is_module(value: Any) -> bool:
    from torch import nn

    return isinstance(value, nn.Module)


def is_module_class(value: Any) -> bool:
    from torch import nn

    return isinstance(value, type) and issubclass(value, nn.Module)


def _holds_module(value: Any, depth: int = 0) -> bool:
    if is_module(value):
        return True
    if depth > 3:
        return False
    if isinstance(value, list | tuple | set):
        return any(_holds_module(item, depth + 1) for item in value)
    return isinstance(value, dict) and any(_holds_module(item, depth + 1) for item in value.values())


def copied(value: Any) -> Any:
    """A copy, since a constructor may change what it is given (`cfg.pop("kind")`); the value itself where it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def _arranged(signature: inspect.Signature, values: Mapping[str, Any], rest: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Values by position where a parameter allows nothing else, by name otherwise."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    variadic = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    more = rest or tuple(values.get(variadic, ())) if variadic is not None else rest
    by_position = True
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += more if by_position else ()
        elif parameter.kind is parameter.POSITIONAL_ONLY or (more and parameter.kind is parameter.POSITIONAL_OR_KEYWORD):
            if name in values:
                positional.append(values[name])
            elif parameter.default is not parameter.empty:
                positional.append(parameter.default)
            else:
                by_position = False
        elif name in values:
            named[name] = values[name]
    return tuple(positional), named


def _nearest(name: str, signature: inspect.Signature) -> str:
    known = [p.name for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    nearest = difflib.get_close_matches(name, known, 1)
    if nearest:
        return f"; the nearest is `{nearest[0]}`"
    return f"; it takes {', '.join(f'`{other}`' for other in known)}" if known else "; it takes none"
