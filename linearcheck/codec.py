"""Frozen dataclasses to JSON and back, for what crosses from one process to the other or into the cache.

Fields that hold their default are left out, so that a message says only what is special about it. The reader is
directed by the declared types and refuses what does not fit them: what comes from a child that ran the user's code is not trusted.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from linearcheck.sizes import NamedSize, parse_size

Json = Any
T = TypeVar("T")

_CLASS = "$"


class CodecError(ValueError):
    """The data is not what its declared type says."""


def encode(value: object) -> Json:
    """What `json.dumps` takes, for any nest of dataclasses, tuples, dicts with text keys, enums, sizes and plain values.

    >>> encode((4, NamedSize(("N",))))
    [4, 'N']

    Raises:
        CodecError: If a value is of any other type.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, NamedSize) and _survives_as_text(value):
        return str(value)
    if isinstance(value, Fraction):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {_CLASS: type(value).__name__} | {
            field.name: encode(item) for field in fields(value) if not _is_default(field, item := getattr(value, field.name))
        }
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {_text_key(key): encode(item) for key, item in value.items()}
    raise CodecError(f"a {type(value).__name__} cannot be written as JSON")


def decode(kind: type[T], data: Json) -> T:
    """The value of declared type `kind` that `encode` wrote.

    >>> decode(tuple[int | NamedSize, ...], ["2*N", 10])[1]
    10

    Raises:
        CodecError: If the data does not fit the type.
    """
    read: Callable[[Json], T] = _decoder(kind)  # type: ignore[arg-type]  # types are hashable, `type[T]` does not say so
    return read(data)


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise CodecError(f"a {type(key).__name__} cannot be a key in JSON")
    return key


def _survives_as_text(size: NamedSize) -> bool:
    try:
        return parse_size(str(size)) == size
    except ValueError:
        return False


def _is_default(field: Field[Any], value: object) -> bool:
    if field.default is not MISSING:
        return type(field.default) is type(value) and bool(field.default == value)
    if field.default_factory is not MISSING:
        return bool(field.default_factory() == value)
    return False


@cache
def _decoder(kind: Any) -> Callable[[Json], Any]:
    """A function that reads one declared type; built once per type."""
    if kind is Any or kind is object:
        return lambda data: data
    if kind is None or kind is type(None):
        return _exactly("nothing", lambda data: data is None)
    if kind in (bool, str):
        return _exactly(kind.__name__, lambda data: type(data) is kind)
    if kind is int:
        return _exactly("int", lambda data: type(data) is int)
    if kind is float:
        return _float
    if kind is NamedSize:
        return _named_size
    if kind is Fraction:
        return _fraction
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _exactly(f"one of {arguments}", lambda data: data in arguments)
    if origin in (Union, types.UnionType):
        return _union_decoder(arguments)
    if origin is tuple:
        return _tuple_decoder(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_decoder(_decoder(arguments[1]))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_decoder(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_decoder(kind)
    raise CodecError(f"{kind!r} has no form in JSON")


def _exactly(what: str, fits: Callable[[Json], bool]) -> Callable[[Json], Any]:
    def read(data: Json) -> Any:
        if not fits(data):
            raise CodecError(f"{_short(data)} is not {what}")
        return data

    return read


def _float(data: Json) -> float:
    if type(data) not in (int, float):
        raise CodecError(f"{_short(data)} is not float")
    return float(data)


def _named_size(data: Json) -> NamedSize:
    if isinstance(data, dict):  # one whose text would be read as another size, such as `100 - N`
        size = _dataclass_decoder(NamedSize)(data)
    else:
        try:
            size = parse_size(data) if isinstance(data, str) else None
        except ValueError as error:
            raise CodecError(str(error)) from None
    if not isinstance(size, NamedSize):
        raise CodecError(f"{_short(data)} is not a named size")
    return size


def _fraction(data: Json) -> Fraction:
    try:
        return Fraction(data)
    except (ValueError, TypeError, ZeroDivisionError):
        raise CodecError(f"{_short(data)} is not a fraction") from None


def _union_decoder(arguments: tuple[Any, ...]) -> Callable[[Json], Any]:
    # Text is read as a size before it is taken as text: "N" is the batch, "*" stays what it is.
    ordered = sorted(arguments, key=lambda kind: (kind is str, kind is float))
    tagged = {kind.__name__: kind for kind in arguments if isinstance(kind, type) and is_dataclass(kind)}

    def read(data: Json) -> Any:
        if isinstance(data, bool) and int in arguments and bool not in arguments:
            data = int(data)  # `nn.Linear(True, 4)` has a size of 1
        if isinstance(data, dict) and (kind := tagged.get(data.get(_CLASS, ""))) is not None:
            return _decoder(kind)(data)
        for kind in ordered:
            try:
                return _decoder(kind)(data)
            except CodecError:
                continue
        raise CodecError(f"{_short(data)} is none of {', '.join(getattr(kind, '__name__', str(kind)) for kind in arguments)}")

    return read


def _tuple_decoder(arguments: tuple[Any, ...]) -> Callable[[Json], Any]:
    def read(data: Json) -> Any:
        if not isinstance(data, list):
            raise CodecError(f"{_short(data)} is not a list")
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            item = _decoder(arguments[0])
            return tuple(item(part) for part in data)
        if len(arguments) != len(data):
            raise CodecError(f"{_short(data)} has not {len(arguments)} items")
        return tuple(_decoder(kind)(part) for kind, part in zip(arguments, data, strict=True))

    return read


def _mapping_decoder(item: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def read(data: Json) -> Any:
        if not isinstance(data, dict):
            raise CodecError(f"{_short(data)} is not an object")
        return {key: item(value) for key, value in data.items()}

    return read


def _enum_decoder(kind: type[Enum]) -> Callable[[Json], Any]:
    def read(data: Json) -> Any:
        try:
            return kind(data)
        except ValueError:
            raise CodecError(f"{_short(data)} is no {kind.__name__}") from None

    return read


def _dataclass_decoder(kind: type) -> Callable[[Json], Any]:
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}

    def read(data: Json) -> Any:
        if not isinstance(data, dict):
            raise CodecError(f"{_short(data)} is no {kind.__name__}")
        if data.get(_CLASS, kind.__name__) != kind.__name__:
            raise CodecError(f"{data[_CLASS]!r} is no {kind.__name__}")
        values = {name: value for name, value in data.items() if name != _CLASS}
        if unknown := values.keys() - names:
            raise CodecError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        try:
            return kind(**{name: _decoder(hints[name])(value) for name, value in values.items()})
        except TypeError as error:  # a field without default is missing
            raise CodecError(str(error)) from None

    return read


def _short(data: Json) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."
