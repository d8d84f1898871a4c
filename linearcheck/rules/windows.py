"""Convolutions, pooling and resizing as functions of one axis's size, and whole chains of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from linearcheck.rules.arithmetic import conv_output_size, conv_transpose_output_size, dilated_kernel, pool_output_size
from linearcheck.rules.axes import Windowed, axis_source
from linearcheck.rules.layers import CONVOLUTIONS, POOLS, numbers, operation, tensor_argument, torch_layer, window_rank
from linearcheck.rules.provenance import explain_size
from linearcheck.trace.records import Call, TensorInfo, Trace, Value

SizeFunction = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution or pooling does along one axis; `padding` None stands for "same"."""

    kernel: int
    stride: int
    padding: int | None
    dilation: int
    ceil_mode: bool = False
    transposed: bool = False
    output_padding: int = 0
    pooling: bool = False

    @property
    def reach(self) -> int:
        """How many elements the dilated kernel covers."""
        return dilated_kernel(self.kernel, self.dilation)

    def output_size(self, size: int) -> int:
        """Size that the window leaves of `size`.

        Raises:
            EmptyOutputError: If it does not fit.
        """
        if self.padding is None:
            return size
        if self.transposed:
            return conv_transpose_output_size(size, self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        if self.pooling:
            return pool_output_size(size, self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode)
        return conv_output_size(size, self.kernel, self.stride, self.padding, self.dilation)


def windows_of(trace: Trace, call: Call) -> tuple[Window, ...] | None:
    """One window per spatial axis of a convolution or pooling call, or None for any other call."""
    name = operation(call)
    spatial = window_rank(name)
    if spatial is None or name not in CONVOLUTIONS | POOLS:
        return None
    kernel = _kernel(trace, call, spatial)
    pooling = name in POOLS
    stride = numbers(_option(trace, call, "stride"), spatial, None if pooling else 1) or (kernel if pooling else None)
    given_padding = _option(trace, call, "padding")
    padding = (0,) * spatial if isinstance(given_padding, str) else numbers(given_padding, spatial, 0)
    dilation = numbers(_option(trace, call, "dilation"), spatial, 1)
    extra = numbers(_option(trace, call, "output_padding"), spatial, 0)
    if kernel is None or stride is None or padding is None or dilation is None or extra is None:
        return None
    same = given_padding == "same"
    ceil_mode = bool(_option(trace, call, "ceil_mode"))
    return tuple(
        Window(kernel[i], stride[i], None if same else padding[i], dilation[i], ceil_mode, "transpose" in name, extra[i], pooling)
        for i in range(spatial)
    )


def _kernel(trace: Trace, call: Call, spatial: int) -> tuple[int, ...] | None:
    weight = tensor_argument(call, "weight")
    if weight is not None and operation(call) in CONVOLUTIONS and weight.rank == spatial + 2:
        return weight.shape[2:]
    return numbers(_option(trace, call, "kernel_size"), spatial)


def _option(trace: Trace, call: Call, name: str) -> Value:
    """An option as passed to the function, else as declared by its layer."""
    if name in call.arguments:
        value = call.arguments[name]
        return None if value == () else value
    owned = torch_layer(trace, call)
    return owned[0].declared.get(name) if owned is not None else None


def axis_function(trace: Trace, call: Call, spatial_axis: int, before: int, after: int) -> SizeFunction | None:
    """What a call does to the size of one spatial axis (0 is the first after the channels); a ratio where it only scales."""
    windows = windows_of(trace, call)
    if windows is not None:
        return windows[spatial_axis].output_size if spatial_axis < len(windows) else None
    if operation(call) == "pad":
        return lambda size: size + after - before
    if operation(call) in {"interpolate", "upsample", "pixel_shuffle", "pixel_unshuffle"} and call.arguments.get("size") is None:
        return lambda size: size * after // before
    return None


def size_function(trace: Trace, tensor: TensorInfo, axis: int) -> tuple[SizeFunction, TensorInfo, int] | None:
    """How the size of a spatial axis follows from the model input's: the function, the input and its axis; None where it does not."""
    steps: list[SizeFunction] = []
    while True:
        origin = explain_size(trace, tensor, axis)
        if origin.call is None:
            if origin.tensor.role != "input":
                return None
            return _chained(steps), origin.tensor, origin.axis
        source = axis_source(origin.call, origin.tensor, origin.axis)
        if not isinstance(source, Windowed):
            return None
        before, after = source.tensor.shape[source.axis], origin.tensor.shape[origin.axis]
        step = axis_function(trace, origin.call, origin.axis - _first_spatial_axis(origin.call, origin.tensor), before, after)
        if step is None:
            return None
        steps.append(step)
        tensor, axis = source.tensor, source.axis


def _first_spatial_axis(call: Call, output: TensorInfo) -> int:
    spatial = window_rank(operation(call))
    return output.rank - spatial if spatial is not None else 2


def _chained(latest_first: list[SizeFunction]) -> SizeFunction:
    def output_of(size: int) -> int:
        for step in reversed(latest_first):
            size = step(size)
        return size

    return output_of
