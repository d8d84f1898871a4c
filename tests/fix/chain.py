"""A stand-in for tracing that knows one kind of model: Linear layers called in the order of their lines. No torch.

    a = nn.Linear(4, 8)
    b = nn.Linear(8, 2)

Each layer must take what the one before it gives; `flat(x)` before a layer's call, and other texts, are what a test makes of them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from linearcheck.findings import Diagnostic, Proposal, Safety, SetArgument, Severity
from linearcheck.fix.trial import TrialOutcome
from linearcheck.sizes import N
from linearcheck.trace.records import Span

PATH = "model.py"


def check(text: str) -> TrialOutcome:
    """One finding for each layer that does not fit the one before it, with both repairs."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return TrialOutcome(loaded=False)
    names = {
        t.id: n.value.value
        for n in tree.body
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)
        for t in n.targets
        if isinstance(t, ast.Name)
    }
    layers = [n for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)]
    findings: list[Diagnostic] = []
    before: tuple[str, Span, int] | None = None
    for node in layers:
        call = node.value
        assert isinstance(call, ast.Call)
        name = ast.unparse(node.targets[0])
        given, made = (eval(compile(ast.Expression(a), "", "eval"), {}, dict(names)) for a in call.args)
        span = Span(PATH, call.lineno, call.col_offset + 1, call.end_lineno or 0, (call.end_col_offset or 0) + 1)
        if before is not None and before[2] != given:
            findings.append(_finding(name, span, given, before))
        before = (name, span, made)
    assert before is not None
    return TrialOutcome(tuple(findings), ((N, before[2]),))


def _finding(name: str, span: Span, given: int, before: tuple[str, Span, int]) -> Diagnostic:
    earlier, earlier_span, made = before
    proposals = (
        Proposal(
            "set_in_features",
            f"set `in_features` of `{name}` to {made}",
            Safety.UNSAFE,
            (SetArgument(span, "Linear", "in_features", made),),
        ),
        Proposal(
            "set_out_features",
            f"set `out_features` of `{earlier}` to {given}",
            Safety.UNSAFE,
            (SetArgument(earlier_span, "Linear", "out_features", given),),
        ),
    )
    message = f"`{name}` expects {given} features, but gets {made}"
    return Diagnostic("LC101", "in-features-mismatch", Severity.ERROR, message, span, PATH, layer=name, proposals=proposals)


class Counted:
    """`run` as the fix room calls it, counting its calls."""

    def __init__(self, text: str) -> None:
        self.text, self.trials = text, 0

    def __call__(self, overlay: Mapping[str, str]) -> TrialOutcome:
        self.trials += 1
        return check(overlay.get(PATH, self.text))
