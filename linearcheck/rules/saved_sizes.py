"""What a layer was built with when its checkpoint was saved, told from the shapes of its tensors, and how to build it so again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from linearcheck.findings import FixKind, Proposal, SetArgument
from linearcheck.rules.checkpoints import Mismatch, Part
from linearcheck.rules.evidence import consequences, pins_on
from linearcheck.rules.layers import FUNCTIONS, channel_axis, declared_int, numbers, operation, torch_layer, window_rank
from linearcheck.rules.suggestions import change_argument, combined, ranked, resize_input
from linearcheck.rules.wording import counted, layer_name, listed
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

_KINDS: Mapping[str, FixKind] = {
    "out_features": "set_out_features", "in_features": "set_in_features", "out_channels": "set_out_channels",
    "in_channels": "set_in_channels", "num_features": "set_num_features", "num_channels": "set_num_features",
    "normalized_shape": "set_num_features", "input_size": "set_input_size",
}  # fmt: skip
_OUTPUTS = frozenset({"out_features", "out_channels", "embedding_dim", "hidden_size"})
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "LSTMCell": 4, "GRUCell": 3, "RNNCell": 1}


@dataclass(frozen=True, slots=True)
class Explained:
    """Why the shapes differ, what would make them agree, and the other layers' arguments that go with it, with their sizes."""

    text: str
    proposals: tuple[Proposal, ...] = ()
    follows: Mapping[tuple[str, str], int] = field(default_factory=dict)


def explain(trace: Trace, mismatch: Mismatch) -> Explained:
    layer = mismatch.layer
    weight = mismatch.part("weight")
    if layer is not None and layer.torch_type and weight is not None:
        if (turned := _turned(layer, weight)) is not None:
            return turned
        if (reshaped := _pointwise(layer, weight)) is not None:
            return reshaped
    changes = saved_arguments(mismatch) if layer is not None else {}
    if layer is None or not changes:
        return Explained(_plain(mismatch))
    return _rebuilt(trace, layer, changes)


def _turned(layer: Layer, weight: Part) -> Explained | None:
    """Tensors whose axes stand in another order, as other frameworks keep them."""
    saved, built = weight.saved, weight.built
    if len(saved) != len(built) or sorted(saved) != sorted(built) or saved == built:
        return None
    order = next(
        (order for order in ((1, 0), (3, 2, 0, 1), (2, 1, 0), (4, 3, 0, 1, 2), (1, 0, 2, 3)) if _permuted(saved, order) == built), None
    )
    if order is None:
        return None
    name = f"{layer.name}.weight"
    how = f'state["{name}"].t()' if len(order) == 2 else f'state["{name}"].permute{order}'
    kept = {2: "(in, out)", 4: "(height, width, in, out)"}.get(len(order), "another order") if order != (1, 0, 2, 3) else "(in, out, ...)"
    text = f"The weight is transposed: the checkpoint keeps it as {kept}, as TensorFlow and JAX do, and PyTorch as {_pytorch_order(layer)}."
    if "Transpose" in layer.torch_type or order == (1, 0, 2, 3):
        text = "The first two axes of the weight are swapped: a transposed convolution keeps (in, out, ...), a plain one (out, in, ...)."
    return Explained(text, (Proposal("transpose_weight", f'turn it before loading: `state["{name}"] = {how}`'),))


def _permuted(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in order) if len(shape) == len(order) else ()


def _pytorch_order(layer: Layer) -> str:
    return "(out, in)" if layer.torch_type == "Linear" else "(out, in, height, width)" if "2d" in layer.torch_type else "(out, in, length)"


def _pointwise(layer: Layer, weight: Part) -> Explained | None:
    """A Linear that was a convolution of one pixel when it was saved, or the other way round."""
    saved, built, name = weight.saved, weight.built, f"{layer.name}.weight"
    if len(saved) > len(built) == 2 and saved[:2] == built and prod(saved[2:]) == 1:
        what, how = "a convolution of one pixel", f'state["{name}"].flatten(1)'
    elif len(built) > len(saved) == 2 and built[:2] == saved and prod(built[2:]) == 1:
        what, how = "a Linear", f'state["{name}"].reshape{built}'
    else:
        return None
    return Explained(
        f"{layer_name(layer)} was {what} when the checkpoint was saved; its values are the same ones, in another shape.",
        (Proposal("other", f'reshape it before loading: `state["{name}"] = {how}`'),),
    )


