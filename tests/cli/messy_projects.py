"""A small project in one text, with what is expected of it: files as tutorials, kernels, exercises and research repositories have them.

The first lines say which models are found and what goes into them: `# model Net: x=(N, 3, 32, 32) inferred`, or
`# skipped Net: LC901 words of the reason`; a comment `# expect LC101 fc` stands on the line of a finding. `#### file: path` begins another
file of the project; `# notebook` makes the first one a notebook, cells begin at `# %%`; `# target path` names another target.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

EXPECTED = re.compile(r"# expect (LC\d{3})(?: ([\w.]+))?$")

Place = tuple[str, int | None, int, str, str]
"""Path, cell, line, code and layer of a finding."""


@dataclass(frozen=True)
class Messy:
    """A small project, with what is expected of its target."""

    target: str
    files: dict[str, str]
    models: list[str]
    skipped: list[str]
    findings: list[Place]


def messy(text: str) -> Messy:
    first, *others = text.split("#### file: ")
    files = dict(part.split("\n", 1) for part in others)
    heads = [line.removeprefix("# ") for line in first.splitlines() if line.startswith("# ")]
    target = next((head.removeprefix("target ") for head in heads if head.startswith("target ")), "train.py")
    findings: list[Place] = []
    if "notebook" in heads:
        target, cells = "train.ipynb", re.split(r"^# %%", first, flags=re.MULTILINE)[1:]
        kinds = ["markdown" if cell.startswith(" markdown") else "code" for cell in cells]
        texts = [cell.split("\n", 1)[1].rstrip("\n") for cell in cells]
        files[target] = json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {},
                "cells": [
                    {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True), "outputs": [], "execution_count": None}
                    for kind, text in zip(kinds, texts, strict=True)
                ],
            }
        )
        for number, text in enumerate(texts, 1):
            findings += _expected(target, text, number)
    elif target not in files:
        files[target] = first
    for name, text in files.items():
        findings += _expected(name, text, None)
    return Messy(target, files, _heads(heads, "model "), _heads(heads, "skipped "), sorted(findings, key=str))


def _heads(heads: list[str], kind: str) -> list[str]:
    return [head.removeprefix(kind) for head in heads if re.match(kind + r"\w+: ", head)]


def _expected(path: str, text: str, cell: int | None) -> list[Place]:
    matches = ((number, EXPECTED.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return [(path, cell, number, match[1], match[2] or "") for number, match in matches if match]
