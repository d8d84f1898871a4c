"""The one module that touches private parts of PyTorch. Tried with torch 2.13; where a part is missing, a trace is merely slower.

The first operation on `meta` imports `torch._dynamo` (most of a second of CPU) through `torch._compile._disable_dynamo`, which wraps
287 reference
implementations so that the compiler leaves them alone. Nothing is compiled here, so each wrapped function is given itself as the unwrapped
one, which is what the wrapper looks for first.
"""

from __future__ import annotations

import functools
import gc
from types import CodeType, FunctionType


@functools.cache
def spare_dynamo() -> int:
    """Make the first operation on `meta` cheap.

    Returns:
        How many functions were spared the import of the compiler; 0 where this torch has no such part.
    """
    try:
        from torch._compile import _disable_dynamo

        wrapper = next(const for const in _disable_dynamo.__code__.co_consts if isinstance(const, CodeType) and const.co_name == "inner")
        position = wrapper.co_freevars.index("fn")
    except (ImportError, AttributeError, StopIteration, ValueError):
        return 0
    was_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()  # a frozen object is not among the referrers
    spared = 0
    for function in gc.get_referrers(wrapper):
        if type(function) is FunctionType and function.__closure__ is not None:
            inner = function.__closure__[position].cell_contents
            if not hasattr(inner, "__dynamo_disable"):
                inner.__dynamo_disable = inner
                spared += 1
    if was_frozen:
        gc.freeze()
    return spared
