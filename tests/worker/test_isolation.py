"""`run_in_fork` by itself: what a function's child may do, also within another child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from linearcheck.worker.forking import can_fork
from linearcheck.worker.isolation import run_in_fork, run_in_process
from linearcheck.worker.outcome import Outcome

pytestmark = pytest.mark.skipif(not can_fork(), reason="there is no safe fork here")


def forever() -> None:
    while True:
        time.sleep(1)


def test_value_comes_back() -> None:
    assert run_in_fork(lambda: {"shape": [1, 2], "text": "é\udc80"}).value == {"shape": [1, 2], "text": "é\udc80"}


def test_large_value_comes_back() -> None:
    assert run_in_fork(lambda: "x" * 5_000_000, timeout_seconds=30).value == "x" * 5_000_000


def test_what_the_child_changes_stays_there() -> None:
    changed = {"a": 1}
    assert run_in_fork(lambda: changed.update(a=2) or changed["a"]).value == 2
    assert changed["a"] == 1


def test_exception_names_its_type_and_text() -> None:
    outcome = run_in_fork(lambda: [][1])
    assert (outcome.ending, outcome.type, outcome.text) == ("raised", "IndexError", "list index out of range")


def test_value_that_json_cannot_hold_is_no_result() -> None:
    assert not run_in_fork(object).returned


def test_time_limit() -> None:
    started = time.monotonic()
    assert run_in_fork(forever, timeout_seconds=0.3) == Outcome("timed out", seconds=0.3)
    assert time.monotonic() - started < 5


def test_memory_limit() -> None:
    assert run_in_fork(lambda: len(bytearray(1 << 40)), memory_limit_bytes=1 << 30).ending == "out of memory"
    assert run_in_fork(lambda: len([0] * 10**9), memory_limit_bytes=1 << 30).ending == "out of memory"


def test_nested_children() -> None:
    def outer() -> list[str]:
        return [
            run_in_fork(lambda: "inner", timeout_seconds=5).value,
            run_in_fork(lambda: os._exit(7)).describe(),
            run_in_fork(forever, timeout_seconds=0.2).ending,
        ]

    assert run_in_fork(outer, timeout_seconds=20).value == ["inner", "ended the process with exit code 7", "timed out"]


def test_end_of_the_outer_child_ends_the_inner_one(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def inner() -> None:
        pid.write_text(str(os.getpid()))
        forever()

    assert run_in_fork(lambda: run_in_fork(inner).ending, timeout_seconds=1.0).ending == "timed out"
    for _ in range(100):
        try:
            os.kill(int(pid.read_text()), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the inner child is still there")


def test_no_descriptor_is_left_open() -> None:
    run_in_fork(lambda: 1)
    before = sorted(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else []
    for _ in range(3):
        run_in_fork(lambda: 1)
        run_in_fork(forever, timeout_seconds=0.05)
    after = sorted(os.listdir("/proc/self/fd")) if before else []
    assert len(after) == len(before)


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = f"""
import os, time, pathlib
from linearcheck.worker.isolation import run_in_fork
def child():
    pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))
    time.sleep(60)
run_in_fork(child)
"""
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent is gone")
    process = subprocess.Popen([sys.executable, "-c", program])
    for _ in range(200):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)
    state = Path(f"/proc/{pid.read_text()}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_in_process_variant_has_the_same_outcomes() -> None:
    for function in (lambda: 3, lambda: [][1], lambda: sys.exit(2)):
        apart, here = run_in_fork(function), run_in_process(function)
        assert (apart.ending, apart.value, apart.type, apart.text) == (here.ending, here.value, here.type, here.text)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("timed out", seconds=1.0), "was still running after 1 second"),
        (Outcome("died", signal=11), "crashed Python (SIGSEGV)"),
        (Outcome("raised", type="KeyError", text="'a'"), "raised KeyError: 'a'"),
        (Outcome("returned"), "ended as it should"),
    ],
)
def test_outcomes_in_words(outcome: Outcome, words: str) -> None:
    assert outcome.describe() == words
