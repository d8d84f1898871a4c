"""linearcheck need not be installed in the environment that has torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from linearcheck.environments import default_interpreter
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.load.signals import StandInUsed
from linearcheck.worker.client import WorkerSettings
from linearcheck.worker.pool import Pool
from linearcheck.worker.skipped import skipped_by_load

MODEL = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 8)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a virtual environment with torch."""
    folder = tmp_path / "env"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "pyvenv.cfg").touch()
    (folder / "lib" / "python3.12" / "site-packages" / "torch").mkdir(parents=True)
    (folder / "lib" / "python3.12" / "site-packages" / "torch" / "__init__.py").touch()
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(variable, raising=False)
    default_interpreter.cache_clear()
    return folder


@pytest.fixture(autouse=True)
def forget_the_environment() -> Iterator[None]:
    yield
    default_interpreter.cache_clear()


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_environment_runs_the_worker(environment: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(environment))
    assert default_interpreter() == str(environment / "bin" / "python")


def test_an_active_environment_without_torch_does_not(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "lib" / "python3.12" / "site-packages" / "torch" / "__init__.py").unlink()
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    assert default_interpreter() == sys.executable


def test_our_own_environment_goes_before_another(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("CONDA_PREFIX", str(environment))
    assert default_interpreter() == sys.executable


def test_an_environment_of_the_repository_is_named_and_not_run(environment: Path) -> None:
    environment.rename(environment.with_name(".venv"))
    folder = environment.parent
    (folder / "model.py").write_text("import timm\nnet = timm.create_model('resnet18')\n")
    assert default_interpreter() == sys.executable
    job = CheckJob(Target("model.py", "net"), CheckOptions(), working_directory=str(folder))
    error = StandInUsed("timm", "timm.create_model(...)", "the model is made by").as_load_error("net")
    assert "(`--python .venv/bin/python`)" in skipped_by_load(job, error).diagnostics[0].explanation


@pytest.mark.skipif(os.name != "posix", reason="paths of a virtual environment")
def test_another_environment_is_used(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=120)
    (packages,) = environment.glob("lib/python*/site-packages")
    # All that lies beside torch, but for linearcheck and what only its front needs.
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for entry in Path(torch.__file__).parent.parent.iterdir():
        if not entry.name.startswith(("typer", "rich", "linearcheck", "_linearcheck")) and not entry.name.endswith(".pth"):
            (libraries / entry.name).symlink_to(entry)
    (packages / "others.pth").write_text(f"{libraries}\n")
    (tmp_path / "model.py").write_text(MODEL)
    pool = Pool(WorkerSettings(python=str(environment / "bin" / "python")))
    try:
        options = CheckOptions(input_shapes=("4",))
        (checked,) = pool.check([CheckJob(Target("model.py", "Net"), options, working_directory=str(tmp_path))])
    finally:
        pool.kill()
    assert [diagnostic.code for diagnostic in checked.report.diagnostics] == ["LC101"]
    assert checked.report.diagnostics[0].fixes
    assert pool.torch_version == torch.__version__
