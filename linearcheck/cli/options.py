"""What the command line says, as plain data, and how it goes together with the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from linearcheck.config import Config
from linearcheck.environments import default_interpreter
from linearcheck.job import CheckOptions


class UsageError(Exception):
    """An option or a target that cannot be followed, in words."""


@dataclass(frozen=True, slots=True)
class CheckArguments:
    """The command line of `check`. None and empty mean that nothing was said, and the configuration counts."""

    targets: tuple[str, ...] = ()
    input_shapes: tuple[str, ...] = ()
    no_batch: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    inputs_from: str | None = None
    init: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    train: bool = False
    weights: str | None = None
    import_mode: str | None = None
    output_formats: tuple[str, ...] = ()
    output_file: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    statistics: bool = False
    strict: bool = False
    exit_zero: bool = False
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    python: str | None = None
    jobs: int | None = None
    timeout_seconds: float | None = None
    config: str | None = None
    stdin_filename: str | None = None
    baseline: str | None = None
    write_baseline: str | None = None
    shard: tuple[int, int] | None = None
    watch: bool = False
    no_cache: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def interpreter(self) -> str:
        """The Python that runs the models."""
        return self.python or default_interpreter()

    def options_for(self, config: Config, place: Path, name: str | None) -> CheckOptions:
        """Options of one model: the configuration's, with the command line's above them."""
        options = config.options_for(place, name)
        given: dict[str, Any] = {
            "input_shapes": self.input_shapes,
            "inputs_from": self.inputs_from,
            "train": self.train,
            "weights": self.weights,
            "import_mode": self.import_mode,
            "timeout_seconds": self.timeout_seconds,
        }
        return replace(
            options,
            **{name: value for name, value in given.items() if value},
            batch=options.batch and not self.no_batch,
            sizes={**options.sizes, **self.sizes},
            init={**options.init, **self.init},
            arguments={**options.arguments, **self.arguments},
            values={**options.values, **self.values},
            select=self._selected(config),
            ignore=(*config.ignore, *self.ignore),
        )

    def _selected(self, config: Config) -> tuple[str, ...]:
        chosen = self.select or config.select
        more = (*config.extend_select, *self.extend_select)
        # What is added to everything is no choice: without a selection every code is on already.
        return (*chosen, *more) if chosen else ()


def named_values(texts: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE`, as many as there are.

    Raises:
        UsageError: If one has no `=`, or no name before it.

    >>> named_values(["width=64", "mode=a=b"], "--init")
    {'width': '64', 'mode': 'a=b'}
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"`{option} {text}` has to be `{option} NAME=VALUE`")
        values[name.strip()] = value
    return values


def named_sizes(texts: Sequence[str]) -> dict[str, int]:
    """`NAME=INT` of `--size`.

    Raises:
        UsageError: If a value is no whole number of at least 1.

    >>> named_sizes(["T=12"])
    {'T': 12}
    """
    sizes: dict[str, int] = {}
    for name, value in named_values(texts, "--size").items():
        if not name.isidentifier():
            raise UsageError(f"`--size {name}={value}`: `{name}` is not the name of an axis, such as `N` or `T`")
        if not value.strip().isascii() or not value.strip().isdigit() or int(value) < 1:
            raise UsageError(f"`--size {name}={value}`: a size is a whole number of at least 1")
        sizes[name] = int(value)
    return sizes


def time_limit(seconds: float | None) -> float | None:
    """The seconds of `--timeout`.

    Raises:
        UsageError: If they are none to wait for.
    """
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(f"`--timeout {seconds:g}`: a time limit is a number of seconds above 0")
    return seconds


def shard_of(text: str | None) -> tuple[int, int] | None:
    """`I/K` of `--shard`: part I of K.

    Raises:
        UsageError: If it is no such pair, or I is not one of the K.

    >>> shard_of("2/5")
    (2, 5)
    """
    if text is None:
        return None
    part, slash, parts = text.partition("/")
    if not slash or not (part + parts).isascii() or not part.isdigit() or not parts.isdigit() or not 1 <= int(part) <= int(parts):
        raise UsageError(f"`--shard {text}` has to be `--shard I/K` with I from 1 to K, such as `--shard 2/5`")
    return int(part), int(parts)


def readable_shapes(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of `--input-shape`, each of which can be read.

    Raises:
        UsageError: If one cannot.
    """
    from linearcheck.load.grammar import InputShapeError, parse_input_shape

    for text in texts:
        try:
            parse_input_shape(text)
        except InputShapeError as error:
            raise UsageError(f"`--input-shape`: {error}") from None
    return tuple(texts)


def rule_codes(texts: Sequence[str], option: str) -> tuple[str, ...]:
    """Codes and prefixes of codes, separated by commas, each of which some rule has.

    Raises:
        UsageError: If no rule has one of them.
    """
    codes = tuple(code for text in texts for part in text.split(",") if (code := part.strip().upper()))
    if not codes:
        return ()
    from linearcheck.rules.registry import RULES

    for code in codes:
        if code != "ALL" and not any(rule.code.startswith(code) for rule in RULES):
            raise UsageError(f"`{option} {code}`: no rule's code starts with `{code}`; `linearcheck rule --all` lists them")
    return codes
