"""The Python files of a directory, as git sees them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".ipynb")
_NEVER = frozenset(("__pycache__", "node_modules", "site-packages", "__pypackages__"))


@dataclass(frozen=True, slots=True)
class _Ignore:
    """Patterns, and the folder that they are relative to."""

    folder: Path
    spec: GitIgnoreSpec

    def verdict(self, path: Path, is_folder: bool) -> bool | None:
        """True ignores the path, False takes it back in, None says nothing about it."""
        relative = path.relative_to(self.folder).as_posix() + ("/" if is_folder else "")
        return self.spec.check_file(relative).include


def source_files(folder: Path, exclude: Sequence[str] = (), exclude_folder: Path | None = None) -> Iterator[Path]:
    """Source files below the folder in alphabetical order, without what .gitignore files or the patterns of `exclude` leave out.

    Hidden folders, virtual environments and installed packages are left out as well; links to folders are not followed.
    """
    ignores = list(_ignores_above(folder))
    if exclude:
        base = exclude_folder if exclude_folder is not None and folder.is_relative_to(exclude_folder) else folder
        ignores.append(_Ignore(base, GitIgnoreSpec.from_lines(exclude)))
    yield from _walk(folder, ignores)


def matches(path: Path, patterns: Iterable[str], folder: Path) -> bool:
    """Whether a path lies below the folder and one of the patterns, written as in .gitignore, names it."""
    return path.is_relative_to(folder) and GitIgnoreSpec.from_lines(patterns).match_file(path.relative_to(folder).as_posix())


def _walk(folder: Path, ignores: list[_Ignore]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    ignores = [*ignores, *_ignore_in(folder)]
    for entry in entries:
        path = folder / entry.name
        try:
            is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file()
        except OSError:  # a link in a circle, or into a folder that may not be read
            continue
        if entry.name.startswith(".") or entry.name in _NEVER or _is_ignored(path, is_folder, ignores):
            continue
        if is_folder:
            if not os.path.exists(path / "pyvenv.cfg"):
                yield from _walk(path, ignores)
        elif entry.name.endswith(SUFFIXES) and is_file:
            yield path


def _is_ignored(path: Path, is_folder: bool, ignores: Iterable[_Ignore]) -> bool:
    verdicts = [verdict for ignore in ignores if (verdict := ignore.verdict(path, is_folder)) is not None]
    return bool(verdicts) and verdicts[-1]  # as in git, the file nearest to the path decides


def _ignores_above(folder: Path) -> Iterator[_Ignore]:
    """Those of the folders above, from the root of the git repository down; none outside of one."""
    root = next((parent for parent in (folder, *folder.parents) if os.path.exists(parent / ".git")), None)
    if root is None:
        return
    between = [parent for parent in reversed(folder.parents) if parent.is_relative_to(root)]
    yield from _ignore_at(root / ".git" / "info" / "exclude", root)
    for parent in between:
        yield from _ignore_in(parent)


def _ignore_in(folder: Path) -> Iterator[_Ignore]:
    yield from _ignore_at(folder / ".gitignore", folder)


def _ignore_at(path: Path, folder: Path) -> Iterator[_Ignore]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    yield _Ignore(folder, GitIgnoreSpec.from_lines(lines))
