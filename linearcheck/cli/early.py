"""Start the worker before anything else is known, so that its import of torch runs beside our own imports.

That costs nothing where a check follows. Where the arguments look wrong it is left to the slow and thorough reading of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from linearcheck.cli.words import Words
from linearcheck.worker.client import Worker, WorkerError, WorkerSettings


def start_worker_early(words: Words | None) -> Worker | None:
    """A worker for the check that the words ask for, or None where they may not ask for one."""
    return None if words is None else started_for(words.targets, WorkerSettings(words.python))


def started_for(targets: Sequence[str], settings: WorkerSettings) -> Worker | None:
    """A worker for these targets, or None where they may not be any."""
    if not all(map(_may_be_a_target, targets)) or not any(map(_may_have_a_model, targets)):
        return None
    try:
        return Worker(settings)
    except WorkerError:  # said again, in words, when the options are read
        return None


def _may_be_a_target(word: str) -> bool:
    """Whether the word is `-`, names something that exists, or a dotted module with a name."""
    place, colon, _ = word.partition(".py:")
    if word == "-" or os.path.exists(place + ".py" if colon else word):
        return True
    module, colon, name = word.partition(":")
    return bool(colon) and bool(name) and all(part.isidentifier() for part in module.split("."))


def _may_have_a_model(word: str) -> bool:
    """Whether it is worth an import of torch to find out. A model that does without these words is checked a little later."""
    if not word.endswith(".py"):
        return True
    if not os.path.isfile(word):  # to open a pipe would wait for whoever writes into it
        return False
    try:
        with open(word, "rb") as file:
            text = file.read(1 << 20)
    except OSError:
        return False
    return any(sign in text for sign in (b"torch", b"Module", b"forward"))
