"""How a model is built: with given arguments, with those that the file itself builds it with, or with its defaults."""

from __future__ import annotations

import ast
import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from linearcheck.findings import NamedValue
from linearcheck.job import CheckJob
from linearcheck.load.classes import ModuleFile
from linearcheck.load.command_line import command_line
from linearcheck.load.configs import default_configuration
from linearcheck.load.devices import rewriting_devices
from linearcheck.load.discover import model_names, peel
from linearcheck.load.guessing import harmless_value, names_read_by_constructor
from linearcheck.load.importing import Program, ProjectModule, forget_modules
from linearcheck.load.project import Project, open_project
from linearcheck.load.records import LoadedModel, LoadError
from linearcheck.load.shapes import literal
from linearcheck.load.signals import OpenValue, OutsideEffect, Unavailable
from linearcheck.load.sites import SiteValues, building_sites, evaluate_site, short_repr, shown_value
from linearcheck.load.slicing import Leaf
from linearcheck.load.sources import display_path
from linearcheck.load.spaces import exception_text
from linearcheck.load.standins import StandIn


@dataclass
class Recipe:
    """What to call, with what; `holds_modules` where an argument is itself a module, to be built anew each time."""

    function: Callable[..., Any]
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    init: tuple[NamedValue, ...] = ()
    holds_modules: bool = False


def load_model(job: CheckJob) -> LoadedModel:
    """The model of the job's target, ready to be built. Only what it needs of the user's code has run.

    Raises:
        LoadError: LC901, if the file cannot be loaded, or a constructor argument is not known; with what to add in `advice`.
    """
    project = open_project(job.target, job.overlay, job.working_directory)
    file = ModuleFile(project, project.target, project.module_name)
    name = job.target.name
    if name is None:
        names = model_names(file)
        if len(names) != 1:
            what = "no model" if not names else f"{len(names)} models ({', '.join(names)})"
            raise LoadError("LC901", f"`{project.shown(project.target)}` defines {what}; name one as `file:Name`", str(project.target))
        name = names[0]
    forget_modules()
    loader = _Loader(job, project, file, name)
    return loader.load()


