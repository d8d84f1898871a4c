"""LC302 `normalized-shape-mismatch`: the last axes of what `nn.LayerNorm` or `nn.RMSNorm` gets are not its `normalized_shape`.

## What it catches
`LayerNorm(64)` on features that are not 64, or on a map (N, 64, H, W) whose channels stand on axis 1.

## Why it matters
LayerNorm works on the last axes. Behind a convolution the channels are not there.

## Example
    self.norm = nn.LayerNorm(64)
    return self.norm(self.conv(x))          # (N, 64, 28, 28)

## Fix
    return self.norm(self.conv(x).permute(0, 2, 3, 1))
Unsafe: what follows must expect the channels last, or the axes must be moved back.

## PyTorch says
    Given normalized_shape=[64], expected input with shape [*, 64], but got input of size[4, 64, 28, 28]
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.evidence import pins_on
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import NORMS_OVER_LAST, input_pin
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import change_argument, fit_input_size, permute_input, ranked
from linearcheck.rules.turning import moved_and_back
from linearcheck.rules.wording import shape
from linearcheck.sizes import is_batch, shape_text
from linearcheck.trace.records import TensorInfo, Trace, Value

RULE = Rule("LC302", "normalized-shape-mismatch", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *NORMS_OVER_LAST):
        x, wanted = failure.input, _normalized_shape(failure)
        if x is None or not wanted or x.shape[-len(wanted) :] == wanted:
            continue
        last = x.sizes[-len(wanted) :]
        yield report(
            RULE,
            failure,
            f"{failure.name} normalises the last axes {shape_text(wanted)}, but its input {shape(x)} ends in {shape_text(last)}",
            _explanation(trace, x, wanted),
            got=x.sizes,
            expected=("*", *wanted),
            proposals=_proposals(failure, x, wanted),
        )


def _normalized_shape(failure: Failure) -> tuple[int, ...]:
    given: Value = failure.layer.declared.get("normalized_shape") if failure.layer is not None else None
    given = given if given is not None else failure.call.arguments.get("normalized_shape")
    if isinstance(given, int):
        return (given,)
    return tuple(size for size in given if isinstance(size, int)) if isinstance(given, tuple) else ()


def _explanation(trace: Trace, x: TensorInfo, wanted: tuple[int, ...]) -> str:
    if not x.rank:
        return ""
    elsewhere = [axis for axis in range(1, x.rank - 1) if (x.sizes[axis],) == wanted]
    if len(elsewhere) == 1:
        return f"The {wanted[0]} stand on axis {elsewhere[0]}. {explain_size(trace, x, elsewhere[0]).text}".strip()
    return explain_size(trace, x, x.rank - 1).text


def _proposals(failure: Failure, x: TensorInfo, wanted: tuple[int, ...]) -> tuple[Proposal, ...]:
    trace, pin = failure.trace, input_pin(failure.trace, failure.call)
    if len(wanted) > 1 or pin is None:
        layer = failure.layer
        sizes = x.sizes[1:]
        plain = layer is not None and len(sizes) == len(wanted) and all(isinstance(size, int) for size in sizes)
        return ranked(
            change_argument("set_num_features", layer, "normalized_shape", shape_text(sizes)) if plain and layer is not None else None
        )
    elsewhere = [axis for axis in range(1, x.rank - 1) if x.sizes[axis] == wanted[0] and not is_batch(x.sizes[axis])]
    moved: list[Proposal | None] = []
    if len(elsewhere) == 1:
        axis = elsewhere[0]
        order = (*(place for place in range(x.rank) if place != axis), axis)
        moved = [permute_input(failure, order), moved_and_back(failure, order)]
        output = failure.call.output
        if output is not None and any(other.size == wanted[0] for other in pins_on(trace, output, axis)):
            moved.reverse()  # what comes next takes the features where they stand now
    return ranked(moved, fit_input_size(trace, pin, x.shape[-1]))
