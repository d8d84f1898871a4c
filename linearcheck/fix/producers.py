"""The other side of a clash: the layer that made the size, changed to make the one that was expected.

Rules propose this where they can say what follows from it. Where they cannot (a residual joins in further on), trying says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from linearcheck.findings import Diagnostic, FixKind, Proposal, Safety, SetArgument
from linearcheck.trace.records import Layer

_MAKES: dict[str, tuple[str, FixKind]] = {
    "Linear": ("out_features", "set_out_features"),
    "Embedding": ("embedding_dim", "other"),
    **{f"Conv{n}d": ("out_channels", "set_out_channels") for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": ("out_channels", "set_out_channels") for n in (1, 2, 3)},
}  # fmt: skip


def producer_proposals(finding: Diagnostic, layers: Sequence[Layer]) -> Iterator[Proposal]:
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
