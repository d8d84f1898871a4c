"""LC499 `refused-operation`: an operation refuses the shapes that it gets.

## What it catches
Any call of a torch function that raises because of its operands' shapes, where no other rule knows more.

## Why it matters
PyTorch names its own operands, not the user's. Here each operand is shown with its shape and with the call that made it.

## Example
    return torch.cross(a, b)                # (N, 4) and (N, 3)

## Fix
    return torch.cross(a[:, :3], b)
No repair is offered.

## PyTorch says
    inputs dimension 1 must have length 3. Got 4 and 3
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Severity
from linearcheck.rules.causes import is_about_shapes
from linearcheck.rules.failures import failures, report
from linearcheck.rules.provenance import origin_sentence
from linearcheck.rules.refusals import reason
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.wording import call_name, counted, function_words, listed, shape
from linearcheck.trace.records import Trace

RULE = Rule("LC499", "refused-operation", Severity.ERROR, FixAvailability.NEVER, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace):
        call = failure.call
        if not is_about_shapes(call):
            continue
        tensors = [tensor for tensor in call.tensors if failure.layer is None or tensor.role not in ("parameter", "buffer")]
        within = f" in {call_name(trace, call)}" if failure.unit is not None else ""
        name = call_name(trace, call) if call.kind == "module" else function_words(call) + within
        shown = listed([shape(tensor) for tensor in tensors[:4]]) if tensors else "no tensor"
        more = f" and {counted(len(tensors) - 4, 'more operand')}" if len(tensors) > 4 else ""
        origins = dict.fromkeys(origin_sentence(trace, tensor) for tensor in tensors[:3])
        yield report(
            RULE,
            failure,
            f"{name} refuses {shown}{more}" if tensors else f"{name} refuses its arguments",
            " ".join(sentence for sentence in (reason(failure), *origins) if sentence),
            got=tensors[0].sizes if tensors else None,
        )
