"""LC101 `in-features-mismatch`: the last axis of what an `nn.Linear` gets is not its `in_features`.

## What it catches
An `nn.Linear`, or a call of `F.linear`, whose input has another number of features than the weight.

## Why it matters
PyTorch stops, with sizes that are folded already: its "64x256" may be the (N, 256) of a batch of 64.

## Example
    self.fc1 = nn.Linear(400, 120)
    x = torch.flatten(x, 1)                 # (N, 16, 4, 4) becomes (N, 256)
    return self.fc1(x)

## Fix
    self.fc1 = nn.Linear(16 * 4 * 4, 120)
Unsafe: the layers before may be the ones that are wrong, or the input may have another size than the model was made for. All are offered,
the number that more layers agree with first.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (64x256 and 400x120)
"""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import Proposal, Severity
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import declared_int, input_pin
from linearcheck.rules.operands import resize_parameter
from linearcheck.rules.provenance import explain_size, origin_sentence, size_history
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import fit_input_size, ranked, replace_text, resize_input
from linearcheck.rules.wording import axis_words, counted, shape
from linearcheck.trace.records import TensorInfo, Trace

RULE = Rule("LC101", "in-features-mismatch", Severity.ERROR, FixAvailability.ALWAYS, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, "linear"):
        x, expected = failure.input, in_features(failure)
        if x is None or expected is None or x.rank == 0 or x.shape[-1] == expected:
            continue
        has = x.sizes[-1]
        yield report(
            RULE,
            failure,
            f"{failure.name} expects {counted(expected, 'feature')}, but its input {shape(x)} has {has}",
            _explanation(trace, x),
            got=x.sizes,
            expected=("*", expected),
            proposals=_proposals(failure, x, expected),
        )


def in_features(failure: Failure) -> int | None:
    """What the layer declares, or for `F.linear` what the weight takes."""
    weight = failure.weight
    return declared_int(failure.layer, "in_features") or (weight.shape[-1] if weight is not None and weight.rank else None)


def _explanation(trace: Trace, x: TensorInfo) -> str:
    origin = explain_size(trace, x, x.rank - 1)
    sentences = [origin.text or origin_sentence(trace, x)]
    if origin.factors and origin.call is not None and origin.call.input is not None:
        map_ = origin.call.input
        words = axis_words(map_.sizes)
        if map_.rank in (3, 4, 5):
            sentences.append(size_history(trace, map_, map_.rank - 1, words[map_.rank - 1]))
    return " ".join(sentence for sentence in sentences if sentence)


def _proposals(failure: Failure, x: TensorInfo, expected: int) -> tuple[Proposal, ...]:
    trace = failure.trace
    pin = input_pin(trace, failure.call)
    got = x.shape[-1]
    if pin is None or failure.layer is None:
        weight = failure.weight
        turned = weight is not None and weight.rank == 2 and weight.shape[0] == got
        title = "transpose the weight of `linear`"
        sized = resize_parameter(trace, weight, 1, got, "set_in_features") if weight is not None and weight.rank == 2 else []
        return ranked(replace_text(trace, failure.call, "weight", 1, "transpose_weight", title, "{}.t()") if turned else None, sized)
    return ranked(fit_input_size(trace, pin, got), resize_input(trace, failure.layer, x, x.rank - 1, expected))
