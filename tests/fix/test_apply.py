"""Repairs on the disk: whole files, the author's bytes outside the edits, and nobody else's files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import linearcheck
from linearcheck.findings import Diagnostic, Edit, Fix, ModelReport, Report, Safety, Severity
from linearcheck.fix.apply import apply_fixes, is_users_own, render_diff
from linearcheck.fix.repairs import plan_repairs
from linearcheck.fix.text import digest
from linearcheck.load.notebook_cells import code_of

FIX = Fix("set_in_features", "set `in_features` of `fc` to 256", Safety.SAFE, True, (Edit("model.py", (1, 13), (1, 16), "256"),))
OTHER = Fix("set_in_features", "set `in_features` of `fc` to 128", Safety.UNSAFE, True, (Edit("model.py", (1, 13), (1, 16), "128"),))
TEXT = "fc = Linear(400, 10)  # head\nx = 1\n"


def finding(*fixes: Fix, severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic("LC101", "in-features-mismatch", severity, "m", None, "model.py", fixes=fixes)


def report(*models: ModelReport, **sources: str) -> Report:
    return Report(models, sources={"model.py": TEXT, **{f"{name}.py": text for name, text in sources.items()}})


def model(*findings: Diagnostic, name: str = "Net") -> ModelReport:
    return ModelReport("model.py", name, "findings" if findings else "ok", diagnostics=findings)


def write(folder: Path, data: bytes = TEXT.encode(), name: str = "model.py") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_safe_fix_is_written(tmp_path: Path) -> None:
    path = write(tmp_path)
    applied = apply_fixes(report(model(finding(FIX))), unsafe=False, root=tmp_path)
    assert applied.written == ("model.py",)
    assert [repair.fix for repair in applied.repairs] == [FIX]
    assert path.read_text() == TEXT.replace("400", "256")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.py"]


def test_unsafe_fix_waits_to_be_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path)
    applied = apply_fixes(report(model(finding(OTHER))), unsafe=False, root=tmp_path)
    assert applied.unsafe_left == 1
    assert path.read_text() == TEXT
    assert apply_fixes(report(model(finding(OTHER))), unsafe=True, root=tmp_path).written == ("model.py",)


@pytest.mark.parametrize("fix", [Fix("other", "t", Safety.SAFE, False, FIX.edits), Fix("resize_input", "t", Safety.SAFE, True)])
def test_untried_fix_and_advice_write_nothing(tmp_path: Path, fix: Fix) -> None:
    path = write(tmp_path)
    assert apply_fixes(report(model(finding(fix))), unsafe=True, root=tmp_path).written == ()
    assert path.read_text() == TEXT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TEXT.replace("\n", "\r\n").encode(), TEXT.replace("\n", "\r\n").replace("400", "256").encode()),
        (b"\xef\xbb\xbf" + TEXT.encode(), b"\xef\xbb\xbf" + TEXT.replace("400", "256").encode()),
        (TEXT.replace("\n", "\r\n", 1).encode(), TEXT.replace("\n", "\r\n", 1).replace("400", "256").encode()),
        (TEXT.rstrip("\n").encode(), TEXT.rstrip("\n").replace("400", "256").encode()),
    ],
)
def test_bytes_outside_the_edit_stay(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = write(tmp_path, before)
    traced = Report((model(finding(FIX)),), sources={"model.py": before.decode("utf-8-sig").replace("\r\n", "\n")})
    assert apply_fixes(traced, unsafe=False, root=tmp_path).written == ("model.py",)
    assert path.read_bytes() == after


def test_other_encodings_are_kept(tmp_path: Path) -> None:
    text = "# -*- coding: latin-1 -*-\nfc = Linear(400, 10)  # tête\n"
    path = write(tmp_path, text.encode("latin-1"))
    fix = Fix("other", "t", Safety.SAFE, True, (Edit("model.py", (2, 13), (2, 16), "256"),))
    applied = apply_fixes(Report((model(finding(fix)),), sources={"model.py": text}), unsafe=False, root=tmp_path)
    assert applied.written == ("model.py",)
    assert path.read_bytes() == text.replace("400", "256").encode("latin-1")


def test_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT.replace("400", "401").encode())
    applied = apply_fixes(report(model(finding(FIX))), unsafe=False, root=tmp_path)
    assert applied.written == ()
    assert [refusal.reason for refusal in applied.refusals] == [f"`{path}` has changed since it was checked; check it again"]


def test_file_that_changed_while_it_was_checked_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path)
    stale = replace(FIX, digests=(("model.py", digest("fc = Linear(400, 10)\n")),))
    applied = apply_fixes(report(model(finding(stale))), unsafe=False, root=tmp_path)
    assert path.read_text() == TEXT
    assert "the file has changed since it was checked" in applied.conflicts[0].message
    fresh = replace(FIX, digests=(("model.py", digest(TEXT.replace("\n", "\r\n"))),))
    assert apply_fixes(report(model(finding(fresh))), unsafe=False, root=tmp_path).written == ("model.py",)


NOTEBOOK = """{
 "cells": [
  {"cell_type": "code", "source": "%matplotlib inline\\nimport os"},
  {
   "source": [
    "%%time\\n",
    "fc = Linear(400, 10)  # é\\n"
   ],
   "cell_type": "code", "metadata": {"x": 1.50}
  }
 ], "nbformat": 4}
