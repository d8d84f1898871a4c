"""Shapes in a model's own words: `x: (batch, 1, N_MELS, FRAMES)` in a docstring, `# images: [B, 3, 32, 32]` at the head of `forward`.

Comments further down are about what layers have made, and are not read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from linearcheck.load.records import LoadedModel
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.spaces import Space
from linearcheck.source_text import source_lines

_BATCH = re.compile(
    r"^(n|b|bs|bsz|nb|batch|batch[_ -]?size|batches|minibatch|n_batch|num_samples|samples|\*|\.\.\.|-1|none)$", re.IGNORECASE
)
_COMMENT = re.compile(r"^\s*#\s?(.*)$|#\s?(.*)$")


def described_samples(loaded: LoadedModel, module: Any, argument: str, is_first: bool) -> Iterator[tuple[tuple[int | None, ...], str]]:
    """Sizes of one sample of an argument, None where a word is no number, each with where it is written."""
    space: Space = loaded.program.main().space
    names = {loaded.name, type(module).__name__}
    node = next((leaf.node for leaf in space.body.leaves if isinstance(leaf.node, ast.ClassDef) and leaf.node.name in names), None)
    if node is None:
        return
    words = f"{re.escape(argument)}|inputs?" if is_first else re.escape(argument)
    pattern = re.compile(rf"(?<![\w.])(?:{words})(?![\w(.])[^()\[\]]{{0,40}}[(\[]([^()\[\]]{{3,80}})[)\]]", re.IGNORECASE)
    for text, line in _texts(node, source_lines(space.source.text)):
        for found in pattern.finditer(text):
            sample = _sample(found[1], loaded, space)
            if sample is not None:
                yield sample, f"described at line {line + text[: found.start()].count(chr(10))}"


def _texts(node: ast.ClassDef, lines: list[str]) -> Iterator[tuple[str, int]]:
    """The docstrings of the class and of `forward`, and the comments around the head of `forward`, with their lines."""
    forward = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "forward"), None)
    for owner in (forward, node):
        if owner is not None and (text := ast.get_docstring(owner, clean=False)) is not None:
            yield text, owner.body[0].lineno
    if forward is None:
        return
    body = forward.body[1:] if ast.get_docstring(forward) is not None else forward.body
    first = forward.lineno
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    last = body[0].lineno - 1 if body else forward.lineno
    for number in range(first, min(last, len(lines)) + 1):
        if (comment := _COMMENT.search(lines[number - 1])) is not None:
            yield comment[1] or comment[2] or "", number


def _sample(text: str, loaded: LoadedModel, space: Space) -> tuple[int | None, ...] | None:
    parts = [part.strip(" `'\"") for part in re.split(r",|\s[x\u00d7]\s", text)]
    parts = [part for part in parts if part]
    if len(parts) < 2 or any(_BATCH.match(part) and _size(part, loaded, space) is None for part in parts[1:]):
        return None
    has_batch = _BATCH.match(parts[0]) is not None
    sizes = tuple(_size(part, loaded, space) for part in parts[has_batch:])
    is_told = any(size is not None for size in sizes) if has_batch else None not in sizes
    return sizes if is_told and sizes else None


def _size(word: str, loaded: LoadedModel, space: Space) -> int | None:
    word = word.rsplit("=", 1)[-1].strip()
    if word.isdigit():
        return int(word) or None
    given = next((value.value for value in loaded.init if value.name == word), None)
    if given is not None:
        return int(given) if given.isdigit() else None
    if not (word.isidentifier() and word.isupper() and len(word) > 1):
        return None
    try:
        value = space.look_up(word)
    except (Exception, Unavailable, OutsideEffect):
        return None
    return value if type(value) is int and value > 0 else None
