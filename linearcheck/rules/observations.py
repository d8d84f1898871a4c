"""Findings about calls that succeeded: which calls a silent rule may look at, and how what it sees becomes a finding."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from linearcheck.findings import FixKind, Proposal, Related, ReplaceSource, Safety, Severity, SizeText
from linearcheck.rules.failures import failure_of, report
from linearcheck.rules.flow import is_settled
from linearcheck.rules.layers import enclosing, torch_layer
from linearcheck.rules.rule import Finding, Rule
from linearcheck.rules.source import call_at, is_atom, node_text, nodes_at, span_of, statement_at
from linearcheck.sizes import Size
from linearcheck.trace.records import Call, Layer, Span, TensorInfo, Trace


def user_calls(trace: Trace, *names: str) -> Iterator[Call]:
    """Successful function calls that the user's own code makes, not one of torch's layers inside itself."""
    for call in trace.calls:
        if call.kind == "function" and (not names or call.name in names) and call.site is not None and is_settled(call):
            around = enclosing(trace, call)
            layer = trace.layer_of(around) if around is not None else None
            if layer is None or not layer.torch_type or layer.user_class:
                yield call


def reshaping_calls(trace: Trace, *names: str) -> Iterator[Call]:
    """As `user_calls`, with what `nn.Flatten` and `nn.Unflatten` do: the user placed these as well."""
    own = {call.index for call in user_calls(trace, *names)}
    for call in trace.calls_of(*names):
        if call.index in own or (call.kind == "function" and is_settled(call) and _is_of_flattening_layer(trace, call)):
            yield call


def _is_of_flattening_layer(trace: Trace, call: Call) -> bool:
    owned = torch_layer(trace, call)
    return owned is not None and owned[0].torch_type in {"Flatten", "Unflatten"} and not owned[0].user_class


def observed(
    rule: Rule,
    trace: Trace,
    call: Call,
    message: str,
    explanation: str,
    *,
    got: Sequence[SizeText] | None = None,
    expected: Sequence[SizeText] | None = None,
    proposals: Sequence[Proposal | None] = (),
    related: Sequence[Related] = (),
    layer: Layer | None = None,
    at: Call | None = None,
    severity: Severity | None = None,
    accounts_for: Sequence[int] = (),
) -> Finding:
    """The finding about a call that succeeded; arguments as for `failures.report`, and another severity than the rule's where given."""
    finding = report(
        rule, failure_of(trace, call), message, explanation, got=got, expected=expected, proposals=proposals, related=related, layer=layer,
        at=at, accounts_for=accounts_for,
    )  # fmt: skip
    if severity is None:
        return finding
    return replace(finding, diagnostic=replace(finding.diagnostic, severity=severity))


def rewrite_call(trace: Trace, call: Call | None, kind: FixKind, title: str, template: str) -> Proposal | None:
    """Write `template` for a whole call; in it `{}` is the tensor that the call is made on, `{args}` its further arguments as written."""
    found = receiver_of(trace, call)
    if call is None or call.site is None or found is None:
        return None
    node, receiver, further = found
    path = call.site.path
    text = node_text(trace, path, receiver)
    arguments = ", ".join(node_text(trace, path, argument) for argument in further)
    written = template.replace("{args}", arguments).replace("{}", text if is_atom(receiver) else f"({text})")
    return Proposal(kind, title, Safety.UNSAFE, (ReplaceSource(span_of(trace, path, node), written),))


def receiver_of(trace: Trace, call: Call | None) -> tuple[ast.expr, ast.expr, Sequence[ast.expr]] | None:
    """A call's expression, the expression of the tensor it is made on (`x` in `x.view(…)`, `torch.reshape(x, …)`, `x[…]`), and the rest."""
    for node in nodes_at(trace, call.site if call is not None else None):
        if isinstance(node, ast.Subscript):
            return node, node.value, [node.slice]
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and not is_module_name(node.func.value):
                return node, node.func.value, node.args
            if node.args and not isinstance(node.args[0], ast.Starred):
                return node, node.args[0], node.args[1:]
    return None


def is_module_name(node: ast.expr) -> bool:
    """`torch` and `F`, `nn.functional`: what functions are taken from, not a tensor."""
    if isinstance(node, ast.Attribute):
        return node.attr in {"functional", "linalg", "special", "fft"}
    return isinstance(node, ast.Name) and node.id in {"torch", "F", "functional", "nn", "einops", "TF"}


def operand_nodes(trace: Trace, call: Call) -> tuple[ast.expr, ...]:
    """The expressions of both operands of `a - b`, `torch.sub(a, b)`, `a.sub(b)` or `F.mse_loss(a, b)`, or of an `a += b`."""
    for node in nodes_at(trace, call.site):
        if isinstance(node, ast.BinOp):
            return node.left, node.right
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and not is_module_name(node.func.value) and len(node.args) == 1:
                return node.func.value, node.args[0]
            if len(node.args) >= 2:
                return node.args[0], node.args[1]
    statement = statement_at(trace, call.site)
    if isinstance(statement, ast.AugAssign):
        return statement.target, statement.value
    return ()


def replace_node(trace: Trace, path: str, node: ast.expr, kind: FixKind, title: str, template: str) -> Proposal:
    """Write `template` for an expression; `{}` in it is the expression as written."""
    text = node_text(trace, path, node)
    return Proposal(
        kind,
        title,
        Safety.UNSAFE,
        (ReplaceSource(span_of(trace, path, node), template.replace("{}", text if is_atom(node) else f"({text})")),),
    )


def argument_text(trace: Trace, span: Span | None, position: int = 0) -> str | None:
    """The source text of one positional argument of the call at a span."""
    node = call_at(trace, span)
    if node is None or span is None or len(node.args) <= position or any(isinstance(item, ast.Starred) for item in node.args):
        return None
    return node_text(trace, span.path, node.args[position])


def without(sizes: Sequence[Size], axis: int) -> tuple[Size, ...]:
    return (*sizes[:axis], *sizes[axis + 1 :])


def site_line(call: Call) -> str:
    return str(call.site.line) if call.site is not None else "?"


def tensor_word(tensor: TensorInfo) -> str:
    return f"`{tensor.name}`" if tensor.name and tensor.role != "activation" else "the tensor"
