"""Weights and biases that were given another shape than their layer declares: shared by LC105 and LC206."""

from __future__ import annotations

import ast

from linearcheck.findings import Proposal, Related, ReplaceSource, Safety
from linearcheck.rules.evidence import consequences
from linearcheck.rules.failures import Failure, report
from linearcheck.rules.layers import wrong_parameters
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import imports_as, is_atom, node_text, span_of, statement_at
from linearcheck.rules.suggestions import change_argument, combined, ranked, set_output
from linearcheck.rules.wording import layer_name, quoted
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Layer, Span, Trace


def wrong_parameter_finding(rule: Rule, failure: Failure) -> Finding | None:
    """The finding about a failed layer whose weight or bias is not what its declaration promises, or None."""
    layer = failure.layer
    wrong = wrong_parameters(layer) if layer is not None else {}
    if layer is None or not wrong:
        return None
    name, (shape, promised) = next(iter(wrong.items()))
    replaced = layer.replaced.get(name)
    where = f" The {name} is replaced on line {replaced.line}." if replaced is not None else ""
    return report(
        rule,
        failure,
        f"the {name} of {layer_name(layer)} is {shape_text(shape)}, but its declaration promises {shape_text(promised)}",
        f"{layer_name(layer)} is declared as {layer.type}({', '.join(_declared(layer))}), whose {name} is {shape_text(promised)}.{where}",
        got=shape,
        expected=promised,
        related=(Related(replaced, f"the {name} of {layer_name(layer)} is replaced here"),) if replaced is not None else (),
        proposals=weight_proposals(failure.trace, layer, name, shape, promised),
    )


def _declared(layer: Layer) -> list[str]:
    names = ("in_features", "out_features") if layer.torch_type == "Linear" else ("in_channels", "out_channels", "kernel_size")
    return [str(layer.declared[name]) for name in names if name in layer.declared]


def weight_proposals(trace: Trace, layer: Layer, name: str, shape: tuple[int, ...], promised: tuple[int, ...]) -> tuple[Proposal, ...]:
    """Write the declared shape where the parameter is made, or transpose what is assigned."""
    replaced = layer.replaced.get(name)
    value = _assigned(trace, replaced)
    if replaced is None or value is None:
        return ()
    tied = tied_sizes(trace, layer, name, promised)
    if tied:
        return tied
    kind = "transpose_weight" if sorted(shape) == sorted(promised) else "other"
    sizes = _size_arguments(value, shape)
    if sizes is not None:
        texts = [node_text(trace, replaced.path, node) for node in sizes]
        # Names instead of numbers are kept where the sizes are only in another order.
        order = [texts[shape.index(size)] if len(set(shape)) == len(shape) and size in shape else str(size) for size in promised]
        first, last = span_of(trace, replaced.path, sizes[0]), span_of(trace, replaced.path, sizes[-1])
        span = Span(replaced.path, first.line, first.column, last.end_line, last.end_column)
        title = f"make the {name} of {layer_name(layer)} {shape_text(promised)}"
        return ranked(Proposal(kind, title, Safety.UNSAFE, (ReplaceSource(span, ", ".join(order)),)))  # type: ignore[arg-type]
    if shape[::-1] == promised and len(shape) == 2:
        inner = value.args[0] if isinstance(value, ast.Call) and _called(value) == "Parameter" and value.args else value
        text = node_text(trace, replaced.path, inner)
        turned = _as_parameter(trace, replaced, inner is value, f"{text if is_atom(inner) else f'({text})'}.t()")
        title = f"transpose the {name} that {layer_name(layer)} is given"
        return ranked(Proposal("transpose_weight", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, replaced.path, inner), turned),)))
    if len(shape) + 1 == len(promised) and promised == (1, *shape):
        inner = value.args[0] if isinstance(value, ast.Call) and _called(value) == "Parameter" and value.args else value
        text = node_text(trace, replaced.path, inner)
        title = f"give the {name} of {layer_name(layer)} its first axis"
        replacement = f"{text if is_atom(inner) else f'({text})'}.unsqueeze(0)"
        return ranked(Proposal("unsqueeze", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, replaced.path, inner), replacement),)))
    if name == "bias" and shape == (1,) and len(promised) == 1 and layer.torch_type == "Linear":
        repeated = _repeated(trace, replaced, value)
        if repeated is not None:
            title = f"give each output of {layer_name(layer)} the bias"
            return ranked(Proposal("other", title, Safety.UNSAFE, (repeated,)))
    return (Proposal("other", f"give {quoted(layer.name)} a {name} of shape {shape_text(promised)}"),)


