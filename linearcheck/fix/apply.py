"""Repairs written to the disk, and shown as a patch. A file is whole at any moment: the old text or the new one."""

from __future__ import annotations

import difflib
import io
import os
import sysconfig
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linearcheck.findings import Edit, Report
from linearcheck.fix.repairs import Conflict, Repair, Verify, edits_by_path, plan_repairs
from linearcheck.fix.text import apply_edits, digest
from linearcheck.load.notebook_cells import CannotPutBack, NotANotebook, code_of, put_back
from linearcheck.replacing import put_in_place
from linearcheck.source_text import plain_text

__all__ = ["AppliedFixes", "apply_fixes", "plan_repairs", "render_diff"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not written, and why, in words for the user."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class AppliedFixes:
    """What was written, by which repairs; what clashed; which files could not be written."""

    written: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unsafe_left: int = 0


class CannotWrite(Exception):
    """A file that must not, or cannot, be changed."""


def apply_fixes(report: Report, *, unsafe: bool, verify: Verify | None = None, root: Path | None = None) -> AppliedFixes:
    """Write the report's tried fixes into the user's files, and say what was done. Never raises for one file's sake.

    Args:
        unsafe: Whether fixes that leave a choice are made too.
        verify: See `plan_repairs`.
        root: What the report's paths are relative to, by default the working directory.
    """
    plan = plan_repairs(report, unsafe=unsafe, verify=verify)
    base = root if root is not None else Path.cwd()
    written: list[str] = []
    refusals: list[Refusal] = []
    ready: list[tuple[str, Path, bytes]] = []
    for path, edits in edits_by_path(plan.repairs).items():
        try:
            known = {digest(report.sources[path]), *(d for r in plan.repairs for p, d in r.fix.digests if p == path)}
            ready.append((path, *_prepared(base / path, known, edits)))
        except CannotWrite as error:
            refusals.append(Refusal(path, str(error)))
    refused = {refusal.path for refusal in refusals}
    # A repair of several files is made whole or not at all.
    halved = {e.path for r in plan.repairs if any(e.path in refused for e in r.fix.edits) for e in r.fix.edits} - refused
    for path, target, data in ready:
        try:
            if path in halved:
                raise CannotWrite(f"`{path}` was not changed, because {' and '.join(f'`{p}`' for p in sorted(refused))} could not be")
            put_in_place(target, data)
            written.append(path)
        except (CannotWrite, OSError) as error:
            refusals.append(Refusal(path, str(error) if isinstance(error, CannotWrite) else _reason(path, error)))
    made = tuple(repair for repair in plan.repairs if all(edit.path in written for edit in repair.fix.edits))
    return AppliedFixes(tuple(written), made, plan.conflicts, tuple(refusals), plan.unsafe_left)


def _prepared(path: Path, traced: set[str], edits: Sequence[Edit]) -> tuple[Path, bytes]:
    """Where to write and what, in the file's own encoding and line ends.

    Raises:
        CannotWrite: If the file is not the user's, has changed since it was traced, or cannot hold the new text.
    """
    shown = str(path)
    target = path.resolve()
    if not is_users_own(target):
        raise CannotWrite(f"`{shown}` belongs to an installed package and was not changed")
    is_notebook = target.suffix == ".ipynb"
    try:
        data = target.read_bytes()
        encoding = "utf-8" if is_notebook else tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        text = data.decode(encoding)
        code = code_of(text) if is_notebook else text
    except (OSError, SyntaxError, UnicodeDecodeError, NotANotebook) as error:
        raise CannotWrite(_reason(shown, error)) from error
    if {digest(code)} != traced:
        raise CannotWrite(f"`{shown}` has changed since it was checked; check it again")
    if not os.access(target, os.W_OK):
        raise CannotWrite(f"`{shown}` is read-only")
    try:
        changed = apply_edits(code, edits)  # positions hold whatever the line ends are
        return target, (put_back(text, changed) if is_notebook else changed).encode(encoding)
    except CannotPutBack as error:
        raise CannotWrite(f"`{shown}` was not changed: {error}") from error
    except UnicodeEncodeError as error:
        raise CannotWrite(f"`{shown}` is encoded in {encoding}, which cannot hold the new text") from error


def is_users_own(path: Path) -> bool:
    """Whether a file may be edited: not one of an installed package or of Python itself."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(place and path.is_relative_to(Path(place).resolve()) for place in places)


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"`{path}` cannot be written: permission denied"
    if isinstance(error, OSError) and error.strerror:
        return f"`{path}` cannot be written: {error.strerror.lower()}"
    return f"`{path}` cannot be read as text"


def render_diff(report: Report, *, unsafe: bool, verify: Verify | None = None) -> str:
    """The repairs as a unified diff, "" where there is nothing to repair. Line ends are shown as `\\n`; colour is the caller's."""
    plan = plan_repairs(report, unsafe=unsafe, verify=verify)
    return "".join(diff_of(path, report.sources[path], text) for path, text in plan.texts.items())


def diff_of(path: str, old: str, new: str) -> str:
    """A unified diff of one file, in the form that `patch -p1` and `git apply` take."""
    before, after = _diff_lines(old), _diff_lines(new)
    shown = path.lstrip("/")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, f"a/{shown}", f"b/{shown}")
    )


def _diff_lines(text: str) -> list[str]:
    return io.StringIO(plain_text(text), newline="\n").readlines()
