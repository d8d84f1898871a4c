"""The user's files as text and syntax tree: encodings, byte order marks, notebooks, and what is wrong with a file in words."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from linearcheck.load.notebook_cells import NotANotebook, cells_in, code_of, is_code
from linearcheck.load.records import LoadError

MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Source:
    """One file. `text` is decoded, without a byte order mark, its line ends as they stand.

    Of a notebook, `text` is all code cells one after the other, and `cells` the line on which each begins with its number.
    """

    path: Path
    text: str
    shown: str
    cells: tuple[tuple[int, int], ...] = ()

    @cached_property
    def tree(self) -> ast.Module:
        """Raises LoadError LC901 where the text is not Python."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, filename=str(self.path))
        except SyntaxError as error:
            raise self._not_python(error) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise LoadError("LC901", f"`{self.shown}` cannot be parsed as Python: {error}", str(self.path)) from None

    def refuse_what_python_refuses(self) -> None:
        """Raises LoadError LC901 where the text can be parsed and Python runs none of it: a `return` outside a function, say."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(self.tree, str(self.path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self.cells else 0, dont_inherit=True)
        except SyntaxError as error:
            raise self._not_python(error) from None
        except (ValueError, RecursionError, MemoryError):
            return  # parts of it may do

    def _not_python(self, error: SyntaxError) -> LoadError:
        detail = (error.msg or "not Python").split(" (")[0]
        where = f"line {error.lineno}" if error.lineno else "the file"
        return LoadError("LC901", f"`{self.shown}` is not valid Python: {where}: {detail}", str(self.path), error.lineno)

    def cell_of(self, line: int) -> int | None:
        """Number of the notebook's cell that a line stands in, counted from 1 over all cells."""
        return next((number for first, number in reversed(self.cells) if first <= line), None)


def read_source(path: Path, overlay: Mapping[str, str] | None = None, shown: str | None = None) -> Source:
    """The file's text, or the overlay's where it has one for this absolute path.

    Raises:
        LoadError: LC901, if there is no such file or it holds no text.
    """
    shown = shown if shown is not None else display_path(path)
    changed = (overlay or {}).get(str(path))
    text = changed if changed is not None else _decode(_read_bytes(path, shown), path, shown)
    if path.suffix == ".ipynb":
        return _notebook(path, text, shown, is_changed=changed is not None)
    return Source(path, text, shown)


def cells_of(path: str) -> tuple[tuple[int, int], ...]:
    """See `Source.cells`; none of a file that cannot be read."""
    try:
        return read_source(Path(path).absolute()).cells
    except LoadError:
        return ()


def display_path(path: Path | str, working_directory: str | Path | None = None) -> str:
    """The path relative to the working directory where it lies below it, with forward slashes."""
    base = Path(working_directory) if working_directory is not None else Path.cwd()
    try:
        return Path(path).relative_to(base.absolute()).as_posix()
    except ValueError:
        return Path(path).as_posix()


def _read_bytes(path: Path, shown: str) -> bytes:
    try:
        if path.is_dir():
            raise LoadError("LC901", f"`{shown}` is a folder, not a file", str(path))
        if path.exists() and not path.is_file():
            raise LoadError("LC901", f"`{shown}` is not a regular file", str(path))
        if path.stat().st_size > MAX_BYTES:
            raise LoadError("LC901", f"`{shown}` is too large to be a model definition ({path.stat().st_size:,} bytes)", str(path))
        return path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise LoadError("LC901", f"`{shown}` is a link to `{os.readlink(path)}`, which is not there", str(path)) from None
        raise LoadError("LC901", f"there is no file `{shown}`{_nearest_file(path)}", str(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LoadError("LC901", f"`{shown}` cannot be read: {reason}", str(path)) from None


def _nearest_file(path: Path) -> str:
    import difflib

    try:
        names = [entry.name for entry in os.scandir(path.parent) if entry.name.endswith((".py", ".ipynb"))]
    except (OSError, ValueError):
        return ""
    nearest = difflib.get_close_matches(path.name, names, 1)
    return f"; the nearest in that folder is `{nearest[0]}`" if nearest else ""


def _decode(data: bytes, path: Path, shown: str) -> str:
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError("LC901", f"`{shown}` is a binary file, not Python source", str(path))
    if path.suffix == ".ipynb":
        encoding = "utf-8-sig"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError("LC901", f"`{shown}` is encoded in UTF-16, which Python does not run; save it as UTF-8", str(path))
    else:
        try:
            head = data[:1000].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
        except SyntaxError as error:
            if re.search(rb"coding[:=]", head):
                raise LoadError("LC901", f"`{shown}` cannot be decoded: {error.msg}", str(path)) from None
            encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LoadError("LC901", f"`{shown}` is not {encoding} text: line {line} cannot be decoded", str(path), line) from None


def _notebook(path: Path, text: str, shown: str, *, is_changed: bool) -> Source:
    """The code of a notebook; a changed one may be at hand as code already."""
    try:
        code = text if is_changed and is_code(text) else code_of(text)
    except NotANotebook:
        raise LoadError("LC901", f"`{shown}` is not a Jupyter notebook", str(path)) from None
    return Source(path, code, shown, cells_in(code))
