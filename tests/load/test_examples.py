"""Files after those of public repositories, without a shape: the inferred input is what the file itself says elsewhere.

The files stand in `examples/`, as text so that no tool takes them for ours. Their first lines say what goes in and by which reason:
`# input Net.x: (N, 3, 32, 32) data set`, from the loader, the docstring or the call that the file has.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from linearcheck.load.records import InputSpec
from linearcheck.sizes import shape_text

FILES = sorted((Path(__file__).parent / "examples").glob("*.txt"))
REASONS = {
    "comment": r"^comment at line \d+",
    "declared": r"^(example_input_array|annotated|default_cfg|dummy_inputs)",
    "docstring": r"^described at line \d+",
    "summary": r"^summary\(",
    "call": r"^(a call|export|trace)\b",
    "constructor": r"^\w+=\S",
    "data set": r"^(\w+\.)?\w+ at line \d+|^\w+\(-1, .*at line|^the transforms at line \d+",
    "solved": r"` takes |is a guess$",
}


def reason_of(spec: InputSpec) -> str:
    return next((name for name, pattern in REASONS.items() if re.search(pattern, spec.why)), f"? {spec.why}")


def expected(path: Path) -> tuple[str, dict[str, tuple[str, str]]]:
    """The model, and for each argument its shape and reason."""
    found = re.findall(r"^# input (\w+)\.(\w+): (\([^)]*\)(?::\w+)?) (.*)$", path.read_text(), re.MULTILINE)
    return found[0][0], {argument: (shape, reason) for _, argument, shape, reason in found}


def told(spec: InputSpec) -> str:
    return shape_text(spec.axes) + (f":{spec.dtype}" if spec.dtype not in (None, "float32") else "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_input_is_what_the_file_says_elsewhere(workspace, path: Path) -> None:
    model, inputs = expected(path)
    plan = workspace(path.read_text()).inputs(f"model.py:{model}")
    assert {spec.name: (told(spec), reason_of(spec)) for spec in plan.inputs} == inputs


def test_how_many_by_which_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the reasons above is one that a test has tried; `-s` shows the table."""
    reasons = Counter(reason for path in FILES for _, reason in expected(path)[1].values())
    with capsys.disabled():
        print(f"\n{len(FILES)} files: " + ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()))
    assert len(FILES) >= 30
    assert reasons.keys() == REASONS.keys()