"""


def test_a_cell_of_a_notebook_is_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.ipynb"
    path.write_text(NOTEBOOK, encoding="utf-8")
    code = code_of(NOTEBOOK)
    line = code[: code.index("fc =")].count("\n") + 1
    edits = (Edit("model.ipynb", (line, 13), (line, 16), "256"), Edit("model.ipynb", (1, 1), (1, 1), "import torch\n"))
    fix = Fix("other", "t", Safety.SAFE, True, edits)
    applied = apply_fixes(Report((model(finding(fix)),), sources={"model.ipynb": code}), unsafe=False, root=tmp_path)
    assert (applied.written, applied.refusals) == (("model.ipynb",), ())
    first = NOTEBOOK.replace('"%matplotlib', '"import torch\\n%matplotlib')
    assert path.read_text(encoding="utf-8") == first.replace("400", "256")


def test_a_line_of_a_notebook_that_is_no_python_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "model.ipynb"
    path.write_text(NOTEBOOK, encoding="utf-8")
    fix = Fix("other", "t", Safety.SAFE, True, (Edit("model.ipynb", (2, 1), (2, 5), "return"),))
    applied = apply_fixes(Report((model(finding(fix)),), sources={"model.ipynb": code_of(NOTEBOOK)}), unsafe=False, root=tmp_path)
    assert applied.written == ()
    assert "`%matplotlib inline` in cell 1 would be changed, which is no Python" in applied.refusals[0].reason
    assert path.read_text(encoding="utf-8") == NOTEBOOK


def test_mode_and_symlink_are_kept(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    target = write(tmp_path / "src", name="real.py")
    target.chmod(0o750)
    (tmp_path / "model.py").symlink_to(target)
    assert apply_fixes(report(model(finding(FIX))), unsafe=False, root=tmp_path).written == ("model.py",)
    assert (tmp_path / "model.py").is_symlink()
    assert target.read_text() == TEXT.replace("400", "256")
    assert stat.S_IMODE(target.stat().st_mode) == 0o750


def test_read_only_file_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path)
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    applied = apply_fixes(report(model(finding(FIX))), unsafe=False, root=tmp_path)
    assert [refusal.reason for refusal in applied.refusals] == [f"`{path}` is read-only"]
    assert path.read_text() == TEXT


def test_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    applied = apply_fixes(report(model(finding(FIX))), unsafe=False, root=tmp_path)
    assert [refusal.path for refusal in applied.refusals] == ["model.py"]


def test_installed_packages_and_python_itself_are_not_the_users() -> None:
    assert not is_users_own(Path(pytest.__file__).resolve())
    assert not is_users_own(Path(os.__file__).resolve())
    assert is_users_own(Path(linearcheck.__file__).resolve())


def test_repair_of_two_files_is_whole_or_not_made(tmp_path: Path) -> None:
    path = write(tmp_path)
    both = Fix("other", "t", Safety.SAFE, True, (*FIX.edits, Edit("sizes.py", (1, 1), (1, 1), "A = 1\n")))
    applied = apply_fixes(report(model(finding(both)), sizes="B = 2\n"), unsafe=False, root=tmp_path)
    assert applied.written == ()
    assert path.read_text() == TEXT


def test_same_fix_of_two_findings_is_made_once(tmp_path: Path) -> None:
    path = write(tmp_path)
    apply_fixes(report(model(finding(FIX), finding(FIX))), unsafe=False, root=tmp_path)
    assert path.read_text() == TEXT.replace("400", "256")


def test_two_models_that_want_different_things_of_one_block_get_neither(tmp_path: Path) -> None:
    path = write(tmp_path)
    applied = apply_fixes(report(model(finding(FIX), name="A"), model(finding(OTHER), name="B")), unsafe=True, root=tmp_path)
    assert path.read_text() == TEXT
    (conflict,) = applied.conflicts
    assert "`model.py:A` wants to set `in_features` of `fc` to 256" in conflict.message
    assert "`model.py:B` wants to set `in_features` of `fc` to 128" in conflict.message


def test_first_of_two_fixes_of_one_model_wins() -> None:
    plan = plan_repairs(report(model(finding(FIX), finding(OTHER))), unsafe=True)
    assert [repair.fix for repair in plan.repairs] == [FIX]


def test_repair_that_breaks_another_model_is_refused() -> None:
    checked = report(model(finding(FIX), name="A"), model(name="B"))

    def verify(texts: object) -> Report:
        return report(model(name="A"), model(finding(), name="B"))

    plan = plan_repairs(checked, unsafe=True, verify=verify)
    assert plan.repairs == ()
    assert "`model.py:B` would break" in plan.conflicts[0].message


def test_harmless_repairs_are_kept_where_others_do_harm() -> None:
    text = "a = 1\nb = 1\n"
    first = Fix("other", "change a", Safety.SAFE, True, (Edit("model.py", (1, 5), (1, 6), "2"),))
    second = Fix("other", "change b", Safety.SAFE, True, (Edit("model.py", (2, 5), (2, 6), "2"),))
    checked = Report((model(finding(first), name="A"), model(finding(second), name="B"), model(name="C")), sources={"model.py": text})

    def verify(texts: dict[str, str]) -> Report:
        return Report((model(name="A"), model(name="B"), model(*([finding()] if "b = 2" in texts["model.py"] else []), name="C")))

    plan = plan_repairs(checked, unsafe=True, verify=verify)  # type: ignore[arg-type]
    assert plan.texts == {"model.py": "a = 2\nb = 1\n"}


def test_suppressed_finding_is_not_repaired() -> None:
    silenced = Diagnostic("LC101", "r", Severity.ERROR, "m", None, "model.py", fixes=(FIX,), suppressed=True)
    assert plan_repairs(report(model(silenced)), unsafe=True).repairs == ()


def test_diff_is_what_git_applies(tmp_path: Path) -> None:
    path = write(tmp_path)
    patch = render_diff(report(model(finding(FIX))), unsafe=False)
    assert patch.startswith("--- a/model.py\n+++ b/model.py\n@@ ")
    subprocess.run(["git", "apply", "-"], input=patch, text=True, cwd=tmp_path, check=True)
    assert path.read_text() == TEXT.replace("400", "256")


def test_diff_of_a_file_without_final_line_end(tmp_path: Path) -> None:
    path = write(tmp_path, b"fc = Linear(400, 10)")
    checked = Report((model(finding(FIX)),), sources={"model.py": "fc = Linear(400, 10)"})
    subprocess.run(["git", "apply", "-"], input=render_diff(checked, unsafe=False), text=True, cwd=tmp_path, check=True)
    assert path.read_text() == "fc = Linear(256, 10)"


def test_nothing_to_repair_is_an_empty_diff() -> None:
    assert render_diff(report(model(finding(OTHER))), unsafe=False) == ""


def test_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom linearcheck.replacing import put_in_place\n"
        "os.replace = lambda *_: os._exit(9)\n"
        "put_in_place(Path(sys.argv[1]), b'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9
    assert path.read_text() == TEXT
