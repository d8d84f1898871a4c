"""A checkpoint's tensors by name, with shapes and dtypes: of one file, or of the several that an index names. Runs none of its code."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from linearcheck.load.checkpoints.errors import CheckpointError
from linearcheck.load.checkpoints.safetensors_files import looks_like_safetensors, read_safetensors
from linearcheck.load.checkpoints.states import State, states_in
from linearcheck.load.checkpoints.torch_files import foreign_names, read_pickles, read_zip
from linearcheck.trace.records import StateEntry

MOST_INDEX_BYTES = 64 << 20
MOST_FILES = 4096
_ALONE = ("model.safetensors.index.json", "pytorch_model.bin.index.json", "model.safetensors", "pytorch_model.bin")

Format = Literal["torch", "safetensors"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a checkpoint holds: every mapping in it that may be the state of a model.

    `foreign` are functions and classes beside torch's own that loading it as a pickle would call or build.
    """

    format: Format
    states: tuple[State, ...]
    foreign: tuple[str, ...] = ()


def read_checkpoint(path: Path, *, is_part: bool = False) -> Contents:
    """The states in a checkpoint, which is known by what stands in it and not by its name.

    Args:
        is_part: It is named by an index, and can be none itself.

    Raises:
        CheckpointError: If the file is not there, or is no checkpoint; the words go behind its name.
    """
    try:
        if path.is_dir():
            raise CheckpointError(_directory(path))
        if not path.is_file():
            raise CheckpointError("does not exist" if not path.exists() else "is not a regular file")
        with open(path, "rb") as file:
            contents = _read(file, path, is_part)
    except MemoryError:
        raise CheckpointError("cannot be read: it asks for more memory than there is") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not any(state.entries for state in contents.states):
        raise CheckpointError("holds no tensors by name")
    return contents


def _read(file: io.BufferedReader, path: Path, is_part: bool) -> Contents:
    n_bytes = os.fstat(file.fileno()).st_size
    if n_bytes == 0:
        raise CheckpointError("is empty")
    start = file.read(16)
    file.seek(0)
    if looks_like_safetensors(start, n_bytes) or path.suffix == ".safetensors":
        return Contents("safetensors", (State("", read_safetensors(file)),))
    if start.startswith(b"PK"):
        return _of_torch(read_zip(file))
    if start.lstrip()[:1] == b"{" and not is_part:
        return _indexed(file, path)
    return _of_torch(read_pickles(file))


def _of_torch(value: Any) -> Contents:
    return Contents("torch", states_in(value), foreign_names(value))


def _indexed(file: io.BufferedReader, path: Path) -> Contents:
    """The tensors of all files that an index names together."""
    data = file.read(MOST_INDEX_BYTES + 1)
    names = _shards(data)
    parts = []
    for name in names:
        shard = path.parent / name
        if Path(name).name != name or name in ("", ".", ".."):
            raise CheckpointError(f"names the file `{name}`, which does not lie beside it")
        try:
            part = read_checkpoint(shard, is_part=True)
        except CheckpointError as error:
            raise CheckpointError(f"names the file `{name}`, which {error}") from None
        if len(part.states) != 1:
            raise CheckpointError(f"names the file `{name}`, which is no part of a checkpoint")
        parts.append(part)
    entries = {entry.name: entry for part in parts for entry in part.states[0].entries}
    return Contents(parts[0].format, (State("", tuple(entries.values())),))


def _shards(data: bytes) -> list[str]:
    try:
        index: Any = json.loads(data) if len(data) <= MOST_INDEX_BYTES else None
        weights = index["weight_map"]
        names = list(dict.fromkeys(weights.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError("is a text, and not the index of a checkpoint: it has no `weight_map`") from None
    if not names or len(names) > MOST_FILES or not all(isinstance(name, str) for name in names):
        raise CheckpointError("is an index that names no files")
    return names


def _directory(path: Path) -> str:
    there = next((name for name in _ALONE if (path / name).is_file()), None)
    return f"is a directory; name a file in it{f', such as `{(path / there).as_posix()}`' if there else ''}"


__all__ = ["CheckpointError", "Contents", "State", "StateEntry", "read_checkpoint"]
