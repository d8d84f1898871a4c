"""Files of `torch.save`: zip archives (since 1.6), the older sequence of pickles, and plain pickles. Needs no torch, and runs nothing."""

from __future__ import annotations

import io
import mmap
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from linearcheck.load.checkpoints.errors import CheckpointError
from linearcheck.load.checkpoints.pickles import Global, Made, Stored, read_pickle
from linearcheck.load.checkpoints.tensors import storage_bytes, storage_key

MOST_PICKLE_BYTES = 256 << 20
_MAGIC = 0x1950A86A20F9469CFC6C
_ELSEWHERE = {
    b"\x89HDF\r\n\x1a\n": "is an HDF5 file (Keras), not a checkpoint of PyTorch",
    b"GGUF": "is a GGUF file, not a checkpoint of PyTorch",
    b"\x93NUMPY": "is a NumPy array, not a checkpoint of PyTorch",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"version https://git-lfs": "is only a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"<!DOCTYPE": "is a web page, not a checkpoint: the download went wrong",
    b"<html": "is a web page, not a checkpoint: the download went wrong",
}


def read_zip(file: io.BufferedReader) -> Any:
    """The object in a zip archive of `torch.save` or `torch.jit.save`.

    Raises:
        CheckpointError: If the archive is cut off or holds no such object.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            names = [name for name in sizes if name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)]
            if not names:
                raise CheckpointError(_other_archive(sizes))
            with archive.open(names[0]) as member:
                data = member.read(MOST_PICKLE_BYTES + 1)
    except zipfile.BadZipFile:
        raise CheckpointError("is a zip archive that is cut off or damaged: the list at its end is missing") from None
    except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise CheckpointError(f"is a zip archive that is damaged: {_words(error)}") from None
    if len(data) > MOST_PICKLE_BYTES:
        raise CheckpointError(f"describes its tensors in more than {MOST_PICKLE_BYTES >> 20} MB, which no checkpoint needs")
    value = read_pickle(io.BytesIO(data))
    _check_storages(value, names[0].removesuffix("data.pkl"), sizes)
    return value


def _other_archive(sizes: dict[str, int]) -> str:
    if any(name.endswith(".npy") for name in sizes):
        return "is an archive of NumPy arrays, not a checkpoint of PyTorch"
    inside = [name for name in sizes if name.endswith((".pt", ".pth", ".ckpt", ".bin", ".safetensors"))]
    advice = f"; unpack it, the checkpoint may be `{inside[0]}` in it" if inside else ""
    return f"is a zip archive without the `data.pkl` of a checkpoint{advice}"


def _check_storages(value: Any, folder: str, sizes: dict[str, int]) -> None:
    """The values themselves are not read, but they have to be there."""
    for storage in storages_in(value):
        key, n_bytes = storage_key(storage), storage_bytes(storage)
        if key is None:
            continue
        there = sizes.get(f"{folder}data/{key}", sizes.get(f"{folder}constants/{key}"))
        if there is None and f"{folder}constants.pkl" not in sizes:
            raise CheckpointError("is damaged: values that it describes are not in it")
        if there is not None and n_bytes is not None and there < n_bytes:
            raise CheckpointError("is damaged: it holds fewer values than it describes")


def storages_in(value: Any) -> list[Stored]:
    """Every storage that an object refers to, each once."""
    found: dict[str, Stored] = {}
    for item in _parts_of(value):
        if isinstance(item, Stored) and (key := storage_key(item)) is not None:
            found.setdefault(key, item)
    return list(found.values())


def _parts_of(value: Any) -> Iterator[Any]:
    """An object and all that it is made of, each once."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        match item:
            case dict():
                pending += item.values()
            case list() | tuple():
                pending += item
            case Made():
                pending += [*item.arguments, item.state, item.items, item.appended]


def read_pickles(file: io.BufferedReader) -> Any:
    """The object in a file of `torch.save` before 1.6, or in a plain pickle.

    Raises:
        CheckpointError: If it is neither.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = bytes(data[:64])
        for sign, words in _ELSEWHERE.items():
            if start.startswith(sign):
                raise CheckpointError(words)
        if bytes(data[257:262]) == b"ustar":
            raise CheckpointError("is a tar archive; checkpoints of PyTorch before 0.2 are not read, save it again with a newer version")
        if not start.startswith(b"\x80"):
            raise CheckpointError("is no checkpoint: neither of `torch.save` nor safetensors")
        first = read_pickle(data)
        if first != _MAGIC:
            return first
        read_pickle(data)  # the protocol's version
        read_pickle(data)  # about the machine that saved it
        value = read_pickle(data)
        keys = read_pickle(data)
        _check_length(value, len(data) - data.tell(), keys)
    return value


def _check_length(value: Any, left: int, keys: Any) -> None:
    """Behind the pickles stands every storage, its length before it."""
    known = [n_bytes for storage in storages_in(value) if (n_bytes := storage_bytes(storage)) is not None]
    if isinstance(keys, list) and sum(known) + 8 * len(known) > left:
        raise CheckpointError(f"is cut off: it describes {sum(known):,} bytes of values, and {left:,} are there")


_OF_TORCH = (
    "torch.",
    "collections.",
    "numpy.",
    "builtins.set",
    "builtins.frozenset",
    "__builtin__.set",
    "__torch__",
    "_codecs.encode",
    "?",
)


def foreign_names(value: Any) -> tuple[str, ...]:
    """Functions and classes, beside torch's own, that loading this object as a pickle would call or build; by name."""
    found: set[str] = set()
    for item in _parts_of(value):
        if isinstance(item, Global):
            found.add(item.name)
        elif isinstance(item, Made):
            found.add(item.function)
    return tuple(sorted(name for name in found if not name.startswith(_OF_TORCH)))


def _words(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
