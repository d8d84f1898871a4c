"""Repairs on the other side of a clash, for findings whose own proposals fail: what made the tensors is changed instead of what takes them.

Rules propose these where they can say what follows from them. Where they cannot (a residual joins in further on), trying says it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from linearcheck.findings import Diagnostic, FixKind, Proposal, Safety, SetArgument, SizeText, WrapInput
from linearcheck.sizes import BATCH
from linearcheck.trace.records import Layer

_MAKES: dict[str, tuple[str, FixKind]] = {
    "Linear": ("out_features", "set_out_features"),
    "Embedding": ("embedding_dim", "other"),
    **{f"Conv{n}d": ("out_channels", "set_out_channels") for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": ("out_channels", "set_out_channels") for n in (1, 2, 3)},
}  # fmt: skip


def other_sides(finding: Diagnostic, layers: Sequence[Layer]) -> Iterator[Proposal]:
    """Proposals beyond the rule's own, the likeliest first."""
    yield from _joined_along_features(finding)
    yield from _producers(finding, layers)
    yield from _swapped_operands(finding)


def _joined_along_features(finding: Diagnostic) -> Iterator[Proposal]:
    """`cat` along the features where it joins along the batch, which leaves too few of them for the layer that takes the result."""
    operand = finding.operands[0] if finding.operands else None
    if operand is None or operand.origin is None or operand.origin.message not in ("cat", "concat", "concatenate"):
        return
    first = str(operand.shape[0]) if operand.shape else ""
    if BATCH in first and first != BATCH:
        rank = len(operand.shape)
        for axis, words in ((-1, "the last axis"), (1, "axis 1")) if rank > 2 else ((1, "axis 1"),):
            action = SetArgument(operand.origin.span, "cat", "dim", axis)
            yield Proposal("other", f"join along {words} on line {operand.origin.span.line}", Safety.UNSAFE, (action,))


def _swapped_operands(finding: Diagnostic) -> Iterator[Proposal]:
    """Two axes of one operand of a matrix product swapped, where that alone makes it fit: heads that were not moved before the words."""
    if finding.code != "LC405" or finding.span is None or len(finding.operands) != 2:
        return
    shapes = [operand.shape for operand in finding.operands]
    inner = itertools.combinations(range(1, max(map(len, shapes))), 2)
    for axes, position in itertools.product(inner, (0, 1)):  # the outer axes first: what heads are split into stands there
        if axes[1] >= len(shapes[position]):
            continue
        swapped = list(shapes[position])
        swapped[axes[0]], swapped[axes[1]] = swapped[axes[1]], swapped[axes[0]]
        if _multiplies(*((swapped, shapes[1]) if position == 0 else (shapes[0], swapped))):
            action = WrapInput(finding.span, "transpose", axes, position=position)
            yield Proposal("permute", f"swap axes {axes[0]} and {axes[1]} of operand {position + 1}", Safety.UNSAFE, (action,))


def _multiplies(left: Sequence[SizeText], right: Sequence[SizeText]) -> bool:
    return len(left) == len(right) > 2 and left[-1] == right[-2] and list(left[:-2]) == list(right[:-2])


def _producers(finding: Diagnostic, layers: Sequence[Layer]) -> Iterator[Proposal]:
    """For each proposal that lets layers take what they get: that the layers right before them make what they expect."""
    by_name = {layer.name: layer for layer in layers}
    offered = {(a.layer, a.argument) for p in finding.proposals for a in p.actions if isinstance(a, SetArgument)}
    for proposal in finding.proposals:
        actions = [_turned(finding, action, by_name) for action in proposal.actions if isinstance(action, SetArgument)]
        found = [action for action in actions if action is not None]
        if (
            not found
            or len(actions) != len(proposal.actions)
            or len(found) != len(actions)
            or (found[0].layer, found[0].argument) in offered
        ):
            continue
        kind = _MAKES[by_name[found[0].layer].torch_type][1]
        yield Proposal(kind, f"set `{found[0].argument}` of `{found[0].layer}` to {found[0].value}", Safety.UNSAFE, tuple(found))
        return


def _turned(finding: Diagnostic, action: SetArgument, layers: Mapping[str, Layer]) -> SetArgument | None:
    maker = layers.get(_maker_of(finding, action.layer))
    if maker is None or maker.definition is None or maker.torch_type not in _MAKES or not isinstance(action.old, int):
        return None
    argument = _MAKES[maker.torch_type][0]
    if maker.declared.get(argument) != action.value:
        return None
    return SetArgument(maker.definition, maker.type, argument, action.old, old=action.value, layer=maker.name)


def _maker_of(finding: Diagnostic, layer: str) -> str:
    """The layer whose output another one takes: the finding's own origin, carried over to its siblings (`layer2.0.conv2`)."""
    origin = finding.operands[0].origin if finding.operands else None
    if origin is None:
        return ""
    own_parent, _, own = finding.layer.rpartition(".")
    parent, _, name = layer.rpartition(".")
    if name != own:
        return ""
    inside = origin.message.removeprefix(f"{own_parent}.") if own_parent else origin.message
    return f"{parent}.{inside}" if parent else inside
