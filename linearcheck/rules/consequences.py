"""Failures that would be gone if an earlier one were: a residual addition after a layer that got too few channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from linearcheck.findings import Related
from linearcheck.rules.evidence import BROADCASTING, forward_places
from linearcheck.rules.layers import Pin, input_pin
from linearcheck.rules.provenance import explain_size, origin_of
from linearcheck.rules.reshapes import reshape_of
from linearcheck.rules.rule import Finding
from linearcheck.rules.shared_arguments import shares_argument
from linearcheck.rules.wording import layer_name
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Call, TensorInfo, Trace

Place = tuple[int, int]


@dataclass(frozen=True)
class Cause:
    """An earlier finding about a layer, and the sizes that tensors would have if what it gets had the declared size."""

    call: int
    sizes: dict[Place, int]
    pin: Pin

    @property
    def got(self) -> int:
        return self.pin.tensor.shape[self.pin.axis]

    @property
    def wanted(self) -> int:
        return self.pin.size


def without_consequences(trace: Trace, findings: Sequence[Finding]) -> list[Finding]:
    """Findings, in order of calls, without those that the repair of an earlier finding's input would remove as well."""
    kept: list[Finding] = []
    causes: list[tuple[int, Cause]] = []
    for finding in findings:
        call = _call_of(trace, finding)
        if call is not None and any(_is_consequence(trace, call, cause) for _, cause in causes):
            continue
        pin = input_pin(trace, call) if call is not None else None
        shared = next((index for index, cause in causes if pin is not None and shares_argument(trace, cause.pin, pin)), None)
        if shared is not None and pin is not None:
            kept[shared] = _with_place(kept[shared], pin)
            continue
        cause = _cause(trace, call) if call is not None else None
        if cause is not None:
            causes.append((len(kept), cause))
        kept.append(finding)
    return kept


def _with_place(finding: Finding, pin: Pin) -> Finding:
    """A finding that also speaks of another layer, which gets the same and declares the same."""
    diagnostic = finding.diagnostic
    name = layer_name(pin.layer)
    place = Related(pin.layer.definition, f"{name} is built here") if pin.layer.definition is not None else None
    if place is None or place in diagnostic.related:
        return finding
    explanation = f"{diagnostic.explanation} {name} gets the same.".strip()
    return replace(finding, diagnostic=replace(diagnostic, explanation=explanation, related=(*diagnostic.related, place)))


def _call_of(trace: Trace, finding: Finding) -> Call | None:
    index = finding.accounts_for[0] if finding.accounts_for else None
    call = trace.calls[index] if index is not None and index < len(trace.calls) else None
    return call if call is not None and call.failed else None


def _cause(trace: Trace, call: Call) -> Cause | None:
    pin = input_pin(trace, call)
    if pin is None or is_batch(pin.tensor.sizes[pin.axis]) or pin.tensor.shape[pin.axis] == pin.size:
        return None
    return Cause(call.index, _repaired(trace, pin), pin)


def _repaired(trace: Trace, pin: Pin) -> dict[Place, int]:
    """Every place that the clashing size comes to, with the size that the layer declares."""
    origin = explain_size(trace, pin.tensor, pin.axis)
    if origin.factors or origin.parts:
        return {}
    return {(tensor.uid, axis): pin.size for tensor, axis in forward_places(trace, origin.tensor, origin.axis)}


def _is_consequence(trace: Trace, call: Call, cause: Cause) -> bool:
    return _fits_with(call, cause.sizes) or _reads_size(trace, call, cause) or _is_turned(trace, call, cause)


def _reads_size(trace: Trace, call: Call, cause: Cause) -> bool:
    """A view to a size that was read from the input of the layer: `y.view(b, c, 1, 1)` after `b, c, _, _ = x.shape`."""
    reshape = reshape_of(trace, call)
    if reshape is None or not cause.sizes or cause.got not in reshape.asked or reshape.values is None:
        return False
    asked = [cause.wanted if size == cause.got else size for size in reshape.asked if isinstance(size, int) and size > 0]
    return prod(asked) == reshape.values


def _is_turned(trace: Trace, call: Call, cause: Cause) -> bool:
    """An element-wise call of a tensor with itself turned around, after a layer whose features stand on another axis."""
    if call.name not in BROADCASTING or len(call.tensors) < 2:
        return False
    first, second = call.tensors[:2]
    if first.shape == second.shape or sorted(first.shape) != sorted(second.shape):
        return False
    return any(maker.index == cause.call for tensor in (first, second) for maker in origin_of(trace, tensor) if maker.kind == "function")


def _fits_with(call: Call, sizes: dict[Place, int]) -> bool:
    """Whether an element-wise call that failed would run with the repaired sizes."""
    if call.name not in BROADCASTING or call.kind != "function" or not sizes:
        return False
    shapes = [_shape_with(tensor, sizes) for tensor in call.tensors]
    if all(shape == tensor.shape for shape, tensor in zip(shapes, call.tensors, strict=True)):
        return False
    widest = max(len(shape) for shape in shapes)
    columns = ({shape[axis] for shape in shapes if axis >= -len(shape)} - {1} for axis in range(-widest, 0))
    return all(len(column) <= 1 for column in columns)


def _shape_with(tensor: TensorInfo, sizes: dict[Place, int]) -> tuple[int, ...]:
    return tuple(sizes.get((tensor.uid, axis), size) for axis, size in enumerate(tensor.shape))
