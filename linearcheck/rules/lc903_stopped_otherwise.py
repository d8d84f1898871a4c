"""LC903 `stopped-otherwise`: the forward pass stops for a reason that is not a shape.

## What it means
The model's own code raises, or an operation fails because of a value, a device, a gradient or a missing feature. What was traced until
then was checked.

## What to do
Arguments of `forward` that are not tensors are given with `--arg NAME=VALUE`, tensors with values by `--input-shape name=N:int64=16` or
`--inputs FILE:FUNCTION`.
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Diagnostic, Severity
from linearcheck.rules.causes import is_about_shapes
from linearcheck.rules.failures import failures, report
from linearcheck.rules.layers import last_call_within
from linearcheck.rules.lc414_failed_shape_assumption import is_about_shape
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.wording import call_name
from linearcheck.trace.records import Trace

RULE = Rule("LC903", "stopped-otherwise", Severity.WARNING, FixAvailability.NEVER, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        if not is_about_shapes(failure.call) and failure.call.error is not None:
            raised = failure.call.error
            yield report(RULE, failure, f"{call_name(trace, failure.call)} raises {raised.type}: {_first_line(raised.message)}")
    for error in trace.python_errors:
        if is_about_shape(error):
            continue
        diagnostic = Diagnostic(
            code=RULE.code,
            rule=RULE.name,
            severity=RULE.severity,
            message=f"the forward pass raises {error.type}: {_first_line(error.message)}",
            span=error.site,
            path=error.site.path if error.site is not None else "",
            layer=error.layer,
            call=error.module_call,
        )
        if error.module_call is None:
            yield Finding(diagnostic)
        else:
            yield Finding(diagnostic, (error.module_call,), behind=last_call_within(trace, error.module_call))


def _first_line(text: str) -> str:
    """The user's own words; what stops is not about shapes, so there is nothing to put better."""
    line = (text.strip().splitlines() or ["no text"])[0].strip()
    return f"{line[:117]}..." if len(line) > 120 else line
