"""From the targets on the command line to one job per model."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from linearcheck.cli.configured import configured_targets, missing_models
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.config import Config, ConfigError, find_config, read_config
from linearcheck.findings import ModelReport, RunError
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.load.discover import discover_models
from linearcheck.load.records import LoadError
from linearcheck.load.targets import parse_target
from linearcheck.worker.skipped import shown_path, skipped_by_load

STDIN = "-"
_STDIN_NAME = "stdin.py"


@dataclass(frozen=True, slots=True)
class Named:
    """What one target names, or one file of a directory: its models, or the reason why they could not be listed.

    `is_explicit`: the user named this very file or model, so that it has to be checked. `is_model`: it was named as `file:Name`.
    `options` are those of its first model, or of the one that could not be listed. `text` is what came from standard input.
    """

    path: Path | None
    shown: str
    jobs: tuple[CheckJob, ...] = ()
    is_explicit: bool = True
    is_model: bool = False
    failure: ModelReport | None = None
    error: RunError | None = None
    text: str | None = None
    options: CheckOptions = field(default_factory=CheckOptions)


class Configs:
    """The configuration that holds for a file: the one that `--config` names, or the nearest above it."""

    def __init__(self, arguments: CheckArguments) -> None:
        """
        Raises:
            ConfigError: If the file of `--config` cannot be followed.
        """
        self._given = read_config(Path(arguments.config).absolute()) if arguments.config is not None else None
        self._by_folder: dict[Path, Config] = {}

    def used(self) -> list[Config]:
        """Those that were asked for, each once."""
        return [self._given] if self._given is not None else list({config.path: config for config in self._by_folder.values()}.values())

    def of(self, folder: Path) -> Config:
        """
        Raises:
            ConfigError: If the nearest configuration cannot be followed.
        """
        if self._given is not None:
            return self._given
        if folder not in self._by_folder:
            self._by_folder[folder] = find_config(folder)
        return self._by_folder[folder]


def named_models(arguments: CheckArguments, configs: Configs) -> list[Named]:
    """What the targets name, in their order, no file or model twice; with `--shard`, the part of it that falls to this run.

    Raises:
        UsageError: If no target is given, or one makes no sense.
        ConfigError: If a configuration cannot be followed.
    """
    targets = arguments.targets or _configured_targets(configs)
    found = list(_without_repetition([named for text in targets for named in _named_by(text, arguments, configs)]))
    files = {named.path.resolve() for named in found if named.path is not None and named.text is None}
    folders = {Path(text).resolve() for text in arguments.targets if Path(text).is_dir()}
    read = frozenset(files | folders) if arguments.targets else None
    missing = [Named(None, shown_path(str(config.path)), error=error) for config, error in missing_models(configs.used(), read)]
    if arguments.shard is not None:
        part, parts = arguments.shard
        found = found[part - 1 :: parts]
    return [*found, *missing]


def _without_repetition(found: Sequence[Named]) -> Iterator[Named]:
    """Each file once, and each model once: where its file is named as well, as the model that was named for itself."""
    by_name = {key for named in found if named.is_model for key in _keys(named)}
    explicit = {named.path for named in found if named.is_explicit and not named.is_model}
    seen: set[object] = set()
    for named in found:
        jobs: list[CheckJob] = []
        for job, key in zip(named.jobs, _keys(named), strict=True):
            if key not in seen and (named.is_model or key not in by_name):
                jobs.append(job)
                seen.add(key)
        # A file whose models are all named for themselves is still a file that was looked at; a model that was met before is nothing new.
        itself = (named.path or named.shown, named.is_model, named.failure, named.error)
        if jobs or (itself not in seen and not (named.is_model and named.jobs)):
            seen.add(itself)
            yield replace(named, jobs=tuple(jobs), is_explicit=named.is_explicit or named.path in explicit)


def _keys(named: Named) -> list[tuple[object, ...]]:
    """What tells each of the models from all others."""
    where = named.path or named.shown
    return [(where, job.target.name, tuple(sorted(job.target.arguments.items())), job.target.positional) for job in named.jobs]


def _configured_targets(configs: Configs) -> list[str]:
    config = configs.of(Path.cwd())
    if not config.models:
        raise UsageError("no target is given: name a file such as `model.py`, a model such as `model.py:Net`, or a directory")
    return configured_targets(config)


def _named_by(text: str, arguments: CheckArguments, configs: Configs) -> Iterator[Named]:
    if text == STDIN:
        yield _standard_input(arguments, configs)
        return
    try:
        target = parse_target(text)
        Path(target.place).exists()
    except ValueError as error:
        raise UsageError(str(error)) from None
    except OSError as error:  # a name that the system does not take
        raise UsageError(f"`{_short(text)}` cannot be read: {error.strerror}") from None
    path = None if target.is_module else Path(target.place).absolute()
    if path is not None and path.is_dir():
        if target.name is not None:
            raise UsageError(f"`{target.place}` is a directory; `{text}` names a model of it")
        yield from _in_folder(path, arguments, configs)
        return
    if path is not None and not path.exists():
        message = _no_such_file(target)
        yield Named(path, shown_path(target.place), error=RunError("usage", message))
        return
    config = configs.of(path.parent if path is not None else Path.cwd())
    yield _listed(CheckJob(target, working_directory=str(Path.cwd())), path, arguments, config)


def _standard_input(arguments: CheckArguments, configs: Configs) -> Named:
    data = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    path = Path(arguments.stdin_filename or _STDIN_NAME).absolute()
    text = data.decode("utf-8-sig", "replace")
    job = CheckJob(Target(str(path)), overlay={str(path): text}, working_directory=str(Path.cwd()))
    return replace(_listed(job, path, arguments, configs.of(path.parent)), text=text)


def _in_folder(folder: Path, arguments: CheckArguments, configs: Configs) -> Iterator[Named]:
    """Each file of the folder that defines a model. Where none does, the folder itself, without models."""
    from linearcheck.cli.walking import source_files

    config = configs.of(folder)
    found = False
    for path in source_files(folder, config.exclude, config.folder):
        job = CheckJob(Target(str(path)), working_directory=str(Path.cwd()))
        named = replace(_listed(job, path, arguments, configs.of(path.parent)), is_explicit=False)
        if named.jobs or named.failure:
            found = True
            yield named
    if not found:
        yield Named(folder, shown_path(str(folder)), is_explicit=False)


def _listed(job: CheckJob, path: Path | None, arguments: CheckArguments, config: Config) -> Named:
    """The models of the job's target, each with its options."""
    shown = job.target.place if path is None else shown_path(str(path))
    is_model = job.target.name is not None
    options = _options(job, path, arguments, config)
    try:
        jobs = tuple(replace(one, options=_options(one, path, arguments, config)) for one in discover_models(job))
    except LoadError as error:
        return Named(path, shown, is_model=is_model, failure=replace(skipped_by_load(job, error), named=is_model), options=options)
    except RecursionError:
        refusal = LoadError("LC901", f"`{shown}` is nested too deeply to be read", job.target.place)
        return Named(path, shown, is_model=is_model, failure=replace(skipped_by_load(job, refusal), named=is_model), options=options)
    except (ConfigError, UsageError):
        raise
    except Exception as error:
        fault = f"`{shown}`: {type(error).__name__}: {error}; this is a fault of linearcheck"
        return Named(path, shown, error=RunError("internal", fault))
    return Named(path, shown, jobs, is_model=is_model, options=options)


def _options(job: CheckJob, path: Path | None, arguments: CheckArguments, config: Config) -> CheckOptions:
    options = arguments.options_for(config, path if path is not None else Path(job.target.place), job.target.name)
    if path is not None and config.per_file_ignores:
        from linearcheck.cli.walking import matches

        more = [code for pattern, codes in config.per_file_ignores.items() if matches(path, [pattern], config.folder) for code in codes]
        options = replace(options, ignore=(*options.ignore, *more))
    return options


def _no_such_file(target: Target) -> str:
    try:
        discover_models(CheckJob(target, working_directory=str(Path.cwd())))
    except LoadError as error:
        return error.message
    return f"there is no file `{target.place}`"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
