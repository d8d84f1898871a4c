"""Whatever the records hold comes back from JSON as it was, and what does not fit is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.codec import CodecError, decode, encode
from linearcheck.findings import Diagnostic, ModelReport, Proposal, ReplaceSource, Report, Safety, SetArgument, Severity, WrapInput
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.sizes import UNKNOWN, NamedSize
from linearcheck.trace.records import Span

sizes = st.one_of(
    st.integers(0, 10**9),
    st.just(UNKNOWN),
    st.builds(
        NamedSize,
        st.lists(st.sampled_from(["N", "T", "H"]), min_size=1, max_size=3).map(tuple),
        st.fractions(max_denominator=9),
        st.integers(-5, 5),
    ),
)
spans = st.builds(Span, st.text(), *[st.integers(1, 999)] * 4)
actions = st.one_of(
    st.builds(SetArgument, spans, st.text(), st.text(), st.one_of(st.integers(), st.text())),
    st.builds(WrapInput, spans, st.sampled_from(["flatten", "permute"]), st.tuples(st.integers(), st.integers())),
    st.builds(ReplaceSource, spans, st.text()),
)
proposals = st.builds(Proposal, st.just("flatten"), st.text(), st.sampled_from(Safety), st.lists(actions, max_size=3).map(tuple))
diagnostics = st.builds(
    Diagnostic,
    st.text(),
    st.text(),
    st.sampled_from(Severity),
    st.text(),
    st.none() | spans,
    got=st.none() | st.lists(sizes, max_size=4).map(tuple),
    expected=st.none() | st.lists(st.one_of(sizes, st.just("*")), max_size=4).map(tuple),
    proposals=st.lists(proposals, max_size=2).map(tuple),
    suppressed=st.booleans(),
)


def round_trip(value: Any) -> Any:
    return decode(type(value), json.loads(json.dumps(encode(value))))


@given(st.lists(diagnostics, max_size=2).map(tuple), st.floats(0, 1e6), st.text())
def test_reports_come_back_as_they_were(found: tuple[Diagnostic, ...], seconds: float, printed: str) -> None:
    model = ModelReport("a.py", "Net", "findings", seconds=seconds, diagnostics=found, printed=printed)
    assert round_trip(Report((model,), sources={"a.py": printed})) == Report((model,), sources={"a.py": printed})


def test_jobs_come_back_as_they_were() -> None:
    job = CheckJob(
        Target("a.py", "Net", {"width": "64"}, ("3",)),
        CheckOptions(("1,28,28",), batch=False, sizes={"N": 64}, init={"a": "1"}, timeout_seconds=2),
        {"/a.py": "text"},
    )
    assert round_trip(job) == job


def test_defaults_are_left_out() -> None:
    assert encode(CheckJob(Target("a.py"))) == {"$": "CheckJob", "target": {"$": "Target", "place": "a.py"}}


def test_sizes_that_read_differently_as_text_are_kept() -> None:
    falling = NamedSize(("N",), Fraction(-1), 100)
    assert decode(tuple[int | NamedSize, ...], json.loads(json.dumps(encode((falling, 3))))) == (falling, 3)


MISFITS: dict[str, tuple[Any, Any]] = {
    "text for a number": (int, "3"),
    "flag for a number": (int, True),
    "number for text": (str, 3),
    "unknown field": (Target, {"place": "a.py", "colour": "red"}),
    "missing field": (Target, {}),
    "another class": (Target, {"$": "CheckJob", "place": "a.py"}),
    "list for an object": (Target, ["a.py"]),
    "no such literal": (ModelReport, {"path": "a", "name": "b", "status": "fine"}),
    "no such member": (Proposal, {"kind": "flatten", "title": "", "safety": "risky"}),
    "too short": (tuple[int, int], [1]),
    "item of another type": (tuple[int, ...], [1, "a"]),
    "no size": (NamedSize, "not a size"),
    "no alternative": (int | None, "a"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_refused(name: str) -> None:
    kind, data = MISFITS[name]
    with pytest.raises(CodecError):
        decode(kind, data)


@pytest.mark.parametrize("value", [object(), {1: "a"}, b"bytes", {"a": {1, 2}}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(CodecError):
        encode(value)
