"""Layers that run along an axis (recurrent layers, attention, transformers): which axis they take for time, and where the batch is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.findings import Proposal, Safety, SetArgument
from linearcheck.rules.flow import Reach, is_settled, reach_of
from linearcheck.rules.layers import outermost_layer_call
from linearcheck.rules.source import call_at, span_of, tree_of
from linearcheck.rules.wording import layer_name, on_line
from linearcheck.sizes import is_batch
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace

RECURRENT_LAYERS = frozenset({"LSTM", "GRU", "RNN"})
ATTENTION_LAYERS = frozenset({"MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"})


@dataclass(frozen=True)
class SequenceCall:
    """A call of a layer that runs along an axis of its input; `mixes` says whether the probe saw samples leak into one another in it.

    What is mixed already cannot be seen to be mixed once more, so a call downstream of another leak counts as well.
    """

    call: Call
    layer: Layer
    input: TensorInfo
    batch_first: bool
    mixes: bool
    reach: Reach
    leaks: tuple[int, ...]
    name: str
    """The layer in backticks, as the user built it: the whole `nn.TransformerEncoder` for one of its copies."""

    @property
    def time_axis(self) -> int:
        return 0 if self.input.rank < 3 or not self.batch_first else 1

    @property
    def runs_over_batch(self) -> bool:
        """Whether the batch stands where the layer takes time, and nowhere else."""
        batch = [axis for axis, size in enumerate(self.input.sizes) if is_batch(size)]
        return batch == [self.time_axis]

    @property
    def is_seen(self) -> bool:
        """Whether outputs have one row per sample, or weights act on the result before a loss."""
        batched = self.reach.batched_outputs
        rows = bool(batched) and all(sum(map(is_batch, output.sizes)) == 1 for output in batched)
        return rows or (self.reach.is_loss and bool(self.reach.weights))


def sequence_calls(trace: Trace) -> Iterator[SequenceCall]:
    """Successful calls of the outermost layers that run along an axis."""
    for call in trace.calls:
        layer = trace.layer_of(call)
        if layer is None or layer.torch_type not in RECURRENT_LAYERS | ATTENTION_LAYERS or outermost_layer_call(trace, call) is not call:
            continue
        tensor = call.input
        if tensor is None or not call.outputs or not is_settled(call) or tensor.rank not in (2, 3):
            continue
        inside = tuple(leak.call for leak in trace.leaks if _is_inside(trace, trace.calls[leak.call], call))
        mixes = bool(inside) or any(call in reach_of(trace, *trace.calls[leak.call].outputs).calls for leak in trace.leaks)
        yield SequenceCall(
            call,
            layer,
            tensor,
            layer.declared.get("batch_first") is True,
            mixes,
            reach_of(trace, *call.outputs),
            inside,
            _name(trace, layer),
        )


def _name(trace: Trace, layer: Layer) -> str:
    holder = trace.layer(layer.name.rsplit(".layers.", 1)[0]) if ".layers." in layer.name else None
    return layer_name(holder if holder is not None and holder.torch_type in ("TransformerEncoder", "TransformerDecoder") else layer)


def _is_inside(trace: Trace, call: Call, module_call: Call) -> bool:
    around: Call | None = call
    while around is not None:
        if around.index == module_call.index:
            return True
        around = trace.calls[around.parent] if around.parent is not None else None
    return False


def set_batch_first(trace: Trace, layer: Layer, value: bool) -> Proposal | None:
    """Give a layer another `batch_first` where it is built; for the copies in a `TransformerEncoder` where their template is built."""
    place = layer.definition or template_of(trace, layer)
    if place is None:
        return None
    action = SetArgument(place, layer.type, "batch_first", str(value), (), str(layer.declared.get("batch_first", False)), layer.name)
    return Proposal("batch_first", f"build `{layer.type}`{on_line(place)} with `batch_first={value}`", Safety.UNSAFE, (action,))


def template_of(trace: Trace, layer: Layer) -> Span | None:
    """Where the layer is built that `nn.TransformerEncoder(layer, 6)` makes its copies of: inline, or under the name that is passed."""
    holder = trace.layer(layer.name.rsplit(".layers.", 1)[0]) if ".layers." in layer.name else None
    built = call_at(trace, holder.definition) if holder is not None else None
    if holder is None or holder.definition is None or built is None:
        return None
    keyword = next((keyword.value for keyword in built.keywords if keyword.arg in ("encoder_layer", "decoder_layer")), None)
    given = built.args[0] if built.args else keyword
    found = given if isinstance(given, ast.Call) else _assigned_before(trace, holder.definition, given)
    return span_of(trace, holder.definition.path, found) if isinstance(found, ast.Call) and _names(found, layer.type) else None


def _names(call: ast.Call, callee: str) -> bool:
    return (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")) == callee


def _assigned_before(trace: Trace, place: Span, given: ast.expr | None) -> ast.expr | None:
    """What was last assigned to a name, or to an attribute of `self`, before a line."""
    if given is None:
        return None
    wanted, found = ast.dump(_as_loaded(given)), None
    for node in ast.walk(tree_of(trace, place.path) or ast.Module([], [])):
        if (
            isinstance(node, ast.Assign)
            and node.lineno < place.line
            and any(ast.dump(_as_loaded(target)) == wanted for target in node.targets)
        ):
            found = node if found is None or node.lineno > found.lineno else found
    return found.value if found is not None else None


def _as_loaded(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body
