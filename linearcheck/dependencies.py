"""The state of what a result depends on, to be written down beside it and compared later. Needs the standard library alone."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linearcheck.worker.recording import Seen

Dependency = tuple[str, str]
"""A kind and its argument: `path`, `kind`, `list`, `sources` and `link` take a path, `word` a path and a word in the next line; `variable`
a name, `module` a name and where to look for it, `interpreter` a program, `package` an entry of a folder of installed packages, `roots` a
folder of that kind or of PYTHONPATH."""
States = dict[Dependency, str]

ABSENT = "absent"
EVERY_VARIABLE = "*"
_WHOLE_BYTES = 64 << 20
"""A larger file, such as a checkpoint, is known by its size and times: reading it would take longer than the check."""
_PASSING_BYTES = 50_000
"""Files above some size are not searched for words; whatever that size is, one that changes above this is looked at again."""
_CLOCK_NANOSECONDS = 20_000_000
"""Times of files lag behind the clock by up to a tick of the kernel."""
_INSTALLED = ("site-packages", "dist-packages")
_SUFFIXES = (".py", ".ipynb")


def digest(*parts: str | bytes) -> str:
    """A short name for texts; the order counts, and where one ends and the next begins."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()


class World:
    """States as they are now, each found out once."""

    def __init__(self) -> None:
        self._states: States = {}
        self._names: dict[str, frozenset[str]] = {}
        self._owners: dict[str, dict[str, set[str]]] = {}
        self._texts: dict[str, bytes | None] = {}

    def state(self, dependency: Dependency) -> str:
        found = self._states.get(dependency)
        if found is None:
            kind, argument = dependency
            try:
                found = str(getattr(self, f"_{kind}")(argument))
            except (OSError, ValueError) as error:
                found = f"{type(error).__name__}"
            self._states[dependency] = found
        return found

    def holds(self, states: Iterable[Sequence[str]]) -> bool:
        """Whether everything is as it was written down, as triples of kind, argument and state."""
        return all(self.state((kind, argument)) == was for kind, argument, was in states)

    def _path(self, path: str) -> str:
        status = _status(path)
        if isinstance(status, str):
            return status
        if not stat.S_ISREG(status.st_mode):
            return "special"
        if status.st_size > _WHOLE_BYTES:
            return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        with open(path, "rb") as file:
            return digest(file.read())

    def _kind(self, path: str) -> str:
        """What a path leads to, and the size of what is too large to be read in passing."""
        status = _status(path)
        if isinstance(status, str):
            return status
        return f"file of {status.st_size}" if status.st_size > _PASSING_BYTES else "file"

    def _word(self, argument: str) -> str:
        """Whether a word stands in a file."""
        path, _, word = argument.partition("\n")
        if path not in self._texts:
            try:
                with open(path, "rb") as file:
                    self._texts[path] = file.read()
            except (FileNotFoundError, NotADirectoryError):
                self._texts[path] = None
        text = self._texts[path]
        if text is None:
            return ABSENT
        return "there" if word.encode("utf-8", "surrogateescape") in text else "not there"

    def _interpreter(self, path: str) -> str:
        """A Python: the program itself, by size and times, and the virtual environment that it stands in."""
        status = os.stat(path)
        configuration = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(path))), "pyvenv.cfg")
        facts = f"{os.path.realpath(path)} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        return digest(facts, self.state(("path", configuration)))

    def _link(self, path: str) -> str:
        return os.readlink(path)

    def _list(self, path: str) -> str:
        with os.scandir(path) as entries:
            return digest(*sorted(f"{entry.name}{'/' * entry.is_dir()}" for entry in entries))

    def _sources(self, path: str) -> str:
        """The entries of a folder that count when it is searched for models."""
        with os.scandir(path) as entries:
            kept = [(entry.name, entry.is_dir()) for entry in entries]
        return digest(*sorted(name + "/" * is_folder for name, is_folder in kept if _is_searched(name, is_folder)))

    def _variable(self, name: str) -> str:
        if name == EVERY_VARIABLE:
            return digest(*(part for item in sorted(os.environ.items()) for part in item))
        value = os.environ.get(name)
        return ABSENT if value is None else digest(value)

    def _module(self, argument: str) -> str:
        """The first folder that holds a top-level module, as the arguments' first line names it and its others the folders."""
        name, *folders = argument.split("\n")
        return next((folder for folder in folders if name in self._names_in(folder)), ABSENT)

    def _names_in(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(entry.partition(".")[0] for entry in os.listdir(folder))
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def _package(self, path: str) -> str:
        """What is installed under a name: its distributions, by the list of their files with their digests."""
        folder, name = os.path.split(path)
        plain = name.partition(".")[0]
        owners = self._owners_in(folder)
        own = owners.get(_plain(plain), set()) | owners.get(plain, set())
        if own:
            return digest(*(part for info in sorted(own) for part in (info, self._installed_files(os.path.join(folder, info)))))
        # Put there by hand, or by a distribution that does not say so: all that is installed, and what can be seen of it.
        return digest(*sorted(set().union(*owners.values())), *_tree(path))

    def _owners_in(self, folder: str) -> dict[str, set[str]]:
        """For each name in a folder of installed packages, its distributions: those called so, and those that say that it is theirs."""
        if folder not in self._owners:
            owners: dict[str, set[str]] = {}
            for info in self._entries(folder):
                if info.endswith((".dist-info", ".egg-info")):
                    owners.setdefault(_plain(info.partition("-")[0].removesuffix(".egg-info")), set()).add(info)
                    try:
                        with open(os.path.join(folder, info, "top_level.txt"), encoding="utf-8", errors="replace") as file:
                            tops = file.read().split()
                    except OSError:  # few have one
                        continue
                    for top in tops:
                        owners.setdefault(top, set()).add(info)
            self._owners[folder] = owners
        return self._owners[folder]

    def _installed_files(self, info: str) -> str:
        for name in ("RECORD", "installed-files.txt", "PKG-INFO"):
            state = self.state(("path", os.path.join(info, name) if os.path.isdir(info) else info))
            if state != ABSENT:
                return state
        return ABSENT

    def _roots(self, folder: str) -> str:
        """What a folder of `sys.path` adds to the path, and for one of the user's own which modules are in it."""
        entries = self._entries(folder)
        if os.path.basename(folder) in _INSTALLED:
            return digest(*(self.state(("path", os.path.join(folder, name))) for name in entries if name.endswith(".pth")))
        return digest(*sorted(name.partition(".")[0] for name in entries if name.endswith((".py", ".so", ".pyd")) or "." not in name))

    def _entries(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except OSError:
            return []


def dependencies_of(seen: Seen, not_of_the_user: Iterable[str] = ()) -> dict[Dependency, bool | None]:
    """What a result depends on that was made from what has been seen, with what is known of whether it was there.

    Args:
        not_of_the_user: Variables that linearcheck itself sets for the process that has asked for them.
    """
    found: dict[Dependency, bool | None] = {}
    found |= {("path", path): True for path in seen.present} | {("path", path): False for path in seen.absent}
    found |= {("kind", path): True for path in seen.met} | {("word", f"{path}\n{word}"): True for path, word in seen.words}
    found |= {("link", path): True for path in seen.links}
    found |= {("list", path): None for path in seen.listed} | {("sources", path): None for path in seen.searched}
    found |= {("variable", name): None for name in seen.variables if name not in set(not_of_the_user)}
    where = "\n".join(seen.search)
    found |= {("module", f"{name}\n{where}"): None for name in seen.names}
    found |= {("package", path): None for path in seen.packages}
    found |= {("roots", path): None for path in seen.search if not _is_standard(path)}
    return found


def states_of(dependencies: Iterable[tuple[Dependency, bool | None]], world: World, since_ns: int) -> States | None:
    """The states of dependencies; None where one may have changed since it was seen, which was at the earliest at `since_ns`."""
    states: States = {}
    for dependency, was_there in dependencies:
        kind, argument = dependency
        state = world.state(dependency)
        if was_there is not None and was_there == (state == ABSENT):
            return None
        if kind in ("path", "list", "sources", "word") and state != ABSENT and not (kind == "path" and state == "folder"):
            try:
                status = os.stat(argument.partition("\n")[0] if kind == "word" else argument)
            except OSError:
                return None
            if max(status.st_mtime_ns, status.st_ctime_ns if os.name == "posix" else 0) >= since_ns - _CLOCK_NANOSECONDS:
                return None
        states[dependency] = state
    return states


def without_repetition(states: States) -> States:
    """The states without what others say already: of a file whose content counts, whether it is there and what stands in it."""
    return {
        (kind, argument): state
        for (kind, argument), state in states.items()
        if kind not in ("kind", "word") or ("path", argument.partition("\n")[0]) not in states
    }


def as_triples(states: States) -> list[list[str]]:
    return [[kind, argument, state] for (kind, argument), state in sorted(states.items())]


def _status(path: str) -> os.stat_result | str:
    """Of what a path leads to; a word where there is nothing, or a folder."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    return "folder" if stat.S_ISDIR(status.st_mode) else status


def _is_searched(name: str, is_folder: bool) -> bool:
    if name.startswith("."):
        return name == ".gitignore"
    return name != "__pycache__" and (is_folder or name.endswith(_SUFFIXES))


def _is_standard(path: str) -> bool:
    """Python's own folders, whose content its version tells."""
    return path == os.path.dirname(os.__file__) or path.endswith((".zip", "lib-dynload")) or (os.name == "nt" and path.endswith("DLLs"))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _tree(path: str) -> list[str]:
    """Names, sizes and times of the files under a path."""
    if not os.path.isdir(path):
        status = os.stat(path)
        return [f"{status.st_size} {status.st_mtime_ns}"]
    found: list[str] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            status = os.stat(os.path.join(folder, name))
            found.append(f"{os.path.join(folder, name)} {status.st_size} {status.st_mtime_ns}")
    return found
