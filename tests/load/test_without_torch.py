"""Targets, shapes and discovery are for the front too, which never imports torch."""

import subprocess
import sys

import pytest

MODULES = [
    "targets",
    "grammar",
    "shapes",
    "discover",
    "classes",
    "sources",
    "slicing",
    "records",
    "signals",
    "importing",
    "building",
    "inference",
]


@pytest.mark.parametrize("statement", ["import " + ", ".join(f"linearcheck.load.{name}" for name in MODULES)])
def test_importing_it_imports_no_torch(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_discovery_imports_no_torch(tmp_path) -> None:
    (tmp_path / "model.py").write_text("import torch.nn as nn\nclass Net(nn.Module):\n    def forward(self, x): ...\n")
    code = (
        "import sys\nfrom linearcheck.job import CheckJob, Target\nfrom linearcheck.load.discover import discover_models\n"
        f"jobs = discover_models(CheckJob(Target({str(tmp_path / 'model.py')!r})))\n"
        "print([job.target.name for job in jobs], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['Net'] False"


def test_the_proof_can_fail() -> None:
    code = "import torch, sys\nprint('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True"
