"""Which files belong to the user's project, and which of them an import statement means. Nothing here imports anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from linearcheck.job import Target
from linearcheck.load.records import LoadError
from linearcheck.load.sources import Source, display_path, read_source

ROOT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "linearcheck.toml")


_OWN_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass
class Project:
    """The folders that imports of the target file are looked up in, best first, and every source read so far.

    `roots` begins with the folder that holds the target's topmost package (for a script its own folder). `fallbacks` are the folders
    above it up to the root of the repository, for scripts that are run from there.
    """

    target: Path
    module_name: str
    roots: list[Path]
    fallbacks: list[Path]
    overlay: Mapping[str, str] = field(default_factory=dict)
    working_directory: Path = field(default_factory=Path.cwd)
    sources: dict[Path, Source] = field(default_factory=dict)

    def source(self, path: Path) -> Source:
        """Raises LoadError where the file cannot be read."""
        found = self.sources.get(path)
        if found is None:
            found = self.sources[path] = read_source(path, self.overlay, self.shown(path))
        return found

    def shown(self, path: Path | str) -> str:
        return display_path(path, self.working_directory)

    def locate(self, name: str, fallbacks: bool = False) -> Path | None:
        """The file of a module, or the folder of a namespace package, that the dotted name means inside the project."""
        parts = name.split(".")
        if not all(parts):
            return None
        for root in [*self.roots, *(self.fallbacks if fallbacks else [])]:
            if (found := self._in_root(root, parts)) is not None:
                return found
        return None

    def _in_root(self, root: Path, parts: list[str]) -> Path | None:
        place = root.joinpath(*parts)
        for candidate in (place / "__init__.py", place.with_name(place.name + ".py")):
            if str(candidate) in self.overlay or _is_file(candidate):
                return candidate
        # A folder without `__init__.py` is a package too, but only one with Python files in it is taken for one: `data/` is not.
        if _is_dir(place) and any(place.glob("*.py")):
            return place
        return None

    def is_user_file(self, path: str) -> bool:
        """Whether code at this absolute path is the user's own, and not an installed package's."""
        candidate = Path(path)
        if candidate in self.sources or path in self.overlay:
            return True
        if "site-packages" in candidate.parts or "dist-packages" in candidate.parts or path.startswith("<"):
            return False
        if candidate.is_relative_to(_OWN_PACKAGE):  # also where it is installed from a checkout that the model lies in
            return False
        return any(candidate.is_relative_to(root) for root in [*self.roots[:1], *self.fallbacks]) and not _in_stdlib(path)


def open_project(target: Target, overlay: Mapping[str, str], working_directory: str) -> Project:
    """The project that a target's file lies in.

    Raises:
        LoadError: LC901, if a dotted module cannot be found.
    """
    base = Path(working_directory).absolute()
    path = _module_file(target.place, base, overlay) if target.is_module else Path(_normal(base / os.path.expanduser(target.place)))
    root, name = _package_root(path, overlay)
    roots = [root] if root == path.parent else [root, path.parent]
    fallbacks = [folder for folder in _folders_above(root, base) if folder not in roots]
    return Project(path, name, roots, fallbacks, overlay, base)


def _package_root(path: Path, overlay: Mapping[str, str]) -> tuple[Path, str]:
    """Folder that holds the file's topmost package, and the file's dotted name from there."""
    names = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (
        (_is_file(folder / "__init__.py") or str(folder / "__init__.py") in overlay)
        and folder.name.isidentifier()
        and folder.parent != folder
    ):
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names) or path.parent.name


def _folders_above(root: Path, base: Path) -> list[Path]:
    above: list[Path] = []
    folder = root
    for _ in range(8):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            break
        if folder == folder.parent or folder == Path.home():
            above = []
            break
        folder = folder.parent
        above.append(folder)
    else:
        above = []
    if base not in above and root.is_relative_to(base):
        above.append(base)
    return above


def _module_file(name: str, base: Path, overlay: Mapping[str, str]) -> Path:
    parts = name.split(".")
    search = [base, base / "src", *(Path(entry) for entry in sys.path if entry)]
    for root in search:
        place = root.joinpath(*parts)
        for candidate in (place / "__init__.py", place.with_name(place.name + ".py")):
            if _is_file(candidate) or str(candidate) in overlay:
                return Path(_normal(candidate.absolute()))
    raise LoadError("LC901", f"there is no module `{name}`, neither in the working directory nor installed")


def _normal(path: Path) -> str:
    import os

    return os.path.normpath(path)  # not resolve(): a linked file is reported where the user named it


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _in_stdlib(path: str) -> bool:
    import sysconfig

    return path.startswith(sysconfig.get_paths()["stdlib"])
