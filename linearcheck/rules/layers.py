"""Which of torch's layers a call belongs to, and what that layer's declaration says about its input and output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from linearcheck.findings import FixKind
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace, Value

CONTAINERS = frozenset(
    {"Sequential", "ModuleList", "ModuleDict", "TransformerEncoder", "TransformerDecoder", "ParametrizationList", "DataParallel"}
)
"""Modules of torch that only hand tensors on to others."""

FUNCTIONS: Mapping[str, str] = {
    "Linear": "linear", "NonDynamicallyQuantizableLinear": "linear", "Bilinear": "bilinear",
    **{f"Conv{n}d": f"conv{n}d" for n in (1, 2, 3)}, **{f"ConvTranspose{n}d": f"conv_transpose{n}d" for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": "batch_norm" for n in (1, 2, 3)}, "SyncBatchNorm": "batch_norm",
    **{f"InstanceNorm{n}d": "instance_norm" for n in (1, 2, 3)},
    "GroupNorm": "group_norm", "LayerNorm": "layer_norm", "RMSNorm": "rms_norm",
    "Embedding": "embedding", "EmbeddingBag": "embedding_bag", "LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh",
    "LSTMCell": "lstm_cell", "GRUCell": "gru_cell", "RNNCell": "rnn_tanh_cell", "MultiheadAttention": "multi_head_attention_forward",
    "PixelShuffle": "pixel_shuffle", "PixelUnshuffle": "pixel_unshuffle", "ChannelShuffle": "channel_shuffle", "Upsample": "interpolate",
    "UpsamplingNearest2d": "interpolate", "UpsamplingBilinear2d": "interpolate", "Fold": "fold", "Unfold": "unfold",
    "Flatten": "flatten", "Unflatten": "unflatten", "Dropout": "dropout", "Softmax": "softmax", "LogSoftmax": "log_softmax",
    "PReLU": "prelu",
    **{f"{kind}Pool{n}d": f"{kind.lower()}_pool{n}d" for kind in ("Max", "Avg") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pool{n}d": f"adaptive_{kind.lower()}_pool{n}d" for kind in ("Max", "Avg") for n in (1, 2, 3)},
}  # fmt: skip
"""The function that a layer's forward calls."""

RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
RECURRENT_CELLS = frozenset({"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"})
CONVOLUTIONS = frozenset({f"conv{n}d" for n in (1, 2, 3)} | {f"conv_transpose{n}d" for n in (1, 2, 3)})
POOLS = frozenset({f"{kind}_pool{n}d" for kind in ("max", "avg", "lp", "fractional_max") for n in (1, 2, 3)})
ADAPTIVE_POOLS = frozenset({f"adaptive_{kind}_pool{n}d" for kind in ("max", "avg") for n in (1, 2, 3)})
NORMS_OVER_CHANNELS = frozenset({"batch_norm", "instance_norm", "group_norm"})
NORMS_OVER_LAST = frozenset({"layer_norm", "rms_norm"})
ATTENTION_LAYERS = frozenset({"MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"})


def operation(call: Call) -> str:
    """The function that a call amounts to: `linear` for the function and for a module call of an `nn.Linear`."""
    return FUNCTIONS.get(call.name, call.name) if call.kind == "module" else call.name


def enclosing(trace: Trace, call: Call) -> Call | None:
    """The module call in whose forward a call was made."""
    return trace.calls[call.parent] if call.parent is not None and call.parent < len(trace.calls) else None


def last_call_within(trace: Trace, module_call: int) -> int:
    """Index of the last call that is made in the forward of a module call; its own index where there is none."""
    within = {module_call}
    for call in trace.calls[module_call + 1 :]:
        if call.parent in within:
            within.add(call.index)
    return max(within)


def torch_layer(trace: Trace, call: Call) -> tuple[Layer, Call] | None:
    """The layer of torch's own whose computation a call is, with that layer's module call.

    For a class that inherits from a layer and has its own forward only the call of the layer's function on its own weight counts.
    """
    around = call if call.kind == "module" else enclosing(trace, call)
    layer = trace.layer_of(around) if around is not None else None
    if around is None or layer is None or not layer.torch_type or layer.torch_type in CONTAINERS:
        return None
    if call.kind == "function" and layer.user_class and FUNCTIONS.get(layer.torch_type) != call.name:
        return None
    return layer, around


def outermost_layer_call(trace: Trace, call: Call) -> Call | None:
    """The outermost module call of one of torch's own layers (no container) that a call is part of: a whole `nn.Transformer`."""
    found = None
    around: Call | None = call if call.kind == "module" else enclosing(trace, call)
    while around is not None:
        layer = trace.layer_of(around)
        if layer is None or not layer.torch_type or (layer.user_class and found is not None):
            break
        if layer.torch_type not in CONTAINERS:
            found = around
        around = enclosing(trace, around)
    return found


def declared_int(layer: Layer | None, name: str) -> int | None:
    """An argument of a layer as a number; `normalized_shape=(64,)` is 64."""
    value = layer.declared.get(name) if layer is not None else None
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def int_argument(call: Call, name: str, default: int | None = None) -> int | None:
    value = call.arguments.get(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def tensor_argument(call: Call, *names: str) -> TensorInfo | None:
    for name in names:
        value = call.arguments.get(name)
        if isinstance(value, TensorInfo):
            return value
    return None


def numbers(value: Value, count: int, default: int | None = None) -> tuple[int, ...] | None:
    """An argument such as a kernel size, `3` or `(3, 5)`, as one number per axis; None where it is something else."""
    if value is None and default is not None:
        return (default,) * count
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,) * count
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        sizes = tuple(item for item in value if isinstance(item, int))
        return sizes * count if len(sizes) == 1 else sizes if len(sizes) == count else None
    return None


