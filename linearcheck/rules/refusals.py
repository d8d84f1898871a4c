"""Why a layer or function refuses what it gets: which numbers of the call clash, and what it would take.

Source: the documentation of torch.nn and torch.nn.functional, and what PyTorch 2.13 accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, pairwise

from linearcheck.rules.arithmetic import broadcast_clashes
from linearcheck.rules.failures import Failure
from linearcheck.rules.layers import ADAPTIVE_POOLS, declared_int, int_argument, tensor_argument, window_rank
from linearcheck.rules.wording import listed, quoted, shape
from linearcheck.trace.records import TensorInfo, Value


def reason(failure: Failure) -> str:
    """One sentence, or nothing where the numbers of the call do not tell."""
    name = failure.operation
    if name.startswith("Lazy"):
        return _lazy(failure)
    if name in ADAPTIVE_POOLS:
        return _output_size(failure)
    if "Pad" in name:
        return _padded(failure)
    explain = _REASONS.get(name)
    return explain(failure) if explain is not None else ""


def _option(failure: Failure, name: str) -> Value:
    """An argument of the call, or of the layer where the whole layer refused before its function was called."""
    value = failure.call.arguments.get(name)
    return value if value is not None or failure.layer is None else failure.layer.declared.get(name)


def _sizes(value: Value) -> tuple[int, ...]:
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool))


def _axes(*ranks: int) -> str:
    return "1 axis" if ranks == (1,) else f"{listed([str(rank) for rank in ranks], 'or')} axes"


def _pairs(failure: Failure) -> tuple[tuple[TensorInfo, TensorInfo], ...]:
    return tuple(combinations([t for t in failure.call.tensors if t.role not in ("parameter", "buffer")], 2))


def _bilinear(failure: Failure) -> str:
    for argument, name in (("in1_features", "input1"), ("in2_features", "input2")):
        tensor, size = tensor_argument(failure.call, name), declared_int(failure.layer, argument)
        if tensor is not None and size is not None and tensor.rank and tensor.shape[-1] != size:
            number = "first" if name == "input1" else "second"
            return f"Its {number} input is to have {size} features (`{argument}`), and {shape(tensor)} has {tensor.sizes[-1]}."
    first, second = tensor_argument(failure.call, "input1"), tensor_argument(failure.call, "input2")
    if first is not None and second is not None and first.shape[:-1] != second.shape[:-1]:
        return "Its two inputs must agree in all axes but the last."
    return ""


def _halved(failure: Failure) -> str:
    x, axis = failure.input, int_argument(failure.call, "dim", -1)
    if x is None or axis is None or not -x.rank <= axis < x.rank or x.shape[axis] % 2 == 0:
        return ""
    return f"It cuts axis {axis % x.rank} into two halves, and {x.sizes[axis]} is odd."


def _compared(failure: Failure) -> str:
    """Operands that are taken element by element."""
    for first, second in _pairs(failure):
        clashes = broadcast_clashes(first.shape, second.shape)
        if clashes:
            back = clashes[0]
            where = "the last axis" if back == -1 else f"axis {-back} from the right"
            return f"They are taken element by element, and on {where} {first.sizes[back]} does not meet {second.sizes[back]}."
    return ""


def _rows_of_points(failure: Failure) -> str:
    first, second = tensor_argument(failure.call, "x1"), tensor_argument(failure.call, "x2")
    if first is None or second is None:
        return ""
    short = next((tensor for tensor in (first, second) if tensor.rank < 2), None)
    if short is not None:
        return f"It takes points as rows, so at least 2 axes, and {shape(short)} has {_axes(short.rank)}."
    if first.shape[-1] != second.shape[-1]:
        return f"Points are compared along the last axis, where {first.sizes[-1]} does not meet {second.sizes[-1]}."
    return ""


def _cross(failure: Failure) -> str:
    axis = int_argument(failure.call, "dim", -1)
    wrong = next(
        (t for t in failure.call.tensors if axis is not None and -t.rank <= axis < t.rank and t.shape[axis] != 3),
        None,
    )
    return f"It takes vectors of 3 numbers, and axis {axis} of {shape(wrong)} has {wrong.sizes[axis or 0]}." if wrong is not None else ""


def _unshuffled(failure: Failure) -> str:
    x = failure.input
    factor = declared_int(failure.layer, "downscale_factor") or int_argument(failure.call, "downscale_factor")
    if x is None or not factor:
        return ""
    if x.rank < 3:
        return f"It takes a feature map (*, C, H, W), and {shape(x)} has {_axes(x.rank)}."
    for axis, word in ((-2, "height"), (-1, "width")):
        if x.shape[axis] % factor:
            return f"The {word} is {x.sizes[axis]}, which is no multiple of {factor} (`downscale_factor`)."
    return ""


def _channel_groups(failure: Failure) -> str:
    x = failure.input
    groups = declared_int(failure.layer, "groups") or int_argument(failure.call, "groups")
    if x is None or not groups or x.rank < 3 or x.shape[1] % groups == 0:
        return ""
    return f"It cuts the channels into {groups} groups, and {x.sizes[1]} is no multiple of {groups}."


def _padded(failure: Failure) -> str:
    x, amounts, mode = failure.input, _sizes(_option(failure, "pad") or _option(failure, "padding")), _padding_mode(failure)
    if x is None or not amounts:
        return ""
    n_axes = (len(amounts) + 1) // 2
    if len(amounts) % 2:
        return f"Padding is two numbers for each axis, and {len(amounts)} numbers are given."
    if mode == "constant":
        return f"The {len(amounts)} numbers pad {_axes(n_axes)}, and {shape(x)} has {_axes(x.rank)}." if n_axes > x.rank else ""
    if x.rank not in (n_axes + 1, n_axes + 2):
        return f"It pads {_axes(n_axes)} of an input of {_axes(n_axes + 1, n_axes + 2)}, and {shape(x)} has {_axes(x.rank)}."
    for place in range(n_axes):
        size, most = x.shape[-1 - place], max(amounts[2 * place : 2 * place + 2])
        if mode == "reflect" and most >= size:
            return f"It mirrors {most} values on axis {x.rank - 1 - place}, which has {size}; at most {size - 1} can be mirrored."
        if mode == "circular" and most > size:
            return f"It repeats {most} values of axis {x.rank - 1 - place}, which has {size}."
    return ""


def _padding_mode(failure: Failure) -> str:
    """How it pads: said by the call, or by the class of the layer (`ReflectionPad2d`)."""
    kind = failure.layer.torch_type if failure.layer is not None else ""
    named = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}
    return next((mode for name, mode in named.items() if kind.startswith(name)), str(failure.call.arguments.get("mode") or "constant"))


def _slopes(failure: Failure) -> str:
    x, weight = failure.input, failure.weight
    if x is None or weight is None:
        return ""
    channels = x.shape[1] if x.rank > 1 else 1
    n_slopes = weight.shape[0] if weight.rank else 1
    if n_slopes in (1, channels):
        return ""
    return f"It has {n_slopes} slopes, one for each channel (`num_parameters`), and {shape(x)} has {x.sizes[1] if x.rank > 1 else 1}."


def _folded_back(failure: Failure) -> str:
    x, kernel = failure.input, _sizes(_option(failure, "kernel_size"))
    output = _sizes(_option(failure, "output_size"))
    if x is None or not kernel:
        return ""
    if x.rank not in (2, 3):
        return f"It takes the blocks of an unfolded map, (N, C * kernel, blocks), and {shape(x)} has {_axes(x.rank)}."
    height, width = (kernel * 2)[:2]
    if x.shape[-2] % (height * width):
        return f"Each block of {height}x{width} takes {height * width} rows, and {x.sizes[-2]} is no multiple of {height * width}."
    blocks = _blocks(failure, (output * 2)[:2], (height, width)) if output else None
    if blocks is not None and blocks[0] * blocks[1] != x.shape[-1]:
        down, across = blocks
        made = f"{down} * {across} = {down * across}"
        return f"An output of {output[0]}x{output[-1]} is made of {made} blocks, and {shape(x)} has {x.sizes[-1]}."
    return ""


def _blocks(failure: Failure, output: tuple[int, ...], kernel: tuple[int, int]) -> tuple[int, int] | None:
    """Blocks down and across. Source: the formula of `nn.Fold`."""
    options = [(_sizes(_option(failure, name)) or (default,)) * 2 for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))]
    stride, padding, dilation = options
    if 0 in stride[:2]:
        return None
    down, across = (
        (output[place] + 2 * padding[place] - dilation[place] * (kernel[place] - 1) - 1) // stride[place] + 1 for place in (0, 1)
    )
    return down, across


def _unfolded(failure: Failure) -> str:
    x = failure.input
    if x is None or x.rank in (3, 4) or _option(failure, "kernel_size") is None:
        return ""  # `Tensor.unfold` has the same name and no kernel
    return f"It takes a feature map (N, C, H, W), and {shape(x)} has {_axes(x.rank)}."


def _sampled(failure: Failure) -> str:
    x, grid = failure.input, tensor_argument(failure.call, "grid")
    if x is None or grid is None:
        return ""
    if x.rank not in (4, 5) or grid.rank != x.rank:
        return f"Input and grid have both 4 axes, or both 5; these have {x.rank} and {grid.rank}."
    if grid.shape[-1] != x.rank - 2:
        return f"The last axis of the grid holds {x.rank - 2} coordinates, and that of {shape(grid)} holds {grid.sizes[-1]}."
    if grid.shape[0] != x.shape[0]:
        return f"There is one grid for each sample, and {grid.sizes[0]} grids for {x.sizes[0]}."
    return ""


def _affine(failure: Failure) -> str:
    theta, size = tensor_argument(failure.call, "theta"), _sizes(failure.call.arguments.get("size"))
    if theta is None or len(size) not in (4, 5):
        return f"The size is (N, C, H, W) or (N, C, D, H, W), and has {len(size)} numbers." if size else ""
    rows = len(size) - 2
    if theta.rank != 3 or theta.shape[1:] != (rows, rows + 1):
        return f"A size of {len(size)} numbers takes matrices of (N, {rows}, {rows + 1}), and gets {shape(theta)}."
    return f"There is one matrix for each sample, and {theta.sizes[0]} for {size[0]}." if theta.shape[0] != size[0] else ""


_AXES_OF_MODE = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "trilinear": (5,)}


def _resized(failure: Failure) -> str:
    x, mode = failure.input, _option(failure, "mode")
    if x is None:
        return ""
    wanted = _AXES_OF_MODE.get(str(mode), (3, 4, 5))
    if x.rank not in wanted:
        return f"The mode {quoted(str(mode))} takes {_axes(*wanted)}, and {shape(x)} has {_axes(x.rank)}."
    for option in ("size", "scale_factor"):
        given = _option(failure, option)
        if isinstance(given, tuple) and len(given) != x.rank - 2:
            return f"{quoted(option)} has {len(given)} numbers, and {shape(x)} has {x.rank - 2} axes behind its channels."
    return ""


def _output_size(failure: Failure) -> str:
    x, given, spatial = failure.input, _option(failure, "output_size"), window_rank(failure.operation)
    if x is None or spatial is None:
        return ""
    if isinstance(given, tuple) and len(given) not in (1, spatial):
        return f"`output_size` has {len(given)} numbers, and it pools over {_axes(spatial)}."
    if x.rank not in (spatial + 1, spatial + 2):
        return f"It takes {_axes(spatial + 1, spatial + 2)}, and {shape(x)} has {_axes(x.rank)}."
    return ""


def _lazy(failure: Failure) -> str:
    x, spatial = failure.input, window_rank(failure.operation)
    if x is None or spatial is None or x.rank in (spatial + 1, spatial + 2):
        return ""
    return f"It takes {_axes(spatial + 1, spatial + 2)}, and {shape(x)} has {_axes(x.rank)}."


def _matrix(failure: Failure) -> str:
    x = failure.input
    return f"It takes a matrix, so at least 2 axes, and {shape(x)} has {_axes(x.rank)}." if x is not None and x.rank < 2 else ""


def _indices_of_pool(failure: Failure) -> str:
    x, indices = failure.input, tensor_argument(failure.call, "indices")
    if x is None or indices is None or x.shape == indices.shape:
        return ""
    return f"Values and indices come from one pooling and have one shape, and these are {shape(x)} and {shape(indices)}."


def _chained(failure: Failure) -> str:
    """Matrices that are multiplied one after another."""
    matrices = failure.call.tensors
    for left, right in pairwise(matrices):
        if left.rank and right.rank and left.shape[-1] != right.shape[0]:
            return f"{shape(left)} is multiplied by {shape(right)}, and {left.sizes[-1]} columns do not meet {right.sizes[0]} rows."
    return ""


_REASONS: Mapping[str, Callable[[Failure], str]] = {
    "bilinear": _bilinear,
    "glu": _halved,
    "cosine_similarity": _compared,
    "pairwise_distance": _compared,
    "cosine_embedding_loss": _compared,
    "margin_ranking_loss": _compared,
    "triplet_margin_loss": _compared,
    "triplet_margin_with_distance_loss": _compared,
    "cdist": _rows_of_points,
    "cross": _cross,
    "linalg_cross": _cross,
    "pixel_unshuffle": _unshuffled,
    "channel_shuffle": _channel_groups,
    "pad": _padded,
    "prelu": _slopes,
    "fold": _folded_back,
    "unfold": _unfolded,
    "grid_sample": _sampled,
    "affine_grid": _affine,
    "interpolate": _resized,
    "upsample": _resized,
    "tril": _matrix,
    "triu": _matrix,
    "diagonal": _matrix,
    "multi_dot": _chained,
    "linalg_multi_dot": _chained,
    "max_unpool1d": _indices_of_pool,
    "max_unpool2d": _indices_of_pool,
    "max_unpool3d": _indices_of_pool,
}
