"""Whatever a model's code does to its process becomes a result about that model, and the others go on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.sizes import N
from linearcheck.worker.client import WorkerError, WorkerSettings
from linearcheck.worker.pool import Checked, Pool

Check = Callable[..., list[Checked]]

SKIPS = {
    "loops": ("LC904", "was still running after 1 second"),
    "exits": ("LC903", "called `sys.exit(bye)`"),
    "leaves": ("LC903", "ended the process with exit code 3"),
    "crashes": ("LC903", "crashed Python (SIGSEGV)"),
    "killed": ("LC904", "killed"),
    "hungry": ("LC904", "more memory than there is"),
    "hungry_python": ("LC904", "more memory than there is"),
    "refused": ("LC901", "`Net` is not in the file"),
}


def job(name: str) -> CheckJob:
    return CheckJob(Target("model.py", name), CheckOptions(timeout_seconds=30.0))


def code_of(checked: Checked) -> str:
    (diagnostic,) = checked.report.diagnostics
    return diagnostic.code


def test_result_comes_back_whole(check: Check) -> None:
    (checked,) = check("fine")
    assert checked.report.status == "ok"
    assert checked.report.remarks == ("12.0",)
    assert checked.report.outputs[0].shape == (N, 10)


@pytest.mark.parametrize("name", SKIPS)
def test_ending_is_a_skip_and_others_go_on(check: Check, name: str) -> None:
    before, ended, after = check("fine", name, "fine", timeout_seconds=1.0 if name == "loops" else 30.0)
    code, words = SKIPS[name]
    assert (ended.report.status, code_of(ended)) == ("skipped", code)
    assert words in ended.report.diagnostics[0].message
    assert not ended.fault
    assert before.report.status == after.report.status == "ok"


def test_load_error_keeps_its_place(check: Check) -> None:
    (checked,) = check("refused")
    diagnostic = checked.report.diagnostics[0]
    assert diagnostic.span is not None
    assert (diagnostic.span.path, diagnostic.span.line) == ("model.py", 3)
    assert diagnostic.explanation == "the nearest is `Nets`"


@pytest.mark.parametrize(("name", "type"), [("faulty", "AssertionError"), ("unprintable", "Unprintable")])
def test_fault_of_our_own_says_so(check: Check, name: str, type: str) -> None:
    ended, after = check(name, "fine")
    assert ended.fault.startswith(type)
    assert ended.report.status == "skipped"
    assert after.report.status == "ok"


def test_output_is_kept_apart(check: Check) -> None:
    prints, fine = check("prints", "fine")
    assert prints.report.printed == "hello from the model\nand from below\n"
    assert fine.report.printed == ""


def test_long_output_is_trimmed_in_the_middle(check: Check) -> None:
    printed = check("prints_much")[0].report.printed
    assert printed.startswith("first\nxxx")
    assert printed.endswith("xxx\nlast\n")
    assert len(printed) < 20_000


def test_meddling_with_the_interpreter_loses_no_result(check: Check, kind: str) -> None:
    if kind == "inline":
        pytest.skip("a process that goes on has to keep `os._exit`")
    assert [checked.report.status for checked in check("meddles", "scribbles", "fine")] == ["ok"] * 3


def test_closed_descriptors_are_a_skip(check: Check) -> None:
    closed, fine = check("closes_everything", "fine")
    assert (closed.report.status, fine.report.status) == ("skipped", "ok")


def test_copy_of_the_process_does_not_answer(check: Check, kind: str) -> None:
    if kind == "inline":
        pytest.skip("where there is no fork the model has none either")
    assert [checked.report.remarks for checked in check("forks", "fine")] == [("original",), ("12.0",)]


def test_left_over_processes_are_ended(check: Check, kind: str, tmp_path: Path) -> None:
    if kind == "inline":
        pytest.skip("where there is no fork the model has none either")
    pids = tmp_path / "pids"
    started = time.monotonic()
    assert check("daemon", pids=str(pids))[0].report.status == "ok"
    assert time.monotonic() - started < 30
    (pid,) = map(int, pids.read_text().split())
    assert is_gone(pid)


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_worker_that_dies_is_replaced(check: Check) -> None:
    names = ("fine", "kills_worker", "fine")
    for n_jobs in (1, 3):
        first, ended, last = check(*names, n_jobs=n_jobs)
        assert code_of(ended) == "LC904"
        assert first.report.status == last.report.status == "ok"


def test_state_of_one_model_is_not_seen_by_the_next(check: Check) -> None:
    _, after = check("changes_state", "looks_at_state")
    assert after.report.remarks == ("(None, False, False, False)",)
    assert after.report.outputs[0].dtype == "torch.float32"


def test_trials_of_fixes_end_apart_from_their_model(check: Check) -> None:
    (checked,) = check("tries_fixes")
    assert checked.report.remarks == (
        "returned {'answer': '12.0'}; died 4; timed out 1.0; raised SystemExit; died 11; returned {'answer': '12.0'}",
    )


def test_parallel_operations_do_not_hang_a_trial(check: Check) -> None:
    assert check("threads")[0].report.remarks == ("returned 600.0",)


def test_many_jobs_keep_their_order_and_run_at_once(check: Check) -> None:
    check("fine")
    names = ["sleeps", "fine"] * 4
    results = check(*names, n_jobs=4)
    assert [checked.report.name for checked in results] == names


def test_results_come_as_they_are_done(pool: Pool) -> None:
    pool.set_jobs(2, None)
    seen: list[int] = []
    pool.check([job("sleeps"), job("fine")], lambda index, checked: seen.append(index))
    assert sorted(seen) == [0, 1]
    assert pool.torch_version
    assert pool.python_version.startswith("3.")


def test_interpreter_without_torch_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    with pytest.raises(WorkerError) as caught:
        check_fine_with(WorkerSettings(), path=tmp_path)
    assert caught.value.is_usage
    assert "has no torch" in caught.value.message


@pytest.mark.parametrize(("python", "words"), [("/no/such/python", "cannot be started"), ("/bin/false", "exit code 1")])
def test_interpreter_that_is_none_is_bad_usage(python: str, words: str) -> None:
    with pytest.raises(WorkerError) as caught:
        check_fine_with(WorkerSettings(python=python))
    assert caught.value.is_usage
    assert words in caught.value.message


def check_fine_with(settings: WorkerSettings, path: Path | None = None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if path is not None:
            patch.setenv("PYTHONPATH", str(path))
        pool = Pool(settings)
        try:
            pool.check([job("fine")])
        finally:
            pool.kill()
