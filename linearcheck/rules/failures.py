"""A failed call together with the layer it belongs to, and how it becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from linearcheck.findings import Diagnostic, Operand, Proposal, Related, SizeText
from linearcheck.rules.layers import enclosing, operation, outermost_layer_call, tensor_argument, torch_layer
from linearcheck.rules.provenance import operand_origin
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.wording import layer_name, quoted
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace, tensors_in


@dataclass(frozen=True)
class Failure:
    """One failed call.

    `layer` is the layer of torch whose computation it is, None for a function that the user's code calls. `place` is the call as the user
    sees it: the module call of that layer, or the function call itself. `unit` is the outermost layer of torch around it.
    """

    trace: Trace
    call: Call
    operation: str
    layer: Layer | None
    place: Call
    unit: Call | None

    @property
    def input(self) -> TensorInfo | None:
        return tensor_argument(self.call, "input", "query") or self.call.input

    @property
    def weight(self) -> TensorInfo | None:
        return tensor_argument(self.call, "weight")

    @property
    def name(self) -> str:
        """The layer or function in backticks."""
        return layer_name(self.layer) if self.layer is not None else quoted(self.operation)

    @property
    def unit_layer(self) -> Layer | None:
        return self.trace.layer_of(self.unit) if self.unit is not None else None


def failure_of(trace: Trace, call: Call) -> Failure:
    owned = torch_layer(trace, call)
    layer, place = owned if owned is not None else (None, call)
    return Failure(trace, call, operation(call), layer, place, outermost_layer_call(trace, call))


def failures(trace: Trace, *operations: str) -> Iterator[Failure]:
    """Every failed call in order, or only those of the named functions (a layer counts as its function)."""
    for call in trace.failures:
        if not operations or operation(call) in operations:
            yield failure_of(trace, call)


def failures_without_data(trace: Trace, operations: frozenset[str]) -> Iterator[Failure]:
    """Calls of functions that pass on `meta` and would raise with data, for rules that see it from the arguments; none of a real trace."""
    if trace.traced == "real":
        return
    for call in trace.calls:
        if call.name in operations and call.kind == "function" and not call.failed:
            yield failure_of(trace, call)


def layer_span(layer: Layer, site: Span | None) -> Span | None:
    """Where a finding about a layer points: its call, or its definition where one of torch's containers calls it."""
    return layer.definition or site if layer.caller_type == "torch" else site or layer.definition


def layer_places(layer: Layer, site: Span | None) -> tuple[Related, ...]:
    """Where a layer is built and, if the finding points there, where it is called."""
    name = layer_name(layer)
    built = Related(layer.definition, f"{name} is built here") if layer.definition is not None else None
    if built is not None and layer.caller_type == "torch" and site is not None:
        return built, Related(site, f"{name} is called here")
    return (built,) if built is not None else ()


def operands_of(trace: Trace, call: Call, of_layer: bool) -> tuple[Operand, ...]:
    """The tensors of a call with where they came from; a layer's own parameters are left out."""
    found: list[Operand] = []
    for name, value in call.arguments.items():
        tensors = list(tensors_in(value))
        for position, tensor in enumerate(tensors):
            if of_layer and tensor.role in ("parameter", "buffer"):
                continue
            shown = name if isinstance(value, TensorInfo) else f"{name}[{position}]"
            found.append(Operand(shown, tensor.sizes, tensor.dtype, operand_origin(trace, tensor)))
    return tuple(found)


def report(
    rule: Rule,
    failure: Failure,
    message: str,
    explanation: str = "",
    *,
    got: Sequence[SizeText] | None = None,
    expected: Sequence[SizeText] | None = None,
    proposals: Sequence[Proposal | None] = (),
    related: Sequence[Related] = (),
    layer: Layer | None = None,
    at: Call | None = None,
    accounts_for: Sequence[int] = (),
) -> Finding:
    """The finding about a failed call.

    Args:
        layer: The layer to name where it is not the failure's own.
        at: Another call to point at than the failed one, such as the `flatten` before it; the layer's definition stays.
        accounts_for: Indices of further failed calls that this finding explains.
    """
    trace, call = failure.trace, failure.call
    layer = layer or failure.layer
    site = failure.place.site or call.site
    places = layer_places(layer, site) if layer is not None else ()
    span = layer_span(layer, site) if layer is not None else site
    if at is not None and at.site is not None:
        span, places = at.site, places[:1]
    diagnostic = Diagnostic(
        code=rule.code,
        rule=rule.name,
        severity=rule.severity,
        message=message,
        explanation=explanation,
        span=span,
        path=span.path if span is not None else "",
        layer=layer.name if layer is not None else "",
        definition=layer.definition if layer is not None else None,
        got=tuple(got) if got is not None else None,
        expected=tuple(expected) if expected is not None else None,
        operands=operands_of(trace, call, layer is not None),
        related=(*places, *related),
        proposals=tuple(proposal for proposal in proposals if proposal is not None),
        call=call.index,
    )
    return Finding(diagnostic, (call.index, *accounts_for), failure.unit.index if failure.unit is not None else None)


def is_inside(trace: Trace, call: Call, torch_types: frozenset[str]) -> Call | None:
    """The outermost module call around a call whose layer is one of these types."""
    found = None
    around: Call | None = call if call.kind == "module" else enclosing(trace, call)
    while around is not None:
        layer = trace.layer_of(around)
        if layer is not None and layer.torch_type in torch_types and not (layer.user_class and found is not None):
            found = around
        around = enclosing(trace, around)
    return found
