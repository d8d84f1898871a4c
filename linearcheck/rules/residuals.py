"""The shortcut of a residual block that stays the identity where the channels change."""

from __future__ import annotations

import ast

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.failures import Failure
from linearcheck.rules.layers import CONVOLUTIONS
from linearcheck.rules.source import node_text, parsed, span_of
from linearcheck.trace.records import Span, TensorInfo, Trace


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
        convolution = _projection(node) if isinstance(node, ast.If) and not node.orelse else None
        if isinstance(node, ast.If) and convolution is not None and len(convolution.args) >= 2:
            return _widened(trace, site.path, node, convolution)
    return None


def _class_around(tree: ast.Module, site: Span) -> ast.ClassDef | None:
    classes = [
        node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.lineno <= site.line <= (node.end_lineno or node.lineno)
    ]
    return classes[-1] if classes else None


def _projection(node: ast.If) -> ast.Call | None:
    """The convolution that an `if` builds for an attribute, where it does nothing else."""
    if len(node.body) != 1 or not isinstance(node.body[0], ast.Assign) or not isinstance(node.body[0].targets[0], ast.Attribute):
        return None
    for inner in ast.walk(node.body[0].value):
        if isinstance(inner, ast.Call):
            name = inner.func.attr if isinstance(inner.func, ast.Attribute) else inner.func.id if isinstance(inner.func, ast.Name) else ""
            if name.lower() in CONVOLUTIONS:
                return inner
    return None


def _widened(trace: Trace, path: str, node: ast.If, convolution: ast.Call) -> Proposal | None:
    left, right = (node_text(trace, path, argument) for argument in convolution.args[:2])
    span = span_of(trace, path, node.test)
    test = node_text(trace, path, node.test)
    if left in test and right in test:
        return None
    old = f"({test})" if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And) else test
    title = f"project the shortcut also where the channels change (line {node.lineno})"
    return Proposal("other", title, Safety.UNSAFE, (ReplaceSource(span, f"{old} or {left} != {right}"),))
