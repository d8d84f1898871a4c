"""A configuration to start from: what was found out about each model, as TOML with its reasons, and its place in a file that exists."""

from __future__ import annotations

import ast
import codecs
import json
import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from linearcheck.findings import InputReport, ModelReport
from linearcheck.load.grammar import InputShapeError, ParsedShape, parse_input_shape
from linearcheck.report.visible import visible
from linearcheck.sizes import depends_on

_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\]#]*?)\s*\]\]?\s*(#.*)?$")
_OWN = re.compile(r"""["']?tool["']?\s*\.\s*["']?linearcheck["']?(\s*\..*)?$""")
_INTRODUCTION = (
    "Written by `linearcheck init`: the models that it found, with what goes into each and where that came from.",
    "A shape that is wrong or only a guess is changed here; an entry that is taken out is found out anew.",
)


class PlacementError(Exception):
    """The section cannot be put into the file without changing something else in it."""


def section_of(models: Sequence[ModelReport], prefix: str) -> str:
    """The tables of all models; those that could not be checked stand in comments, with what is missing.

    Args:
        prefix: `tool.linearcheck.` in a pyproject.toml, "" in a linearcheck.toml.
    """
    blocks = ["\n".join(f"# {line}" for line in _INTRODUCTION)]
    blocks += ["\n".join(_entry(model, prefix)) for model in models]
    return "\n\n".join(blocks) + "\n"


def _entry(model: ModelReport, prefix: str) -> Iterator[str]:
    target = f"{model.path}:{model.name}" if model.name else model.path
    if model.status == "skipped":
        yield from _missing(model, prefix, target)
        return
    yield f"[[{prefix}models]]"
    yield f"target = {_string(target)}"
    for given in model.inputs:
        yield f"# {_comment(f'{given.name}: {given.source}: {given.why}' if given.why else f'{given.name}: {given.source}')}"
    if model.inputs and _are_readable(model.inputs):
        yield f"input-shape = [{', '.join(_string(text) for text in shape_texts(model.inputs))}]"
        if not any(size == "N" or (not isinstance(size, str) and depends_on(size)) for given in model.inputs for size in given.shape):
            yield "no-batch = true"
    yield from _arguments(model)


def _arguments(model: ModelReport) -> Iterator[str]:
    chosen = [value for value in model.init if value.source != "default"]
    plain: list[str] = []
    for value in chosen:
        text = _toml(value.value)
        said = value.why or value.source
        if text is None:
            yield f"# {_comment(f'{value.name} = {value.value}: {said}; it is no plain value, and found out at every check')}"
        else:
            plain.append(f"{_key(value.name)} = {text}")
            yield f"# {_comment(f'{value.name}: {said}')}"
    if plain:
        yield f"init = {{{', '.join(plain)}}}"


def _missing(model: ModelReport, prefix: str, target: str) -> Iterator[str]:
    yield f"# {_comment(f'{target} was not checked: {model.reason}')}"
    codes = set()
    for diagnostic in model.diagnostics:
        codes.add(diagnostic.code)
        if diagnostic.explanation:
            yield f"# {_comment(diagnostic.explanation)}"
    yield f"# [[{prefix}models]]"
    yield f"# target = {_string(target)}"
    said = " ".join(diagnostic.explanation for diagnostic in model.diagnostics)
    shapes = dict.fromkeys(re.findall(r"--input-shape (\w[\w.]*)=", said))
    if shapes or "LC902" in codes:
        yield "# input-shape = [" + (", ".join(f'"{name}=..."' for name in shapes) or '"..."') + "]"
    for key in ("init", "arg", "set"):
        if names := dict.fromkeys(re.findall(rf"--{key} (\w+)=", said)):
            yield f"# {key} = {{{', '.join(f'{name} = ...' for name in names)}}}"


def shape_texts(inputs: Sequence[InputReport]) -> tuple[str, ...]:
    """Inputs in the words of `--input-shape`; the name is left out where there is only one of them.

    >>> shape_texts([InputReport("ids", ("N", 16), "int64", "solved")])
    ('N,16:int64',)
    """
    alone = len(inputs) == 1 and "." not in inputs[0].name
    return tuple(_shape_text(given, named=not alone or not given.shape) for given in inputs)


def _are_readable(inputs: Sequence[InputReport]) -> bool:
    """Whether the shapes can be written so that they are read again; the others are found out at every check."""
    try:
        return [parse_input_shape(text).axes for text in shape_texts(inputs)] == [_axes(given) for given in inputs]
    except InputShapeError:
        return False


def _axes(given: InputReport) -> tuple[int | str, ...]:
    return tuple(size if isinstance(size, int) else str(size) for size in given.shape)


def _shape_text(given: InputReport, *, named: bool) -> str:
    dtype = given.dtype if given.dtype != "float32" else None
    return str(ParsedShape("", _axes(given), given.name if named else None, dtype, given.fill))


def _toml(source: str) -> str | None:
    """The TOML of a Python literal; None where there is none."""
    try:
        return _value(ast.literal_eval(source))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 1 << 63:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):  # a tuple would come back as a list
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return f"{{{', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())}}}"
    raise ValueError


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return visible(" ".join(text.split()))


def has_section(text: str) -> bool:
    """Whether a pyproject.toml has `[tool.linearcheck]`.

    Raises:
        PlacementError: If it is not valid TOML.
    """
    return "linearcheck" in _tool(_parsed(text))


def with_section(text: str, section: str) -> str:
    """A pyproject.toml with the section at its end, and a section that it had taken out. All else stays as it is, each byte of it.

    Raises:
        PlacementError: If that cannot be done.
    """
    before = _parsed(text)
    ends = "\r\n" if "\r\n" in text else "\n"
    kept = _without_section(text) if has_section(text) else text
    gap = "" if not kept else ends if kept.endswith("\n") else ends * 2
    gap = "" if kept.endswith(ends * 2) else gap
    after = kept + gap + section.replace("\n", ends)
    if _others(_parsed(after)) != _others(before):
        raise PlacementError("the section cannot be put at its end without changing other tables")
    return after


def _without_section(text: str) -> str:
    kept: list[str] = []
    inside = False
    pending: list[str] = []
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line.rstrip("\r\n"))
        if header is not None:
            inside = _OWN.match(header["name"]) is not None
        elif line.strip() == f"# {_INTRODUCTION[0]}":
            inside = True
        if not inside:
            kept += [*pending, line]
            pending = []
        elif not line.strip() or line.lstrip().startswith("#"):
            pending.append(line)  # a comment above the next table belongs to that
        else:
            pending = []
    return "".join(kept)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix(codecs.BOM_UTF8.decode()))
    except tomllib.TOMLDecodeError as error:
        raise PlacementError(f"it is not valid TOML: {error}") from None


def _tool(data: dict[str, Any]) -> dict[str, Any]:
    tool = data.get("tool", {})
    return tool if isinstance(tool, dict) else {}


def _others(data: dict[str, Any]) -> dict[str, Any]:
    """All but the section; a `tool` that holds nothing else counts as none."""
    rest = {key: value for key, value in _tool(data).items() if key != "linearcheck"}
    return {**{key: value for key, value in data.items() if key != "tool"}, **({"tool": rest} if rest else {})}
