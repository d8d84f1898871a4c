"""The plugin in a pytest of its own, with `pytester`."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=400):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc1(torch.flatten(self.conv(x), 1))


class Right(Net):
    def __init__(self):
        super().__init__(144)
"""

CONFIGURATION = """
[[tool.linearcheck.models]]
target = "net.py:Net"
input-shape = ["1,8,8"]

[[tool.linearcheck.models]]
target = "net.py:Right"
input-shape = ["1,8,8"]
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(net=MODEL)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", *arguments)


def test_fixture_passes_and_fails(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shapes="""
        from net import Net, Right

        def test_right(linearcheck):
            assert [layer.name for layer in linearcheck(Right(), (1, 8, 8)).layers] == ["conv", "fc1"]

        def test_wrong(linearcheck):
            linearcheck(Net(), (1, 8, 8))

        def test_arguments(linearcheck):
            linearcheck(Net, (1, 8, 8), init={"width": 144})
        """
    )
    result = run(project)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*error[[]LC101]: `fc1` expects 400 features, but its input (N, 144) has 144", "*net.py:12:*"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_configured_models_are_tests(project: pytest.Pytester) -> None:
    project.makepyprojecttoml(CONFIGURATION)
    project.makepyfile(test_other="def test_other(): pass")
    result = run(project, "--linearcheck", "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["net.py::linearcheck[[]Net] FAILED*", "net.py::linearcheck[[]Right] PASSED*", "*error[[]LC101]: `fc1` expects*"]
    )
    run(project).assert_outcomes(passed=1)


def test_models_are_chosen_as_tests_are(project: pytest.Pytester) -> None:
    project.makepyprojecttoml(CONFIGURATION)
    project.makepyfile(test_other="def test_other(): pass")
    run(project, "--linearcheck", "-k", "Right").assert_outcomes(passed=1, deselected=2)
    run(project, "--linearcheck", "-k", "net.py and not Net]").assert_outcomes(passed=1, deselected=2)
    run(project, "--linearcheck", "-m", "not linearcheck").assert_outcomes(passed=1, deselected=2)


def test_model_that_cannot_be_checked_fails(project: pytest.Pytester) -> None:
    project.makepyprojecttoml('[[tool.linearcheck.models]]\ntarget = "net.py:Nets"\n\n[[tool.linearcheck.models]]\ntarget = "gone.py"\n')
    result = run(project, "--linearcheck")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*Nets*", "*there is no file `*gone.py`*"])


@pytest.mark.parametrize("text", ["", "[tool.linearcheck]\nselekt = 1\n"], ids=["none", "wrong"])
def test_configuration_without_a_model_is_bad_usage(project: pytest.Pytester, text: str) -> None:
    project.makepyprojecttoml(text)
    result = run(project, "--linearcheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --linearcheck: *"])


def test_comment_silences_a_model_here_too(project: pytest.Pytester) -> None:
    project.makepyprojecttoml(CONFIGURATION)
    project.makepyfile(net=MODEL.replace("self.conv(x), 1))", "self.conv(x), 1))  # linearcheck: ignore[LC101]"))
    run(project, "--linearcheck").assert_outcomes(passed=2)


def test_plugin_imports_nothing_before_it_is_used() -> None:
    script = (
        "import sys; import pytest; import linearcheck.pytest_plugin;"
        "heavy = ('torch', 'typer', 'rich');"
        "print(*(name for name in sys.modules if name.startswith('linearcheck.') or name in heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "linearcheck.pytest_plugin"
