"""LC414 `failed-shape-assumption`: the model's own code assumes a shape that its tensors do not have.

## What it catches
`b, c, h, w = x.shape` of three axes, `x.shape[4]`, an `assert` or `raise` about a size, unpacking `chunk(3)` of two rows, a pattern of
einops that names other axes or sizes than the tensor has.

## Why it matters
Nothing is wrong with the check; the tensor that comes in is another one than the author had in mind. Where it came from is shown.

## Example
    b, c, h, w = x.shape                    # (N, 28, 28)

## Fix
    x = x.unsqueeze(1)
No repair is offered beyond an advice.

## Python says
    not enough values to unpack (expected 4, got 3)
    tuple index out of range
    AssertionError
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from linearcheck.findings import Diagnostic, Operand, Proposal, Severity
from linearcheck.rules.layers import last_call_within
from linearcheck.rules.provenance import operand_origin, origin_sentence
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.wording import listed, shape
from linearcheck.trace.records import PythonError, TensorInfo, Trace

RULE = Rule("LC414", "failed-shape-assumption", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_SHAPE_WORDS = re.compile(r"\.shape|\.size\(|\.dim\(|\.ndim|\.numel\(|\blen\(|\.chunk\(|\.split\(|\.unbind\(|\.nelement\(")
_MESSAGE_WORDS = re.compile(
    r"shape|size|dimension|\bdim|channel|feature|length|width|height|divisible|multiple|axes|axis|rank|expected .* got", re.IGNORECASE
)
_PATTERN = re.compile(
    r"pattern [\"'](?P<pattern>[^\"']*)[\"'].*?(?:expected (?:>=)?(?P<axes>\d+) dims|Expected (?P<axes2>\d+) dimensions"
    r"|axis of length (?P<length>\d+) in chunks of (?P<chunk>\d+)|Shape mismatch, (?P<size>\d+) != (?P<given>\d+))",
    re.DOTALL,
)
"""What einops 0.8 says of a pattern that does not fit."""
_UNPACKING = re.compile(r"(not enough|too many) values to unpack(?: \(expected (\d+)(?:, got (\d+))?\))?")


def check(trace: Trace) -> Iterator[Finding]:
    for error in trace.python_errors:
        if is_about_shape(error):
            yield _finding(trace, error)


def is_about_shape(error: PythonError) -> bool:
    """Whether the user's own code stopped because of a shape."""
    unpacking = bool(_UNPACKING.search(error.message)) and bool(error.tensors)
    if error.type == "EinopsError":
        return bool(_PATTERN.search(error.message))
    if error.type in ("AssertionError", "ValueError", "RuntimeError", "IndexError", "TypeError", "ZeroDivisionError"):
        raised = error.source.startswith(("raise", "assert"))
        about = _SHAPE_WORDS.search(error.source) or (raised and _MESSAGE_WORDS.search(f"{error.source} {error.message}"))
        return unpacking or bool(about)
    return unpacking


def _finding(trace: Trace, error: PythonError) -> Finding:
    named = _mentioned(error)
    unpacked = _UNPACKING.search(error.message)
    where = f"in `{error.layer}`" if error.layer else "in `forward`"
    statement = error.source.splitlines()[0].strip() if error.source else ""
    shown = listed([f"`{name}` is {shape(tensor)}" for name, tensor in named.items()]) if named else ""
    if unpacked is not None and unpacked.group(2):
        got = unpacked.group(3) or (str(next(iter(named.values())).rank) if len(named) == 1 else "more")
        what = f"`{statement}` unpacks {unpacked.group(2)} values, but there are {got}"
    else:
        what = f"`{statement}` does not hold" if statement.startswith("assert") else f"`{statement}` stops {where}"
    pattern = _PATTERN.search(error.message) if error.type == "EinopsError" else None
    if pattern is not None:
        what, shown = _pattern_words(pattern, next(iter(named.items()), None)), ""
    origins = [origin_sentence(trace, tensor) for tensor in named.values()]
    first = next(iter(named.values()), None)
    diagnostic = Diagnostic(
        code=RULE.code,
        rule=RULE.name,
        severity=RULE.severity,
        message=f"{what}: {shown}" if shown else what,
        explanation=" ".join(dict.fromkeys(text for text in origins if text)),
        span=error.site,
        path=error.site.path if error.site is not None else "",
        layer=error.layer,
        got=first.sizes if first is not None else None,
        operands=tuple(Operand(name, tensor.sizes, tensor.dtype, operand_origin(trace, tensor)) for name, tensor in named.items()),
        proposals=_proposals(error, named),
        call=error.module_call,
    )
    if error.module_call is None:
        return Finding(diagnostic)
    return Finding(diagnostic, (error.module_call,), behind=last_call_within(trace, error.module_call))


def _pattern_words(told: re.Match[str], tensor: tuple[str, TensorInfo] | None) -> str:
    """What a pattern of einops asks for that the tensor does not have."""
    who = f"`{tensor[0]}`, {shape(tensor[1])}" if tensor is not None else "the tensor"
    start = f"the einops pattern `{told['pattern']}` does not fit {who}"
    if axes := told["axes"] or told["axes2"]:
        return f"{start}: it names {axes} axes" + (f", and there are {tensor[1].rank}" if tensor is not None else "")
    if told["length"]:
        return f"{start}: an axis of {told['length']} cannot be cut into parts of {told['chunk']}"
    return f"{start}: an axis is {told['size']}, and {told['given']} is asked for"


def _mentioned(error: PythonError) -> dict[str, TensorInfo]:
    """The tensors that the statement names, at most three; all of the frame's where it names none of them and there are few."""
    words = set(re.findall(r"[A-Za-z_]\w*", error.source))
    named = {name: tensor for name, tensor in error.tensors.items() if name in words}
    return dict(list((named or (dict(error.tensors) if len(error.tensors) < 3 else {})).items())[:3])


def _proposals(error: PythonError, named: dict[str, TensorInfo]) -> tuple[Proposal, ...]:
    unpacked = _UNPACKING.search(error.message)
    if unpacked is None or not unpacked.group(2) or len(named) != 1 or ".shape" not in error.source:
        return ()
    name, tensor = next(iter(named.items()))
    if tensor.rank == int(unpacked.group(2)) - 1:
        return (Proposal("unsqueeze", f"give `{name}` the axis that is missing in {shape(tensor)}"),)
    return ()
