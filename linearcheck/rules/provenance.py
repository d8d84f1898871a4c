"""Explains numbers: which call, layer or input a tensor and each of its sizes come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from linearcheck.findings import Related
from linearcheck.rules.axes import Joined, Made, Merged, Scaled, Through, Windowed, axis_source
from linearcheck.rules.layers import (
    ADAPTIVE_POOLS,
    CONVOLUTIONS,
    POOLS,
    RECURRENT,
    declared_int,
    operation,
    output_declaration,
    torch_layer,
)
from linearcheck.rules.wording import axis_words, call_name, call_on_line, counted, layer_name, listed, on_line, quoted, shape, times_text
from linearcheck.sizes import Size
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

Factors = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class SizeOrigin:
    """Where one size was fixed.

    `tensor` and `axis` are where the axis first has this size, `call` the call that made it so (None: it is an input or parameter of
    the model),
    `passed` the calls it went through unchanged since, latest first. `layer` and `argument` name the declaration that fixes it, where
    one does.
    `factors` are the numbers whose product it is (a flatten), `parts` the origins of the sizes whose sum it is (a `cat`), `scaled` the
    origin of the size that it is a part or multiple of, with the factor (a `chunk`). `text` is the sentence.
    """

    size: Size
    tensor: TensorInfo
    axis: int
    call: Call | None
    passed: tuple[Call, ...] = ()
    layer: Layer | None = None
    argument: str = ""
    factors: Factors = ()
    parts: tuple[SizeOrigin, ...] = ()
    scaled: tuple[SizeOrigin, Fraction] | None = None
    text: str = ""


def explain_size(trace: Trace, tensor: TensorInfo, axis: int) -> SizeOrigin:
    """Which call or input fixed one size of a tensor, and a sentence that says so.

    Raises:
        IndexError: If the tensor has no such axis.
    """
    axis = range(tensor.rank)[axis]
    size = tensor.sizes[axis]
    passed: list[Call] = []
    for _ in range(len(trace.calls) + 1):
        call = trace.producer(tensor) if tensor.role not in ("parameter", "buffer", "input") else None
        if call is None:
            return SizeOrigin(size, tensor, axis, None, tuple(passed), text=_input_text(tensor))
        output = _as_output(call, tensor)
        source = axis_source(call, output, axis)
        if not isinstance(source, Through):
            return _fixed(trace, size, output, axis, call, tuple(passed), source)
        passed.append(call)
        tensor, axis = source.tensor, source.axis
    return SizeOrigin(size, tensor, axis, None, tuple(passed))


def _as_output(call: Call, tensor: TensorInfo) -> TensorInfo:
    return next((output for output in call.outputs if output.uid == tensor.uid), tensor)


def _fixed(
    trace: Trace,
    size: Size,
    output: TensorInfo,
    axis: int,
    call: Call,
    passed: tuple[Call, ...],
    source: Made | Merged | Joined | Windowed | Scaled,
) -> SizeOrigin:
    where = call_on_line(trace, call)
    match source:
        case Merged(tensor, axes):
            words = axis_words(tensor.sizes, channels_first=is_channels_first(trace, tensor))
            factors = tuple((tensor.shape[place], words[place]) for place in axes)
            product = prod(number for number, _ in factors)
            text = f"{where} turns {shape(tensor)} into {shape(output)}, since {times_text(factors)} = {product}."
            return SizeOrigin(size, output, axis, call, passed, factors=factors, text=text)
        case Joined(parts):
            origins = tuple(explain_size(trace, tensor, place) for tensor, place in parts)
            text = f"{where} joins {listed([str(part.size) for part in origins])} to {size}."
            return SizeOrigin(size, output, axis, call, passed, parts=origins, text=text)
        case Scaled(tensor, place, factor):
            inner = explain_size(trace, tensor, place)
            text = f"{where} makes {size} of {tensor.sizes[place]}. {inner.text}".strip()
            return SizeOrigin(size, output, axis, call, passed, scaled=(inner, factor), text=text)
        case Windowed(tensor, place):
            return SizeOrigin(size, output, axis, call, passed, text=f"{where} makes {size} of {tensor.sizes[place]}.")
    declaration = output_declaration(trace, call, output, axis)
    if declaration is None and operation(call) in RECURRENT and (owned := torch_layer(trace, call)) is not None and axis == output.rank - 1:
        layer = owned[0]
        width = declared_int(layer, "proj_size") or declared_int(layer, "hidden_size")
        both = f", {width} in each direction" if layer.declared.get("bidirectional") else ""
        return SizeOrigin(
            size, output, axis, call, passed, text=f"{layer_name(layer)}{on_line(layer.definition)} makes {size} features{both}."
        )
    if declaration is None:
        return SizeOrigin(size, output, axis, call, passed, text=f"{where} makes an axis of {size}.")
    layer, argument, _ = declaration
    what = counted(size, "channel" if argument == "out_channels" else "feature")
    return SizeOrigin(
        size, output, axis, call, passed, layer, argument, text=f"{layer_name(layer)}{on_line(layer.definition)} makes {what}."
    )


def _input_text(tensor: TensorInfo) -> str:
    name = quoted(tensor.name) + " " if tensor.name else ""
    if tensor.role in ("parameter", "buffer"):
        return f"The {tensor.role} {name}is {shape(tensor)}."
    return f"The input {name}is {shape(tensor)}." if tensor.role == "input" else ""


def origin_of(trace: Trace, tensor: TensorInfo) -> tuple[Call, ...]:
    """The chain of calls that made a tensor, latest first, along first inputs, back to the model's input or a parameter."""
    chain: list[Call] = []
    seen: set[int] = set()
    current: TensorInfo | None = tensor
    while current is not None and current.uid not in seen:
        seen.add(current.uid)
        call = trace.producer(current)
        if call is None:
            break
        chain.append(call)
        current = next((taken for taken in call.tensors if taken.role not in ("parameter", "buffer")), call.input)
    return tuple(chain)


