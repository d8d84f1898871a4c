"""Models broken on purpose: each says in comments what is to be found on which line, and nothing else may be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linearcheck.rules.registry import RULES

MODELS = Path(__file__).parent / "broken_models"
EXPECTED = re.compile(r"# expect (LC\d{3})(?: ([\w.]+))?$")
FIRST_CODES = "LC101 LC102 LC103 LC104 LC105 LC201 LC202 LC203 LC205 LC206 LC402 LC406 LC414 LC499 LC901 LC902 LC903 LC904".split()

Place = tuple[str, int, str, str]


def expectations() -> set[Place]:
    found = set()
    for path in MODELS.glob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if match := EXPECTED.search(line):
                found.add((path.name, number, match[1], match[2] or ""))
    return found


@pytest.fixture(scope="module")
def findings() -> list[Place]:
    found: list[Place] = []
    for seconds, names in ((300, [path.name for path in MODELS.glob("*.py") if path.name != "endless.py"]), (4, ["endless.py"])):
        command = [sys.executable, "-m", "linearcheck", *names, "--output-format", "json", "--timeout", str(seconds), "--no-cache"]
        done = subprocess.run(command, cwd=MODELS, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        diagnostics = [each for model in json.loads(done.stdout)["models"] for each in model["diagnostics"]]
        found += [(each["path"], each["line"], each["code"], each["layer"] or "") for each in diagnostics]
    return found


def test_each_is_found_on_its_line_and_layer_and_nothing_else(findings: list[Place]) -> None:
    assert sorted(findings) == sorted(expectations())


@pytest.mark.parametrize("code", FIRST_CODES)
def test_each_rule_at_least_once(code: str) -> None:
    assert any(rule.code == code for rule in RULES)
    assert any(place[2] == code for place in expectations())


def test_one_model_has_three_errors() -> None:
    assert sum(place[0] == "three_errors.py" for place in expectations()) == 3


def test_comment_is_no_part_of_a_statement_that_is_shown(tmp_path: Path) -> None:
    text = (MODELS / "folded.py").read_text()
    (tmp_path / "net.py").write_text(text)
    (found,) = checked(tmp_path, "net.py:Unpacked")
    assert found["message"] == "`n, c, h, w = x.shape` unpacks 4 values, but there are 2: `x` is (N, 64)"


def test_form_feed_ends_no_line(tmp_path: Path) -> None:
    text = (MODELS / "unflattened.py").read_text()
    (tmp_path / "net.py").write_text(text.replace("import torch\n", "import torch\n\x0c\u2028\n".replace("\u2028", "# \u2028"), 1))
    (found,) = checked(tmp_path, "net.py")
    assert (found["code"], found["line"]) == ("LC102", 14)
    assert found["snippet"].startswith("return torch.log_softmax(self.classifier(")


def test_constructor_that_never_calls_super_is_no_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        self.width = 3\n\n"
        "    def forward(self, x):\n        return x\n"
    )
    (found,) = checked(tmp_path, "net.py")
    assert found["code"] == "LC901"
    assert "building `Net` raises AttributeError" in found["message"]


def checked(folder: Path, target: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "linearcheck", target, "--output-format", "json", "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (model,) = json.loads(done.stdout)["models"]
    diagnostics: list[dict[str, Any]] = model["diagnostics"]
    return diagnostics
