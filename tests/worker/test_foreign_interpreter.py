"""linearcheck need not be installed in the environment that has torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.worker.client import WorkerSettings
from linearcheck.worker.pool import Pool

MODEL = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 8)

    def forward(self, x):
        return self.fc(x)
"""


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
