"""The words of a command line as far as they can be understood before the options are read properly. Needs nothing but Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linearcheck.environments import default_interpreter

FLAGS = frozenset((
    "--no-batch", "--train", "--strict", "--exit-zero", "--fix", "--unsafe-fixes", "--diff", "--statistics", "--no-cache",
    "--watch", "--quiet", "-q", "--verbose", "-v",
))  # fmt: skip
WITH_VALUE = frozenset((
    "--input-shape", "-s", "--size", "--inputs", "--init", "--arg", "--set", "--weights", "--import", "--output-format",
    "--output-file", "--select", "--ignore", "--extend-select", "--python", "--jobs", "--timeout", "--config", "--stdin-filename",
    "--baseline", "--write-baseline", "--shard",
))  # fmt: skip
"""The options of `check`; a test compares them with what the command declares."""

PRESENTATION = frozenset((
    "--output-format", "--output-file", "--quiet", "-q", "--verbose", "-v", "--statistics", "--strict", "--exit-zero", "--jobs",
))  # fmt: skip
"""Options that change what is shown of the results, and not the results."""


@dataclass(frozen=True, slots=True)
class Words:
    """`selection` are the words without those of presentation, each option in one word with its value."""

    targets: tuple[str, ...]
    selection: tuple[str, ...]
    options: frozenset[str]
    python: str


def read_words(words: Sequence[str]) -> Words | None:
    """The words by their kind; None where they are not the plain ones of a check."""
    targets: list[str] = []
    selection: list[str] = []
    options: set[str] = set()
    python = default_interpreter()
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=")
        if name in WITH_VALUE:
            if not equals and (value := next(remaining, "")) == "":
                return None
            if name == "--python":
                python = value
            whole = f"{name}={value}"
        elif word in FLAGS:
            name = whole = word
        elif word.startswith("-s"):
            name, whole = "-s", word
        elif word.startswith("-") and word != "-":
            return None
        else:
            targets.append(word)
            name, whole = "", word
        options.add(name)
        if name not in PRESENTATION:
            selection.append(whole)
    return Words(tuple(targets), tuple(selection), frozenset(options - {""}), python)
