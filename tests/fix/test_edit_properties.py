"""Whatever way a size is written: after every candidate the file is Python, and the layer gets the size that was wanted."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linearcheck.findings import Proposal, SetArgument
from linearcheck.fix.edits import edit_candidates
from linearcheck.fix.text import apply_edits
from linearcheck.trace.records import Span

PATH = "model.py"
small = st.integers(2, 12)
comments = st.sampled_from(["", "  # é: größe", "  # 漢字 (400, 120)", "\t# nn.Linear(1, 2)"])


@st.composite
def sized(draw: st.DrawFn) -> tuple[str, str]:
    """Lines that set names, and an expression of a size."""
    a, b, c = draw(small), draw(small), draw(small)
    forms = {
        f"{a}": "",
        f"{a} * {b} * {c}": "",
        f"{a}*{b}": "",
        "WIDTH": f"WIDTH = {a}",
        "WIDTH * 2": f"WIDTH = {a}",
        "2*WIDTH": f"WIDTH = {a}",
        "WIDTH * WIDTH": f"WIDTH = {a}",
        "FIRST + SECOND": f"FIRST, SECOND = {a}, {b}",
        "FIRST * SECOND": f"FIRST = {a}\nSECOND = {b}",
        "SIZES[1]": f"SIZES = [{a}, {b}, {c}]",
        "SIZES[-1] * 2": f"SIZES = ({a}, {b}, {c})",
        'config["hidden"]': f'config = {{"hidden": {a}, "other": {b}}}',
        "cfg.hidden": f"cfg = Config(hidden={a}, other={b})",
        "(WIDTH + 1) * 3": f"WIDTH = {a}",
        "WIDTH // 2": f"WIDTH = {2 * a}",
    }
    expression = draw(st.sampled_from(sorted(forms)))
    return forms[expression], expression


def run(text: str) -> list[Any]:
    """First arguments of the layers that a text builds."""
    built: list[Any] = []
    nn = SimpleNamespace(Linear=lambda *sizes, **named: built.append(sizes[0] if sizes else named["in_features"]))
    exec(compile(text.removeprefix("\ufeff"), PATH, "exec"), {"nn": nn, "Config": SimpleNamespace})
    return built


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
@given(sized(), st.integers(1, 500), comments, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_every_candidate_gives_the_wanted_size(
    parts: tuple[str, str], wanted: int, comment: str, line_end: str, has_mark: bool, by_keyword: bool
) -> None:
    definitions, expression = parts
    call = f"nn.Linear({'in_features=' if by_keyword else ''}{expression}, {'out_features=' if by_keyword else ''}7)"
    lines = [*definitions.split("\n"), "", f"fc = {call}{comment}", "done = True"]
    text = ("\ufeff" if has_mark else "") + line_end.join(lines) + line_end
    line = len(lines) - 1
    span = Span(PATH, line, 6, line, 6 + len(call))
    before = run(text)[0]
    action = SetArgument(span, "Linear", "in_features", wanted, old=before)
    candidates = edit_candidates(Proposal("set_in_features", "", actions=(action,)), {PATH: text})
    if before == wanted:
        assert candidates == []  # a second repair has nothing to change
        return
    assert candidates
    for edits in candidates:
        new = apply_edits(text, edits)
        ast.parse(new.removeprefix("\ufeff"))
        assert run(new) == [wanted]
        assert comment in new
        assert new.count(line_end) == text.count(line_end)
        assert new.startswith("\ufeff") == has_mark
