"""The shortcut of a residual block that stays the identity where the channels change."""

from __future__ import annotations

import ast

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.failures import Failure
from linearcheck.rules.source import node_text, parsed, span_of
from linearcheck.trace.records import Span, TensorInfo, Trace

PROJECTIONS = frozenset({"Conv1d", "Conv2d", "Conv3d", "Linear", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"})


def project_shortcut(failure: Failure, first: TensorInfo, second: TensorInfo, axis: int) -> Proposal | None:
    """Widen the condition under which a block builds its projection, as in `if stride != 1 or in_planes != planes:`.

    Only where the source shows it: in the class of the block, an `if` that builds a `Sequential` or convolution for an attribute which is
    the identity otherwise, with the channels of both sides as the convolution's first two arguments.
    """
    trace, site = failure.trace, failure.call.site
    if site is None or first.shape[axis] == second.shape[axis]:
        return None
    text = trace.sources.get(site.path)
    tree = parsed(text) if text is not None else None
    owner = _class_around(tree, site) if tree is not None else None
    if owner is None:
        return None
    for node in ast.walk(owner):
        found = _choice(node) if isinstance(node, ast.If | ast.IfExp) else None
        if found is not None and isinstance(node, ast.If | ast.IfExp):
            return _widened(trace, site.path, node, *found)
    return None


def _class_around(tree: ast.Module, site: Span) -> ast.ClassDef | None:
    classes = [
        node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.lineno <= site.line <= (node.end_lineno or node.lineno)
    ]
    return classes[-1] if classes else None


def _choice(node: ast.If | ast.IfExp) -> tuple[ast.Call, bool] | None:
    """The projection that one branch builds for an attribute where the other builds nothing or an identity, and whether it is the first."""
    if isinstance(node, ast.IfExp):
        first, second = _projection(node.body), _projection(node.orelse)
        others = [node.orelse if first is not None else node.body]
    else:
        if len(node.body) != 1 or len(node.orelse) > 1 or not all(_sets_attribute(statement) for statement in (*node.body, *node.orelse)):
            return None
        first, second = _projection(node.body[0]), _projection(node.orelse[0]) if node.orelse else None
        others = [statement.value for statement in node.body if isinstance(statement, ast.Assign) and first is None]
    layer = first or second
    if layer is None or (first is not None and second is not None) or len(layer.args) < 2:
        return None
    is_identity = all(isinstance(other, ast.Constant | ast.Lambda) or _name(other) in ("Identity", "Sequential") for other in others)
    return (layer, first is not None) if is_identity else None


def _sets_attribute(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute)


def _projection(node: ast.AST) -> ast.Call | None:
    return next((inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and _name(inner) in PROJECTIONS), None)


def _name(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""


def _widened(trace: Trace, path: str, node: ast.If | ast.IfExp, layer: ast.Call, is_first: bool) -> Proposal | None:
    left, right = (node_text(trace, path, argument) for argument in layer.args[:2])
    test = node_text(trace, path, node.test)
    if left in test and right in test:
        return None
    word, sign, weaker = ("or", "!=", ast.And) if is_first else ("and", "==", ast.Or)
    mixed = (isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, weaker)) or isinstance(node.test, ast.IfExp)
    text = f"{f'({test})' if mixed else test} {word} {left} {sign} {right}"
    title = f"project the shortcut also where the channels change (line {node.lineno})"
    return Proposal("other", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, path, node.test), text),))