def tied_sizes(trace: Trace, layer: Layer, name: str, promised: tuple[int, ...]) -> tuple[Proposal, ...]:
    """One width for a Linear and the Embedding whose weight it shares: the embedding's is changed, or what the Linear gets."""
    weight = layer.parameters[name]
    owners = [other for other in trace.layers if any(own.uid == weight.uid for own in other.parameters.values())]
    table = next((owner for owner in owners if owner.torch_type == "Embedding"), None)
    if name != "weight" or table is None or layer.torch_type != "Linear" or weight.rank != 2:
        return ()
    rows, width = weight.shape
    heads = [call for call in trace.calls_of("Linear") if call.layer == layer.name and call.input is not None]
    if rows != promised[0]:
        return ranked(change_argument("set_out_features", layer, "out_features", rows))
    found: list[Proposal | None] = []
    for call in trace.calls_of("Embedding"):
        if call.layer == table.name and call.output is not None:
            follow = consequences(trace, call.output, call.output.rank - 1, promised[1], frozenset({layer.name, table.name}))
            if follow is not None:
                found.append(change_argument("other", table, "embedding_dim", promised[1], extra=follow))
    for call in heads:
        given = call.input
        origin = explain_size(trace, given, given.rank - 1) if given is not None else None
        narrowed = set_output(trace, origin, width, layer) if origin is not None else None
        found.append(combined(narrowed, change_argument("set_in_features", layer, "in_features", width)))
    return ranked(found)


def _repeated(trace: Trace, replaced: Span, value: ast.expr) -> ReplaceSource | None:
    """`torch.tensor([b]).repeat(self.fc.out_features)` for the one number that `self.fc.bias` is set to."""
    statement = statement_at(trace, replaced)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    while isinstance(target, ast.Attribute) and target.attr in ("bias", "data"):
        target = target.value
    if target is None or isinstance(target, ast.Tuple | ast.List):
        return None
    inner = value.args[0] if isinstance(value, ast.Call) and _called(value) == "Parameter" and value.args else value
    text, owner = node_text(trace, replaced.path, inner), node_text(trace, replaced.path, target)
    written = f"{text if is_atom(inner) else f'({text})'}.repeat({owner}.out_features)"
    return ReplaceSource(span_of(trace, replaced.path, inner), _as_parameter(trace, replaced, inner is value, written))


def _as_parameter(trace: Trace, place: Span, is_bare: bool, text: str) -> str:
    """The text as a parameter, where it is assigned to one and a plain tensor would be refused."""
    statement = statement_at(trace, place)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    module = imports_as(trace, place.path, "torch.nn")
    if not is_bare or module is None or (isinstance(target, ast.Attribute) and target.attr == "data"):
        return text
    return f"{module}.Parameter({text})"


def _assigned(trace: Trace, span: Span | None) -> ast.expr | None:
    statement = statement_at(trace, span)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return statement.value
    return None


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""


_FACTORIES = frozenset({"randn", "rand", "zeros", "ones", "empty"})


def _size_arguments(value: ast.expr, shape: tuple[int, ...]) -> list[ast.expr] | None:
    """The size arguments of a factory call inside the assigned expression, `torch.randn(784, 128)` or `torch.zeros((784, 128))`."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and _called(node) in _FACTORIES:
            sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple | ast.List) else node.args
            if len(sizes) == len(shape) and not any(isinstance(size, ast.Starred) for size in sizes):
                return list(sizes)
    return None
