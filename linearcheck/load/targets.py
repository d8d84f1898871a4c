"""Target syntax: `model.py`, `model.py:Net`, `model.py:Net(width=64)`, `package.module:Net`, `-`."""

from __future__ import annotations

import ast
from pathlib import Path

from linearcheck.job import Target

SOURCE_SUFFIXES = (".py", ".ipynb")


class TargetError(ValueError):
    """A target that says nothing sensible, as a usage error in words."""


def parse_target(text: str) -> Target:
    """The target that the text names; whether it exists is not looked at, save to tell a folder from a dotted module.

    Raises:
        TargetError: If the name after the colon, or its arguments, cannot be read.

    >>> parse_target("model.py:Net(width=64)")
    Target(place='model.py', name='Net', arguments={'width': '64'}, positional=(), is_module=False)
    >>> parse_target("package.module:Net").is_module
    True
    """
    text = text.strip()
    if not text:
        raise TargetError("the target is empty; a target is a file such as `model.py`, or `model.py:Net`")
    if "\0" in text:
        raise TargetError(f"the target {text!r} contains a null character")
    place, name_text = _split(text)
    if name_text is None:
        return Target(place, is_module=_is_dotted_module(place) and not Path(place).exists())
    name, positional, arguments = _parse_name(name_text, text)
    return Target(place, name, arguments, positional, is_module=_is_dotted_module(place))


def _split(text: str) -> tuple[str, str | None]:
    """Place and the text after the colon that ends it. Colons may stand in paths (`C:\\x.py`, `a:b/x.py`) and in arguments."""
    for suffix in SOURCE_SUFFIXES:  # `.py:` ends the place beyond doubt, so that a mistake after it is told as one
        place, colon, rest = text.partition(f"{suffix}:")
        if colon and "(" not in place:
            return place + suffix, rest
    if text.lower().endswith(SOURCE_SUFFIXES):
        return text, None
    for position, character in enumerate(text):
        if character == ":" and position and not _is_drive(text[: position + 1], text[position + 1 :]) and _is_name(text[position + 1 :]):
            return text[:position], text[position + 1 :]
    place, colon, rest = text.rpartition(":")
    if colon and _is_dotted_module(place) and not _is_drive(f"{place}:", rest):
        return place, rest
    return text, None


def _is_drive(head: str, tail: str) -> bool:
    return len(head) == 2 and head[0].isalpha() and tail[:1] in ("\\", "/")


def _is_name(text: str) -> bool:
    return isinstance(_expression(text), ast.Name | ast.Call)


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_dotted_module(place: str) -> bool:
    return not place.endswith(SOURCE_SUFFIXES) and all(part.isidentifier() for part in place.split("."))


def _parse_name(name_text: str, whole: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    if not name_text.strip():
        raise TargetError(f"`{whole}` has no name after the colon; write `{whole.rstrip(':')}`, or `{whole}Net` for one model")
    node = _expression(name_text)
    if isinstance(node, ast.Name):
        return node.id, (), {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise TargetError(f"`{name_text}` in the target `{whole}` is neither a name such as `Net` nor a call such as `Net(width=64)`")
    if any(isinstance(value, ast.Starred) for value in node.args) or any(keyword.arg is None for keyword in node.keywords):
        raise TargetError(f"`*` and `**` cannot be used in the target `{whole}`; write each argument out")
    source = name_text.strip()
    arguments: dict[str, str] = {}
    for keyword in node.keywords:
        if keyword.arg is not None:
            arguments[keyword.arg] = _segment(source, keyword.value)
    return node.func.id, tuple(_segment(source, value) for value in node.args), arguments


def _segment(source: str, node: ast.expr) -> str:
    return ast.get_source_segment(source, node) or ast.unparse(node)
