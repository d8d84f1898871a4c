"""Which of the user's files a fix may have to look into: those that the traced files import, directly or through one another."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from linearcheck.fix.source import source_file

MOST_FILES = 40

ReadModule = Callable[[str], tuple[str, str] | None]


def with_imported_files(traced: Mapping[str, str], modules: Iterable[str], read: ReadModule) -> dict[str, str]:
    """The traced files' texts, and those of the modules that they import: a constant may be defined where nothing is called.

    Args:
        modules: Dotted names of all modules that are loaded, the user's and others.
        read: Path and text of a module by name; None where it is not the user's or cannot be read.
    """
    by_last_part: dict[str, list[str]] = {}
    for module in modules:
        by_last_part.setdefault(module.rpartition(".")[2], []).append(module)
    texts = dict(traced)
    waiting = list(texts)
    seen: set[str] = set()
    while waiting and len(texts) < MOST_FILES:
        path = waiting.pop(0)
        for name in dict.fromkeys(_imported_modules(path, texts[path])):
            for module in by_last_part.get(name.rpartition(".")[2], ()):
                if module in seen or not f".{module}".endswith(f".{name}"):
                    continue
                seen.add(module)
                found = read(module)
                if found is not None and found[0] not in texts:
                    texts[found[0]] = found[1]
                    waiting.append(found[0])
    return texts


def _imported_modules(path: str, text: str) -> Iterator[str]:
    try:
        nodes = source_file(path, text).nodes
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (name for name in (node.module, *(alias.name for alias in node.names)) if name and name != "*")
