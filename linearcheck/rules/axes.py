"""Where one axis of a call's output comes from: through which axis of which input, merged from several, or made by the call.

The same table read forwards says where an axis of an input goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from linearcheck.rules.arithmetic import reshape_groups
from linearcheck.rules.layers import (
    ADAPTIVE_POOLS,
    CONVOLUTIONS,
    NORMS_OVER_CHANNELS,
    NORMS_OVER_LAST,
    POOLS,
    RECURRENT,
    RECURRENT_CELLS,
    channel_axis,
    operation,
    tensor_argument,
    window_rank,
)
from linearcheck.trace.records import Call, TensorInfo, Value


@dataclass(frozen=True, slots=True)
class Through:
    """The axis is one axis of an input, unchanged."""

    tensor: TensorInfo
    axis: int


@dataclass(frozen=True, slots=True)
class Merged:
    """The axis is the product of several neighbouring axes of an input."""

    tensor: TensorInfo
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The axis is the sum of the parts that `cat` puts one after another."""

    parts: tuple[tuple[TensorInfo, int], ...]


@dataclass(frozen=True, slots=True)
class Windowed:
    """The axis is what a window leaves of an input's axis (convolution, pooling), or a multiple of it (upsampling)."""

    tensor: TensorInfo
    axis: int


@dataclass(frozen=True, slots=True)
class Scaled:
    """The axis is a fixed part or multiple of an input's axis: a third of it after `chunk(3)`, a quarter after `PixelShuffle(2)`."""

    tensor: TensorInfo
    axis: int
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Made:
    """The call itself fixes the size: `out_features`, the count of a `stack`, a `view` with a number."""


AxisSource = Through | Merged | Joined | Windowed | Scaled | Made

VIEWS = frozenset({"view", "reshape", "flatten", "unflatten", "ravel", "reshape_as", "view_as", "squeeze", "unsqueeze"})
REDUCTIONS = frozenset(
    [
        "sum",
        "mean",
        "prod",
        "max",
        "min",
        "amax",
        "amin",
        "argmax",
        "argmin",
        "std",
        "var",
        "median",
        "mode",
        "norm",
        "logsumexp",
        "all",
        "any",
        "nansum",
        "nanmean",
        "vector_norm",
        "quantile",
    ]
)
SHAPED_BY_ARGUMENT = frozenset(
    [
        "expand",
        "repeat",
        "tile",
        "broadcast_to",
        "expand_as",
        "repeat_interleave",
        "one_hot",
        "gather",
        "index_select",
        "topk",
        "take_along_dim",
        "fold",
    ]
)
RESIZING = frozenset({"interpolate", "upsample", "pixel_shuffle", "pixel_unshuffle", "pad", "unfold"})


