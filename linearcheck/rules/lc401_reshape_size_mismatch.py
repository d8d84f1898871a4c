"""LC401 `reshape-size-mismatch`: a `view`, `reshape` or `unflatten` asks for sizes that the values do not fill.

## What it catches
Sizes whose product is not the number of values of a sample, and a `view` of a tensor whose memory is in another order
(after `permute` or `transpose`).

## Why it matters
PyTorch names the number of all values of the batch, which stands nowhere in the source.

## Example
    x = self.pool(self.conv2(x))            # (N, 16, 4, 4), 256 values per sample
    x = x.view(-1, 16 * 5 * 5)

## Fix
    x = x.view(x.size(0), -1)
Unsafe: the layer after it must take 256 features as well, and is set to.

## PyTorch says
    shape '[-1, 400]' is invalid for input of size 1024
    view size is not compatible with input tensor's size and stride
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from linearcheck.findings import Proposal, ReplaceSource, Safety, SetArgument, Severity
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.reshapes import Reshape, fills, fitting_sizes, keep_batch, reshape_of, sample_factors, size_nodes
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import call_at, span_of, text_of
from linearcheck.rules.suggestions import is_declared_elsewhere, ranked, resize_map, set_output
from linearcheck.rules.wording import quoted, shape, times_text
from linearcheck.sizes import shape_text
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC401", "reshape-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "view", "reshape", "unflatten", "view_as", "reshape_as"):
        x = failure.input
        if x is None:
            continue
        reshape = reshape_of(trace, failure.call)
        if reshape is not None and fills(reshape):
            yield _memory_order(failure, x, reshape)
        elif reshape is not None:
            yield _wrong_sizes(failure, x, reshape)
        else:
            yield _any_sizes(failure, x)


def _wrong_sizes(failure: Failure, x: TensorInfo, reshape: Reshape) -> Finding:
    trace, values = failure.trace, reshape.values
    if reshape.asked.count(-1) > 1:
        why = "Only one size may be left open with -1."
    elif values is not None:
        factors = sample_factors(trace, x)
        count = f"{times_text(factors)} = {values}" if len(factors) > 1 else str(values)
        why = f"Each sample of {shape(x)} has {count} values, and `{reshape.text}` asks for {reshape.literals}."
    else:
        why = f"{shape(x)} has {prod(x.shape)} values, and `{reshape.text}` asks for a multiple of {reshape.literals}."
    return report(
        RULE,
        failure,
        f"`{reshape.text}` does not fit {shape(x)}",
        f"{why} {origin_sentence(trace, x)}".strip(),
        got=x.sizes,
        expected=tuple("N" if size == -1 and axis == 0 else "?" if size == -1 else size for axis, size in enumerate(reshape.asked)),
        proposals=ranked(
            keep_batch(trace, reshape),
            _heads_that_divide(failure, x, reshape),
            _either_side(trace, reshape, fitting_sizes(trace, reshape), _made_to_fit(failure, x, reshape)),
            _made_for_other_input(failure, x, reshape),
        ),
    )


def _either_side(trace: Trace, reshape: Reshape, sized: Sequence[Proposal], made: Sequence[Proposal | None]) -> list[Proposal | None]:
    """A number in a view is changed before the layer that made the values, that layer before a name or sum in a view.

    The layer comes first where another one declares as many values as the view asks for: an encoder that ends in as many.
    """
    if len(reshape.asked) < 3:
        return [*sized, *made]
    maker = explain_size(trace, reshape.input, reshape.input.rank - 1).layer
    if maker is not None and reshape.values is not None and is_declared_elsewhere(trace, reshape.literals, maker):
        return [*made, *sized]
    named = [proposal for proposal in sized if not _changes_number(trace, proposal)]
    return [*(proposal for proposal in sized if proposal not in named), *made, *named]


def _changes_number(trace: Trace, proposal: Proposal) -> bool:
    texts = [text_of(trace, action.span) for action in proposal.actions if isinstance(action, ReplaceSource)]
    return all(text.strip().isdigit() for text in texts)


def _heads_that_divide(failure: Failure, x: TensorInfo, reshape: Reshape) -> list[Proposal]:
    """Another number of heads where the features were divided with a remainder: 100 features are 10 heads of 10, not 8 of 12."""
    site, features = failure.call.site, x.shape[-1] if x.rank > 1 else 0
    given = failure.call.arguments.get("size", failure.call.arguments.get("shape"))
    if site is None or size_nodes(failure.trace, failure.call) is None or not isinstance(given, tuple):
        return []
    node = call_at(failure.trace, site)
    for axis in range(1, len(reshape.asked) - 1):
        heads, each = reshape.asked[axis], reshape.asked[axis + 1]
        if not isinstance(heads, int) or not isinstance(each, int) or heads < 2 or features % heads == 0 or each != features // heads:
            continue
        fitting = sorted((n for n in range(2, features) if features % n == 0), key=lambda number: abs(number - heads))
        place = axis + 1 if node is not None and len(node.args) > 1 else None  # sizes given one by one, after the tensor
        return [
            Proposal(
                "other",
                f"make axis {axis} of `{reshape.text}` {number}, which divides {features}",
                Safety.UNSAFE,
                (SetArgument(site, failure.call.name, str(place), number, old=heads),),
            )
            for number in fitting[:2]
            if place is not None
        ]
    return []


def _made_to_fit(failure: Failure, x: TensorInfo, reshape: Reshape) -> list[Proposal | None]:
    """Let the layer before make as many values as the sizes ask for: a Linear before a view into a map, a head before anchors."""
    if x.rank < 2 or reshape.values is None or -1 in reshape.asked[1:]:
        return []
    found = []
    for axis in dict.fromkeys((1, x.rank - 1)):
        others = reshape.values // x.shape[axis] if x.shape[axis] else 0
        if others and reshape.literals % others == 0:
            found.append(set_output(failure.trace, explain_size(failure.trace, x, axis), reshape.literals // others, until=failure.call))
    return found


def _made_for_other_input(failure: Failure, x: TensorInfo, reshape: Reshape) -> Proposal | None:
    if x.rank < 3 or reshape.values is None or len(reshape.asked) != 2 or -1 in reshape.asked[1:]:
        return None
    return resize_map(failure.trace, f"`{reshape.text}`", x, 1, range(2, x.rank), reshape.literals)


def _memory_order(failure: Failure, x: TensorInfo, reshape: Reshape) -> Finding:
    return report(
        RULE,
        failure,
        f"`{reshape.text}` cannot view {shape(x)}, whose values are not in this order in memory",
        f"After `permute`, `transpose` or a slice a `view` is not possible; `reshape` copies. {origin_sentence(failure.trace, x)}".strip(),
        got=x.sizes,
        proposals=ranked(use_reshape(failure)),
    )


def use_reshape(failure: Failure) -> Proposal | None:
    """Write `reshape` for `view`."""
    node, site = call_at(failure.trace, failure.call.site), failure.call.site
    if node is None or site is None:
        return None
    span = span_of(failure.trace, site.path, node.func)
    text = text_of(failure.trace, span)
    if not text.endswith("view"):
        return None
    title = f"use `reshape` instead of `view` on line {site.line}"
    return Proposal("other", title, Safety.SAFE, (ReplaceSource(span, text.removesuffix("view") + "reshape"),))


def _any_sizes(failure: Failure, x: TensorInfo) -> Finding:
    sizes = failure.call.arguments.get("sizes", failure.call.arguments.get("size"))
    asked = shape_text([str(size) for size in sizes]) if isinstance(sizes, tuple) else str(sizes)
    axis = failure.call.arguments.get("dim")
    target = failure.call.arguments.get("other")
    if isinstance(target, TensorInfo):
        asked = shape(target)
    of = f" on axis {axis}" if isinstance(axis, int) else ""
    layer = failure.layer
    if layer is not None:
        asked = str(layer.declared.get("unflattened_size", asked))
    return report(
        RULE,
        failure,
        f"{failure.name if layer is not None else quoted(failure.operation)} to {asked}{of} does not fit {shape(x)}",
        origin_sentence(failure.trace, x),
        got=x.sizes,
    )
