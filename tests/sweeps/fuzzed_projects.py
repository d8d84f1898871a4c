"""Small projects whose main file is mutated: right and wrong models of other tests, with the files that they read beside them."""

from __future__ import annotations

import ast
import itertools
import random
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from tests.cli.messy_projects import messy
from tests.sweeps.mistakes import mistaken
from tests.sweeps.mutated_files import mutated, source_files

ONLY_MISTAKES = 0.9
_NEVER_TRACED = ("endless", "not_checked")
_SHAPE = re.compile(r"^# input: (\S+)$", re.MULTILINE)
_CELL = re.compile(r"^# %%.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """What is checked, the files that there are, and the input that the main file is known to take, "" if none is."""

    target: str
    files: dict[str, bytes]
    input_shape: str = ""


def projects_of(seed: int, first: int = 0) -> Iterator[tuple[int, Project]]:
    """Mutated projects by number, without end. Each depends on the seed and its own number alone."""
    texts = [path.read_text(encoding="utf-8") for path in source_files() if path.stem not in _NEVER_TRACED]
    for number in itertools.count(first):
        yield number, _project(texts, random.Random(f"{seed} {number}"))


def _project(texts: list[str], chance: random.Random) -> Project:
    text = chance.choice(texts)
    main, beside, others = text.partition("#### file: ")
    if "# notebook\n" in main:
        project = messy(_with_mistakes_in_cells(main, chance) + beside + others)
        return Project(project.target, {name: content.encode() for name, content in project.files.items()})
    data = _with_mistakes(main, chance).encode() if chance.random() < ONLY_MISTAKES else mutated(main, chance.choice(texts), chance)
    project = messy(text)
    name = project.target
    files = {name: content.encode() for name, content in project.files.items()} | {name: data}
    shape = _SHAPE.search(main)
    return Project(name, files, shape[1] if shape else "")


def _with_mistakes(text: str, chance: random.Random) -> str:
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        text = mistaken(text, chance)
    return text


def _with_mistakes_in_cells(text: str, chance: random.Random) -> str:
    cells = [cell.span() for cell in _CELL.finditer(text)]
    bodies = [(end, start) for (_, end), (start, _) in zip(cells, [*cells[1:], (len(text), 0)], strict=True)]
    with_classes = [(start, end) for start, end in bodies if _has_class(text[start:end])]
    start, end = chance.choice(with_classes or bodies)
    return text[:start] + _with_mistakes(text[start:end], chance) + text[end:]


def _has_class(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return any(isinstance(node, ast.ClassDef) for node in ast.parse(text).body)
    except SyntaxError:
        return False
