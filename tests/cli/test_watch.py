"""`--watch`: what is saved is checked again, by a worker that stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from linearcheck.cli import early, main, watching, workers
from linearcheck.cli.watching import _outermost
from linearcheck.findings import ModelReport
from linearcheck.job import CheckJob
from tests.cli.fake_worker import FakePool

TARGET = "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(TARGET)
    (tmp_path / "data.bin").write_text("one")
    (tmp_path / "log.bin").write_text("one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(early, "start_worker_early", lambda words: None)
    monkeypatch.setattr(watching, "_WAKE_SECONDS", 0.02)
    return tmp_path


def saves(monkeypatch: pytest.MonkeyPatch, *batches: list[str]) -> None:
    """Lets these files change, one batch after the other, and then Ctrl-C be pressed."""

    def watch(*folders: Path, **options: Any) -> Iterator[set[tuple[int, str]]]:
        for batch in batches:
            time.sleep(0.1)
            for name in batch:
                Path(name).write_text(TARGET + f"# {time.monotonic_ns()}\n")
            yield {(1, os.path.abspath(name)) for name in batch}
        time.sleep(0.3)
        interrupted.set()

    interrupted = threading.Event()
    real = watching._next

    def waiting(changes: Any) -> list[str]:
        if interrupted.is_set() and changes.empty():
            raise KeyboardInterrupt
        return real(changes)

    monkeypatch.setattr(watchfiles, "watch", watch)
    monkeypatch.setattr(watching, "_next", waiting)


def model(job: CheckJob, run_trial: Any) -> ModelReport:
    Path("net.py").read_text()
    Path("data.bin").read_text()
    return ModelReport("net.py", "Net", "ok")


@pytest.mark.parametrize(("name", "n_checks"), [("net.py", 2), ("data.bin", 2), ("log.bin", 1)])
def test_what_a_model_is_made_from_is_watched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, n_checks: int
) -> None:
    pool = FakePool(model)
    monkeypatch.setattr(workers, "Pool", pool)
    saves(monkeypatch, [name])
    assert main.run(["net.py", "--watch"]) == 130
    captured = capsys.readouterr()
    assert len(pool.checked) == n_checks
    assert captured.out.count("no error in 1 model") == n_checks
    assert (f"`{name}` changed" in captured.err) is (n_checks == 2)


def test_mistake_in_between_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(workers, "Pool", FakePool(model))
    saves(monkeypatch, ["linearcheck.toml"], ["net.py"])  # which is no TOML at all
    assert main.run(["net.py", "--watch"]) == 130
    captured = capsys.readouterr()
    assert captured.out.count("no error in 1 model") == 1
    assert captured.err.count("is not valid TOML") >= 1


@pytest.mark.parametrize("words", [["net.py", "--fix"], ["net.py", "--diff"], ["net.py", "--write-baseline", "b.json"], ["-"]])
def test_what_does_not_go_together_is_told(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main.run([*words, "--watch"]) == 2
    assert "`--watch`" in capsys.readouterr().err


def test_each_folder_is_watched_once(tmp_path: Path) -> None:
    for name in ("a/b", "ab"):
        (tmp_path / name).mkdir(parents=True)
    folders = [tmp_path / "a" / "b", tmp_path / "a", tmp_path / "ab", tmp_path / "nowhere", tmp_path / "a"]
    assert _outermost(folders) == [tmp_path / "a", tmp_path / "ab"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_saved_file_is_checked_again_until_ctrl_c(project: Path) -> None:
    command = [sys.executable, "-m", "linearcheck", "good.py", "-s", "4", "--watch", "--output-format", "concise", "--verbose"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            until(process.stderr, "watching")
            (project / "good.py").write_text((project / "good.py").read_text().replace("self.fc(x)", "self.fc(x.T)"))
            until(process.stderr, "watching")
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "good.py:11:" in output
    assert "Traceback" not in errors


def until(stream: Any, word: str) -> None:
    for line in stream:
        if word in line:
            return
    raise AssertionError(f"no line with {word!r}")
