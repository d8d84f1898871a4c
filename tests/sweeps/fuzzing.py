"""Mutated model files, each checked by a command of its own: the exit code is 0, 1 or 2, and no traceback of ours appears.

Most files have mistakes that leave them Python, so that they are traced, judged and repaired; the others are broken in any way.
The command runs in this process and every model in a forked child of one worker, which is what makes it fast. Run as a script:
`python -m tests.sweeps.fuzzing [--files N] [--seed N] [--keep FOLDER]`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from linearcheck.cli import run
from linearcheck.cli.invocation import Started
from linearcheck.cli.options import CheckArguments
from linearcheck.cli.workers import Workers
from linearcheck.worker.client import WorkerSettings
from linearcheck.worker.pool import Pool
from tests.sweeps.fuzzed_projects import Project, projects_of

SECONDS = 4.0
MEMORY_BYTES = 3 << 30
FORMATS = ("table", "concise", "sarif", "github", "gitlab", "junit", "markdown", "html")
SCHEMA = Path(__file__).parents[2] / "docs" / "schema.json"


@dataclass(frozen=True)
class Failure:
    """A file that a command failed on, by its number among those of the seed."""

    number: int
    project: Project
    what: str


@dataclass
class Tally:
    """What came of the files so far."""

    files: int = 0
    models: int = 0
    traced: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        codes = ", ".join(f"{count} exit code {code}" for code, count in sorted(self.codes.items()))
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        findings = ", ".join(f"{code} {count}" for code, count in sorted(self.findings.items()))
        rate = self.files / max(self.seconds, 0.001)
        return (
            f"{self.files} files, {self.traced} of them traced: {codes}\n{self.models} models: {statuses}\n{findings}\n"
            f"{len(self.failures)} failures, {self.seconds:.0f} s, {rate:.1f} files/s"
        )


class _KeptWorkers(Workers):
    """Workers of which one command after the other uses the same."""

    kept: Pool | None = None

    def pool(self, n_jobs: int) -> Pool:
        if _KeptWorkers.kept is None:
            path = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
            os.environ["PYTHONPATH"] = path  # for the worker alone, which is started now
            _KeptWorkers.kept = Pool(WorkerSettings(pipeline="preloaded:check_model"), memory_limit_bytes=MEMORY_BYTES)
        return _KeptWorkers.kept

    def close(self) -> None:
        return

    kill = close


@contextlib.contextmanager
def one_worker() -> Iterator[None]:
    """While this is open, commands that are run in this process share a worker."""
    saved, python_path = run.Workers, os.environ.get("PYTHONPATH")
    run.Workers = _KeptWorkers  # type: ignore[misc]
    try:
        yield
    finally:
        run.Workers = saved  # type: ignore[misc]
        os.environ.pop("PYTHONPATH", None)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path
        if _KeptWorkers.kept is not None:
            _KeptWorkers.kept.kill()
            _KeptWorkers.kept = None


def fuzz(seed: int, seconds: float = float("inf"), n_files: int | None = None, first: int = 0) -> Iterator[Tally]:
    """The tally after each file, until `seconds` are over or there were `n_files`. Works in a folder of its own."""
    tally, began = Tally(), time.monotonic()
    schema = jsonschema.validators.validator_for(json.loads(SCHEMA.read_text()))(json.loads(SCHEMA.read_text()))
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, one_worker():
        os.chdir(folder)
        try:
            for number, project in projects_of(seed, first):
                if number - first == n_files or time.monotonic() - began > seconds:
                    return
                _check(number, project, tally, schema)
                _emptied(Path(folder))
                tally.seconds = time.monotonic() - began
                yield tally
        finally:
            os.chdir(before)


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _check(number: int, project: Project, tally: Tally, schema: Any) -> None:
    for name, data in project.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)
    before = set(Path().rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run.check_targets(_arguments(number, project), Started())
    except Exception:
        tally.failures.append(Failure(number, project, traceback.format_exc()))
        return
    tally.files += 1
    tally.codes[code] += 1
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    Path("report.json").unlink()
    tally.models += len(report["models"])
    tally.traced += any(model["traced"] is not None for model in report["models"])
    tally.statuses.update(model["status"] for model in report["models"])
    tally.findings.update(found["code"] for model in report["models"] for found in model["diagnostics"])
    left = sorted(path.as_posix() for path in set(Path().rglob("*")) - before)
    if what := _wrong(code, report, out.getvalue(), err.getvalue(), schema) or (f"files were written: {', '.join(left)}" if left else ""):
        tally.failures.append(Failure(number, project, what))
    elif not _is_python_still(project):
        tally.failures.append(Failure(number, project, f"a repair makes no Python of it:\n{Path(project.target).read_text()}"))


def _arguments(number: int, project: Project) -> CheckArguments:
    """Every format, repairs shown and made, the given input or an inferred one, in turn."""
    way = number % 5
    formats = ("json=report.json",) if way == 0 else (FORMATS[number % len(FORMATS)], "json=report.json")
    return CheckArguments(
        (project.target,),
        input_shapes=(project.input_shape,) if project.input_shape and number % 4 else (),
        output_formats=formats,
        no_cache=True,
        verbose=number % 3 > 0,
        diff=way == 0,
        fix=way in (1, 2),
        unsafe_fixes=way < 2,
        train=number % 7 == 0,
        timeout_seconds=SECONDS,
    )


def _is_python_still(project: Project) -> bool:
    """Whether the target compiles, or did not before either."""
    after = Path(project.target).read_bytes()
    return not project.target.endswith(".py") or _compiles(after) or not _compiles(project.files[project.target])


def _compiles(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "model.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _wrong(code: int, report: Any, out: str, err: str, schema: Any) -> str:
    """What is wrong with what a command did; "" for nothing."""
    if code not in (0, 1, 2):
        return f"exit code {code}"
    faults = [error["message"] for error in report["errors"] if error["kind"] == "internal"]
    if faults or "Traceback (most recent call last)" in err:
        return "\n".join((*faults, err))
    if (invalid := next(schema.iter_errors(report), None)) is not None:
        return f"not valid JSON output: {invalid.message} at {list(invalid.path)}"
    if "\x1b" in out + err:
        return "a terminal escape is printed"
    return ""


def command() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--keep", type=Path, default=None, help="folder for files that a command failed on")
    arguments = parser.parse_args()
    keep = arguments.keep.absolute() if arguments.keep is not None else None
    tally, n_told = Tally(), 0
    for tally in fuzz(arguments.seed, n_files=arguments.files, first=arguments.first):
        for failure in tally.failures[n_told:]:
            print(f"file {failure.number} of seed {arguments.seed}: {failure.what}\n", flush=True)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                folder = keep / f"{arguments.seed}_{failure.number}"
                for name, data in failure.project.files.items():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(data)
                (folder / "failure.txt").write_text(failure.what)
        n_told = len(tally.failures)
        if tally.files % 500 == 0:
            print(f"{tally}\n", flush=True)
    print(tally)
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(command())
