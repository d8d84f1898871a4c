"""Messages are found in a stream whatever stands around them and however it is cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from linearcheck.worker.frames import NONCE_BYTES, FrameReader, encode_frame

NONCE = bytes(range(NONCE_BYTES))
messages = st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=9), st.integers(), st.none()), max_size=3)


@given(st.lists(st.tuples(st.binary(max_size=40), messages), max_size=4), st.integers(1, 50))
def test_every_message_arrives(parts: list[tuple[bytes, dict[str, Any]]], chunk: int) -> None:
    stream = b"".join(noise + encode_frame(NONCE, message) for noise, message in parts) + b"noise"
    reader = FrameReader(NONCE)
    arrived = [message for start in range(0, len(stream), chunk) for message in reader.feed(stream[start : start + chunk])]
    assert arrived == [message for _, message in parts]


@given(st.binary(max_size=200))
def test_noise_is_no_message(noise: bytes) -> None:
    assert FrameReader(NONCE).feed(noise) == []