@dataclass(frozen=True, slots=True)
class Pin:
    """An axis of a tensor that a layer's argument fixes: `fc1`'s input has `in_features` as its last axis."""

    call: Call
    tensor: TensorInfo
    axis: int
    size: int
    layer: Layer
    argument: str
    kind: FixKind


def window_rank(name: str) -> int | None:
    """Number of spatial axes of a convolution, pooling or norm by its name: 2 for `conv2d` and `BatchNorm2d`.

    >>> window_rank("adaptive_avg_pool2d"), window_rank("linear")
    (2, None)
    """
    return int(name[-2]) if len(name) > 2 and name[-1] == "d" and name[-2] in "123" else None


def channel_axis(tensor: TensorInfo, spatial: int | None) -> int:
    """Axis of the channels: the one before the spatial axes where their number is known, so 0 for an unbatched map."""
    return tensor.rank - spatial - 1 if spatial is not None and tensor.rank > spatial else min(1, tensor.rank - 1)


def input_pin(trace: Trace, call: Call) -> Pin | None:
    """What the layer that a call belongs to declares about the size of its input, or None."""
    owned = torch_layer(trace, call)
    tensor = tensor_argument(call, "input", "query") or call.input
    if owned is None or tensor is None or tensor.rank == 0:
        return None
    layer, _ = owned
    name = operation(call)
    argument, axis, kind = _input_declaration(name, layer, tensor)
    size = declared_int(layer, argument)
    return Pin(call, tensor, axis, size, layer, argument, kind) if size is not None and 0 <= axis < tensor.rank else None


def _input_declaration(name: str, layer: Layer, tensor: TensorInfo) -> tuple[str, int, FixKind]:
    last = tensor.rank - 1
    if name == "linear":
        return "in_features", last, "set_in_features"
    if name in CONVOLUTIONS:
        return "in_channels", channel_axis(tensor, window_rank(name)), "set_in_channels"
    if name in NORMS_OVER_CHANNELS:
        return ("num_channels" if name == "group_norm" else "num_features"), min(1, last), "set_num_features"
    if name in NORMS_OVER_LAST:
        shape = layer.declared.get("normalized_shape")
        return ("normalized_shape" if not isinstance(shape, tuple) or len(shape) == 1 else ""), last, "set_num_features"
    if name in RECURRENT or name in RECURRENT_CELLS:
        return "input_size", last, "set_input_size"
    if name == "multi_head_attention_forward":
        return "embed_dim", last, "other"
    return "", -1, "other"


_OUTPUTS: Mapping[str, tuple[str, int, FixKind]] = {
    "linear": ("out_features", -1, "set_out_features"),
    "bilinear": ("out_features", -1, "set_out_features"),
    "embedding": ("embedding_dim", -1, "other"),
    "embedding_bag": ("embedding_dim", -1, "other"),
    "multi_head_attention_forward": ("embed_dim", -1, "other"),
}


def output_declaration(trace: Trace, call: Call, output: TensorInfo, axis: int) -> tuple[Layer, str, FixKind] | None:
    """The argument of a layer that fixes one axis of its output: `out_channels` of a convolution, or None."""
    owned = torch_layer(trace, call)
    if owned is None:
        return None
    layer, name = owned[0], operation(call)
    if name in CONVOLUTIONS:
        return (layer, "out_channels", "set_out_channels") if axis == channel_axis(output, window_rank(name)) else None
    if name in RECURRENT:
        plain = not layer.declared.get("bidirectional") and not layer.declared.get("proj_size")
        return (layer, "hidden_size", "other") if plain and axis == output.rank - 1 else None
    if name in _OUTPUTS and axis == output.rank - 1:
        argument, _, kind = _OUTPUTS[name]
        return layer, argument, kind
    return None


def declared_parameter_shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Shapes of weight and bias as a Linear's or convolution's declaration promises them."""
    declared = layer.declared
    kind = layer.torch_type
    if kind == "Linear":
        inputs, outputs = declared_int(layer, "in_features"), declared_int(layer, "out_features")
        return {"weight": (outputs, inputs), "bias": (outputs,)} if inputs and outputs else {}
    spatial = window_rank(kind) if kind.startswith("Conv") else None
    inputs, outputs = declared_int(layer, "in_channels"), declared_int(layer, "out_channels")
    kernel = numbers(declared.get("kernel_size"), spatial) if spatial else None
    groups = declared_int(layer, "groups") or 1
    if not inputs or not outputs or kernel is None:
        return {}
    weight = (inputs, outputs // groups) if "Transpose" in kind else (outputs, inputs // groups)
    return {"weight": weight + kernel, "bias": (outputs,)}


def wrong_parameters(layer: Layer) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Parameters whose shape is not the declared one: name to (shape, declared shape)."""
    promised = declared_parameter_shapes(layer)
    return {
        name: (parameter.shape, promised[name])
        for name, parameter in layer.parameters.items()
        if name in promised and parameter.shape != promised[name]
    }