def operand_origin(trace: Trace, tensor: TensorInfo) -> Related | None:
    """Where a tensor was made, for a finding's operands: the place and the name of the call (`flatten`, `conv1`)."""
    call = trace.producer(tensor)
    if call is None or call.site is None:
        return None
    if tensor.role in ("parameter", "buffer") and tensor.name:
        return Related(call.site, tensor.name)
    return Related(call.site, call_name(trace, call).strip("`"))


def origin_sentence(trace: Trace, tensor: TensorInfo) -> str:
    """A sentence that says where a tensor comes from, or "" where that is not known."""
    call = trace.producer(tensor)
    if call is None or tensor.role in ("parameter", "buffer"):
        return _input_text(tensor)
    return f"{shape(tensor)} comes from {call_name(trace, call)}{on_line(call.site)}."


def is_channels_first(trace: Trace, tensor: TensorInfo) -> bool:
    """Whether axis 1 of a map or sequence holds its channels, as far as the calls that made it tell."""
    if tensor.rank < 3:
        return False
    last = explain_size(trace, tensor, tensor.rank - 1)
    if last.call is not None and operation(last.call) not in CONVOLUTIONS | POOLS | ADAPTIVE_POOLS and last.argument:
        return False  # features of a Linear, an Embedding or a recurrent layer stand last
    first = explain_size(trace, tensor, 1)
    return first.argument == "out_channels" or tensor.rank > 3 or (last.call is not None and operation(last.call) in CONVOLUTIONS | POOLS)


def is_feature_map(trace: Trace, tensor: TensorInfo) -> bool:
    """Whether a tensor is what convolution and pooling leave: (N, C, *spatial), with nothing but element-wise calls since."""
    if tensor.rank < 3:
        return False
    channels = explain_size(trace, tensor, 1)
    if channels.argument == "out_channels":
        return channels.axis == 1 and channels.tensor.rank == tensor.rank
    spatial = explain_size(trace, tensor, tensor.rank - 1)
    kinds = CONVOLUTIONS | POOLS | ADAPTIVE_POOLS
    return spatial.call is not None and operation(spatial.call) in kinds and spatial.axis == tensor.rank - 1


def size_steps(trace: Trace, tensor: TensorInfo, axis: int) -> Iterator[tuple[Size, Call | None]]:
    """How one spatial axis got its size, latest first: each size with the call that made it, down to the input's."""
    while True:
        origin = explain_size(trace, tensor, axis)
        yield origin.size, origin.call
        if origin.call is None:
            return
        source = axis_source(origin.call, origin.tensor, origin.axis)
        if not isinstance(source, Windowed):
            return
        tensor, axis = source.tensor, source.axis


def size_history(trace: Trace, tensor: TensorInfo, axis: int, word: str) -> str:
    """A sentence about an axis that windows made smaller, or "" where nothing did.

    For LeNet: "The height goes 28, 24 (`conv1`), 12 (`max_pool2d`), 8 (`conv2`), 4 (`max_pool2d`)."
    """
    steps = list(size_steps(trace, tensor, axis))[::-1]
    if len(steps) < 2:
        return ""
    shown = [str(size) if call is None else f"{size} ({call_name(trace, call)})" for size, call in steps]
    return f"The {word} goes {', '.join(shown)}."


def maker_size(origin: SizeOrigin) -> int | None:
    return declared_int(origin.layer, origin.argument) if origin.layer is not None else None
