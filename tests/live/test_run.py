"""`linearcheck run` is `python`, with a finding above the traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

BROKEN = """\
import sys
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(400, 10)

    def forward(self, x):
        return self.fc1(torch.flatten(self.conv(x), 1))


print("started", sys.argv[1:])
Net()(torch.zeros(6, 1, 8, 8))
"""

TELLS = """\
import json, os, sys
print(json.dumps([__name__, __file__, sys.argv, sys.path[0], __spec__ is None, sys.modules["__main__"].__dict__ is globals()]))
print("on stderr", file=sys.stderr)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_it(*words: str, stdin: str = "") -> Done:
        command = [sys.executable, "-m", "linearcheck", "run", *words]
        return subprocess.run(command, input=stdin, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return run_it


def test_finding_stands_above_pythons_own_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(BROKEN)
    done = run("train.py", "--", "--lr", "3")
    assert done.returncode == 1
    assert done.stdout == "started ['--lr', '3']\n"
    finding, _, own = done.stderr.partition("Traceback (most recent call last):\n")
    assert finding.startswith("linearcheck:\n")
    assert "`fc1` expects 400 features, but its input (N, 144) has 144" in finding
    assert "train.py:13" in finding
    assert "4 * 6 * 6 = 144" in finding
    plain = subprocess.run([sys.executable, "train.py", "--lr", "3"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"Traceback (most recent call last):\n{own}" == plain.stderr


@pytest.mark.parametrize(
    "words", [["tells.py", "a", "--b"], ["tells.py", "--", "a", "--b"], ["-m", "tells", "a", "--b"], ["pkg/tells.py"], ["folder"]]
)
def test_script_sees_what_python_would_give_it(run: Run, tmp_path: Path, words: list[str]) -> None:
    for path in ("tells.py", "pkg/tells.py", "folder/__main__.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(TELLS)
    done = run(*words)
    command = [sys.executable, *(word for word in words if word != "--")]
    plain = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('stop')", 1),
        ("import os; os._exit(7)", 7),
        ("pass", 0),
        ("raise ValueError('no')", 1),
        ("def f(:", 1),
        ("import atexit; atexit.register(print, 'bye')", 0),
        ("print(input())", 0),
        ("import threading; threading.Thread(target=lambda: print('thread')).start()", 0),
        ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", 0),
        ("import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\nraise KeyError('x')", 1),
    ],
)
def test_ends_as_with_python(run: Run, tmp_path: Path, source: str, code: int) -> None:
    (tmp_path / "script.py").write_text(source)
    done = run("script.py", stdin="typed\n")
    plain = subprocess.run([sys.executable, "script.py"], input="typed\n", cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == plain.returncode == code
    assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_signals_of_the_script_count_as_in_a_shell(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(f"import os; os.kill(os.getpid(), {int(number)})")
    command = f'"{sys.executable}" -m linearcheck run script.py; exit $?'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 128 + number


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_reaches_the_script(tmp_path: Path) -> None:
    source = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\nprint('ready', flush=True)\ntime.sleep(60)"
    (tmp_path / "script.py").write_text(source)
    with subprocess.Popen([sys.executable, "-m", "linearcheck", "run", "script.py"], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        process.terminate()
        assert process.wait(30) == 5


def test_the_other_way_of_waiting() -> None:
    """Where a process cannot be replaced (Windows), a second one is waited for."""
    from linearcheck.cli.script_command import _wait

    assert _wait([sys.executable, "-c", "import sys; sys.exit(4)"]) == 4
    if os.name == "posix":
        assert _wait([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 128 + 15


@pytest.mark.parametrize("words", [[], ["nowhere.py"], ["-x"], ["--", "nowhere.py"]])
def test_bad_usage(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_module_that_is_not_there(run: Run) -> None:
    done = run("-m", "no_such_module_at_all")
    assert done.returncode == 1
    assert done.stderr.endswith("No module named no_such_module_at_all\n")


def test_nothing_of_ours_is_imported_that_the_script_could_miss(run: Run, tmp_path: Path) -> None:
    """The script's own folder comes first, and torch is imported by nobody but the script."""
    (tmp_path / "rich.py").write_text("mine = True")
    (tmp_path / "script.py").write_text("import sys, rich; print(rich.mine, 'torch' in sys.modules, 'typer' in sys.modules)")
    assert run("script.py").stdout == "True False False\n"