def saved_arguments(mismatch: Mismatch) -> dict[str, int]:
    """Arguments with which the layer would have the checkpoint's shapes, where they differ from its own; empty where that is not known."""
    layer = mismatch.layer
    if layer is None:
        return {}
    found: dict[str, int] = {}
    for part in mismatch.parts:
        if len(part.saved) != len(part.built):
            return {}
        for argument, size in _told_by(layer, part).items():
            if found.setdefault(argument, size) != size:
                return {}
    return {argument: size for argument, size in found.items() if built_with(layer, argument) not in (size, None)}


def built_with(layer: Layer | None, argument: str) -> int | None:
    """An argument of a layer as a number; a kernel of one size along every axis is that size."""
    value = layer.declared.get(argument) if layer is not None else None
    if isinstance(value, tuple) and len(set(value)) == 1 and isinstance(value[0], int):
        return value[0]
    return declared_int(layer, argument)


def _told_by(layer: Layer, part: Part) -> dict[str, int]:
    kind, saved, name = layer.torch_type, part.saved, part.name
    if name == "bias" and len(saved) == 1:
        argument = "out_features" if "out_features" in layer.declared else "out_channels" if "out_channels" in layer.declared else ""
        if argument:
            return {argument: saved[0]}
    if kind in ("Linear", "NonDynamicallyQuantizableLinear") and name == "weight":
        return {"out_features": saved[0], "in_features": saved[1]}
    if kind.startswith("Conv") and name == "weight":
        return _of_convolution(layer, saved, part.built)
    if kind in ("Embedding", "EmbeddingBag") and name == "weight":
        return {"num_embeddings": saved[0], "embedding_dim": saved[1]}
    if kind.startswith(("BatchNorm", "InstanceNorm", "SyncBatchNorm")) and len(saved) == 1:
        return {"num_features": saved[0]}
    if kind == "GroupNorm":
        return {"num_channels": saved[0]}
    if kind in ("LayerNorm", "RMSNorm") and len(saved) == 1:
        return {"normalized_shape": saved[0]}
    if kind in _GATES and name.startswith("weight_ih") and name.endswith(("_l0", "_l0_reverse", "_ih")):
        return {"hidden_size": saved[0] // _GATES[kind], "input_size": saved[1]}
    if kind in _GATES and name.startswith(("weight_hh", "bias_")) and not declared_int(layer, "proj_size"):
        return {"hidden_size": saved[0] // _GATES[kind]}
    return {}


def _of_convolution(layer: Layer, saved: tuple[int, ...], built: tuple[int, ...]) -> dict[str, int]:
    groups = declared_int(layer, "groups") or 1
    first, second = saved[0], saved[1] * groups
    found = (
        {"in_channels": first, "out_channels": second}
        if "Transpose" in layer.torch_type
        else {"out_channels": first, "in_channels": second}
    )
    kernel = numbers(layer.declared.get("kernel_size"), len(saved) - 2)
    if saved[2:] == built[2:]:
        return found
    if kernel is None or len(set(saved[2:])) != 1:
        return {}
    return found | {"kernel_size": saved[2]}


def _rebuilt(trace: Trace, layer: Layer, changes: Mapping[str, int]) -> Explained:
    call = next((call for call in _calls(trace, layer)), None)
    follows: dict[tuple[str, str], int] = {}
    proposal: Proposal | None = None
    for argument, size in changes.items():
        extra: tuple[SetArgument, ...] = ()
        if argument in _OUTPUTS and call is not None and (place := _output_place(layer, call)) is not None:
            extra = consequences(trace, *place, size, frozenset({layer.name})) or ()
            follows |= {(pin.layer.name, pin.argument): size for pin in pins_on(trace, *place) if pin.layer.name != layer.name}
            follows |= {(action.layer, action.argument): int(action.value) for action in extra}
        single = change_argument(_KINDS.get(argument, "other"), layer, argument, size, extra=extra)
        proposal = single if proposal is None else combined(proposal, single) or proposal
    further = []
    if set(changes) == {"in_features"} and call is not None and call.input is not None:
        further.append(resize_input(trace, layer, call.input, call.input.rank - 1, changes["in_features"]))
    return Explained(_words(trace, layer, changes, call), ranked(proposal, further), follows)


def _output_place(layer: Layer, call: Call) -> tuple[TensorInfo, int] | None:
    """The tensor and axis whose size the layer's declaration fixes."""
    output, name = call.output, operation(call)
    if output is None or output.rank == 0:
        return None
    return output, channel_axis(output, window_rank(name)) if layer.torch_type.startswith("Conv") else output.rank - 1


def scales_with(mismatch: Mismatch, leader: Mismatch) -> bool:
    """Whether a Linear behind a flattened map differs by the same factor as the channels that another layer makes."""
    mine, its = saved_arguments(mismatch), saved_arguments(leader)
    channels = next((its[name] for name in ("out_channels", "num_features") if name in its), None)
    made = declared_int(leader.layer, "out_channels") or declared_int(leader.layer, "num_features")
    wanted = declared_int(mismatch.layer, "in_features")
    if set(mine) != {"in_features"} or channels is None or not made or not wanted or wanted % made:
        return False
    return mine["in_features"] * made == wanted * channels


def _calls(trace: Trace, layer: Layer) -> list[Call]:
    function = FUNCTIONS.get(layer.torch_type, "")
    found = []
    for call in trace.calls_of(function):
        owned = torch_layer(trace, call) if call.kind == "function" else None
        if owned is not None and owned[0].name == layer.name:
            found.append(call)
    return found


def _words(trace: Trace, layer: Layer, changes: Mapping[str, int], call: Call | None) -> str:
    saved = listed([f"{argument}={size}" for argument, size in changes.items()])
    built = listed([f"{argument}={built_with(layer, argument)}" for argument in changes])
    said = f"{layer_name(layer)} was saved with {saved}, and is built with {built}."
    return f"{said} {_why(trace, layer, changes, call)}".strip()


def _why(trace: Trace, layer: Layer, changes: Mapping[str, int], call: Call | None) -> str:
    if "num_embeddings" in changes:
        rows, more = changes["num_embeddings"], changes["num_embeddings"] - (declared_int(layer, "num_embeddings") or 0)
        return f"The checkpoint's vocabulary has {rows:,} entries, {abs(more):,} {'more' if more > 0 else 'fewer'}."
    for argument in ("out_features", "out_channels"):
        if argument in changes and len(changes) == 1 and is_last(trace, layer):
            return f"It is the last layer: the checkpoint was made for {changes[argument]:,} classes or outputs."
    if "in_channels" in changes and call is not None and call.input is not None and call.input.role == "input":
        return f"The checkpoint was made for inputs of {counted(changes['in_channels'], 'channel')}."
    if set(changes) == {"in_features"} and call is not None and call.input is not None:
        maker = trace.producer(call.input)
        if maker is not None and maker.name in ("flatten", "view", "reshape"):
            return "Its input is a flattened map, so the checkpoint was most likely made for inputs of another height and width."
    return ""


def is_last(trace: Trace, layer: Layer) -> bool:
    """Whether no layer with parameters is called after this one."""
    called = [trace.layer_of(call) for call in trace.calls if call.kind == "module"]
    order = [known.name for known in called if known is not None and known.parameters and known.torch_type]
    return bool(order) and order[-1] == layer.name


def _plain(mismatch: Mismatch) -> str:
    """For tables and other tensors that no argument of a known layer stands for."""
    part = mismatch.parts[0]
    if len(part.saved) != len(part.built):
        return f"It has {counted(len(part.saved), 'axis').replace('axiss', 'axes')} in the checkpoint, and {len(part.built)} in the model."
    axes = [axis for axis, (saved, built) in enumerate(zip(part.saved, part.built, strict=True)) if saved != built]
    differs = listed([f"axis {axis} ({part.saved[axis]} instead of {part.built[axis]})" for axis in axes])
    what = ""
    if len(axes) == 1 and ("pos" in part.name.lower() or "position" in mismatch.path.lower()):
        what = " It is a table of positions: the checkpoint was made for inputs of another size or length."
    return f"It differs along {differs}.{what}"


def all_turned(explained: Sequence[Explained]) -> bool:
    return all(found.proposals and found.proposals[0].kind == "transpose_weight" for found in explained)
