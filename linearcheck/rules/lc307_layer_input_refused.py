"""LC307 `layer-input-refused`: a layer of torch.nn, or its function, refuses the shape of its input.

## What it catches
Every layer for which no other rule speaks: `PixelShuffle`, `Upsample`, `Bilinear`, padding, `Fold`, `PReLU`, losses used inside
`forward`, …

## Why it matters
The sizes that PyTorch names stand nowhere in the source. Here the layer is named, with what it takes and what it gets.

## Example
    self.to_pixels = nn.Conv2d(32, 12, 3)
    return F.pixel_shuffle(self.to_pixels(x), 4)          # 12 channels

## Fix
    self.to_pixels = nn.Conv2d(32, 48, 3)                 # 3 * 4 * 4
Unsafe: the factor may be wrong instead.

## PyTorch says
    pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Safety, Severity, WrapInput
from linearcheck.rules.causes import is_about_shapes, mentions_dtype
from linearcheck.rules.evidence import BROADCASTING
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import FUNCTIONS, declared_int, int_argument, tensor_argument
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.refusals import reason
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked, replace_text, set_output
from linearcheck.rules.wording import call_name, listed, shape
from linearcheck.sizes import shape_text
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC307", "layer-input-refused", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

LOSSES = frozenset(
    {
        "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "kl_div", "ctc_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss", "cosine_embedding_loss",
        "poisson_nll_loss",
        "gaussian_nll_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss",
        "triplet_margin_with_distance_loss",
    }
)  # fmt: skip
_LOSSES_OF_PAIRS = frozenset({"margin_ranking_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss", "cosine_embedding_loss"})
"""Losses that compare their inputs with one another before any target is looked at."""

_FUNCTIONAL = LOSSES | {
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "interpolate", "upsample", "bilinear", "pad", "fold", "unfold", "prelu", "glu",
    "cosine_similarity", "pairwise_distance", "grid_sample", "affine_grid", "local_response_norm", "max_unpool1d", "max_unpool2d",
    "max_unpool3d", "threshold",
    "embedding", "embedding_bag",
}  # fmt: skip


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        if (
            (failure.layer is None and failure.operation not in _FUNCTIONAL)
            or not is_about_shapes(failure.call)
            or mentions_dtype(failure.call.error)
        ):
            continue
        if isinstance(failure.place.arguments.get("input"), tuple) and failure.layer is not None:
            yield _tuple_given(failure)
        elif failure.operation in ("pixel_shuffle", "pixel_unshuffle"):
            yield _shuffled(failure)
        elif failure.operation in _LOSSES_OF_PAIRS:
            yield _any_layer(failure)
        elif failure.operation in LOSSES or (failure.layer is not None and failure.layer.torch_type.endswith("Loss")):
            yield _loss(failure)
        else:
            yield _any_layer(failure)


def _tuple_given(failure: Failure) -> Finding:
    """A layer gets all that another one returns: the output and the states of an LSTM."""
    trace, tensors = failure.trace, failure.place.tensors
    maker = trace.producer(tensors[0])
    source = call_name(trace, maker) if maker is not None else "The layer before"
    took = replace_text(trace, failure.place, "input", 0, "other", f"take the first of them for {failure.name}", "{}[0]")
    return report(
        RULE,
        failure,
        f"{failure.name} takes one tensor, but gets a tuple of {len(tensors)}: {listed([shape(tensor) for tensor in tensors[:3]])}",
        f"{source} returns its output together with its states.",
        got=tensors[0].sizes,
        proposals=ranked(took),
    )


def _shuffled(failure: Failure) -> Finding:
    trace, x = failure.trace, failure.input
    up = failure.operation == "pixel_shuffle"
    name = "upscale_factor" if up else "downscale_factor"
    factor = declared_int(failure.layer, name) or int_argument(failure.call, name) or 1
    if x is None or x.rank < 3 or not up or x.shape[-3] % factor**2 == 0:
        return _any_layer(failure)
    channels = explain_size(trace, x, x.rank - 3)
    wanted = _channels_wanted(failure, x, factor)
    return report(
        RULE,
        failure,
        f"{failure.name} by {factor} takes a multiple of {factor**2} channels, but {shape(x)} has {x.sizes[-3]}",
        f"Each output pixel block of {factor}x{factor} takes {factor**2} channels. {channels.text}".strip(),
        got=x.sizes,
        expected=(*x.sizes[:-3], wanted[0] if wanted else f"{factor**2}*k", *x.sizes[-2:]),
        proposals=ranked([set_output(trace, channels, size) for size in wanted]),
    )


def _channels_wanted(failure: Failure, x: TensorInfo, factor: int) -> list[int]:
    """Channels that make the output fit what it is combined with, else as many channels as now, else the next multiple."""
    sizes: list[int] = []
    for output in failure.call.outputs:
        for call in failure.trace.consumers(output):
            partners = [tensor for tensor in call.tensors if tensor.uid != output.uid and tensor.rank == x.rank]
            if call.name in BROADCASTING:
                sizes += [tensor.shape[-3] * factor**2 for tensor in partners]
            declared = declared_int(failure.trace.layer_of(call), "in_channels") if call.kind == "module" else None
            sizes += [declared * factor**2] if declared else []
    fitting = x.shape[-3] // factor * factor**2 if x.shape[-3] % factor == 0 else 0
    nearest = -(-x.shape[-3] // factor**2) * factor**2
    return list(dict.fromkeys(size for size in (*sizes, fitting, nearest) if size))


def _loss(failure: Failure) -> Finding:
    trace, call = failure.trace, failure.call
    first = failure.input
    target = tensor_argument(call, "target", "input2", "1")
    shown = [tensor for tensor in (first, target) if tensor is not None] or list(call.tensors)
    origins = dict.fromkeys(origin_sentence(trace, tensor) for tensor in shown)
    wanted = None
    if failure.operation in ("cross_entropy", "nll_loss") and first is not None and first.rank > 1:
        wanted = (first.sizes[0], *first.sizes[2:])
    elif first is not None:
        wanted = first.sizes
    expects = f", and takes a target of {shape_text(wanted)}" if wanted is not None else ""
    return report(
        RULE,
        failure,
        f"{failure.name} gets {listed([shape(tensor) for tensor in shown])}{expects}",
        " ".join(text for text in origins if text),
        got=target.sizes if target is not None else None,
        expected=wanted,
        proposals=ranked(_classes_last(failure, first, target), _loss_axes(failure, first, target)),
    )


def _classes_last(failure: Failure, first: TensorInfo | None, target: TensorInfo | None) -> list[Proposal]:
    """Scores whose classes stand last, moved to axis 1; a target of class numbers without the axis of size 1 in place of the classes."""
    site = failure.place.site or failure.call.site
    if failure.operation not in ("cross_entropy", "nll_loss") or first is None or target is None or site is None or first.rank < 2:
        return []
    if first.rank > 2 and target.sizes == first.sizes[:-1]:
        order = (0, first.rank - 1, *range(1, first.rank - 1))
        action = WrapInput(site, "transpose", (1, 2), position=0) if first.rank == 3 else WrapInput(site, "permute", order, position=0)
        return [Proposal("permute", f"move the {first.sizes[-1]} classes of {shape(first)} to axis 1", Safety.UNSAFE, (action,))]
    if target.rank == first.rank and target.sizes == (first.sizes[0], 1, *first.sizes[2:]):
        dropped = WrapInput(site, "squeeze", (1,), position=1)
        return [Proposal("squeeze", f"drop axis 1 of the target {shape(target)}", Safety.UNSAFE, (dropped,))]
    return []


def _loss_axes(failure: Failure, first: TensorInfo | None, target: TensorInfo | None) -> tuple[Proposal, ...]:
    """(N, 1) against (N,), the usual clash between a prediction and its target."""
    site = failure.place.site or failure.call.site
    if first is None or target is None or site is None:
        return ()
    longer, shorter, place = (first, target, 0) if first.rank > target.rank else (target, first, 1)
    axis = next(
        (
            axis
            for axis in range(longer.rank)
            if longer.sizes[axis] == 1 and longer.sizes[:axis] + longer.sizes[axis + 1 :] == shorter.sizes
        ),
        None,
    )
    if axis is None:
        return ()
    which = ("prediction", "target")
    dropped = WrapInput(site, "squeeze", (axis,), position=place)
    widened = WrapInput(site, "unsqueeze", (axis,), position=1 - place)
    return (
        Proposal("squeeze", f"drop axis {axis} of the {which[place]} {shape(longer)}", Safety.UNSAFE, (dropped,)),
        Proposal("unsqueeze", f"insert axis {axis} into the {which[1 - place]} {shape(shorter)}", Safety.UNSAFE, (widened,)),
    )


def _any_layer(failure: Failure) -> Finding:
    trace, layer = failure.trace, failure.layer
    place = failure.place if failure.layer is not None else failure.call
    tensors = [tensor for tensor in place.tensors if tensor.role not in ("parameter", "buffer")] or list(failure.call.tensors)
    why = reason(failure)
    declared = f"It is {layer.type}({_options(failure)})." if layer is not None and _options(failure) and not why else ""
    origins = dict.fromkeys(origin_sentence(trace, tensor) for tensor in tensors[:3])
    return report(
        RULE,
        failure,
        f"{failure.name} refuses {listed([shape(tensor) for tensor in tensors[:4]])}" if tensors else f"{failure.name} refuses its input",
        " ".join(text for text in (why, *origins, declared) if text),
        got=tensors[0].sizes if tensors else None,
        proposals=_sizes_of_bilinear(failure),
    )


def _options(failure: Failure) -> str:
    layer = failure.layer
    if layer is None:
        return ""
    plain = [
        (name, value)
        for name, value in layer.declared.items()
        if isinstance(value, int | float | str | tuple) and not isinstance(value, bool)
    ]
    return ", ".join(f"{name}={value}" for name, value in plain[:5])


def _sizes_of_bilinear(failure: Failure) -> tuple[Proposal, ...]:
    from linearcheck.rules.suggestions import change_argument

    layer = failure.layer
    if layer is None or FUNCTIONS.get(layer.torch_type) != "bilinear":
        return ()
    found: list[Proposal | None] = []
    for argument, name in (("in1_features", "input1"), ("in2_features", "input2")):
        tensor = tensor_argument(failure.call, name)
        if tensor is not None and tensor.rank and tensor.shape[-1] != declared_int(layer, argument):
            found.append(change_argument("set_in_features", layer, argument, tensor.shape[-1]))
    return ranked(found)
