"""Baselines: what an old code base may keep, also after its lines have moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linearcheck.baseline import BaselineError, gone, read_baseline, with_baseline, write_baseline
from linearcheck.cli.main import run
from linearcheck.findings import FileReport, Report
from tests.cli.reports import finding, model, report, span

Run = Callable[..., Any]

OLD = report(model(finding("LC101", 4, layer="fc", snippet="self.fc(x)"), finding("LC402", 9, snippet="x.view(-1, 8)")))


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline of `OLD`, in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "baseline.json"
    assert write_baseline(OLD, path) == 2
    return path


def new_ones(found: Report, baseline: Path) -> list[str]:
    return [d.code for one in with_baseline(found, read_baseline(baseline)).models for d in one.diagnostics if not d.suppressed]


def test_known_findings_are_suppressed(baseline: Path) -> None:
    assert new_ones(OLD, baseline) == []
    assert with_baseline(OLD, read_baseline(baseline)).models[0].status == "ok"


def test_moved_lines_change_nothing(baseline: Path) -> None:
    moved = tuple(replace(d, span=span(d.span.line + 7)) for d in OLD.models[0].diagnostics if d.span)
    assert new_ones(report(model(*moved)), baseline) == []


def test_new_findings_count(baseline: Path) -> None:
    more = (*OLD.models[0].diagnostics, finding("LC101", 12, layer="fc2", snippet="self.fc2(x)"))
    assert new_ones(report(model(*more)), baseline) == ["LC101"]


def test_a_second_one_on_an_equal_line_counts(baseline: Path) -> None:
    again = finding("LC402", 15, snippet="x.view(-1, 8)")
    assert len(new_ones(report(model(*OLD.models[0].diagnostics, again)), baseline)) == 1


def test_skipped_models_can_be_known(tmp_path: Path) -> None:
    skipped = report(model(finding("LC901", None)))
    assert write_baseline(skipped, tmp_path / "b.json") == 1
    assert new_ones(skipped, tmp_path / "b.json") == []


def test_what_is_silenced_otherwise_does_not_enter(tmp_path: Path) -> None:
    assert write_baseline(report(model(finding("LC101", 4, suppressed=True))), tmp_path / "b.json") == 0


def test_it_does_not_matter_where_the_run_is_started(baseline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (baseline.parent / "sub").mkdir()
    monkeypatch.chdir(baseline.parent / "sub")
    seen_from_sub = tuple(
        replace(d, span=replace(d.span, path=str(baseline.parent / "net.py")), path="") for d in OLD.models[0].diagnostics if d.span
    )
    assert new_ones(report(model(*seen_from_sub)), baseline) == []


def test_findings_that_are_gone_are_counted(baseline: Path) -> None:
    files = (FileReport("net.py", "", 1),)
    assert gone(replace(OLD, files=files), read_baseline(baseline)) == 0
    assert gone(replace(report(model(OLD.models[0].diagnostics[0])), files=files), read_baseline(baseline)) == 1
    assert gone(Report(), read_baseline(baseline)) == 0  # nothing was checked, so nothing is known to be gone


BAD = {
    "missing": None,
    "binary": b"\xff\x00",
    "not JSON": b"{",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "other schema": b'{"schema": 2, "findings": []}',
}


@pytest.mark.parametrize("case", BAD)
def test_bad_baseline_is_told(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, data = tmp_path / "b.json", BAD[case]
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BaselineError, match="baseline"):
        read_baseline(path)
    (tmp_path / "empty.py").write_text("")
    assert run([str(tmp_path / "empty.py"), "--baseline", str(path)]) == 2
    assert "baseline" in capsys.readouterr().err


def test_baseline_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "linearcheck.toml").write_text('baseline = "known.json"\n')
    (tmp_path / "empty.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert run(["empty.py"]) == 2
    assert "known.json" in capsys.readouterr().err
    assert run(["empty.py", "--write-baseline", "known.json"]) == 0
    assert json.loads((tmp_path / "known.json").read_text()) == {"schema": 1, "findings": []}
    assert run(["empty.py"]) == 0


def test_adopting_on_an_old_code_base(linearcheck: Run, project: Path) -> None:
    assert linearcheck("broken.py", "-s", "1,28,28", "--write-baseline", "known.json").code == 0
    text = (project / "broken.py").read_text()
    (project / "broken.py").write_text("# moved\n\n" + text)
    assert linearcheck("broken.py", "-s", "1,28,28", "--baseline", "known.json").code == 0
    (project / "broken.py").write_text(
        text.replace("self.fc1 =", "self.new = nn.Linear(9, 9)\n        self.fc1 =").replace("), 1))", "), 1) + self.new(x))")
    )
    assert linearcheck("broken.py", "-s", "1,28,28", "--baseline", "known.json").code == 1
