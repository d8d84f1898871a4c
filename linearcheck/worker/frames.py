"""Messages between processes: a nonce, a length, and JSON, over a pipe that carries nothing else.

The pipe's descriptor lies open while the user's code runs, and may be written to by accident. So the reader looks for the
nonce and skips what stands before it. What is needed to send is bound here, before the user's code can replace it.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

NONCE_BYTES = 16
_LENGTH = struct.Struct(">Q")
_HEADER_BYTES = NONCE_BYTES + _LENGTH.size
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
_write = os.write

Message = dict[str, Any]


def new_nonce() -> bytes:
    return os.urandom(NONCE_BYTES)


def encode_frame(nonce: bytes, message: Message) -> bytes:
    payload = _encode(message).encode("ascii")
    return nonce + _LENGTH.pack(len(payload)) + payload


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[_write(descriptor, view) :]


class FrameReader:
    """Cuts a stream of bytes into messages; bytes that belong to no message are dropped."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now."""
        self._buffer += data
        messages: list[Message] = []
        while (payload := self._next_payload()) is not None:
            try:
                message = _decode(payload.decode("ascii"))
            except ValueError:
                continue
            if isinstance(message, dict):
                messages.append(message)
        return messages

    def _next_payload(self) -> bytes | None:
        start = self._buffer.find(self._nonce)
        if start < 0:
            del self._buffer[: max(0, len(self._buffer) - NONCE_BYTES + 1)]  # the nonce may have come in part
            return None
        del self._buffer[:start]
        if len(self._buffer) < _HEADER_BYTES:
            return None
        end = _HEADER_BYTES + _LENGTH.unpack_from(self._buffer, NONCE_BYTES)[0]
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[_HEADER_BYTES:end])
        del self._buffer[:end]
        return payload
