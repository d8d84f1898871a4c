"""Failures that come from the values which were put into the model for the check: those say nothing about its shapes."""

from __future__ import annotations

import re
from dataclasses import replace

from linearcheck.rules.dtypes import is_integer
from linearcheck.rules.provenance import origin_of
from linearcheck.trace.records import Call, TensorInfo, Trace

_OUT_OF_RANGE = re.compile(r"out of (?:range|bounds)|Class values must be|index_select\(\)|is out of bounds", re.IGNORECASE)


def without_value_failures(trace: Trace) -> Trace:
    """The trace without failures of indices that the check itself made up, the whole numbers of an input.

    An index that the model makes itself (`arange`) is its own, and stays.
    """
    excused = {call.index: replace(call, error=None) for call in trace.failures if _is_made_up(trace, call)}
    return replace(trace, calls=tuple(excused.get(call.index, call) for call in trace.calls)) if excused else trace


def _is_made_up(trace: Trace, call: Call) -> bool:
    if call.error is None or not _OUT_OF_RANGE.search(call.error.message) or "Dimension" in call.error.message:
        return False
    return any(is_integer(tensor.dtype) and _comes_from_input(trace, tensor) for tensor in call.tensors)


def _comes_from_input(trace: Trace, tensor: TensorInfo) -> bool:
    taken = (tensor, *(operand for call in origin_of(trace, tensor) for operand in call.tensors))
    return any(operand.role == "input" and is_integer(operand.dtype) and operand.name not in trace.given_values for operand in taken)
