"""What a piece of work reads of the world outside: files, folders, what it looked for in vain, environment variables, packages.

A cached result holds as long as all of that is as it was. Files and folders are heard from Python's audit events, what is looked for from
`os.stat` and its like, which have no event, and from a finder that is asked last. Needs the standard library alone.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import source_from_cache
from typing import Any

_PROCESSES = frozenset((
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn", "os.startfile",
    "os.startfile/2", "webbrowser.open",
))  # fmt: skip
_WRITING_FLAGS = os.O_WRONLY | os.O_TRUNC | os.O_EXCL
_INSTALLED = ("site-packages", "dist-packages")
_NATIVE_READERS = ("safetensors", "h5py", "lmdb", "netCDF4", "rasterio", "tables", "pyarrow", "cv2", "sentencepiece", "tokenizers", "zarr")
"""Packages that open files without Python's knowledge."""
_NOT_FILES = ("/proc/", "/sys/", "/dev/")
_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_STANDARD = tuple(os.path.join(path, "") for name in ("stdlib", "platstdlib") if (path := sysconfig.get_paths().get(name)))

EVERY_VARIABLE = "*"

_real_stat, _real_lstat, _real_access, _real_readlink = os.stat, os.lstat, os.access, os.readlink


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, as absolute paths and names.

    `present` and `absent` are files and folders that were opened or looked for, by whether they were there; `links` are symbolic links on
    the way to them. `met` are those of which linearcheck itself asked what they are, and did not read them; `words` are files, each with a
    word that it was read for and nothing else. `listed` are folders that the user's code listed, `searched` those that linearcheck itself
    looked for source files in. `names` are top-level modules that were imported or looked for, along `search`. `packages` are the
    installed ones among them, as `folder/name`. `obstacle` says why the result may depend on something else, "" if it cannot.
    """

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    obstacle: str = ""


@dataclass
class _Modules:
    """Where modules come from that have been imported: names, installed packages, and files of no package."""

    names: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


_known_modules: dict[str, None] = {}
_known = _Modules()


def note_imported_modules() -> None:
    """Look through the modules that are there before any work starts, so that each piece of work looks at its own only."""
    _known_modules.update(dict.fromkeys(sys.modules))
    _collect(tuple(sys.modules.items()), _known)


def _collect(modules: Iterable[tuple[str, Any]], into: _Modules) -> None:
    for name, module in modules:
        path = module.__dict__.get("__file__") if isinstance(module, types.ModuleType) else None
        if not isinstance(path, str) or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        package = installed_package(path)
        if package is not None:
            into.packages.add(package)
            into.names.add(name.partition(".")[0])
        elif _is_outside(path):
            into.files.add(os.path.abspath(path))


def installed_package(path: str) -> str | None:
    """The entry of a folder of installed packages that a path lies in.

    >>> installed_package("/v/lib/python3.12/site-packages/yaml/__init__.py").replace(os.sep, "/")
    '/v/lib/python3.12/site-packages/yaml'
    """
    parts = path.split(os.sep)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] in _INSTALLED:
            return os.sep.join(parts[: index + 2])
    return None


def _is_outside(path: str) -> bool:
    """Whether a path lies neither in Python, nor in linearcheck, nor in an installed package."""
    return not path.startswith((*_STANDARD, _OURS, *_NOT_FILES)) and installed_package(path) is None and not path.startswith("<")


class Recorder:
    """Records what is read while `recording()` is open. One at a time in a process."""

    def __init__(self) -> None:
        self._presence: dict[str, bool] = {}
        self._met: set[str] = set()
        self._words: set[tuple[str, str]] = set()
        self._searching: tuple[str, str] | None = None
        self._links: set[str] = set()
        self._listed: set[str] = set()
        self._searched: set[str] = set()
        self._variables: set[str] = set()
        self._own_variables: set[str] = set()
        self._written: set[str] = set()
        self._modules = _Modules()
        self._is_paused = False
        self.obstacle = ""

    @contextmanager
    def recording(self) -> Iterator[None]:
        global _recorder
        _install_hook()
        finder = _LastFinder(self)
        sys.meta_path.append(finder)
        undo = _patch(self)
        before, _recorder = _recorder, self
        try:
            yield
        finally:
            _recorder = before
            undo()
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)

    @contextmanager
    def paused(self, is_paused: bool = True) -> Iterator[None]:
        """For what linearcheck itself does meanwhile, such as starting the process of a trial."""
        before, self._is_paused = self._is_paused, is_paused
        try:
            yield
        finally:
            self._is_paused = before

    def seen(self, *, with_modules: bool = True) -> Seen:
        """All that has been read so far, and what the modules of this process have been imported from."""
        obstacle = self.obstacle
        if with_modules:
            new = [(name, module) for name, module in list(sys.modules.items()) if name not in _known_modules]
            _collect(new, self._modules)
            for path in self._modules.files:
                self._presence.setdefault(path, True)
            obstacle = obstacle or self._native_reader(new)
            self._modules.names |= _known.names
            self._modules.packages |= _known.packages
            for path in _known.files:
                self._presence.setdefault(path, True)
        return Seen(
            present=tuple(sorted(path for path, is_there in self._presence.items() if is_there)),
            absent=tuple(sorted(path for path, is_there in self._presence.items() if not is_there)),
            met=tuple(sorted(self._met - self._presence.keys())),
            words=tuple(sorted(self._words)),
            links=tuple(sorted(self._links)),
            listed=tuple(sorted(self._listed)),
            searched=tuple(sorted(self._searched - self._listed)),
            variables=tuple(sorted(self._variables)),
            names=tuple(sorted(self._modules.names)),
            search=tuple(dict.fromkeys(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str))),
            packages=tuple(sorted(self._modules.packages)),
            obstacle=obstacle,
        )

    def add(self, seen: Seen) -> None:
        """Take in what another recorder has seen."""
        self._presence = {**dict.fromkeys(seen.absent, False), **dict.fromkeys(seen.present, True), **self._presence}
        self._met.update(seen.met)
        self._words.update(seen.words)
        self._links.update(seen.links)
        self._listed.update(seen.listed)
        self._searched.update(seen.searched)
        self._variables.update(seen.variables)
        self._modules.names.update(seen.names)
        self._modules.packages.update(seen.packages)
        self.obstacle = self.obstacle or seen.obstacle

    def _native_reader(self, new: Sequence[tuple[str, object]]) -> str:
        """A package that was imported, opens files unseen, and is spoken of in one of the files that were read."""
        tops = {name.partition(".")[0] for name, _ in new}
        imported = [name for name in _NATIVE_READERS if name in tops]
        for path in self._presence if imported else ():
            if path.endswith((".py", ".ipynb")) and self._presence[path]:
                try:
                    with open(path, "rb") as file:
                        text = file.read(1 << 22)
                except OSError:
                    continue
                for name in imported:
                    if name.encode() in text:
                        return f"reads files with {name}"
        return ""

    # What the hooks and patches below report.

    def opens(self, path: object, mode: object, flags: object) -> None:
        name = _absolute(path)
        if name is None:
            return
        creates = (
            any(letter in mode for letter in "wxa") if isinstance(mode, str) else isinstance(flags, int) and bool(flags & _WRITING_FLAGS)
        )
        if creates:
            self._written.add(name)
        elif name not in self._written:
            if self._searching is not None and self._searching[0] == name:
                self._words.add(self._searching)
                self._searching = None
                return
            if name.endswith(".pyc"):
                name = _source_of(name)
            self.looks_for(name)

    def searches(self, path: str, word: str) -> None:
        """The next time that the file is opened, it is for this word alone."""
        name = _absolute(path)
        self._searching = None if name is None else (name, word)

    def asks_about(self, name: str, caller: str) -> None:
        """A file's status is asked for. What the user's code makes of a size or a time is not known, so its content counts then."""
        if caller.startswith(_OURS) and _is_outside(name) and _exists(name):
            self._met.add(name)
        else:
            self.looks_for(name)

    def looks_for(self, name: str, is_there: bool | None = None) -> None:
        if name in self._presence or name in self._written:
            return
        package = installed_package(name)
        if package is not None:
            self._modules.packages.add(package)
        elif _is_outside(name):
            self._presence[name] = _exists(name) if is_there is None else is_there

    def meets_link(self, name: str) -> None:
        if _is_outside(name):
            self._links.add(name)

    def lists(self, path: object) -> None:
        caller = _first_caller(3)
        if caller == "<frozen importlib._bootstrap_external>":
            return  # what an import finds there, or does not, is known by name
        name = _absolute(os.curdir if path is None else path)
        if name is not None and _is_outside(os.path.join(name, "")) and os.path.basename(name) not in _INSTALLED:
            (self._searched if caller.startswith(_OURS) else self._listed).add(name)

    def does_not_find(self, name: str, path: Sequence[str] | None) -> None:
        if self._is_paused:
            return
        top, _, last = name.rpartition(".")
        if not top:
            self._modules.names.add(name)
            return
        for folder in path or ():
            if isinstance(folder, str):
                self.looks_for(os.path.join(os.path.abspath(folder), last), False)
                self.looks_for(os.path.join(os.path.abspath(folder), f"{last}.py"), False)

    def asks_for(self, variable: str) -> None:
        if variable not in self._own_variables:
            self._variables.add(variable)

    def sets(self, variable: str) -> None:
        if variable not in self._variables:
            self._own_variables.add(variable)

    @property
    def is_listening(self) -> bool:
        return not self._is_paused


_recorder: Recorder | None = None
_has_hook = False


def _install_hook() -> None:
    global _has_hook
    if not _has_hook:
        sys.addaudithook(_audit)  # it cannot be taken away again, and does nothing while nobody records
        _has_hook = True


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    recorder = _recorder
    if recorder is None or not recorder.is_listening:
        return
    try:
        if event == "open":
            recorder.opens(*arguments)
        elif event == "linearcheck.searches":
            recorder.searches(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            recorder.lists(arguments[0])
        elif event in ("ctypes.dlopen", "sqlite3.connect"):
            name = arguments[0]
            if isinstance(name, str) and os.path.dirname(name):
                recorder.looks_for(os.path.abspath(name))
        elif event in _PROCESSES:
            recorder.obstacle = "starts a process"
        elif event.startswith("socket."):
            recorder.obstacle = "opens a socket"
    except Exception as error:  # in the middle of the user's code: an unforeseen argument must not stop it
        recorder.obstacle = f"{event}: {type(error).__name__}"


class _LastFinder:
    """Finds nothing. It is asked for what no other finder has found."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        self._recorder.does_not_find(name, path)


