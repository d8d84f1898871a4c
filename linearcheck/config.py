"""Configuration: `[tool.linearcheck]` of the nearest pyproject.toml, or linearcheck.toml, above what is checked."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from linearcheck.job import CheckOptions
from linearcheck.load.grammar import InputShapeError, parse_input_shape

_NAMES = ("linearcheck.toml", "pyproject.toml")

Table = Mapping[str, Any]


class ConfigError(Exception):
    """A configuration that cannot be followed, in words that name the file and the line."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One `[[tool.linearcheck.models]]`: what is known about the models of a file (`src/net.py`) or one of them (`src/net.py:Net`)."""

    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)

    @property
    def place(self) -> str:
        return _split_target(self.target)[0]

    @property
    def name(self) -> str | None:
        return _split_target(self.target)[1]


@dataclass(frozen=True, slots=True)
class Config:
    """What one file says. `options` are fields of `CheckOptions`; `folder` is what its paths are relative to."""

    path: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[ModelConfig, ...] = ()
    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strict: bool = False
    jobs: int | None = None
    baseline: str | None = None

    @property
    def folder(self) -> Path:
        return self.path.parent if self.path is not None else Path.cwd()

    def options_for(self, place: Path, name: str | None) -> CheckOptions:
        """Options of one model: of all tables that fit, what stands further down wins, a named model's above its file's."""
        fitting = [model for model in self.models if (self.folder / model.place).resolve() == place.resolve()]
        chosen = [model for model in fitting if model.name is None] + [model for model in fitting if model.name and model.name == name]
        options = CheckOptions(**self.options)
        for model in chosen:
            options = replace(options, **model.options)
        return replace(options, weights=self._located(options.weights), inputs_from=self._located(options.inputs_from))

    def _located(self, path: str | None) -> str | None:
        return None if path is None else str(self.folder / path)


def find_config(start: Path) -> Config:
    """The configuration that holds for files in the folder `start`; an empty one where there is none.

    Raises:
        ConfigError: If the nearest file cannot be followed.
    """
    for folder in (start, *start.parents):
        for name in _NAMES:
            path = folder / name
            if path.is_file() and (table := _table_of(path)) is not None:
                return read_config(path, table)
    return Config()


def read_config(path: Path, table: Table | None = None) -> Config:
    """The configuration in one file, which has to be there and to hold one.

    Raises:
        ConfigError: Where the file, a key or a value is not what it should be.
    """
    if table is None:
        table = _table_of(path)
        if table is None:
            raise ConfigError(f"`{path}` has no table [tool.linearcheck]")
    reader = _Reader(path)
    models = tuple(reader.models(table.get("models", [])))
    values = reader.values(table, _GLOBAL, ("models",), "")
    fields: dict[str, Any] = {key: values.pop(key) for key in tuple(values) if key in _CONFIG_FIELDS}
    return Config(path, options=values, models=models, **fields)


