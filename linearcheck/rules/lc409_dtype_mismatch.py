"""LC409 `dtype-mismatch`: an operation gets tensors whose shapes fit and whose number types do not.

## What it catches
int64 into a Linear or a norm, float64 from NumPy against float32 weights, a boolean mask where numbers are meant, softmax or mean of
whole numbers.

## Why it matters
Some of these pass without data (on `meta`) and raise only in training.

## Example
    return self.fc(x.argmax(-1))            # int64

## Fix
    return self.fc(x.argmax(-1).float())
Unsafe: indices are seldom meant to be features.

## PyTorch says
    mat1 and mat2 must have the same dtype, but got Long and Float
    "softmax_lastdim_kernel_impl" not implemented for 'Long'
    expected scalar type Float but found Double
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Safety, Severity, WrapInput
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.dtypes import is_floating
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import tensor_argument
from linearcheck.rules.provenance import origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked, wrap_input
from linearcheck.rules.wording import listed, shape
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC409", "dtype-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        if not mentions_dtype(failure.call.error):
            continue
        tensors = failure.call.tensors
        dtypes = dict.fromkeys(tensor.dtype for tensor in tensors)
        parameter = next((tensor for tensor in tensors if tensor.role in ("parameter", "buffer")), None)
        odd = next(
            (
                tensor
                for tensor in tensors
                if parameter is not None and tensor.role not in ("parameter", "buffer") and tensor.dtype != parameter.dtype
            ),
            None,
        )
        x, own = failure.input, _own_dtype(failure)
        if parameter is not None and odd is not None:
            yield _against_weights(failure, odd, parameter.dtype)
        elif x is not None and own is not None and x.dtype != own:
            yield _against_weights(failure, x, own)
        elif len(dtypes) > 1:
            yield _among_operands(failure, tensors)
        elif tensors:
            message = failure.call.error.message if failure.call.error is not None else ""
            target = tensor_argument(failure.call, "target")
            yield _not_for_this_type(failure, target if target is not None and "target" in message else tensors[0])


def _own_dtype(failure: Failure) -> str | None:
    """The dtype of a layer's own weights, where the whole layer refused before it used them."""
    layer = failure.layer if failure.call.kind == "module" else None
    return next((parameter.dtype for parameter in layer.parameters.values()), None) if layer is not None else None


def _against_weights(failure: Failure, x: TensorInfo, dtype: str) -> Finding:
    return report(
        RULE,
        failure,
        f"{failure.name} has {dtype} weights, but its input {shape(x)} is {x.dtype}",
        origin_sentence(failure.trace, x),
        got=x.sizes,
        proposals=ranked(_convert(failure, x, dtype)),
    )


def _convert(failure: Failure, x: TensorInfo, dtype: str) -> Proposal | None:
    """Convert the input of a layer, or one operand of a function, to a dtype."""
    tensors = failure.place.tensors if failure.layer is not None else failure.call.tensors
    position = next((place for place, tensor in enumerate(tensors) if tensor.uid == x.uid), 0)
    return wrap_input(failure, "dtype", "dtype", f"convert the input of {failure.name} to {dtype}", dtype=dtype, position=position)


def _among_operands(failure: Failure, tensors: tuple[TensorInfo, ...]) -> Finding:
    wanted = _widest(tensors)
    site = failure.call.site
    proposals: list[Proposal | None] = []
    for position, tensor in enumerate(tensors):
        if site is not None and tensor.dtype != wanted:
            action = WrapInput(site, "dtype", (), wanted, position)
            proposals.append(Proposal("dtype", f"convert {shape(tensor)} to {wanted}", Safety.UNSAFE, (action,)))
    origins = dict.fromkeys(origin_sentence(failure.trace, tensor) for tensor in tensors[:2])
    return report(
        RULE,
        failure,
        f"{failure.name} gets {listed([f'{tensor.dtype} {shape(tensor)}' for tensor in tensors[:3]])}",
        " ".join(text for text in origins if text),
        got=tensors[0].sizes,
        proposals=ranked(proposals),
    )


def _widest(tensors: tuple[TensorInfo, ...]) -> str:
    """The dtype to convert to: float32 where any operand has it, else the first floating one."""
    floating = [tensor.dtype for tensor in tensors if is_floating(tensor.dtype)]
    return "float32" if "float32" in floating else floating[0] if floating else tensors[0].dtype


def _not_for_this_type(failure: Failure, x: TensorInfo) -> Finding:
    wanted = "float32" if not is_floating(x.dtype) else "int64"
    return report(
        RULE,
        failure,
        f"{failure.name} does not take {x.dtype}, which {shape(x)} is",
        origin_sentence(failure.trace, x),
        got=x.sizes,
        proposals=ranked(wrap_input(failure, "dtype", "dtype", f"convert the input of {failure.name} to {wanted}", dtype=wanted)),
    )
