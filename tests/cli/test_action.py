"""The steps of action.yml do what they say, run as GitHub runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ACTION = (Path(__file__).parents[2] / "action.yml").read_text()
STEPS = {
    name: textwrap.dedent(script)
    for name, script in re.findall(r"- name: ([^\n]+)\n(?:(?!    - name:).*\n)*?      run: \|\n((?:        .*\n)+)", ACTION)
}


def run_step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a composite action's step with `shell: bash`."""
    outside = {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_OUTPUT": str(folder / "output"), "PYTHON": sys.executable}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]],
        cwd=folder,
        env=os.environ | outside | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_every_input_is_used_and_none_is_written_into_a_script() -> None:
    declared = set(re.findall(r"^  ([\w-]+):\n    description", ACTION.partition("outputs:")[0], flags=re.MULTILINE))
    assert declared == set(re.findall(r"inputs\.([\w-]+)", ACTION))
    assert len(STEPS) == 2
    assert all("${{" not in script for script in STEPS.values())


@pytest.mark.parametrize(("targets", "code"), [("broken.py good.py", 1), ("good.py\n", 0), ("good.py:Net(width=2)\n", 0)])
def test_check_annotates_summarises_and_ends_with_the_exit_code(project: Path, targets: str, code: int) -> None:
    (project / "linearcheck.toml").write_text(
        '[[models]]\ntarget = "broken.py"\ninput-shape = "1,28,28"\n[[models]]\ntarget = "good.py"\ninput-shape = "4"\n'
    )
    done = run_step("Check", project, TARGETS=targets, ARGUMENTS="--strict --statistics", SARIF_FILE="out/report.sarif")
    assert done.returncode == code, done.stderr
    assert ("::error file=broken.py,line=13" in done.stdout) is bool(code)
    assert (project / "output").read_text() == f"exit-code={code}\n"
    assert ("LC101" in (project / "summary.md").read_text()) is bool(code)
    assert json.loads((project / "out" / "report.sarif").read_text())["version"] == "2.1.0"


def test_bad_arguments_end_with_2(project: Path) -> None:
    done = run_step("Check", project, TARGETS="good.py", ARGUMENTS="--no-such-option", SARIF_FILE="")
    assert (done.returncode, (project / "output").read_text()) == (2, "exit-code=2\n")