def _patch(recorder: Recorder) -> Callable[[], None]:
    """Let `os.stat` and its like, and the environment, tell the recorder what they are asked for; how to undo that."""
    undo: list[Callable[[], None]] = []

    def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, make(original))
        undo.append(lambda: setattr(owner, name, original))

    def telling(function: Any) -> Any:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if recorder.is_listening and options.get("dir_fd") is None and (name := _absolute(path)) is not None:
                recorder.asks_about(name, _first_caller(2))
            return function(path, *arguments, **options)

        call.__name__ = call.__qualname__ = function.__name__
        return call

    def telling_links(function: Any) -> Any:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if recorder.is_listening and options.get("dir_fd") is None and (name := _absolute(path)) is not None:
                if _is_link(name):
                    recorder.meets_link(name)
                else:
                    recorder.asks_about(name, _first_caller(2))
            return function(path, *arguments, **options)

        call.__name__ = call.__qualname__ = function.__name__
        return call

    replace(os, "stat", telling)
    replace(os, "access", telling)
    replace(os, "lstat", telling_links)
    replace(os, "readlink", telling_links)
    for name in ("exists", "isfile", "isdir"):  # written in C on some systems, where they do not call `os.stat`
        if isinstance(getattr(os.path, name), types.BuiltinFunctionType):
            replace(os.path, name, telling)
    _patch_environment(recorder, replace)

    def undo_all() -> None:
        for step in reversed(undo):
            step()

    return undo_all


