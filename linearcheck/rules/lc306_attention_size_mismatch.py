"""LC306 `attention-size-mismatch`: attention or a transformer layer gets queries, keys, values or masks whose sizes do not fit.

## What it catches
`nn.MultiheadAttention`, `nn.TransformerEncoderLayer` and its kin, and `F.scaled_dot_product_attention`: features that are not
`embed_dim` or `d_model`,
keys of another width than `kdim`, key and value of different lengths, masks of another shape; and `num_heads` that do not divide the
features, which torch refuses to build.

## Why it matters
PyTorch's texts speak of sizes after its own transposes. A mask that does not fit is often the sign of a forgotten `batch_first=True`.

## Example
    self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
    self.attention(latents, context, context)            # (N, 12, 64) and (N, 150, 39)

## Fix
    self.attention = nn.MultiheadAttention(64, 4, kdim=39, vdim=39, batch_first=True)
Unsafe: a projection of the context to 64 features would do as well.

## PyTorch says
    was expecting embedding dimension of 64, but got 39
    the feature number of src and tgt must be equal to d_model
    embed_dim must be divisible by num_heads
    key_padding_mask: Expected key_padded_mask.shape[0] to be 7, but got 4
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, Related, ReplaceSource, Safety, Severity
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.divisions import indivisible_layers
from linearcheck.rules.evidence import set_argument
from linearcheck.rules.failures import Failure, failures, is_inside, report
from linearcheck.rules.layers import ATTENTION_LAYERS, declared_int, tensor_argument
from linearcheck.rules.names_at_hand import given_to_helper
from linearcheck.rules.operands import resize_parameter, written_sizes
from linearcheck.rules.provenance import explain_size, operand_origin, origin_of, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import argument_node, call_at, is_atom, node_text, span_of, turned_operand
from linearcheck.rules.suggestions import add_arguments, change_argument, combined, ranked, set_output
from linearcheck.rules.wording import counted, layer_name, listed, shape
from linearcheck.sizes import Size, is_batch, shape_text
from linearcheck.trace.records import Call, Layer, TensorInfo, Trace

RULE = Rule("LC306", "attention-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_MASK_POSITIONS = {"key_padding_mask": 3, "attn_mask": 5}  # of `MultiheadAttention`; the other layers take masks by name
_SEQUENCES = ("query", "key", "value", "src", "tgt", "memory")


def check(trace: Trace) -> Iterator[Finding]:
    yield from indivisible_layers(RULE, trace, {"num_heads"})
    for failure in failures(trace):
        around = is_inside(trace, failure.call, ATTENTION_LAYERS)
        layer = trace.layer_of(around) if around is not None else None
        if around is not None and layer is not None:
            if not mentions_dtype(failure.call.error):
                yield _about_layer(failure, around, layer)
        elif failure.operation == "scaled_dot_product_attention" and not mentions_dtype(failure.call.error):
            yield _about_function(failure)


def _about_layer(failure: Failure, around: Call, layer: Layer) -> Finding:
    trace = failure.trace
    given = {name: tensor for name in _SEQUENCES if (tensor := tensor_argument(around, name)) is not None}
    shown = Failure(trace, around, "attention", layer, around, failure.unit)
    misfit = next((name for name, tensor in given.items() if tensor.rank and tensor.shape[-1] != _width(layer, name)), None)
    if misfit is not None:
        tensor, width = given[misfit], _width(layer, misfit)
        return _at(
            failure,
            report(
                RULE,
                shown,
                f"{layer_name(layer)} expects {counted(width or 0, 'feature')} in its {misfit}, but {shape(tensor)} has {tensor.sizes[-1]}",
                explain_size(trace, tensor, tensor.rank - 1).text,
                got=tensor.sizes,
                expected=("*", width) if width is not None else None,
                proposals=_width_proposals(trace, layer, misfit, given),
            ),
        )
    masks = {name: value for name, value in around.arguments.items() if "mask" in name and isinstance(value, TensorInfo)}
    misfit_mask = next(
        (
            (name, mask, wanted)
            for name, mask in masks.items()
            if (wanted := _mask_shape(layer, name, given)) is not None
            and mask.rank == len(wanted)
            and _measured(wanted, given) != mask.shape
        ),
        None,
    )
    if misfit_mask is not None and _batch_first(layer, given) is None:
        name, mask, wanted = misfit_mask
        return _at(
            failure,
            report(
                RULE,
                shown,
                f"{layer_name(layer)} takes a {name} of {shape_text(wanted)}, but gets {shape(mask)}",
                f"{_layout_text(layer, next(iter(given.values()), None))} {origin_sentence(trace, mask)}".strip(),
                got=mask.sizes,
                expected=wanted,
                proposals=ranked(
                    _mask_turned(shown, name, mask, wanted), _mask_asked_for(trace, mask, wanted), _mask_resized(trace, mask, wanted)
                ),
            ),
        )
    sequences = listed([f"{name} {shape(tensor)}" for name, tensor in given.items()]) if given else "its input"
    with_masks = f" with {listed([f'{name} {shape(mask)}' for name, mask in masks.items()])}" if masks else ""
    first = next(iter(given.values()), None)
    return _at(
        failure,
        report(
            RULE,
            shown,
            f"{layer_name(layer)} refuses {sequences}{with_masks}",
            _layout_text(layer, first),
            got=first.sizes if first is not None else None,
            proposals=ranked(_batch_first(layer, given)),
        ),
    )


def _mask_shape(layer: Layer, name: str, given: dict[str, TensorInfo]) -> tuple[Size, ...] | None:
    """The shape that a mask has to have: (queries, keys), for a padding mask (N, keys)."""
    queries = given.get("query") or given.get("tgt") or given.get("src")
    keys = given.get("key") or (given.get("memory") if name.startswith("memory") else None)
    keys = keys or (given.get("src") if name.startswith("src") else None) or queries
    if queries is None or keys is None or queries.rank != 3 or keys.rank != 3:
        return None
    batch, steps = (0, 1) if layer.declared.get("batch_first") else (1, 0)
    if "padding" in name:
        return keys.sizes[batch], keys.sizes[steps]
    if name.startswith("src"):
        return keys.sizes[steps], keys.sizes[steps]
    return queries.sizes[steps], keys.sizes[steps]


def _mask_turned(failure: Failure, name: str, mask: TensorInfo, wanted: tuple[Size, ...]) -> Proposal | None:
    """Swap the axes of a mask of (keys, N), or leave out the swap that made it so."""
    node, site = call_at(failure.trace, failure.call.site), failure.call.site
    value = argument_node(node, name, _MASK_POSITIONS.get(name, 99)) if node is not None else None
    if mask.sizes[::-1] != wanted or value is None or site is None:
        return None
    turned = turned_operand(value)
    text = node_text(failure.trace, site.path, turned or value)
    text = text if turned is not None else f"{text if is_atom(value) else f'({text})'}.transpose(0, 1)"
    title = f"swap the axes of the {name} that {failure.name} takes"
    return Proposal("permute", title, Safety.UNSAFE, (ReplaceSource(span_of(failure.trace, site.path, value), text),))


def _mask_asked_for(trace: Trace, mask: TensorInfo, wanted: tuple[Size, ...]) -> list[Proposal]:
    """A helper that makes a square mask asked for one of the right size: `causal(x.size(1))`."""
    maker = next((call for call in origin_of(trace, mask) if not call.tensors and call.site is not None), None)
    sizes = written_sizes(trace, maker) if maker is not None else []
    names = {size.id for size in sizes if isinstance(size, ast.Name)}
    if maker is None or maker.site is None or len(set(wanted)) != 1 or len(names) != 1 or len(sizes) != len(wanted):
        return []
    return given_to_helper(trace, maker.site, names.pop(), wanted[0])


def _mask_resized(trace: Trace, mask: TensorInfo, wanted: tuple[Size, ...]) -> Proposal | None:
    """Make a mask with the wanted numbers where it is made."""
    whole: Proposal | None = None
    for axis, size in enumerate(wanted):
        if mask.sizes[axis] == size:
            continue
        found = resize_parameter(trace, mask, axis, size) if isinstance(size, int) else []
        if not found:
            return None
        whole = combined(whole, found[-1]) if whole is not None else found[-1]
    return whole


def _measured(wanted: tuple[Size, ...], given: dict[str, TensorInfo]) -> tuple[int, ...]:
    known = {size: number for tensor in given.values() for size, number in zip(tensor.sizes, tensor.shape, strict=True)}
    return tuple(size if isinstance(size, int) else known.get(size, -1) for size in wanted)


def _at(failure: Failure, finding: Finding) -> Finding:
    """The finding about the layer accounts for the call that failed inside it."""
    return Finding(finding.diagnostic, (failure.call.index, *finding.accounts_for), finding.unit)


def _width(layer: Layer, name: str) -> int | None:
    if layer.torch_type == "MultiheadAttention":
        argument = {"key": "kdim", "value": "vdim"}.get(name, "embed_dim")
        return declared_int(layer, argument) or declared_int(layer, "embed_dim")
    return declared_int(layer, "d_model") or declared_int(layer, "embed_dim")


def _width_proposals(trace: Trace, layer: Layer, name: str, given: dict[str, TensorInfo]) -> tuple[Proposal, ...]:
    got = given[name].shape[-1]
    if layer.torch_type == "MultiheadAttention" and name in ("key", "value"):
        key, value = given.get("key"), given.get("value")
        argument = "kdim" if name == "key" else "vdim"
        widths = change_argument("other", layer, argument, got)
        both = None
        if name == "key" and value is not None and value.shape[-1] != _width(layer, "value"):
            widths = combined(widths, change_argument("other", layer, "vdim", value.shape[-1]))
            both = add_arguments(trace, layer, {"kdim": got, "vdim": value.shape[-1]}, "other")
        projected = set_output(trace, explain_size(trace, given[name], -1), _width(layer, name) or 0)
        del key
        return ranked(both or widths, projected)
    argument = "embed_dim" if layer.torch_type == "MultiheadAttention" else "d_model"
    heads = declared_int(layer, "num_heads") or declared_int(layer, "nhead") or 1
    wider = change_argument("other", layer, argument, got) if got % heads == 0 and all(t.shape[-1] == got for t in given.values()) else None
    made = set_output(trace, explain_size(trace, given[name], -1), _width(layer, name) or 0)
    return ranked(made, wider)


def _layout_text(layer: Layer, first: TensorInfo | None) -> str:
    batch_first = bool(layer.declared.get("batch_first"))
    order = "(N, steps, features)" if batch_first else "(steps, N, features)"
    text = f"{layer_name(layer)} reads its input as {order}, because `batch_first` is {batch_first}."
    if first is not None and first.rank == 3 and not batch_first and is_batch(first.sizes[0]):
        text += f" Axis 0 of {shape(first)} is the batch."
    return text


def _batch_first(layer: Layer, given: dict[str, TensorInfo]) -> Proposal | None:
    """Batch-first input, or a mask of (N, steps), without `batch_first=True`."""
    first = next(iter(given.values()), None)
    if first is None or layer.declared.get("batch_first") or first.rank != 3 or not is_batch(first.sizes[0]):
        return None
    action = set_argument(layer, "batch_first", "True")
    return (
        Proposal("batch_first", f"set `batch_first=True` of {layer_name(layer)}", Safety.UNSAFE, (action,)) if action is not None else None
    )


def _about_mask(trace: Trace, query: TensorInfo, key: TensorInfo, mask: TensorInfo) -> str:
    """Which axis of a mask does not fit the scores that it is added to, and what made it."""
    if query.rank < 2 or key.rank < 2:
        return ""
    scores = (*query.sizes[:-1], key.sizes[-2])
    numbers = (*query.shape[:-1], key.shape[-2])
    for back in range(1, min(mask.rank, len(scores)) + 1):
        if mask.shape[-back] not in (1, numbers[-back]):
            clash = f"The mask is added to scores of {shape_text(scores)}: its {mask.sizes[-back]} stand under {scores[-back]}."
            return f"{clash} {explain_size(trace, mask, mask.rank - back).text}".strip()
    return ""


def _about_function(failure: Failure) -> Finding:
    trace, call = failure.trace, failure.call
    parts = {name: tensor for name in ("query", "key", "value", "attn_mask") if (tensor := tensor_argument(call, name)) is not None}
    parts = parts or {f"operand {number}": tensor for number, tensor in enumerate(call.tensors, 1)}
    query, key, value = parts.get("query"), parts.get("key"), parts.get("value")
    why = ""
    if query is not None and key is not None and query.shape[-1:] != key.shape[-1:]:
        why = f"Query and key are multiplied along their last axes, which are {query.sizes[-1]} and {key.sizes[-1]}."
    elif key is not None and value is not None and key.shape[-2:-1] != value.shape[-2:-1]:
        why = f"Key and value have one row per position, but {key.sizes[-2]} and {value.sizes[-2]} rows."
    elif query is not None and key is not None and (mask := parts.get("attn_mask")) is not None:
        why = _about_mask(trace, query, key, mask)
    origins = [origin_sentence(trace, tensor) for tensor in parts.values()]
    related = [
        Related(origin.span, f"{name} is made here")
        for name, tensor in parts.items()
        if (origin := operand_origin(trace, tensor)) is not None
    ]
    return report(
        RULE,
        failure,
        f"attention refuses {listed([f'{name} {shape(tensor)}' for name, tensor in parts.items()])}",
        " ".join(text for text in (why, *dict.fromkeys(origins[:2])) if text),
        got=query.sizes if query is not None else None,
        related=related[:2],
    )
