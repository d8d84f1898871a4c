"""What is offered as a fix was tried, and what failed is not offered."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from linearcheck.findings import Diagnostic, Proposal, ReplaceSource, Safety, Severity, SizeText
from linearcheck.fix.text import apply_edits, merge_edits
from linearcheck.fix.trial import TrialLimits, TrialOutcome, try_fixes
from linearcheck.sizes import N, NamedSize
from linearcheck.trace.records import Span

_spec = importlib.util.spec_from_file_location("fix_chain", Path(__file__).with_name("chain.py"))
assert _spec is not None
assert _spec.loader is not None
chain = importlib.util.module_from_spec(_spec)
sys.modules["fix_chain"] = chain
_spec.loader.exec_module(chain)

PATH = chain.PATH


def repaired(text: str, **options: object) -> tuple[str, tuple[Diagnostic, ...], int]:
    """The text after the best fix of every finding, the findings, and the number of trials."""
    run = chain.Counted(text)
    before = chain.check(text)
    findings = try_fixes(before.diagnostics, {PATH: text}, run, before=before, **options)  # type: ignore[arg-type]
    edits = ()
    for finding in findings:
        edits = merge_edits(edits, finding.fixes[0].edits if finding.fixes else ())
    return apply_edits(text, edits), findings, run.trials


def test_best_proposal_first_and_others_after_it() -> None:
    new, (finding,), trials = repaired("a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\n")
    assert new == "a = nn.Linear(4, 8)\nb = nn.Linear(8, 2)\n"
    assert [fix.kind for fix in finding.fixes] == ["set_in_features", "set_out_features"]
    assert all(fix.tried for fix in finding.fixes)
    assert trials == 2


def test_several_errors_are_repaired_together() -> None:
    text = "".join(f"l{i} = nn.Linear({i + 4}, {i + 6})\n" for i in range(5))
    new, findings, trials = repaired(text)
    assert not chain.check(new).diagnostics
    assert all(finding.fixes for finding in findings)
    assert trials <= 1 + TrialLimits().trials_for_more


def test_one_place_that_two_findings_point_to_is_changed_once() -> None:
    text = "W = 8\na = nn.Linear(4, W + 1)\nb = nn.Linear(8, W + 1)\nc = nn.Linear(8, 2)\n"
    before = chain.check(text)
    first, second = before.diagnostics
    shared = Proposal("set_out_features", "make both 8", actions=(*first.proposals[1].actions, *second.proposals[1].actions))
    findings = [replace(f, proposals=(f.proposals[0], shared)) for f in (first, second)]
    tried = try_fixes(findings, {PATH: text}, chain.Counted(text), before=before)
    assert [finding.fixes[0].title for finding in tried] == ["make both 8", "make both 8"]


def test_constant_of_two_places_is_changed_where_it_is_right_for_both() -> None:
    text = "D = 9\na = nn.Linear(4, 8)\nb = nn.Linear(D, D)\nc = nn.Linear(8, 2)\n"
    new, _, _ = repaired(text)
    assert new == text.replace("D = 9", "D = 8")


def test_constant_is_left_alone_where_another_use_needs_it() -> None:
    text = "D = 4\nW = 8\na = nn.Linear(D, W)\nb = nn.Linear(D, D)\nc = nn.Linear(D, 2)\n"
    new, _, _ = repaired(text)
    assert new == text.replace("b = nn.Linear(D, D)", "b = nn.Linear(W, D)")


def test_what_fails_is_not_offered() -> None:
    text = "a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\n"
    before = chain.check(text)
    useless = Proposal("other", "add a comment", actions=(ReplaceSource(Span(PATH, 1, 1, 1, 1), "# x\n"),))
    advice = Proposal("resize_input", "give it another input")
    finding = replace(before.diagnostics[0], proposals=(useless, advice))
    (tried,) = try_fixes([finding], {PATH: text}, chain.Counted(text), before=before)
    assert tried.fixes == ()
    assert tried.proposals == (advice,)


def test_advice_stands_after_tried_fixes_and_is_marked_untried() -> None:
    text = "a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\n"
    before = chain.check(text)
    finding = replace(
        before.diagnostics[0], proposals=(Proposal("resize_input", "give it another input"), *before.diagnostics[0].proposals)
    )
    (tried,) = try_fixes([finding], {PATH: text}, chain.Counted(text), before=before)
    assert [(fix.kind, fix.tried) for fix in tried.fixes] == [
        ("set_in_features", True),
        ("set_out_features", True),
        ("resize_input", False),
    ]


def test_repair_of_a_consequence_comes_along() -> None:
    text = "a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\nc = nn.Linear(2, 3)\n"
    before = chain.check(text)
    line = Span(PATH, 2, 1, 2, len("b = nn.Linear(9, 2)") + 1)
    drastic = Proposal("other", "halve `b`", Safety.SAFE, (ReplaceSource(line, "b = nn.Linear(8, 1)"),))
    finding = replace(before.diagnostics[0], proposals=(drastic,))
    (tried,) = try_fixes([finding], {PATH: text}, chain.Counted(text), before=before)
    (fix,) = tried.fixes
    assert fix.title == "halve `b` and set `in_features` of `c` to 1"
    assert fix.safety is Safety.UNSAFE
    assert apply_edits(text, fix.edits) == "a = nn.Linear(4, 8)\nb = nn.Linear(8, 1)\nc = nn.Linear(1, 3)\n"


def test_finding_that_another_repair_removes_shares_its_fix() -> None:
    text = "D = 9\na = nn.Linear(4, 8)\nb = nn.Linear(D, 8)\nc = nn.Linear(D, 2)\n"
    new, findings, _ = repaired(text)
    assert new == text.replace("D = 9", "D = 8")
    assert findings[0].fixes[0].edits == findings[1].fixes[0].edits


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (((N, 10),), ((N, 5),), True),
        (((N, 10),), ((10,),), False),
        (((N, 10),), ((10, N),), False),
        (((7, N, 10),), ((7, N, 5),), True),
        (((7, N, 10),), ((7, 5),), False),
        (((),), ((),), True),
        ((("?", 10),), ((10,),), True),
        (((N, 10),), (), False),
    ],
)
def test_output_keeps_its_batch(before: tuple[tuple[SizeText, ...], ...], after: tuple[tuple[SizeText, ...], ...], kept: bool) -> None:
    text = "x = 1\n"
    finding = Diagnostic(
        "LC402",
        "batch-folded",
        Severity.WARNING,
        "",
        Span(PATH, 1, 1, 1, 6),
        PATH,
        proposals=(Proposal("other", "", actions=(ReplaceSource(Span(PATH, 1, 5, 1, 6), "2"),)),),
    )
    start = TrialOutcome((finding,), before)

    def run(overlay: Mapping[str, str]) -> TrialOutcome:
        return TrialOutcome((), after)

    (tried,) = try_fixes([finding], {PATH: text}, run, before=start)
    assert bool(tried.fixes) is kept


def test_repair_with_one_row_per_sample_goes_first() -> None:
    proposals = tuple(Proposal("other", f"make it {n}", actions=(ReplaceSource(Span(PATH, 1, 5, 1, 6), n),)) for n in "23")
    finding = Diagnostic("LC101", "r", Severity.ERROR, "", Span(PATH, 1, 1, 1, 6), PATH, proposals=proposals)
    folded = NamedSize(("N",), Fraction(2))

    def run(overlay: Mapping[str, str]) -> TrialOutcome:
        return TrialOutcome((), ((folded if "2" in overlay[PATH] else N, 1),))

    (tried,) = try_fixes([finding], {PATH: "x = 1\n"}, run, before=TrialOutcome((finding,), ((folded, 1),)))
    assert [fix.title for fix in tried.fixes] == ["make it 3", "make it 2"]


def test_model_that_no_longer_loads_is_no_repair() -> None:
    text = "a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\n"
    before = chain.check(text)
    (tried,) = try_fixes(before.diagnostics, {PATH: text}, lambda overlay: TrialOutcome(loaded=False), before=before)
    assert tried.fixes == ()


def test_trials_are_limited() -> None:
    text = "".join(f"l{i} = nn.Linear({i + 4}, {i + 6})\n" for i in range(12))
    run = chain.Counted(text)
    before = chain.check(text)
    try_fixes(before.diagnostics, {PATH: text}, run, before=before, limits=TrialLimits(trials=7))
    assert run.trials <= 7


def test_findings_without_proposals_cost_nothing() -> None:
    text = "a = nn.Linear(4, 8)\nb = nn.Linear(9, 2)\n"
    run = chain.Counted(text)
    findings = tuple(replace(finding, proposals=()) for finding in chain.check(text).diagnostics)
    assert try_fixes(findings, {PATH: text}, run) == findings
    assert run.trials == 0