def _patch_environment(recorder: Recorder, replace: Callable[[Any, str, Callable[[Any], Any]], None]) -> None:
    def reading(function: Any) -> Any:
        def getitem(self: Any, key: Any) -> Any:
            if recorder.is_listening:
                recorder.asks_for(os.fsdecode(key) if isinstance(key, bytes) else str(key))
            return function(self, key)

        return getitem

    def changing(function: Any) -> Any:
        def change(self: Any, key: Any, *value: Any) -> Any:
            if recorder.is_listening:
                recorder.sets(os.fsdecode(key) if isinstance(key, bytes) else str(key))
            return function(self, key, *value)

        return change

    def iterating(function: Any) -> Any:
        def iterate(self: Any) -> Any:
            if recorder.is_listening:
                recorder.asks_for(EVERY_VARIABLE)
            return function(self)

        return iterate

    environment = type(os.environ)
    replace(environment, "__getitem__", reading)
    replace(environment, "__setitem__", changing)
    replace(environment, "__delitem__", changing)
    replace(environment, "__iter__", iterating)


def _first_caller(depth: int) -> str:
    """The file of the code that asks for something, behind those of the standard library that do it for others."""
    frame = sys._getframe(depth)
    while frame.f_back is not None and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename


def _is_library(path: str) -> bool:
    return path == "<frozen os>" or (path.startswith(_STANDARD) and installed_package(path) is None)


def _absolute(path: object) -> str | None:
    if isinstance(path, int) or not isinstance(path, str | bytes | os.PathLike):
        return None
    try:
        text = os.fsdecode(path)
        return os.path.normpath(os.path.join(os.getcwd(), text)) if text and "\0" not in text else None
    except (OSError, ValueError, TypeError):
        return None


def _exists(name: str) -> bool:
    try:
        _real_stat(name)
    except (OSError, ValueError):
        return False
    return True


def _is_link(name: str) -> bool:
    try:
        return stat.S_ISLNK(_real_lstat(name).st_mode)
    except (OSError, ValueError):
        return False


def _source_of(name: str) -> str:
    try:
        return source_from_cache(name)
    except ValueError:
        return name
