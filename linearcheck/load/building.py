"""A model ready to be built: what its name stands for, and what building it runs."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from linearcheck.findings import NamedValue
from linearcheck.job import CheckJob
from linearcheck.load.arguments import Arguments, Recipe, copied, is_module, is_module_class, unwrapped
from linearcheck.load.classes import ModuleFile
from linearcheck.load.command_line import command_line
from linearcheck.load.devices import rewriting_devices
from linearcheck.load.discover import model_names, peel
from linearcheck.load.guessing import harmless_value, names_read_by_constructor
from linearcheck.load.importing import Program, ProjectModule, forget_modules
from linearcheck.load.project import Project, open_project
from linearcheck.load.records import LoadedModel, LoadError
from linearcheck.load.relative_paths import where_its_files_are
from linearcheck.load.signals import OpenValue, Unavailable
from linearcheck.load.slicing import Leaf
from linearcheck.load.sources import display_path
from linearcheck.load.spaces import exception_text
from linearcheck.load.standins import StandIn


def load_model(job: CheckJob) -> LoadedModel:
    """The model of the job's target, ready to be built. Only what it needs of the user's code has run.

    Raises:
        LoadError: LC901, if the file cannot be loaded, or a constructor argument is not known; with what to add in `advice`.
    """
    project = open_project(job.target, job.overlay, job.working_directory)
    file = ModuleFile(project, project.target, project.module_name)
    project.source(project.target).refuse_what_python_refuses()
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
            if self._is_instance(module):
                build, init, model_class = self._instance_builder(), guessed, None
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

    def _is_instance(self, module: ProjectModule) -> bool:
        """Whether the name is bound to what a call at module level returned, and not to a class or function."""
        leaves: list[Leaf] = [leaf for leaf in module.space.body.by_name.get(self.name, ()) if self.name in leaf.defines]
        if any(
            isinstance(leaf.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom) for leaf in leaves
        ):
            return False
        for leaf in leaves:
            value = leaf.node.value if isinstance(leaf.node, ast.Assign | ast.AnnAssign) else None
            if value is not None and isinstance(peeled := peel(value, self.file), ast.Call):
                function = self.file.imports.dotted(peeled.func) or ""
                return not function.endswith(("partial", "namedtuple"))
        return False

    def _target(self, program: Program) -> Any:
        module = program.main()
        try:
            found = getattr(module, self.name)
            module.space.settle()
        except Unavailable as error:
            raise error.as_load_error(self.name) from error.__cause__
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

    @property
    def _arguments(self) -> Arguments:
        return Arguments(self.job, self.file, self.name)

    def _recipe(self, program: Program) -> Recipe:
        target = self._target(program)
        if not callable(target) or is_module(target):
            if is_module(target):
                return Recipe(lambda: target)
            kind = type(target).__name__
            text = f"`{self.name}` is neither a class, a function nor a module, but of type `{kind}`"
            raise LoadError("LC901", text, str(self.project.target))
        if isinstance(target, type) and not is_module_class(target):
            text = f"`{self.name}` is a class, but not a subclass of `nn.Module`"
            raise LoadError("LC901", text, str(self.project.target), self._arguments.line)
        return self._arguments.recipe(program, target)

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

    # ---- building

    def _builder(self, recipe: Recipe) -> Callable[[], Any]:
        def build() -> Any:
            with self._conditions():
                chosen = recipe
                if chosen.holds_modules:  # one that was built before belongs to the model that it was built for
                    forget_modules()
                    self.program = self._new_program()
                    chosen = self._recipe(self.program)
                return self._run(chosen.function, copied(chosen.positional), copied(chosen.named))

        return build

    def _instance_builder(self) -> Callable[[], Any]:
        def build() -> Any:
            with self._conditions():
                forget_modules()
                self.program = self._new_program()
                return self._run(lambda: self._target(self.program), (), {})

        return build

    def _run(self, function: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            built = unwrapped(where_its_files_are(lambda: function(*positional, **named), self.project))
        except Unavailable as error:
            raise error.as_load_error(self.name) from None
        if isinstance(built, StandIn):
            raise built.used("the model is made by").as_load_error(self.name)
        if not is_module(built):
            kind = type(built).__name__
            text = f"`{self.name}` gives a `{kind}`, not an `nn.Module`"
            raise LoadError("LC901", text, str(self.project.target), self._arguments.line)
        return built
