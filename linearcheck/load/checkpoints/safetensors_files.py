"""The header of a safetensors file: names, shapes and dtypes as JSON. The values are not read.

Source: https://github.com/huggingface/safetensors#format, 8 bytes of length, then the header, of at most 100 MB.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any

from linearcheck.load.checkpoints.errors import CheckpointError
from linearcheck.trace.records import StateEntry

MOST_HEADER_BYTES = 100_000_000
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}  # fmt: skip


def looks_like_safetensors(start: bytes, n_bytes: int) -> bool:
    """Whether a file begins with a length that fits into it, and with a JSON object."""
    return len(start) >= 10 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= min(MOST_HEADER_BYTES, max(n_bytes, 10**7))


def read_safetensors(file: io.BufferedReader) -> tuple[StateEntry, ...]:
    """The tensors of a file, in the order of their values.

    Raises:
        CheckpointError: If the header is not one, or promises more than the file holds.
    """
    n_bytes = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if n_bytes < 8 or length > n_bytes - 8:
        raise CheckpointError("is cut off: its header does not fit into it")
    if length > MOST_HEADER_BYTES:
        raise CheckpointError("has a header of more than 100 MB, which safetensors does not allow")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise CheckpointError("has a header that is not valid JSON") from None
    if not isinstance(header, dict):
        raise CheckpointError("has a header that does not list tensors")
    found = sorted((_entry(name, item) for name, item in header.items() if name != "__metadata__"), key=lambda pair: pair[0])
    end = max((end for (_, end), _ in found), default=0)
    if end > n_bytes - 8 - length:
        raise CheckpointError(f"is cut off: its header promises {end:,} bytes of values, and {n_bytes - 8 - length:,} are there")
    return tuple(entry for _, entry in found)


def _entry(name: str, item: Any) -> tuple[tuple[int, int], StateEntry]:
    try:
        shape, (begin, end) = item["shape"], item["data_offsets"]
        right = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in (*shape, begin, end))
    except (TypeError, KeyError, ValueError):
        right = False
    if not right:
        raise CheckpointError(f"has a header that does not say the shape of `{name}`")
    return (begin, end), StateEntry(name, tuple(shape), _DTYPES.get(str(item.get("dtype")), str(item.get("dtype")).lower()))
