"""Words that findings share: how layers, places, sizes and counts are written."""

from __future__ import annotations

from collections.abc import Sequence

from linearcheck.rules.layers import operation, outermost_layer_call, torch_layer
from linearcheck.sentences import listed as listed
from linearcheck.sizes import Shape, Size, shape_text
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace

_SPOKEN = {
    "getitem": "indexing", "setitem": "assignment to an index", "multi_head_attention_forward": "attention", "lstm_cell": "LSTM cell",
    "rnn_tanh": "rnn", "rnn_relu": "rnn",
}  # fmt: skip
OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "pow": "**", "floor_divide": "//", "remainder": "%", "eq": "==",
    "ne": "!=",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip


def quoted(name: str) -> str:
    return f"`{name}`"


def layer_name(layer: Layer) -> str:
    """A layer as the user writes it, in backticks; the model itself by its class.

    >>> layer_name(Layer("fc1", "Linear", "Linear"))
    '`fc1`'
    """
    return quoted(layer.name or layer.type)


def call_name(trace: Trace, call: Call) -> str:
    """What a call is called in a sentence: its layer's name, else its function's, in backticks."""
    outer = outermost_layer_call(trace, call)
    layer = trace.layer_of(outer) if outer is not None else None
    if layer is None and call.kind == "module":
        layer = trace.layer_of(call)
    return layer_name(layer) if layer is not None else quoted(_SPOKEN.get(call.name, call.name))


def call_place(trace: Trace, call: Call) -> Span | None:
    """Where a call is made, or, for a layer, where that layer is built."""
    owned = torch_layer(trace, call)
    layer = owned[0] if owned is not None else None
    return layer.definition if layer is not None and layer.definition is not None else call.site


def on_line(span: Span | None) -> str:
    """` on line 19`, or nothing where the place is not known."""
    return f" on line {span.line}" if span is not None else ""


def call_on_line(trace: Trace, call: Call) -> str:
    """`conv1` on line 9."""
    return call_name(trace, call) + on_line(call_place(trace, call))


def shape(tensor: TensorInfo) -> str:
    return shape_text(tensor.sizes)


def counted(count: Size, noun: str) -> str:
    """
    >>> counted(1, "channel"), counted(3, "channel")
    ('1 channel', '3 channels')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def times_text(factors: Sequence[tuple[int, str]]) -> str:
    """The product as a user writes it.

    >>> times_text(((16, "channels"), (4, "height"), (4, "width")))
    '16 * 4 * 4'
    """
    return " * ".join(str(number) for number, _ in factors)


def axis_words(sizes: Shape, channels_first: bool = True) -> tuple[str, ...]:
    """What the axes of an activation mean, for a batch-first map or sequence.

    >>> from linearcheck.sizes import N
    >>> axis_words((N, 16, 4, 4))
    ('batch', 'channels', 'height', 'width')
    """
    spatial = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}
    if len(sizes) in spatial and channels_first:
        return ("batch", "channels", *spatial[len(sizes)])
    if len(sizes) == 3:
        return ("batch", "steps", "features")
    return ("batch", *(f"axis {axis}" for axis in range(1, len(sizes) - 1)), "features")[: max(len(sizes), 1)]


def function_words(call: Call) -> str:
    """The function of a call in a sentence: `` `torch.cat` `` is `` `cat` ``, an operator its sign."""
    return quoted(_SPOKEN.get(operation(call), operation(call)))
