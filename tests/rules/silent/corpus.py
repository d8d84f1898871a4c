"""Models of the silent rules' tests, each checked as if it stood alone in its file.

A model is a class with a comment `# input: N,3,32,32; N:int64` right above it; several inputs are separated by `;`, and `no batch`
stands for the option. Comments `# LC503` at the end of lines say what is found there, `# LC503 in Tagger` where a helper is right in
other models. Everything that a model does not use is blanked out, so that line numbers stay and numbers of other models are not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).parent / "models"
_INPUT = re.compile(r"#\s*input:\s*(.+)$")
_EXPECTED = re.compile(r"#\s*(LC\d{3})(?:\s+in\s+(\w+))?\s*$")


@dataclass(frozen=True)
class Model:
    """One model of a file, with the source that it needs and the (code, line) pairs that are right."""

    path: Path
    name: str
    inputs: tuple[str, ...]
    has_batch: bool
    source: str
    expected: frozenset[tuple[str, int]]

    @property
    def id(self) -> str:
        return f"{self.path.stem}-{self.name}"


def models(pattern: str = "*.py") -> Iterator[Model]:
    for path in sorted(MODELS.glob(pattern)):
        yield from models_of(path)


def models_of(path: Path) -> Iterator[Model]:
    text = path.read_text()
    lines = text.splitlines()
    tree = ast.parse(text)
    defined = {name: node for node in tree.body for name in _names_defined(node)}
    for node in tree.body:
        match = _INPUT.search(lines[node.lineno - 2]) if isinstance(node, ast.ClassDef) and node.lineno > 1 else None
        if match is None or not isinstance(node, ast.ClassDef):
            continue
        kept = _needed(node, defined)
        shown = [line if number in kept else "" for number, line in enumerate(lines, 1)]
        expected = frozenset(
            (found[1], number)
            for number, line in enumerate(shown, 1)
            if (found := _EXPECTED.search(line)) and found[2] in (None, node.name)
        )
        # What is expected must not be read as an input shape or anything else that the text says.
        source = "\n".join(_EXPECTED.sub("", line).rstrip() for line in shown) + "\n"
        inputs = [part.strip() for part in match[1].split(";")]
        yield Model(path, node.name, tuple(part for part in inputs if part != "no batch"), "no batch" not in inputs, source, expected)


def _names_defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []


def _needed(model: ast.stmt, defined: dict[str, ast.stmt]) -> set[int]:
    """Lines of a model and of everything at module level that it uses, directly or not."""
    queue, seen = [model], {id(model)}
    for node in queue:
        for name in (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)):
            other = defined.get(name)
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                queue.append(other)
    return {line for node in queue for line in range(_first_line(node), (node.end_lineno or node.lineno) + 1)}


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
