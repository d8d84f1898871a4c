"""PyTorch's own tables: every valid row of a module gives no finding, every refused row is one finding with a code."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

pytest.importorskip("expecttest")  # PyTorch's testing code asks for it

from linearcheck.findings import Diagnostic
from linearcheck.rules.registry import diagnose
from linearcheck.trace.tracing import ConstructionError
from tests.sweeps.tables import Row, module_error_rows, module_rows, op_error_rows, trace_row

CONVOLUTIONS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Bilinear", "LazyConv2d")

# Refused for their values (a negative epsilon), or not refused at all on the CPU in this version of PyTorch.
NOT_REFUSED = {"nn.BatchNorm1d[1]", "nn.BatchNorm2d[1]", "nn.BatchNorm3d[1]", "nn.NLLLoss[0]"}


def findings_of(row: Row) -> tuple[Diagnostic, ...] | None:
    """The findings of one row; None where the constructor refused."""
    trace = trace_row(row)
    return None if isinstance(trace, ConstructionError) else diagnose(trace)


def false_alarms(rows: Iterable[Row]) -> tuple[dict[str, list[str]], int]:
    alarms: dict[str, list[str]] = {}
    count = 0
    for row in rows:
        count += 1
        found = findings_of(row)
        if found is None or found:
            alarms[row.name] = ["construction failed"] if found is None else [f"{d.code} {d.message}" for d in found]
    return alarms, count


def test_valid_rows_of_linear_and_convolutions() -> None:
    alarms, count = false_alarms(module_rows(CONVOLUTIONS))
    assert not alarms
    assert count > 50


@pytest.mark.sweep
def test_every_valid_row_of_every_module() -> None:
    alarms, count = false_alarms(module_rows())
    print(f"\n{count} valid rows of modules, {len(alarms)} with a finding")
    assert not alarms
    assert count > 3000


def test_every_refused_row_of_a_module_is_one_finding() -> None:
    counts: Counter[str] = Counter()
    wrong: dict[str, object] = {}
    for row in module_error_rows():
        found = findings_of(row)
        if found is None:
            counts["refused while building"] += 1
            if not row.in_construction:
                wrong[row.name] = "constructor"
        elif row.name in NOT_REFUSED:
            counts["not refused"] += 1
        elif len(found) == 1:
            counts[found[0].code] += 1
        else:
            wrong[row.name] = [d.code for d in found]
    print(f"\nrefused rows of modules: {dict(sorted(counts.items()))}")
    assert not wrong


@pytest.mark.sweep
def test_every_refused_row_of_an_operation_is_one_finding() -> None:
    counts: dict[str, list[str]] = defaultdict(list)
    wrong: dict[str, object] = {}
    for row in op_error_rows():
        found = findings_of(row)
        assert found is not None
        if len(found) > 1:
            wrong[row.name] = [d.code for d in found]
        counts[found[0].code if found else "none"].append(row.name)
    print("\nrefused rows of operations: " + ", ".join(f"{code} {len(names)}" for code, names in sorted(counts.items())))
    print("none: " + ", ".join(counts["none"]))
    assert not wrong
    assert len(counts["none"]) <= 20
