"""The catalogue: codes, pages, selection, merging, and that none of it needs torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from linearcheck.findings import SetArgument
from linearcheck.load.records import LoadError
from linearcheck.rules import lc414_failed_shape_assumption
from linearcheck.rules.precedence import ORDER
from linearcheck.rules.registry import RULES, diagnose, rule_documentation, skipped_diagnostic
from linearcheck.rules.rule import Finding
from linearcheck.sizes import N
from linearcheck.trace.records import Trace
from tests.rules.traces import TraceBuilder, span


def test_codes_stand_in_order_and_once() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page(rule: object) -> None:
    from linearcheck.rules.rule import Rule

    assert isinstance(rule, Rule)
    page = rule_documentation(rule.code)
    assert page.startswith(f"{rule.code} `{rule.name}`: ")
    assert rule.summary.endswith(".")
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    wanted = (
        ["## What it means", "## What to do"]
        if rule.code.startswith("LC9")
        else ["## What it catches", "## Why it matters", "## Example", "## Fix"]
    )
    assert headings[: len(wanted)] == wanted


def test_the_table_of_precedence_names_only_codes_of_the_catalogue() -> None:
    assert set(ORDER) <= {rule.code for rule in RULES}


def test_no_rule_needs_torch() -> None:
    script = "import sys, linearcheck.rules.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    proof = "import sys, torch, linearcheck.rules.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", proof], check=False).returncode == 1


def blocks(*widths: tuple[int, int]) -> TraceBuilder:
    """Linears that one line builds, each getting another size than it takes."""
    build = TraceBuilder()
    for number, (got, wanted) in enumerate(widths):
        build.layer(f"blocks.{number}", "Linear", 9, in_features=wanted, out_features=5)
        build.use(f"blocks.{number}", build.input((N, got), name=f"x{number}"), out=(N, 5), line=20, error="cannot be multiplied")
    return build


def test_twelve_layers_of_one_line_are_one_finding() -> None:
    (found,) = diagnose(blocks(*[(112, 30)] * 12).trace())
    assert (found.times, found.layer) == (12, "blocks.0")
    assert "The same holds for `blocks.1`, `blocks.2` and 9 more." in found.explanation


def test_layers_of_one_line_with_other_numbers_are_repaired_each_with_its_own() -> None:
    (found,) = diagnose(blocks((112, 30), (56, 30)).trace())
    assert "`blocks.1` gets (N, 56) and expects (*, 30)." in found.explanation
    assert [(a.layer, a.value) for a in found.proposals[0].actions if isinstance(a, SetArgument)] == [("blocks.0", 112), ("blocks.1", 56)]


def test_layers_of_two_lines_are_two_findings() -> None:
    build = blocks((112, 30))
    build.layer("other", "Linear", 10, in_features=30, out_features=5)
    build.use("other", build.input((N, 7)), out=(N, 5), line=21, error="cannot be multiplied")
    assert [found.span for found in diagnose(build.trace())] == [span(20), span(21)]


@pytest.mark.parametrize(
    ("select", "ignore", "count"),
    [((), (), 1), (("LC1",), (), 1), (("LC2",), (), 0), ((), ("LC101",), 0), (("LC101",), ("LC1",), 1), (("LC1",), ("LC101",), 0)],
)
def test_selection_by_prefix(select: tuple[str, ...], ignore: tuple[str, ...], count: int) -> None:
    assert len(diagnose(blocks((112, 30)).trace(), select, ignore)) == count


def test_a_model_that_could_not_be_checked() -> None:
    found = skipped_diagnostic(LoadError("LC901", "no model in model.py", "model.py", 3, "Name one."))
    assert (found.code, found.message, found.path, found.span and found.span.line) == ("LC901", "no model in model.py", "model.py", 3)


def test_a_trace_without_failures_has_no_loud_finding() -> None:
    build = TraceBuilder()
    build.layer("fc", "Linear", 9, in_features=8, out_features=5)
    build.use("fc", build.input((N, 8)), out=(N, 5), line=20)
    assert diagnose(build.trace()) == ()


def test_fault_of_one_rule_is_told_and_the_others_still_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(trace: Trace) -> Iterator[Finding]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(lc414_failed_shape_assumption, "check", broken)
    told, found = diagnose(blocks((112, 30)).trace())
    assert (found.code, told.code) == ("LC101", "LC903")
    assert told.message.startswith("linearcheck itself failed in LC414: ZeroDivisionError: by zero (test_registry.py:")


def test_faulty_line_is_quoted() -> None:
    build = blocks((112, 30))
    build.source = "\n" * 19 + "        x = self.blocks[0](x)  # here\n"
    assert [each.snippet for each in diagnose(build.trace())] == ["x = self.blocks[0](x)  # here"]