class _Loader:
    def __init__(self, job: CheckJob, project: Project, file: ModuleFile, name: str) -> None:
        self.job, self.project, self.file, self.name = job, project, file, name
        self.program = self._new_program()

    def _new_program(self) -> Program:
        return Program(self.project, self.job.options.values)

    def load(self) -> LoadedModel:
        with self._conditions(loading=True):
            module = self.program.main()
            guessed: tuple[NamedValue, ...] = ()
            if self.job.options.import_mode == "full":
                module.space.run_everything()
            elif guessed := self._guess_open_names():
                module = self.program.main()
            if (instance := self._instance_value(module)) is not None:
                build, init, model_class = self._instance_builder(instance), guessed, None
            else:
                recipe = self._recipe(self.program)
                build, init = self._builder(recipe), (*recipe.init, *guessed)
                model_class = recipe.function if isinstance(recipe.function, type) else None
        loaded = LoadedModel(
            name=self.name,
            path=self.project.target,
            build=build,
            is_user_file=self.project.is_user_file,
            source_of=self._source_of,
            display_path=lambda path: display_path(path, self.project.working_directory),
            init=init,
            stood_in=tuple(self.program.stood_in),
            remarks=tuple(self.program.untraceable()),
            namespace=module.__dict__,
            model_class=model_class,
            left_out=tuple(self.program.left_out()),
            program=self.program,
        )
        loaded.build = self._noting_stand_ins(build, loaded)
        return loaded

    def _noting_stand_ins(self, build: Callable[[], Any], loaded: LoadedModel) -> Callable[[], Any]:
        """Packages that only the constructor asks for are known when it has run."""

        def build_and_note() -> Any:
            try:
                return build()
            finally:
                loaded.stood_in = tuple(dict.fromkeys((*loaded.stood_in, *self.program.stood_in)))

        return build_and_note

    def _conditions(self, loading: bool = False) -> ExitStack:
        """What the user's code sees while it is loaded or built: no command line, and while no recorder is on, no absent device."""
        stack = ExitStack()
        stack.enter_context(command_line(str(self.project.target), self.job.options.values))
        if loading:
            stack.enter_context(rewriting_devices())
        return stack

    def _source_of(self, path: str) -> str:
        known = self.project.sources.get(Path(path))
        return known.text if known is not None else self.project.source(Path(path)).text

    # ---- what the name stands for

    def _instance_value(self, module: ProjectModule) -> ast.expr | None:
        """The expression that builds a module-level instance, where the name is bound to one and not to a class or function."""
        leaves: list[Leaf] = [leaf for leaf in module.space.body.by_name.get(self.name, ()) if self.name in leaf.defines]
        if any(
            isinstance(leaf.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom) for leaf in leaves
        ):
            return None
        for leaf in leaves:
            value = leaf.node.value if isinstance(leaf.node, ast.Assign | ast.AnnAssign) else None
            if value is not None and isinstance(peeled := peel(value, self.file), ast.Call):
                function = self.file.imports.dotted(peeled.func) or ""
                if not function.endswith("partial") and not function.endswith("namedtuple"):
                    return value
        return None

    def _target(self, program: Program) -> Any:
        module = program.main()
        try:
            found = getattr(module, self.name)
            module.space.settle()
        except Unavailable as error:
            raise error.as_load_error(self.name) from None
        except AttributeError:
            raise self._no_such_name() from None
        except LoadError:
            raise
        except Exception as error:
            raise LoadError("LC901", f"`{self.name}` cannot be loaded: {exception_text(error)}", str(self.project.target)) from error
        return found

    def _no_such_name(self) -> LoadError:
        shown = self.project.shown(self.project.target)
        known = [*self.file.models, *self.file.functions]
        nearest = difflib.get_close_matches(self.name, known, 1, cutoff=0.5)
        advice = f"; the nearest is `{nearest[0]}`" if nearest else ""
        return LoadError("LC901", f"`{shown}` defines no `{self.name}`{advice}", str(self.project.target))

    # ---- arguments

    def _recipe(self, program: Program) -> Recipe:
        target = self._target(program)
        if not callable(target) or _is_module(target):
            if _is_module(target):
                return Recipe(lambda: target)
            kind = type(target).__name__
            raise LoadError(
                "LC901", f"`{self.name}` is neither a class, a function nor a module, but of type `{kind}`", str(self.project.target)
            )
        if isinstance(target, type) and not _is_module_class(target):
            raise LoadError("LC901", f"`{self.name}` is a class, but not a subclass of `nn.Module`", str(self.project.target), self._line())
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            return Recipe(target, *self._given_without_signature(program))
        return self._with_arguments(program, target, signature)

    def _line(self) -> int | None:
        node = self.file.class_nodes.get(self.name) or self.file.functions.get(self.name)
        return node.lineno if node is not None else None

    def _given_without_signature(self, program: Program) -> tuple[tuple[Any, ...], dict[str, Any]]:
        named = {**self.job.options.init, **self.job.target.arguments}
        positional = tuple(self._given_value(program, text) for text in self.job.target.positional)
        return positional, {name: self._given_value(program, text) for name, text in named.items()}

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

    def _guess(self, names: list[str], target: Callable[..., Any], signature: inspect.Signature, values: Mapping[str, Any]) -> Any:
        """A value for arguments that cannot be known, where any value does."""

        def build(value: Any) -> Any:
            positional, named = _arranged(signature, _copied({**values, **dict.fromkeys(names, value)}), ())
            return unwrapped(target(*positional, **named))

        return harmless_value(build, self.job.options.input_shapes)

    def _guess_open_names(self) -> tuple[NamedValue, ...]:
        """Gives module-level values that the constructor reads and that cannot be known a value, where any value does."""
        space = self.program.main().space
        failures: dict[str, OpenValue] = {}
        for name in names_read_by_constructor(space, self.name):
            try:
                space.look_up(name)
            except OpenValue as failure:
                failures[name] = failure
            except (Exception, Unavailable):
                continue
        if not failures:
            return ()

        def with_value(value: Any) -> Program:
            return Program(self.project, {**self.job.options.values, **dict.fromkeys(failures, repr(value))})

        def build(value: Any) -> Any:
            forget_modules()
            recipe = self._recipe(with_value(value))
            return unwrapped(recipe.function(*recipe.positional, **recipe.named))

        value = harmless_value(build, self.job.options.input_shapes)
        forget_modules()
        if value is None:
            self.program = self._new_program()
            return ()
        values = {**self.job.options.values, **dict.fromkeys(failures, repr(value))}
        self.job = replace(self.job, options=replace(self.job.options, values=values))
        self.program = self._new_program()
        return tuple(NamedValue(name, repr(value), "inferred", f"any value does: {failure.message}") for name, failure in failures.items())

    def _given(self, program: Program, signature: inspect.Signature) -> tuple[dict[str, Any], tuple[Any, ...]]:
        """Values of `--init` and of the target's own arguments, which win, and positional ones beyond the named parameters."""
        texts = {**self.job.options.init, **self.job.target.arguments}
        positional = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        takes_more = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
        for name in texts:
            if name not in signature.parameters and not takes_any:
                raise LoadError(
                    "LC901", f"`{self.name}` has no argument `{name}`{_nearest(name, signature)}", str(self.project.target), self._line()
                )
        given_by_position = self.job.target.positional
        if len(given_by_position) > len(positional) and not takes_more:
            count = len(positional)
            text = f"`{self.name}` takes {count} argument{'' if count == 1 else 's'}, but {len(given_by_position)} are given"
            raise LoadError("LC901", text, str(self.project.target), self._line())
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
            raise LoadError("LC901", f"`{text}` cannot be evaluated: {error}", str(self.project.target)) from None
        except Exception as error:
            raise LoadError("LC901", f"`{text}` cannot be evaluated: {exception_text(error)}", str(self.project.target)) from None

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
        return LoadError("LC901", text, str(self.project.target), self._line(), advice)

    # ---- building

    def _builder(self, recipe: Recipe) -> Callable[[], Any]:
        state = {"recipe": recipe, "used": False}

        def build() -> Any:
            with self._conditions():
                chosen: Recipe = state["recipe"]  # type: ignore[assignment]
                if chosen.holds_modules:
                    forget_modules()
                    self.program = self._new_program()
                    chosen = self._recipe(self.program)
                return self._run(chosen.function, _copied(chosen.positional), _copied(chosen.named))

        return build

    def _instance_builder(self, value: ast.expr) -> Callable[[], Any]:
        def build() -> Any:
            with self._conditions():
                forget_modules()
                self.program = self._new_program()
                return self._run(lambda: self._target(self.program), (), {})

        return build

    def _run(self, function: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            built = unwrapped(function(*positional, **named))
        except Unavailable as error:
            raise error.as_load_error(self.name) from None
        if isinstance(built, StandIn):
            raise built.used("the model is made by").as_load_error(self.name)
        if not _is_module(built):
            kind = type(built).__name__
            raise LoadError("LC901", f"`{self.name}` gives a `{kind}`, not an `nn.Module`", str(self.project.target), self._line())
        return built


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


def _is_module(value: Any) -> bool:
    from torch import nn

    return isinstance(value, nn.Module)


def _is_module_class(value: Any) -> bool:
    from torch import nn

    return isinstance(value, type) and issubclass(value, nn.Module)


def _holds_module(value: Any, depth: int = 0) -> bool:
    if _is_module(value):
        return True
    if depth > 3:
        return False
    if isinstance(value, list | tuple | set):
        return any(_holds_module(item, depth + 1) for item in value)
    return isinstance(value, dict) and any(_holds_module(item, depth + 1) for item in value.values())


def _copied(value: Any) -> Any:
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
