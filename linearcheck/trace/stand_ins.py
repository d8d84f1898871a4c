"""What a failed call would have returned, had its input been right.

A stand-in follows the declaration of what failed: `nn.Linear(400, 120)` returns `(*, 120)` whatever came in. Where more than
one answer is possible, all are candidates, best first; the trace is then run with the others too, and what is found
behind a guess counts only if it is found for every candidate. `open` means that nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Sizes = tuple[int, ...]
LARGEST_STAND_IN = 2**26  # elements; a shape beyond that is itself a consequence of the mistake


@dataclass(frozen=True)
class StandIn:
    """Candidate shapes of the first output; `build` makes the whole result (a tuple of states, a list of chunks) from one."""

    candidates: tuple[Sizes, ...]
    dtype: torch.dtype
    open: bool = False
    build: Callable[[Sizes, str], Any] | None = None

    def make(self, chosen: int, device: str) -> Any:
        shape = self.candidates[chosen]
        if self.build is not None:
            return self.build(shape, device)
        return torch.zeros(shape, dtype=self.dtype, device=device)


def _unique(shapes: Sequence[Sequence[int]]) -> tuple[Sizes, ...]:
    kept = dict.fromkeys(tuple(max(int(size), 0) for size in shape) for shape in shapes)
    return tuple(shape for shape in kept if math.prod(shape) <= LARGEST_STAND_IN) or ((1,),)


def _stand_in(shapes: Sequence[Sequence[int]], dtype: torch.dtype, open: bool = False) -> StandIn:
    return StandIn(_unique(shapes), dtype, open)


def stand_in_for_function(bare: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], module: nn.Module | None) -> StandIn | None:
    """The stand-in for one failed torch function, or None where the failure cannot be bridged."""
    tensors = [arg for arg in _flat(args) if isinstance(arg, Tensor)] + [
        arg for arg in _flat(tuple(kwargs.values())) if isinstance(arg, Tensor)
    ]
    if not tensors:
        return None
    bridge = _BRIDGES.get(bare)
    call = _Failed(bare, args, kwargs, tensors, module)
    if bridge is not None:
        found = bridge(call)
        if found is not None:
            return found
    if bare in _SAME_SHAPE:
        return _stand_in([tensors[0].shape], _float(tensors[0].dtype) if bare in _FLOATING else tensors[0].dtype)
    if bare in _LOSSES:
        reduction = kwargs.get("reduction", "mean")
        return _stand_in([() if reduction != "none" else tensors[0].shape[:1]], torch.float32)
    if len(tensors) > 1 and bare in _ELEMENTWISE:
        return _broadcast(call)
    return _stand_in([tensors[0].shape], tensors[0].dtype, open=True)


@dataclass(frozen=True)
class _Failed:
    bare: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: list[Tensor]
    module: nn.Module | None

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    @property
    def rest(self) -> tuple[Any, ...]:
        """The numbers of `view(a, b, c)` or `view((a, b, c))`."""
        rest = self.args[1:]
        if len(rest) == 1 and isinstance(rest[0], (tuple, list)):
            return tuple(rest[0])
        if not rest and self.kwargs:
            value = next(iter(self.kwargs.values()))
            return tuple(value) if isinstance(value, (tuple, list)) else (value,)
        return rest


def _flat(values: Any) -> list[Any]:
    if isinstance(values, (tuple, list)):
        return [item for value in values for item in _flat(value)]
    return [values]


def _float(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.float32


def _linear(call: _Failed) -> StandIn | None:
    x = call.tensors[0]
    weight = call.argument(1, "weight")
    owner = call.module if isinstance(call.module, nn.Linear) else None
    if owner is not None:
        wanted, out, dtype = owner.in_features, owner.out_features, owner.weight.dtype
    elif isinstance(weight, Tensor) and weight.dim() == 2:
        out, wanted = weight.shape
        dtype = weight.dtype
    else:
        return None
    outputs = linear_outputs(tuple(x.shape), wanted, out)
    if owner is None and x.dim() and x.shape[-1] == out != wanted:
        outputs.insert(0, (*x.shape[:-1], wanted))  # a weight of (in, out)
    return StandIn(_unique(outputs), dtype)


def linear_outputs(shape: Sizes, in_features: int, out_features: int) -> list[Sizes]:
    """Candidate output shapes of a Linear for a wrong input: flattened where the product fits, else along its own axis.

    >>> linear_outputs((4, 16, 4, 4), 256, 10)
    [(4, 10)]
    >>> linear_outputs((4, 96, 150), 96, 48)
    [(4, 150, 48)]
    """
    if not shape:
        return [(out_features,)]
    for start in range(1, len(shape) - 1):
        if math.prod(shape[start:]) == in_features:
            return [(*shape[:start], out_features)]
    if shape[-1] != in_features:
        axes = [axis for axis in range(1, len(shape) - 1) if shape[axis] == in_features]
        if len(axes) == 1:
            moved = (*(size for axis, size in enumerate(shape) if axis != axes[0]), out_features)
            return [moved, (shape[0], out_features)] if len(shape) == 4 else [moved]
    kept = (*shape[:-1], out_features)
    return [(shape[0], out_features), kept] if len(shape) == 4 else [kept]


def _spatial(call: _Failed, dims: int) -> tuple[list[int], list[int], list[int], Any]:
    def many(value: Any, default: int) -> list[int]:
        value = default if value is None or value == () else value
        return [int(value)] * dims if isinstance(value, int) else [int(item) for item in value] * (dims if len(value) == 1 else 1)

    padding = call.argument(4, "padding", 0)
    return (
        many(call.argument(3, "stride", 1), 1),
        [0] * dims if isinstance(padding, str) else many(padding, 0),
        many(call.argument(5, "dilation", 1), 1),
        padding,
    )


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool = False) -> int:
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    return (-(-span // stride) if ceil else span // stride) + 1


def _conv(call: _Failed) -> StandIn | None:
    dims = int(call.bare[-2])
    x, weight = call.tensors[0], call.argument(1, "weight")
    owner = call.module if call.module is not None and type(call.module).__name__.startswith("Conv") else None
    kernel: tuple[int, ...]
    if owner is not None and hasattr(owner, "kernel_size"):
        out, channels, kernel = int(owner.out_channels), int(owner.in_channels), tuple(owner.kernel_size)  # type: ignore[arg-type]
    elif isinstance(weight, Tensor) and weight.dim() == dims + 2:
        out, kernel = weight.shape[0], tuple(weight.shape[2:])
        channels = weight.shape[1] * int(call.argument(6, "groups", 1) or 1)
    else:
        return None
    stride, padding, dilation, given = _spatial(call, dims)

    def after(sizes: Sequence[int]) -> tuple[int, ...]:
        if given == "same":
            return tuple(sizes)
        return tuple(_window(*pair) for pair in zip(sizes, kernel, stride, padding, dilation, strict=False))

    shape = tuple(x.shape)
    bodies: list[tuple[int, ...]] = []  # (batch, *spatial) of the right input
    if len(shape) == dims + 2:
        as_given, channels_last = (shape[0], *shape[2:]), (shape[0], *shape[1:-1])
        if shape[-1] == channels != shape[1]:
            # a map is mostly square, so a width that equals the height is hardly the channels
            bodies.extend([as_given, channels_last] if dims > 1 and shape[-1] == shape[-2] else [channels_last, as_given])
        else:
            bodies.append(as_given)
    elif len(shape) == dims + 1:
        bodies.append((shape[0], *shape[1:]) if shape[0] != channels else (1, *shape[1:]))
        if dims == 1 and len(shape) == 2:
            bodies = [(shape[0], shape[1])]
    elif len(shape) == dims + 3:
        bodies.append((shape[0] * shape[1], *shape[3:]))
    else:
        return StandIn(
            _unique([(shape[0] if shape else 1, out, *([1] * dims))]), weight.dtype if isinstance(weight, Tensor) else x.dtype, open=True
        )
    shapes: list[Sizes] = []
    for batch, *spatial in bodies:
        reached = after(spatial)
        if all(size > 0 for size in reached):
            shapes.append((batch, out, *reached))
        else:
            shapes.append((batch, out, *(max(size, 1) for size in reached)))
            shapes.append((batch, out, *spatial))
    return StandIn(_unique(shapes), weight.dtype if isinstance(weight, Tensor) and weight.dtype.is_floating_point else _float(x.dtype))


def _conv_transpose(call: _Failed) -> StandIn | None:
    dims = int(call.bare[-2])
    x, weight = call.tensors[0], call.argument(1, "weight")
    if not isinstance(weight, Tensor) or weight.dim() != dims + 2 or x.dim() != dims + 2:
        return None

    def many(value: Any, default: int) -> list[int]:
        return [default if value is None else value] * dims if not isinstance(value, (tuple, list)) else list(value)

    stride, padding = many(call.argument(3, "stride", 1), 1), many(call.argument(4, "padding", 0), 0)
    extra, groups, dilation = (
        many(call.argument(5, "output_padding", 0), 0),
        call.argument(6, "groups", 1),
        many(call.argument(7, "dilation", 1), 1),
    )
    spatial = [
        max((size - 1) * s - 2 * p + d * (k - 1) + e + 1, 1)
        for size, s, p, e, d, k in zip(x.shape[2:], stride, padding, extra, dilation, weight.shape[2:], strict=True)
    ]
    return StandIn(_unique([(x.shape[0], weight.shape[1] * int(groups or 1), *spatial)]), _float(x.dtype))


def _pool(call: _Failed) -> StandIn | None:
    dims = int(call.bare[-2])
    x = call.tensors[0]
    if x.dim() not in {dims + 1, dims + 2}:
        return StandIn(_unique([x.shape]), x.dtype, open=True)
    spatial = tuple(x.shape[-dims:])
    if call.bare.startswith("adaptive"):
        wanted = call.argument(1, "output_size")
        sizes = [wanted] * dims if isinstance(wanted, int) else [s if w is None else w for w, s in zip(wanted, spatial, strict=False)]
        return StandIn(_unique([(*x.shape[:-dims], *sizes)]), _float(x.dtype))
    kernel = _many(call.argument(1, "kernel_size", 2), dims)
    stride = _many(call.argument(2, "stride") or kernel, dims)
    padding = _many(call.argument(3, "padding", 0), dims)
    reached = tuple(max(_window(size, k, s, p, 1), 1) for size, k, s, p in zip(spatial, kernel, stride, padding, strict=True))
    return StandIn(_unique([(*x.shape[:-dims], *reached), tuple(x.shape)]), _float(x.dtype))


def _many(value: Any, dims: int) -> list[int]:
    return [int(value)] * dims if isinstance(value, int) else [int(item) for item in value]


def _broadcast(call: _Failed) -> StandIn:
    shapes = [tuple(tensor.shape) for tensor in call.tensors]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]

    def merged(order: Sequence[Sizes]) -> Sizes:
        sizes = []
        for axis in range(rank):
            large = [shape[axis] for shape in order if shape[axis] != 1]
            sizes.append(large[0] if large else 1)
        return tuple(sizes)

    longest = [shape for shape in padded if len(shape) == rank]
    dtype = call.tensors[0].dtype
    for tensor in call.tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    by_rank = sorted(zip(padded, shapes, strict=True), key=lambda pair: -len(pair[1]))
    return StandIn(
        _unique([merged([pair[0] for pair in by_rank]), merged(padded), merged(longest[::-1])]),
        torch.bool if call.bare in _COMPARING else dtype,
    )


def _of_rank(shape: Sizes, rank: int) -> list[Sizes]:
    """The shapes that a tensor may have been meant to have, with so many axes: one of size 1 left out, or put in behind the batch.

    >>> _of_rank((4, 1, 11, 1), 3), _of_rank((4, 11), 3)
    ([(4, 11, 1), (4, 1, 11)], [(4, 1, 11), (4, 11, 1)])
    """
    shapes = [shape]
    while shapes and len(shapes[0]) > rank:
        ones = [[axis for axis in range(len(found)) if found[axis] == 1] or [1 if len(found) > 1 else 0] for found in shapes]
        shapes = [(*found[:axis], *found[axis + 1 :]) for found, axes in zip(shapes, ones, strict=True) for axis in axes]
    while shapes and len(shapes[0]) < rank:
        shapes = [(*found[:axis], 1, *found[axis:]) for found in shapes for axis in range(min(1, len(found)), len(found) + 1)]
    return list(dict.fromkeys(shapes))


def _cat_of_ranks(shapes: Sequence[Sizes], dim: int) -> list[Sizes]:
    """What tensors of different ranks joined may be: all of the lowest rank, or all of the highest.

    A map does not lose several axes that hold more than one value each.
    """
    joined: list[Sizes] = []
    for rank in sorted({len(shape) for shape in shapes}):
        if not -rank <= dim < rank or any(len(shape) - rank > max(1, shape.count(1)) for shape in shapes):
            continue
        axis = dim % rank
        given = next(shape for shape in shapes if len(shape) == rank)
        alike = [min(_of_rank(shape, rank), key=lambda found: _distance(found, given, axis)) for shape in shapes]
        joined.append((*given[:axis], sum(shape[axis] for shape in alike), *given[axis + 1 :]))
    return joined


def _distance(shape: Sizes, other: Sizes, free: int) -> int:
    """In how many axes two shapes of one rank differ, but for one axis."""
    return sum(a != b for axis, (a, b) in enumerate(zip(shape, other, strict=True)) if axis != free)


def _cat(call: _Failed) -> StandIn | None:
    tensors = [t for t in (call.args[0] if call.args else call.kwargs.get("tensors", ())) if isinstance(t, Tensor)]
    dim = call.argument(1, "dim", 0)
    if not tensors or not isinstance(dim, int):
        return None
    rank = max(tensor.dim() for tensor in tensors)
    full = [tensor for tensor in tensors if tensor.dim() == rank]
    if len(full) < len(tensors):
        of_ranks = _cat_of_ranks([tuple(tensor.shape) for tensor in tensors], dim)
        return StandIn(_unique(of_ranks), full[0].dtype) if of_ranks else None
    axis = dim % rank if rank and -rank <= dim < rank else rank - 1
    total = sum(tensor.shape[axis] for tensor in tensors)
    shapes = sorted(((*tensor.shape[:axis], total, *tensor.shape[axis + 1 :]) for tensor in full), key=lambda shape: -math.prod(shape))
    differing = [other for other in range(rank) if len({tensor.shape[other] for tensor in full}) > 1]
    if len(differing) == 1 and differing[0] != axis:  # joined along the one axis in which they differ
        other = differing[0]
        shapes.append((*full[0].shape[:other], sum(tensor.shape[other] for tensor in full), *full[0].shape[other + 1 :]))
    return StandIn(_unique(shapes), full[0].dtype)


def _stack(call: _Failed) -> StandIn | None:
    tensors = [t for t in (call.args[0] if call.args else call.kwargs.get("tensors", ())) if isinstance(t, Tensor)]
    dim = call.argument(1, "dim", 0)
    if not tensors or not isinstance(dim, int):
        return None
    shapes = []
    for tensor in tensors:
        axis = dim if dim >= 0 else tensor.dim() + 1 + dim
        axis = min(max(axis, 0), tensor.dim())
        shapes.append((*tensor.shape[:axis], len(tensors), *tensor.shape[axis:]))
    return StandIn(_unique(shapes), tensors[0].dtype)


def _view(call: _Failed) -> StandIn | None:
    x, sizes = call.tensors[0], call.rest
    if not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    free = [axis for axis, size in enumerate(sizes) if size == -1]
    shape = [int(size) for size in sizes]
    if free == [0] and x.dim():
        shape[0] = x.shape[0]
        return StandIn(_unique([shape]), x.dtype)
    if free:
        known = math.prod(size for size in shape if size != -1)
        rest = max(x.numel() // max(known, 1), 1)
        for axis in free:
            shape[axis] = rest
        return StandIn(_unique([shape, *([[x.shape[0], *shape[1:]]] if x.dim() and shape[0] != x.shape[0] else [])]), x.dtype)
    candidates = [shape]
    if x.dim() and shape[0] != x.shape[0]:
        candidates.append([x.shape[0], *shape[1:]])
    return StandIn(_unique(candidates), x.dtype)


def _flatten(call: _Failed) -> StandIn:
    x = call.tensors[0]
    return _stand_in([(x.shape[0] if x.dim() else 1, math.prod(x.shape[1:]))], x.dtype)


def _unflatten(call: _Failed) -> StandIn | None:
    x, dim, sizes = call.tensors[0], call.argument(1, "dim"), call.argument(2, "sizes")
    if not isinstance(dim, int) or not isinstance(sizes, (tuple, list)) or not -x.dim() <= dim < x.dim():
        return None
    axis = dim % x.dim()
    known = math.prod(size for size in sizes if size != -1)
    filled = [max(x.shape[axis] // max(known, 1), 1) if size == -1 else size for size in sizes]
    return _stand_in([(*x.shape[:axis], *filled, *x.shape[axis + 1 :])], x.dtype)


def _matmul(call: _Failed) -> StandIn | None:
    tensors = call.tensors
    if call.bare in {"addmm", "addbmm", "baddbmm"} and len(tensors) >= 3:
        tensors = tensors[1:]
    if len(tensors) < 2:
        return None
    a, b = tensors[0], tensors[1]
    if a.dim() == 0 or b.dim() == 0:
        return None
    rank = _RANK_OF_PRODUCT.get(call.bare)
    if rank is not None and (a.dim() != rank or b.dim() != rank):
        return StandIn(
            _unique(_products(_of_rank(tuple(a.shape), rank), _of_rank(tuple(b.shape), rank))), torch.promote_types(a.dtype, b.dtype)
        )
    rows = tuple(a.shape[-2:-1])
    columns = tuple(b.shape[-1:]) if b.dim() > 1 else ()
    batches = a.shape[:-2] if a.dim() >= b.dim() else b.shape[:-2]
    others = b.shape[:-2] if a.dim() >= b.dim() else a.shape[:-2]
    shapes = [(*batches, *rows, *columns)]
    if b.dim() > 1 and a.shape[-1] == b.shape[-1] != b.shape[-2]:
        shapes.insert(0, (*batches, *rows, b.shape[-2]))  # the second factor was meant transposed
    if b.dim() > 1 and b.shape[-1] == b.shape[-2]:
        shapes.append(tuple(a.shape))  # a square factor keeps the axis that it acts on, however many there should be
    if others and len(others) == len(batches):
        shapes.append((*(max(x, y) for x, y in zip(batches, others, strict=True)), *rows, *columns))
    return StandIn(_unique(shapes), torch.promote_types(a.dtype, b.dtype))


_RANK_OF_PRODUCT = {"mm": 2, "addmm": 2, "bmm": 3, "baddbmm": 3}


def _products(lefts: Sequence[Sizes], rights: Sequence[Sizes]) -> list[Sizes]:
    """Shapes of the products of any of the one with any of the other, those that multiply first."""
    pairs = [(left, right) for left in lefts for right in rights]
    pairs.sort(key=lambda pair: (pair[0][-1] != pair[1][-2], pair[0][:-2] != pair[1][:-2]))
    return [(*max(left[:-2], right[:-2]), left[-2], right[-1]) for left, right in pairs]


def _einsum(call: _Failed) -> StandIn | None:
    equation = call.args[0] if call.args and isinstance(call.args[0], str) else None
    if equation is None or "." in equation:
        return None
    terms, _, result = equation.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for term, tensor in zip(terms.split(","), call.tensors, strict=False):
        for letter, size in zip(term, tensor.shape, strict=False):
            sizes[letter] = max(sizes.get(letter, 1), size)
    if not result and "->" not in equation:
        return None
    return _stand_in([[sizes.get(letter, 1) for letter in result]], call.tensors[0].dtype)


def _layer_norm(call: _Failed) -> StandIn:
    x, sizes = call.tensors[0], call.argument(1, "normalized_shape")
    shapes: list[Sequence[int]] = [tuple(x.shape)]
    if isinstance(sizes, (tuple, list)) and len(sizes) == 1 and x.dim() > 1:
        axes = [axis for axis in range(1, x.dim() - 1) if x.shape[axis] == sizes[0]]
        shapes.extend([*(size for other, size in enumerate(x.shape) if other != axis), x.shape[axis]] for axis in axes)
        if axes:  # as many positions as features: the input may as well have too many features as be turned
            shapes.append((*x.shape[:-1], sizes[0]))
    return StandIn(_unique(shapes), _float(x.dtype))


def _lstm_cell(call: _Failed) -> StandIn | None:
    weight = call.argument(3, "w_hh")
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        return None
    x = call.tensors[0]

    def build(chosen: Sizes, device: str) -> Any:
        hidden = torch.zeros(chosen, dtype=_float(x.dtype), device=device)
        return hidden, torch.zeros_like(hidden)

    return StandIn(((*x.shape[:-1], weight.shape[1]),), _float(x.dtype), build=build)


def _recurrent_cell(call: _Failed) -> StandIn | None:
    weight = call.argument(3, "w_hh")
    x = call.tensors[0]
    return _stand_in([(*x.shape[:-1], weight.shape[1])], _float(x.dtype)) if isinstance(weight, Tensor) and weight.dim() == 2 else None


def _embedding(call: _Failed) -> StandIn | None:
    x, weight = call.argument(0, "input"), call.argument(1, "weight")
    if not isinstance(x, Tensor) or not isinstance(weight, Tensor):
        return None
    if weight.dim() != 2:
        return None
    return _stand_in([(*x.shape, weight.shape[1])], weight.dtype)


def _attention(call: _Failed) -> StandIn | None:
    query, key = call.argument(0, "query"), call.argument(1, "key")
    if not isinstance(query, Tensor) or not isinstance(key, Tensor):
        return None
    width = call.argument(3, "embed_dim_to_check", query.shape[-1] if query.dim() else 1)
    shape = (*query.shape[:-1], int(width))
    weights = (query.shape[1], query.shape[0], key.shape[0]) if query.dim() == 3 and key.dim() == 3 else (1, 1, 1)
    need = call.kwargs.get("need_weights", True)

    def build(chosen: Sizes, device: str) -> Any:
        out = torch.zeros(chosen, dtype=_float(query.dtype), device=device)
        return out, (torch.zeros(weights, dtype=out.dtype, device=device) if need else None)

    return StandIn(_unique([shape, query.shape]), _float(query.dtype), build=build)


def _dot_product_attention(call: _Failed) -> StandIn | None:
    if len(call.tensors) < 3:
        return None
    query, value = call.tensors[0], call.tensors[2]
    return _stand_in([(*query.shape[:-1], value.shape[-1] if value.dim() else 1)], query.dtype)


def _split(call: _Failed) -> StandIn | None:
    x, sizes, dim = call.tensors[0], call.argument(1, "split_size_or_sections", call.argument(1, "split_size")), call.argument(2, "dim", 0)
    if not isinstance(sizes, (tuple, list)) or not isinstance(dim, int) or not -x.dim() <= dim < x.dim():
        return None
    axis = dim % x.dim()

    def build(chosen: Sizes, device: str) -> Any:
        return tuple(torch.zeros((*x.shape[:axis], int(size), *x.shape[axis + 1 :]), dtype=x.dtype, device=device) for size in sizes)

    return StandIn((tuple(x.shape),), x.dtype, build=build)


def _expand(call: _Failed) -> StandIn | None:
    x, sizes = call.tensors[0], call.rest
    if not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    padded = (1,) * (len(sizes) - x.dim()) + tuple(x.shape)
    meant = _of_rank(tuple(x.shape), len(sizes)) if x.dim() > len(sizes) else [padded]
    too_many = x.dim() > len(sizes)
    if call.bare == "repeat":
        return _stand_in([[own * max(size, 1) for size, own in zip(sizes, found, strict=True)] for found in meant], x.dtype, too_many)
    return _stand_in([[own if size == -1 else size for size, own in zip(sizes, found, strict=True)] for found in meant], x.dtype, too_many)


def _permute(call: _Failed) -> StandIn | None:
    x, order = call.tensors[0], call.rest
    if not order or not all(isinstance(axis, int) for axis in order):
        return None
    sizes = [x.shape[axis] if -x.dim() <= axis < x.dim() else 1 for axis in order]
    return StandIn(_unique([sizes]), x.dtype, open=True)


def _reduce(call: _Failed) -> StandIn:
    x = call.tensors[0]
    keep = bool(call.kwargs.get("keepdim", False))
    return StandIn(_unique([(*x.shape[:-1], 1) if keep else x.shape[:-1]]), x.dtype, open=True)


def _getitem(call: _Failed) -> StandIn:
    x, index = call.tensors[0], call.argument(1, "index")
    items = index if isinstance(index, tuple) else (index,)
    dropped = sum(isinstance(item, int) and not isinstance(item, bool) for item in items)
    return StandIn(_unique([x.shape[min(dropped, x.dim()) :]]), x.dtype, open=True)


def _pixel_shuffle(call: _Failed) -> StandIn | None:
    x, factor = call.tensors[0], call.argument(1, "upscale_factor")
    if x.dim() < 3 or not isinstance(factor, int):
        return None
    channels = max(-(-x.shape[-3] // factor**2), 1)
    return StandIn(_unique([(*x.shape[:-3], channels, x.shape[-2] * factor, x.shape[-1] * factor)]), x.dtype, open=True)


def _gather(call: _Failed) -> StandIn | None:
    index = call.argument(2, "index")
    return _stand_in([index.shape], call.tensors[0].dtype) if isinstance(index, Tensor) else None


def _interpolate(call: _Failed) -> StandIn | None:
    x, size, factor = call.tensors[0], call.argument(1, "size"), call.argument(2, "scale_factor")
    spatial = x.dim() - 2
    if spatial < 1:
        return None
    if size is not None:
        sizes = [size] * spatial if isinstance(size, int) else list(size)
    elif factor is not None:
        factors = [factor] * spatial if not isinstance(factor, (tuple, list)) else list(factor)
        sizes = [int(s * f) for s, f in zip(x.shape[2:], factors, strict=False)]
    else:
        return None
    return _stand_in([(*x.shape[:2], *sizes)], x.dtype)


def _recurrent_function(call: _Failed) -> StandIn | None:
    if isinstance(call.module, nn.RNNBase):
        return _recurrent(call.module, call.tensors[0], flat=True)
    return None


_BRIDGES: dict[str, Callable[[_Failed], StandIn | None]] = {
    "linear": _linear,
    "conv1d": _conv,
    "conv2d": _conv,
    "conv3d": _conv,
    "conv_transpose1d": _conv_transpose,
    "conv_transpose2d": _conv_transpose,
    "conv_transpose3d": _conv_transpose,
    "cat": _cat,
    "stack": _stack,
    "view": _view,
    "reshape": _view,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "matmul": _matmul,
    "mm": _matmul,
    "bmm": _matmul,
    "addmm": _matmul,
    "addbmm": _matmul,
    "baddbmm": _matmul,
    "einsum": _einsum,
    "embedding": _embedding,
    "multi_head_attention_forward": _attention,
    "scaled_dot_product_attention": _dot_product_attention,
    "split": _split,
    "split_with_sizes": _split,
    "expand": _expand,
    "repeat": _expand,
    "permute": _permute,
    "getitem": _getitem,
    "pixel_shuffle": _pixel_shuffle,
    "gather": _gather,
    "interpolate": _interpolate,
    "layer_norm": _layer_norm,
    "lstm_cell": _lstm_cell,
    "gru_cell": _recurrent_cell,
    "rnn_tanh_cell": _recurrent_cell,
    "rnn_relu_cell": _recurrent_cell,
    "lstm": _recurrent_function,
    "gru": _recurrent_function,
    "rnn_tanh": _recurrent_function,
    "rnn_relu": _recurrent_function,
    **{f"{kind}_pool{dims}d": _pool for kind in ("max", "avg", "lp", "adaptive_avg", "adaptive_max") for dims in (1, 2, 3)},
    **dict.fromkeys(
        ("sum", "mean", "amax", "amin", "max", "min", "var", "std", "norm", "argmax", "argmin", "prod", "logsumexp", "all", "any"), _reduce
    ),
}

_FLOATING = frozenset("batch_norm layer_norm group_norm instance_norm rms_norm softmax log_softmax sigmoid tanh gelu exp log sqrt".split())
_SAME_SHAPE = _FLOATING | frozenset(
    "relu leaky_relu elu selu celu silu mish hardswish hardsigmoid hardtanh relu6 prelu softplus softsign dropout dropout1d "
    "dropout2d dropout3d alpha_dropout "
    "feature_alpha_dropout normalize clamp neg abs square round floor ceil contiguous clone detach cumsum cumprod tril triu "
    "roll flip masked_fill index_add "
    "index_copy index_fill scatter scatter_add scatter_reduce setitem copy softmin gumbel_softmax local_response_norm "
    "bitwise_not logical_not sort".split()
)
_COMPARING = frozenset("eq ne lt le gt ge logical_and logical_or logical_xor isclose".split())
_ELEMENTWISE = _COMPARING | frozenset(
    "add sub mul div floor_divide remainder fmod pow maximum minimum fmax fmin where addcmul addcdiv lerp atan2 bitwise_and "
    "bitwise_or bitwise_xor hypot "
    "logaddexp cosine_similarity pairwise_distance copysign nextafter xlogy".split()
)
_LOSSES = frozenset(
    "cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits "
    "kl_div hinge_embedding_loss "
    "cosine_embedding_loss triplet_margin_loss margin_ranking_loss ctc_loss poisson_nll_loss gaussian_nll_loss "
    "multi_margin_loss multilabel_margin_loss "
    "multilabel_soft_margin_loss soft_margin_loss triplet_margin_with_distance_loss".split()
)


def stand_in_for_module(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StandIn | None:
    """The stand-in for one of torch's own layers whose Python refused its input before any operation ran."""
    tensors = [arg for arg in _flat(args) if isinstance(arg, Tensor)] + [
        arg for arg in _flat(tuple(kwargs.values())) if isinstance(arg, Tensor)
    ]
    if not tensors:
        return None
    x = tensors[0]
    if isinstance(module, nn.RNNBase):
        return _recurrent(module, x)
    if isinstance(module, (nn.LSTMCell, nn.GRUCell, nn.RNNCell)):
        rows = tuple(x.shape[:1]) if x.dim() > 1 else ()  # a cell takes (N, features) and nothing longer
        shape = (*rows, module.hidden_size)

        def states(chosen: Sizes, device: str) -> Any:
            out = torch.zeros(chosen, dtype=_float(x.dtype), device=device)
            return (out, torch.zeros_like(out)) if isinstance(module, nn.LSTMCell) else out

        return StandIn((shape,), _float(x.dtype), build=states)
    if isinstance(module, nn.Transformer):
        target = tensors[1] if len(tensors) > 1 else x
        # the declared width may be the wrong one: then what follows is made for the width of the input
        return _stand_in([(*target.shape[:-1], module.d_model), target.shape], _float(x.dtype))
    if isinstance(module, nn.Linear):
        return StandIn(_unique(linear_outputs(tuple(x.shape), module.in_features, module.out_features)), _float(x.dtype))
    if isinstance(module, nn.Bilinear):
        return _stand_in([(*x.shape[:-1], module.out_features)], _float(x.dtype))
    name = type(module).__name__
    if "Norm" in name or name.startswith(("Dropout", "Softmax", "ReLU", "Pad")):
        return _stand_in([x.shape], _float(x.dtype))
    if name.endswith("Loss"):
        return _stand_in([()], torch.float32)
    return _stand_in([x.shape], x.dtype, open=True)


def _recurrent(module: nn.RNNBase, x: Tensor, flat: bool = False) -> StandIn:
    """Output and states; `flat` as `torch.lstm` itself returns them, three in a row."""
    directions = 2 if module.bidirectional else 1
    width = getattr(module, "proj_size", 0) or module.hidden_size
    shape = (*x.shape[:-1], directions * width) if x.dim() in {2, 3} else (x.shape[0] if x.dim() else 1, 1, directions * width)
    batch = (x.shape[0] if module.batch_first else x.shape[1]) if x.dim() == 3 else None
    rows = (module.num_layers * directions,) if batch is None else (module.num_layers * directions, int(batch))
    dtype = next(module.parameters()).dtype

    def build(chosen: Sizes, device: str) -> Any:
        out = torch.zeros(chosen, dtype=dtype, device=device)
        hidden = torch.zeros((*rows, width), dtype=dtype, device=device)
        if isinstance(module, nn.LSTM):
            if flat:
                return out, hidden, torch.zeros((*rows, module.hidden_size), dtype=dtype, device=device)
            return out, (hidden, torch.zeros((*rows, module.hidden_size), dtype=dtype, device=device))
        return out, hidden

    return StandIn((shape,), dtype, build=build, open=x.dim() not in {2, 3})