def axis_source(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """Where axis number `axis` of one output of a call comes from. What is not known counts as made by the call."""
    name = operation(call)
    if call.kind == "module" and name == call.name:
        return Made()  # a module without a function of its own is the sum of the calls in it
    special = _SPECIAL.get(name)
    if special is not None:
        return special(call, output, axis)
    if name in CONVOLUTIONS or name in POOLS or name in ADAPTIVE_POOLS:
        return _windowed(call, output, axis)
    if name in VIEWS:
        return _reshaped(call, output, axis)
    if name in REDUCTIONS:
        return _reduced(call, output, axis)
    if name in RECURRENT:
        return _recurrent(call, output, axis)
    if name in RECURRENT_CELLS:
        return _rows_only(call, output, axis)
    if name in SHAPED_BY_ARGUMENT:
        return _same_place(call, output, axis)
    if name in RESIZING:
        return _resized(call, output, axis)
    if name in NORMS_OVER_CHANNELS or name in NORMS_OVER_LAST:
        return _first_input(call, axis)
    return _elementwise(call, output, axis)


def goes_to(call: Call, tensor: TensorInfo, axis: int) -> Iterator[tuple[TensorInfo, int, AxisSource]]:
    """The axes of a call's outputs that one axis of an input goes into."""
    for output in call.outputs:
        for place in range(output.rank):
            source = axis_source(call, output, place)
            if (tensor.uid, axis) in places_of(source):
                yield output, place, source


def places_of(source: AxisSource) -> tuple[tuple[int, int], ...]:
    """The (uid, axis) pairs that a source names."""
    match source:
        case Through(tensor, axis) | Windowed(tensor, axis) | Scaled(tensor, axis):
            return ((tensor.uid, axis),)
        case Merged(tensor, axes):
            return tuple((tensor.uid, axis) for axis in axes)
        case Joined(parts):
            return tuple((tensor.uid, axis) for tensor, axis in parts)
        case Made():
            return ()


def normal_axis(value: Value, rank: int) -> int | None:
    """An axis argument counted from the front, or None where it is no axis of this rank."""
    if not isinstance(value, int) or isinstance(value, bool) or not -rank <= value < rank:
        return None
    return value % rank


def _first_input(call: Call, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    return Through(tensor, axis) if tensor is not None and axis < tensor.rank else Made()


def _same_place(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """Aligned from the right, where the size is kept."""
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None:
        return Made()
    place = axis - output.rank + tensor.rank
    return Through(tensor, place) if place >= 0 and tensor.shape[place] == output.shape[axis] != 1 else Made()


def _elementwise(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """The operand that gives a broadcast axis its size; only for calls whose output is their operands' broadcast shape."""
    tensors = call.tensors
    if not tensors or max(tensor.rank for tensor in tensors) != output.rank:
        return Made()
    wide = None
    for tensor in tensors:
        for other in range(tensor.rank):
            place = other - tensor.rank + output.rank
            if tensor.shape[other] not in (1, output.shape[place]) and not call.failed:
                return Made()
            if (
                place == axis
                and tensor.shape[other] == output.shape[axis]
                and wide is None
                and (tensor.shape[other] != 1 or output.shape[axis] == 1)
            ):
                wide = Through(tensor, other)
    return wide or Made()


def _linear(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    return Made() if axis == output.rank - 1 else _first_input(call, axis)


def _windowed(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    spatial = window_rank(operation(call)) or 2
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None or tensor.rank != output.rank:
        return Made()
    channels = channel_axis(output, spatial)
    if axis < channels:
        return Through(tensor, axis)
    if axis == channels:
        return Made() if operation(call) in CONVOLUTIONS else Through(tensor, axis)
    return Made() if operation(call) in ADAPTIVE_POOLS else Windowed(tensor, axis)


def _resized(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None or tensor.rank != output.rank:
        return Made()
    if tensor.shape[axis] == output.shape[axis]:
        return Through(tensor, axis)
    if operation(call) in ("pixel_shuffle", "pixel_unshuffle") and axis == output.rank - 3:
        return _scaled(call, tensor, axis, output)
    return Windowed(tensor, axis) if axis >= 2 and operation(call) != "unfold" else Made()


def _scaled(call: Call, tensor: TensorInfo, axis: int, output: TensorInfo) -> AxisSource:
    """What the sizes of a call that ran say about the part that it takes."""
    if call.failed:
        return Made()
    before, after = tensor.shape[axis], output.shape[axis]
    return Scaled(tensor, axis, Fraction(after, before)) if before and after and not (before % after and after % before) else Made()


def _gated(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None or tensor.rank != output.rank:
        return Made()
    return Through(tensor, axis) if tensor.shape[axis] == output.shape[axis] else _scaled(call, tensor, axis, output)


def _reshaped(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    groups = reshape_groups(tensor.shape, output.shape) if tensor is not None else None
    if tensor is None or groups is None:
        return Made()
    for old, new in groups:
        if axis not in new:
            continue
        wide = [place for place in new if output.shape[place] != 1]
        merged = [place for place in old if tensor.shape[place] != 1] or list(old)
        if output.shape[axis] == 1 and wide:
            return Made()
        if len(wide) > 1 or not merged:
            return Made()
        return Through(tensor, merged[0]) if len(merged) == 1 else Merged(tensor, tuple(merged))
    return Made()


def _reduced(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None:
        return Made()
    if call.arguments.get("other") is not None:  # maximum of two tensors
        return _elementwise(call, output, axis)
    given = call.arguments.get("dim", call.arguments.get("1"))
    dims = given if isinstance(given, tuple) else (given,)
    gone = {place for place in (normal_axis(dim, tensor.rank) for dim in dims) if place is not None}
    kept = list(range(tensor.rank)) if output.rank == tensor.rank else [place for place in range(tensor.rank) if place not in gone]
    if len(kept) != output.rank or (output.rank == tensor.rank and axis in gone):
        return Made()
    return Through(tensor, kept[axis])


def _recurrent(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """The sequence keeps time and batch; the states (h_n, c_n) are made by the layer, but for their batch axis."""
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None or axis == output.rank - 1:
        return Made()
    is_sequence = bool(call.outputs) and output.uid == call.outputs[0].uid
    return Through(tensor, axis) if is_sequence and axis < tensor.rank and tensor.shape[axis] == output.shape[axis] else Made()


def _rows_only(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    return Made() if axis == output.rank - 1 else _first_input(call, axis)


def _embedding(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    indices = tensor_argument(call, "input") or call.input
    return Made() if indices is None or axis >= indices.rank else Through(indices, axis)


def _permuted(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None or tensor.rank != output.rank:
        return Made()
    order = permutation(call, tensor.rank)
    return Through(tensor, order[axis]) if order is not None else Made()


def permutation(call: Call, rank: int) -> tuple[int, ...] | None:
    """The order of axes that `permute`, `transpose`, `t`, `T` and `movedim` bring about, or None where it is not known."""
    name, order = call.name, list(range(rank))
    if name == "permute":
        dims = call.arguments.get("dims")
        places = tuple(normal_axis(dim, rank) for dim in dims) if isinstance(dims, tuple) else ()
        known = tuple(place for place in places if place is not None)
        return known if sorted(known) == order else None
    if name in {"t", "T", "mT", "H", "mH", "adjoint"}:
        return tuple(reversed(order)) if name in {"t", "T", "H"} else (*order[:-2], order[-1], order[-2]) if rank > 1 else None
    if name == "transpose":
        first, second = (normal_axis(call.arguments.get(key), rank) for key in ("dim0", "dim1"))
        if first is None or second is None:
            return None
        order[first], order[second] = order[second], order[first]
        return tuple(order)
    source, target = (normal_axis(call.arguments.get(key), rank) for key in ("source", "destination"))
    if source is None or target is None:
        return None
    order.insert(target, order.pop(source))
    return tuple(order)


def _concatenated(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    parts = tuple(tensor for tensor in call.tensors if tensor.rank == output.rank)
    along = normal_axis(call.arguments.get("dim", call.arguments.get("axis", 0)), output.rank)
    if not parts or along is None:
        return Made()
    return Joined(tuple((part, axis) for part in parts)) if axis == along else Through(parts[0], axis)


def _stacked(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    parts = call.tensors
    along = normal_axis(call.arguments.get("dim", 0), output.rank)
    if not parts or along is None or axis == along or parts[0].rank + 1 != output.rank:
        return Made()
    return Through(parts[0], axis - (axis > along))


def _split(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    tensor = tensor_argument(call, "input") or call.input
    if tensor is None:
        return Made()
    along = normal_axis(call.arguments.get("dim", call.arguments.get("1", 0) if call.name == "unbind" else 0), tensor.rank)
    if along is None:
        return Made()
    if call.name == "unbind":
        return Through(tensor, axis + (axis >= along))
    if axis != along:
        return Through(tensor, axis)
    even = call.name == "chunk" and tensor.rank == output.rank and len({part.shape[axis] for part in call.outputs}) == 1
    return _scaled(call, tensor, axis, output) if even else Made()


def _indexed(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """Basic indexing with numbers, slices, None and `...`; anything else is made by the call."""
    tensor = tensor_argument(call, "input") or call.input
    index = call.arguments.get("index")
    items = index if isinstance(index, tuple) else (index,)
    if tensor is None or any(
        isinstance(item, (TensorInfo, bool, float)) or (isinstance(item, str) and item not in ("...", "Ellipsis")) for item in items
    ):
        return Made()
    named = sum(isinstance(item, (int, slice)) for item in items)
    places: list[int | None] = []
    at = 0
    for item in items:
        if item is None:
            places.append(None)
        elif isinstance(item, str):
            places += range(at, at + tensor.rank - named)
            at += tensor.rank - named
        else:
            places += [at] if isinstance(item, slice) else []
            at += 1
    places += range(at, tensor.rank)
    place = places[axis] if len(places) == output.rank else None
    if place is None or tensor.shape[place] != output.shape[axis]:
        return Made()
    return Through(tensor, place)


def _multiplied(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    """A matrix product: rows of the first factor, columns of the second, further axes of either."""
    tensors = call.tensors[-2:]
    if len(tensors) < 2 or min(tensor.rank for tensor in tensors) < 2:
        return Made()
    first, second = tensors
    if axis == output.rank - 1:
        return Through(second, second.rank - 1)
    place = axis - output.rank + first.rank
    return Through(first, place) if place >= 0 and first.shape[place] == output.shape[axis] else Made()


def _attended(call: Call, output: TensorInfo, axis: int) -> AxisSource:
    query = tensor_argument(call, "query") or call.input
    value = tensor_argument(call, "value")
    if query is None or output.rank != query.rank or call.outputs[0].uid != output.uid:
        return Made()
    if axis < output.rank - 1:
        return Through(query, axis)
    return Through(value, value.rank - 1) if value is not None and call.name == "scaled_dot_product_attention" else Made()


_SPECIAL: dict[str, Callable[[Call, TensorInfo, int], AxisSource]] = {
    "linear": _linear, "bilinear": _linear, "embedding": _embedding, "permute": _permuted, "transpose": _permuted, "t": _permuted,
    "T": _permuted, "mT": _permuted, "H": _permuted, "mH": _permuted, "adjoint": _permuted, "movedim": _permuted, "cat": _concatenated,
    "glu": _gated, "stack": _stacked, "chunk": _split, "split": _split, "split_with_sizes": _split, "tensor_split": _split,
    "unbind": _split,
    "getitem": _indexed, "matmul": _multiplied, "bmm": _multiplied, "mm": _multiplied, "addmm": _multiplied, "baddbmm": _multiplied,
    "multi_head_attention_forward": _attended, "scaled_dot_product_attention": _attended,
    **dict.fromkeys(("einsum", "tensordot", "outer", "cdist", "mv", "dot", "embedding_bag"), lambda call, output, axis: Made()),
}  # fmt: skip
