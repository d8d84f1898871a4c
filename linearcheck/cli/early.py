"""Start the worker before anything else is known, so that its import of torch runs beside our own imports.

That costs nothing where a check follows. Where the arguments look wrong it is left to the slow and thorough reading of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from linearcheck.worker.client import Worker, WorkerError, WorkerSettings

FLAGS = frozenset((
    "--no-batch", "--train", "--strict", "--exit-zero", "--fix", "--unsafe-fixes", "--diff", "--statistics", "--no-cache",
    "--quiet", "-q", "--verbose", "-v",
))  # fmt: skip
WITH_VALUE = frozenset((
    "--input-shape", "-s", "--size", "--inputs", "--init", "--arg", "--set", "--weights", "--import", "--output-format",
    "--output-file", "--select", "--ignore", "--extend-select", "--python", "--jobs", "--timeout", "--config", "--stdin-filename",
    "--baseline", "--write-baseline", "--shard",
))  # fmt: skip
"""The options of `check`; a test compares them with what the command declares."""


def start_worker_early(words: Sequence[str]) -> Worker | None:
    """A worker for the check that the words ask for, or None where they may not ask for one."""
    targets: list[str] = []
    python = sys.executable
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=")
        if name in WITH_VALUE and name.startswith("-"):
            if not equals and (value := next(remaining, "")) == "":
                return None
            if name == "--python":
                python = value
        elif word.startswith("-s") or word in FLAGS:
            continue
        elif word.startswith("-") and word != "-":
            return None
        else:
            targets.append(word)
    if not targets or not all(map(_may_be_a_target, targets)):
        return None
    try:
        return Worker(WorkerSettings(python))
    except WorkerError:  # said again, in words, when the options are read
        return None


def _may_be_a_target(word: str) -> bool:
    """Whether the word is `-`, names something that exists, or a dotted module with a name."""
    place, colon, _ = word.partition(".py:")
    if word == "-" or os.path.exists(place + ".py" if colon else word):
        return True
    module, colon, name = word.partition(":")
    return bool(colon) and bool(name) and all(part.isidentifier() for part in module.split("."))
