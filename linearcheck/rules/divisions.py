"""Layers that torch refuses to build because their heads or groups do not divide what is shared among them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from linearcheck.findings import Diagnostic, Proposal
from linearcheck.rules.layers import ATTENTION_LAYERS, input_pin
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.suggestions import change_argument, ranked
from linearcheck.rules.wording import layer_name, quoted
from linearcheck.trace.records import Indivisible, Layer, Span, Trace

_WORDS = {
    "num_heads": ("features", "heads"),
    "num_groups": ("channels", "groups"),
    "groups": ("channels", "groups"),
}


def indivisible_layers(rule: Rule, trace: Trace, arguments: Collection[str]) -> Iterator[Finding]:
    """One finding for each place where such a layer is built, of those whose dividing argument is among `arguments`."""
    told: set[Span | None] = set()
    for layer in trace.layers:
        found = layer.indivisible
        if found is None or found.argument not in arguments or layer.definition in told or _gets_a_size_that_fits(trace, layer, found):
            continue
        told.add(layer.definition)
        yield _finding(rule, trace, _as_written(trace, layer), found)


def _gets_a_size_that_fits(trace: Trace, layer: Layer, found: Indivisible) -> bool:
    """Whether it is the size that is wrong, which the layer's call says already: 30 channels in 4 groups where 32 come in."""
    pins = [input_pin(trace, call) for call in trace.failures]
    return any(pin is not None and pin.layer.name == layer.name and not pin.tensor.shape[pin.axis] % found.number for pin in pins)


def _as_written(trace: Trace, layer: Layer) -> Layer:
    """The layer that the user's line builds: the `nn.TransformerEncoderLayer` around an attention."""
    path, written = layer.name, layer
    while path:
        path = path.rpartition(".")[0]
        around = trace.layer(path)
        if around is not None and around.torch_type in ATTENTION_LAYERS and around.definition == layer.definition:
            written = around
    return written


def _finding(rule: Rule, trace: Trace, layer: Layer, found: Indivisible) -> Finding:
    whole, parts = _WORDS[found.argument]
    argument, size_argument = _argument_names(layer, found)
    name, rest = layer_name(layer), found.size % found.number
    diagnostic = Diagnostic(
        code=rule.code,
        rule=rule.name,
        severity=rule.severity,
        message=f"{name} cannot share {found.size} {whole} among {found.number} {parts}",
        explanation=f"{found.size} / {found.number} leaves {rest}, and all {parts} take the same number of {whole}. "
        f"{quoted(size_argument)} has to be a multiple of {quoted(argument)}; torch does not build the layer.",
        span=layer.definition,
        path=layer.definition.path if layer.definition is not None else "",
        layer=layer.name,
        definition=layer.definition,
        proposals=_proposals(layer, found),
    )
    return Finding(diagnostic)


def _argument_names(layer: Layer, found: Indivisible) -> tuple[str, str]:
    """What divides, and what it has to divide, as the layer that the user builds calls them."""
    of_transformer = found.argument == "num_heads" and layer.torch_type != "MultiheadAttention"
    return ("nhead", "d_model") if of_transformer else (found.argument, found.size_argument)


def _proposals(layer: Layer, found: Indivisible) -> tuple[Proposal, ...]:
    """The nearest numbers that divide; the size itself is shared with other layers and stays."""
    argument, _ = _argument_names(layer, found)
    sizes = [found.size, *(size for name in ("in_channels", "out_channels") if isinstance(size := layer.declared.get(name), int))]
    fitting = [number for number in range(2, found.size) if not any(size % number for size in sizes)] or [1]
    nearest = sorted(fitting, key=lambda number: abs(number - found.number))[:2]
    return ranked([change_argument("other", layer, argument, number) for number in nearest])