def _table_of(path: Path) -> Table | None:
    """The tool's own table; None where a pyproject.toml has none."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        if path.name == "pyproject.toml" and "tool.linearcheck" not in path.read_text(encoding="utf-8-sig"):
            return None  # for others to complain about
        raise ConfigError(f"`{path}` is not valid TOML: {error}") from None
    except (OSError, ValueError) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"`{path}` cannot be read: {reason}") from None
    if path.name != "pyproject.toml":
        inner = data.get("tool", {}).get("linearcheck") if isinstance(data.get("tool"), dict) else None
        return inner if isinstance(inner, dict) else data
    tool = data.get("tool", {})
    table = tool.get("linearcheck") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"`{path}`: [tool.linearcheck] is not a table")
    return table


def _split_target(target: str) -> tuple[str, str | None]:
    place, colon, name = target.rpartition(":")
    return (place, name) if colon and re.fullmatch(r"\w+", name) and len(place) > 1 else (target, None)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the file: the field it fills, what its value has to be (in words), and the conversion, which raises ValueError."""

    field: str
    wants: str
    convert: Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _negated_flag(value: Any) -> bool:
    return not _flag(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise ValueError
    return tuple(_text(item) for item in value)


class _UnknownCode(ValueError):
    """A text that is the beginning of no rule's code."""


def _codes(value: Any) -> tuple[str, ...]:
    texts = tuple(text.strip().upper() for text in _texts(value))
    if texts:
        from linearcheck.rules.registry import RULES  # not before there is something to look up

        for text in texts:
            if text != "ALL" and not any(rule.code.startswith(text) for rule in RULES):
                raise _UnknownCode(f"no rule's code starts with `{text}`; `linearcheck rule --all` lists them")
    return texts


def _shapes(value: Any) -> tuple[str, ...]:
    texts = _texts(value)
    for text in texts:
        parse_input_shape(text)  # raises a ValueError whose words are better than what is wanted in general
    return texts


def _literals(value: Any) -> dict[str, str]:
    """Values as the source text of Python literals, in which form the command line gives them."""
    if not isinstance(value, dict):
        raise ValueError
    return {name: repr(_plain(item)) for name, item in value.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if not isinstance(value, bool | int | float | str):
        raise ValueError
    return value


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError
    return {name: _count(size) for name, size in value.items()}


def _code_lists(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError
    return {pattern: _codes(codes) for pattern, codes in value.items()}


def _import_mode(value: Any) -> str:
    if value not in ("slice", "full"):
        raise ValueError
    return str(value)


_CODES = "a list of rule codes"
_NUMBERS = "a whole number of at least 1"

_OF_A_MODEL = {
    "input-shape": _Key("input_shapes", 'a shape such as "3,32,32", or a list of them', _shapes),
    "no-batch": _Key("batch", "true or false", _negated_flag),
    "size": _Key("sizes", "a table of whole numbers, such as {T = 12}", _counts),
    "inputs": _Key("inputs_from", 'text, such as "shapes.py:make_inputs"', _text),
    "init": _Key("init", "a table of plain values, such as {num_classes = 10}", _literals),
    "arg": _Key("arguments", "a table of plain values", _literals),
    "set": _Key("values", "a table of plain values", _literals),
    "train": _Key("train", "true or false", _flag),
    "weights": _Key("weights", "the path of a checkpoint", _text),
    "import": _Key("import_mode", '"slice" or "full"', _import_mode),
    "timeout": _Key("timeout_seconds", "a number of seconds above 0", _seconds),
}
_GLOBAL = {
    "select": _Key("select", _CODES, _codes),
    "extend-select": _Key("extend_select", _CODES, _codes),
    "ignore": _Key("ignore", _CODES, _codes),
    "exclude": _Key("exclude", "a list of patterns as in .gitignore", _texts),
    "per-file-ignores": _Key("per_file_ignores", "a table of patterns, each with a list of rule codes", _code_lists),
    "strict": _Key("strict", "true or false", _flag),
    "jobs": _Key("jobs", _NUMBERS, _count),
    "baseline": _Key("baseline", "the path of a baseline", _text),
    **{key: _OF_A_MODEL[key] for key in ("train", "import", "timeout", "no-batch", "size")},
}
_CONFIG_FIELDS = ("select", "extend_select", "ignore", "exclude", "per_file_ignores", "strict", "jobs", "baseline")


class _Reader:
    """Turns tables into fields, and says what is wrong with them and on which line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = path.read_text(encoding="utf-8-sig").splitlines()

    def values(self, table: Table, keys: Mapping[str, _Key], others: tuple[str, ...], where: str, header: int = 0) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name in others:
                continue
            key = keys.get(name)
            if key is None:
                raise self._error(name, header, self._unknown(name, (*keys, *others), where))
            try:
                values[key.field] = key.convert(value)
            except (InputShapeError, _UnknownCode) as error:
                raise self._error(name, header, f"`{name}`{where}: {error}") from None
            except ValueError:
                raise self._error(name, header, f"`{name}`{where} has to be {key.wants}, not {_shown(value)}") from None
        return values

    def models(self, tables: Any) -> list[ModelConfig]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._error("models", 0, "`models` has to be a list of tables: write [[tool.linearcheck.models]] above each")
        headers = [number for number, line in enumerate(self._lines, 1) if re.match(r"\s*\[\[\s*(tool\.linearcheck\.)?models\s*\]\]", line)]
        models: list[ModelConfig] = []
        for index, table in enumerate(tables):
            header = headers[index] if index < len(headers) else 0
            target = table.get("target")
            if not isinstance(target, str) or not target:
                raise self._error("target", header, 'a table of `models` needs a `target`, such as "src/net.py:Net"')
            options = self.values(table, _OF_A_MODEL, ("target",), f" of `{target}`", header)
            models.append(ModelConfig(target, options, self._line_of("target", header)))
        return models

    def _unknown(self, name: str, known: tuple[str, ...], where: str) -> str:
        nearest = difflib.get_close_matches(name.replace("_", "-"), known, 1)
        advice = f"; the nearest is `{nearest[0]}`" if nearest else f"; there are {', '.join(f'`{key}`' for key in known)}"
        return f"there is no key `{name}`{where}{advice}"

    def _error(self, key: str, header: int, message: str) -> ConfigError:
        line = self._line_of(key, header)
        return ConfigError(f"{self._path}:{line}: {message}" if line else f"{self._path}: {message}")

    def _line_of(self, key: str, header: int) -> int | None:
        """Where the key stands, below line `header` if that is not 0, found in the text: the parser keeps no positions."""
        start = header or next((n for n, line in enumerate(self._lines) if re.match(r"\s*\[+\s*tool\.linearcheck\s*\]", line)), 0)
        pattern = re.compile(rf"""\s*(\[+\s*(tool\.linearcheck\.)?)?["']?{re.escape(key)}["']?\s*[=.\]]""")
        for number, line in enumerate(self._lines[start:], start + 1):
            if pattern.match(line):
                return number
        return header or None


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}.get(value, repr(value)) if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
