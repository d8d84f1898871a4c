"""The models that a configuration names: what is there can be checked, and what is not is an error of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from linearcheck.config import Config, ModelConfig
from linearcheck.findings import RunError
from linearcheck.job import CheckJob, Target
from linearcheck.load.discover import discover_models
from linearcheck.load.records import LoadError


def configured_targets(config: Config) -> list[str]:
    """The targets of the configuration that are there, each once."""
    there = [model for model in config.models if not _what_is_missing(config, model)]
    return list(dict.fromkeys(str(config.folder / model.place) + (f":{model.name}" if model.name else "") for model in there))


def missing_models(configs: Iterable[Config], read: frozenset[Path] | None) -> Iterator[tuple[Config, RunError]]:
    """An error of the configuration for each entry about a file that is not there, or about a model that its file does not define.

    Args:
        read: The files that are checked, and the folders that were searched for them; entries about others say nothing. None for all.
    """
    for config in configs:
        for model in config.models:
            path = (config.folder / model.place).resolve()
            if read is not None and path not in read and (path.exists() or read.isdisjoint(path.parents)):
                continue
            if missing := _what_is_missing(config, model):
                where = f"{config.path}:{model.line}" if model.line else f"{config.path}"
                yield config, RunError("configuration", f"{where}: {missing}")


def _what_is_missing(config: Config, model: ModelConfig) -> str:
    path = config.folder / model.place
    if not path.exists():
        return f"there is no file `{model.place}`"
    if model.name is None or not path.is_file():
        return ""
    working_directory = str(Path.cwd())
    try:
        discover_models(CheckJob(Target(str(path)), working_directory=working_directory))
    except LoadError:  # said of the file itself
        return ""
    try:
        discover_models(CheckJob(Target(str(path), model.name), working_directory=working_directory))
    except LoadError as error:
        return error.message
    return ""
