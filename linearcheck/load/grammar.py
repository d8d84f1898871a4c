"""The grammar of `--input-shape`: `[name=]sizes[:dtype][=fill]`, one text at a time, without looking at a model.

1,28,28            one sample (no axis is named)
N,1,28,28          as written
ids=N,128:int64    the argument `ids`, with its dtype
h.0=2,N,64         the first item of the tuple `h`
8*N,N*T            products
lengths=N:int64=16 every element is 16
t=                 a scalar
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from linearcheck.sizes import shape_text

MAX_RANK = 32
MAX_SIZE = 2**40

DTYPES = {
    **{name: name for name in ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")},
    **{name: name for name in ("complex32", "complex64", "complex128", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2")},
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "byte": "uint8",
}


class InputShapeError(ValueError):
    """An `--input-shape` that cannot be read, or that does not go with the others or with `forward`."""


@dataclass(frozen=True, slots=True)
class ParsedShape:
    """One `--input-shape` as written. An axis is a size, a letter or name (`"N"`), or a product (`"8*N"`, `"N*T"`)."""

    text: str
    axes: tuple[int | str, ...]
    name: str | None = None
    dtype: str | None = None
    fill: float | None = None

    @property
    def has_letters(self) -> bool:
        return any(isinstance(axis, str) for axis in self.axes)

    @property
    def sizes_text(self) -> str:
        return ",".join(str(axis) for axis in self.axes)

    def __str__(self) -> str:
        """The shape in the words of `--input-shape`, so that it can be parsed again."""
        name = "" if self.name is None else f"{self.name}="
        dtype = "" if self.dtype is None else f":{self.dtype}"
        fill = "" if self.fill is None else f"={self.fill:g}"
        sizes = self.sizes_text
        if fill and not name and not dtype and len(self.axes) == 1:
            sizes = f"({sizes})"  # `N=0.5` would be an input of the name `N`
        return f"{name}{sizes}{dtype}{fill}"


_NAME = re.compile(r"\s*([^\W\d]\w*(?:\.\w+)*)\s*=(.*)", re.DOTALL)
_LETTER = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\d+", re.ASCII)


def parse_input_shape(text: str) -> ParsedShape:
    """What one `--input-shape` says.

    Raises:
        InputShapeError: With the mistake in words.

    >>> parse_input_shape("1,28,28").axes
    (1, 28, 28)
    >>> parse_input_shape("lengths=N:int64=16")
    ParsedShape(text='lengths=N:int64=16', axes=('N',), name='lengths', dtype='int64', fill=16.0)
    >>> parse_input_shape("t=").axes
    ()
    """
    rest = text
    name = None
    if (named := _NAME.fullmatch(rest)) is not None:
        name, rest = named[1], named[2]
    rest, equals, fill_text = rest.partition("=")
    rest, colon, dtype_text = rest.partition(":")
    if "=" in fill_text:
        raise InputShapeError(f"`{text}` has one `=` too many: a shape is `name=sizes:dtype=value`")
    axes = _parse_sizes(rest, text)
    dtype = _parse_dtype(dtype_text, text) if colon else None
    fill = _parse_fill(fill_text, text) if equals else None
    return ParsedShape(text, axes, name, dtype, fill)


def _parse_sizes(sizes: str, whole: str) -> tuple[int | str, ...]:
    sizes = sizes.strip()
    for opening, closing in ("()", "[]"):  # `(1, 28, 28)`, as Python prints a shape
        if sizes.startswith(opening) and sizes.endswith(closing):
            sizes = sizes[1:-1].strip()
            if sizes.endswith(","):
                sizes = sizes[:-1]
    if not sizes:
        return ()
    parts = [part.strip() for part in sizes.split(",")]
    if len(parts) == 1 and re.fullmatch(r"\w+([xX]\w+)+", parts[0]) and re.fullmatch(r"[\dxXN]+", parts[0]):
        raise InputShapeError(f"`{whole}` has no commas; write `{re.sub('[xX]', ',', parts[0])}`")
    if len(parts) > MAX_RANK:
        raise InputShapeError(f"`{_short(whole)}` has {len(parts)} axes; at most {MAX_RANK} can be checked")
    return tuple(_parse_axis(part, whole) for part in parts)


def _parse_axis(part: str, whole: str) -> int | str:
    if not part:
        raise InputShapeError(f"`{_short(whole)}` has an empty size between two commas")
    if re.fullmatch(r"-\s*\d+", part):
        raise InputShapeError(f"`{part}` in `{whole}` is negative; write the size itself, or a letter such as `T` for a size that may vary")
    number = 1
    letters: list[str] = []
    for factor in (factor.strip() for factor in part.split("*")):
        if _NUMBER.fullmatch(factor):
            if len(factor) > 15 or int(factor) > MAX_SIZE:
                raise InputShapeError(f"the size {_short(factor)} in `{_short(whole)}` is too large to check")
            number *= int(factor)
        elif _LETTER.fullmatch(factor):
            letters.append(factor)
        else:
            raise InputShapeError(_not_a_size(part, whole))
    if number == 0:
        raise InputShapeError(f"`{_short(whole)}` has an axis of size 0, which holds no elements")
    if number > MAX_SIZE:
        raise InputShapeError(f"the size {part} in `{_short(whole)}` is too large to check")
    if not letters:
        return number
    return "*".join([*([str(number)] if number > 1 else []), *sorted(letters)])


def _not_a_size(part: str, whole: str) -> str:
    where = f"`{_short(part)}` in `{_short(whole)}`" if part != whole else f"`{_short(part)}`"
    if re.fullmatch(r"\d*\.\d+|\d+\.\d*", part):
        return f"{where} is not a whole number"
    return f"{where} is not a size; a size is a number (`28`), a letter (`N`, `T`) or a product (`8*N`), with commas in between"


def _parse_dtype(dtype: str, whole: str) -> str:
    bare = dtype.strip().removeprefix("torch.")
    if (known := DTYPES.get(bare)) is not None:
        return known
    if not bare:
        raise InputShapeError(f"`{whole}` has no dtype after the colon; write for example `{whole.split(':')[0]}:int64`")
    nearest = difflib.get_close_matches(bare, DTYPES, 1)
    advice = f"; the nearest is `{nearest[0]}`" if nearest else "; for example `float32`, `int64` or `bool`"
    raise InputShapeError(f"`{_short(bare)}` in `{_short(whole)}` is not a dtype{advice}")


def _parse_fill(fill: str, whole: str) -> float:
    words = {"true": 1.0, "false": 0.0}
    try:
        value = words.get(fill.strip().lower())
        value = float(fill) if value is None else value
    except ValueError:
        raise InputShapeError(f"`{_short(fill)}` in `{_short(whole)}` is not a number to fill the input with") from None
    if math.isnan(value):
        raise InputShapeError(f"`{whole}` fills the input with a value that is not a number")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def written(axes: tuple[int | str, ...]) -> str:
    """A shape as messages show it.

    >>> written(("N", 1, 28, 28))
    '(N, 1, 28, 28)'
    """
    return shape_text(axes)
