"""Weighs the two sides of a clash: which layers agree with which number, and what else would have to change."""

from __future__ import annotations

from dataclasses import dataclass

from linearcheck.findings import SetArgument
from linearcheck.rules.axes import Joined, Merged, Scaled, Through, Windowed, goes_to
from linearcheck.rules.layers import Pin, declared_int, input_pin, operation
from linearcheck.rules.wording import OPERATORS
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

BROADCASTING = frozenset(OPERATORS) - {"matmul"} | {
    "where", "maximum", "minimum", "fmax", "fmin", "lerp", "addcmul", "addcdiv", "masked_fill", "atan2", "hypot", "logaddexp", "fmod",
    "logical_and", "logical_or", "logical_xor", "float_power", "true_divide", "xlogy", "copysign", "nextafter", "heaviside",
    "clamp", "masked_scatter",
    "copy", "greater", "less", "not_equal", "greater_equal", "less_equal", "bitwise_left_shift", "bitwise_right_shift", "rsub",
    "dist", "isclose",
}  # fmt: skip
"""Functions whose operands are broadcast against one another."""

Place = tuple[int, int]


def _is_known_module(call: Call) -> bool:
    """Modules of the user's are only the sum of the calls in them."""
    return call.kind == "function" or operation(call) != call.name


def forward_places(trace: Trace, tensor: TensorInfo, axis: int) -> list[tuple[TensorInfo, int]]:
    """Every tensor and axis that a size is handed on to unchanged, the place itself first."""
    found: list[tuple[TensorInfo, int]] = [(tensor, axis)]
    seen = {(tensor.uid, axis)}
    for place, at in found:
        for call in trace.consumers(place):
            if not _is_known_module(call):
                continue
            for output, into, source in _flows(call, place, at):
                if isinstance(source, Through) and (output.uid, into) not in seen:
                    seen.add((output.uid, into))
                    found.append((output, into))
    return found


def _flows(call: Call, tensor: TensorInfo, axis: int) -> list[tuple[TensorInfo, int, Through | Merged | Joined | Windowed | Scaled]]:
    if call.failed and call.name in BROADCASTING:  # what a stand-in looks like says nothing about its operands
        aligned = [(output, axis - tensor.rank + output.rank) for output in call.outputs]
        return [(output, place, Through(tensor, axis)) for output, place in aligned if place >= 0]
    return [
        (output, place, source)
        for output, place, source in goes_to(call, tensor, axis)
        if isinstance(source, Through | Merged | Joined | Windowed | Scaled)
    ]


def pins_on(trace: Trace, tensor: TensorInfo, axis: int) -> list[Pin]:
    """What the layers downstream declare about a size, as far as it is handed on unchanged; each layer once."""
    pins: dict[tuple[str, str], Pin] = {}
    for place, at in forward_places(trace, tensor, axis):
        for call in trace.consumers(place):
            pin = input_pin(trace, call)
            if pin is not None and pin.tensor.uid == place.uid and pin.axis == at:
                pins.setdefault((pin.layer.name, pin.argument), pin)
    return list(pins.values())


@dataclass(frozen=True, slots=True)
class Support:
    """How many declarations, apart from the two that clash, agree with each number."""

    got: int
    wanted: int


def support(pins: list[Pin], clashing: Layer, got: int, wanted: int) -> Support:
    others = [pin for pin in pins if pin.layer.name != clashing.name]
    return Support(sum(pin.size == got for pin in others), sum(pin.size == wanted for pin in others))


def consequences(
    trace: Trace, tensor: TensorInfo, axis: int, size: int, settled: frozenset[str] = frozenset(), until: int | None = None
) -> tuple[SetArgument, ...] | None:
    """What else has to change if one size of a tensor becomes `size`, or None where a change of arguments alone would not do.

    Follows the size forwards, through `flatten` (the product changes), `cat` (the sum) and `chunk` (the part), to layers that declare it.
    `settled` are layers that are changed already; nothing is followed through the call number `until`, which is to take the new size.
    """
    actions: dict[tuple[str, str], SetArgument] = {}
    new: dict[Place, int] = {(tensor.uid, axis): size}
    queue = [(tensor, axis)]
    joins: list[Call] = []
    for place, at in queue:
        want = new[(place.uid, at)]
        for call in trace.consumers(place):
            if not _is_known_module(call) or call.index == until:
                continue
            pin = input_pin(trace, call)
            if pin is not None and pin.tensor.uid == place.uid and pin.axis == at and pin.size != want and pin.layer.name not in settled:
                action = set_argument(pin.layer, pin.argument, want)
                if action is None or want % (declared_int(pin.layer, "groups") or 1):
                    return None
                actions[(pin.layer.name, pin.argument)] = action
            if call.name in BROADCASTING and call.kind == "function":
                joins.append(call)
            for output, into, source in _flows(call, place, at):
                if (output.uid, into) in new:
                    continue
                after = _size_after(output, into, source, place, at, want)
                if after is None:
                    return None
                new[(output.uid, into)] = after
                queue.append((output, into))
            if not call.failed and _has_literal_size(call, place, at):
                return None
    return tuple(actions.values()) if all(_fits(call, new) or _is_repeated(call, joins) for call in joins) else None


def _is_repeated(call: Call, joins: list[Call]) -> bool:
    """Whether a call that clashes as things are stands where an earlier one does: the next turn of a loop, whose layers have their own."""
    return not _fits(call, {}) and any(other.site == call.site and other.index < call.index for other in joins)


def _size_after(
    output: TensorInfo, into: int, source: Through | Merged | Joined | Windowed | Scaled, place: TensorInfo, at: int, want: int
) -> int | None:
    old = place.shape[at]
    match source:
        case Through():
            return want
        case Merged():
            return output.shape[into] // old * want if old else None
        case Joined(parts):
            return output.shape[into] + (want - old) * sum((tensor.uid, axis) == (place.uid, at) for tensor, axis in parts)
        case Scaled(factor=factor):
            after = want * factor
            return int(after) if after.denominator == 1 else None
        case Windowed():
            return None


def _has_literal_size(call: Call, tensor: TensorInfo, axis: int) -> bool:
    """Whether a view, split or chunk fixes by a number what an axis becomes: then that number would have to change as well."""
    if call.name in {"split", "split_with_sizes"}:
        dim = call.arguments.get("dim", 0)
        return isinstance(dim, int) and dim % max(tensor.rank, 1) == axis
    if call.name not in {"view", "reshape", "unflatten"}:
        return False
    given = call.arguments.get("size", call.arguments.get("shape", call.arguments.get("sizes")))
    sizes = given if isinstance(given, tuple) else (given,)
    return tensor.shape[axis] != 1 and tensor.shape[axis] in sizes


def _fits(call: Call, new: dict[Place, int]) -> bool:
    shapes = [tuple(new.get((tensor.uid, axis), size) for axis, size in enumerate(tensor.shape)) for tensor in call.tensors]
    widest = max((len(shape) for shape in shapes), default=0)
    columns = [{shape[axis] for shape in shapes if axis >= -len(shape)} - {1} for axis in range(-widest, 0)]
    return all(len(sizes) <= 1 for sizes in columns)


def set_argument(layer: Layer, argument: str, value: int | str, factors: tuple[tuple[int, str], ...] = ()) -> SetArgument | None:
    """Another value for an argument of a layer, where it is built; None where that place is not in the user's source."""
    if layer.definition is None:
        return None
    old = layer.declared.get(argument)
    return SetArgument(
        layer.definition,
        layer.type,
        argument,
        value,
        factors,
        old if isinstance(old, int | str) else None if old is None else str(old),
        layer.name,
    )
