"""`--weights FILE` as a user runs it: findings with tried fixes, exit codes, the cache, the configuration, hostile files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.cli.conftest import Run

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).mean((2, 3)))
"""

CRITIC = """

class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 1, 16)

    def forward(self, x):
        return self.score(x).flatten(1)
"""

UNKNOWN = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 10)

    def forward(self, batch: dict, mode: int):
        return self.fc(batch["x"][mode])
"""


class Net(nn.Module):
    def __init__(self, width: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, num_classes)


class Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.path}'",)


@pytest.fixture
def net(project: Path) -> Path:
    (project / "net.py").write_text(NET)
    return project


CHECK = ("net.py:Net", "-s", "3,16,16", "--output-format", "json", "--weights")


def test_a_right_checkpoint_is_no_finding(linearcheck: Run, net: Path) -> None:
    torch.save(Net().state_dict(), net / "net.pt")
    result = linearcheck(*CHECK, "net.pt")
    assert result.code == 0
    assert result.json["summary"]["ok"] == 1


def test_another_number_of_classes_has_a_tried_fix(linearcheck: Run, net: Path) -> None:
    torch.save({"state_dict": Net(num_classes=7).state_dict()}, net / "net.pt")
    result = linearcheck(*CHECK, "net.pt")
    assert result.code == 1
    (diagnostic,) = result.json["models"][0]["diagnostics"]
    assert (diagnostic["code"], diagnostic["layer"], diagnostic["line"]) == ("LC601", "fc", 11)
    assert (diagnostic["got"], diagnostic["expected"]) == ([7, 8], [10, 8])
    assert diagnostic["fixes"][0]["kind"] == "set_out_features"
    assert diagnostic["fixes"][0]["tried"]
    (fc,) = [layer for layer in result.json["models"][0]["layers"] if layer["name"] == "fc"]
    assert fc["status"] == "error"


def test_the_fix_of_another_width_makes_all_layers_fit(linearcheck: Run, net: Path) -> None:
    torch.save(Net(width=4).state_dict(), net / "net.pt")
    assert linearcheck(*CHECK, "net.pt", "--fix", "--unsafe-fixes").code == 0
    assert linearcheck(*CHECK, "net.pt").code == 0
    assert (net / "net.py").read_text() != NET


def test_the_table_says_what_was_compared(linearcheck: Run, net: Path) -> None:
    torch.save({"epoch": 1, "ema": Net().state_dict(), "critic": nn.Linear(2, 2).state_dict()}, net / "net.pt")
    result = linearcheck("net.py:Net", "-s", "3,16,16", "--weights", "net.pt")
    assert result.code == 0
    assert "`net.pt`: compared with its `ema`, 9 tensors; it also holds `critic`" in " ".join(result.stdout.split())


@pytest.mark.parametrize("name", ["nowhere.pt", ".", "net.py", "empty.pt", "cut.pt"])
def test_a_file_that_cannot_be_read_is_exit_code_2(linearcheck: Run, net: Path, name: str) -> None:
    torch.save(Net().state_dict(), net / "net.pt")
    (net / "cut.pt").write_bytes((net / "net.pt").read_bytes()[:800])
    (net / "empty.pt").write_bytes(b"")
    result = linearcheck(*CHECK, name)
    assert result.code == 2
    assert f"error: the checkpoint `{name}` " in result.stderr
    assert "Traceback" not in result.stderr
    (error,) = result.json["errors"]
    assert error["kind"] == "usage"
    assert result.json["models"][0]["status"] == "ok"  # the model itself was checked


def test_findings_go_before_a_file_that_cannot_be_read(linearcheck: Run, net: Path) -> None:
    result = linearcheck("broken.py", "-s", "1,28,28", "--weights", "nowhere.pt")
    assert result.code == 1
    assert "does not exist" in result.stderr


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_payload_does_not_run_and_is_named(linearcheck: Run, net: Path, zipped: bool) -> None:
    mark = net / "ran"
    torch.save({"state_dict": Net().state_dict(), "bait": Touches(mark)}, net / "net.pt", _use_new_zipfile_serialization=zipped)
    result = linearcheck("net.py:Net", "-s", "3,16,16", "--weights", "net.pt")
    assert result.code == 0
    assert f"would call or build `{os.system.__module__}.system`; none of it was run" in " ".join(result.stdout.split())
    assert not mark.exists()


def test_names_in_a_checkpoint_are_only_text(linearcheck: Run, net: Path) -> None:
    state = Net().state_dict() | {"\x1b[31m::error::[bold]<b>.weight": torch.zeros(1)}
    torch.save(dict(state), net / "net.pt")
    for format in ("table", "github", "html", "markdown"):
        result = linearcheck("net.py:Net", "-s", "3,16,16", "--weights", "net.pt", "--output-format", format)
        assert result.code == 1
        assert "\x1b[31m" not in result.stdout
        assert "<b>.weight" not in result.stdout or format != "html"
        assert not any(line.startswith("::error::") for line in result.stdout.splitlines())


def test_a_changed_checkpoint_is_compared_again(linearcheck: Run, net: Path) -> None:
    torch.save(Net().state_dict(), net / "net.pt")
    assert linearcheck(*CHECK, "net.pt").code == 0
    assert linearcheck(*CHECK, "net.pt").code == 0
    torch.save(Net(num_classes=3).state_dict(), net / "net.pt")
    assert linearcheck(*CHECK, "net.pt").code == 1
    (net / "net.pt").unlink()
    assert linearcheck(*CHECK, "net.pt").code == 2


def test_the_configuration_names_one_beside_it(linearcheck: Run, net: Path) -> None:
    folder = net / "weights"
    folder.mkdir()
    torch.save(Net(num_classes=3).state_dict(), folder / "net.pt")
    (net / "linearcheck.toml").write_text('[[models]]\ntarget = "net.py:Net"\ninput-shape = "3,16,16"\nweights = "weights/net.pt"\n')
    result = linearcheck("--output-format", "json")
    assert [diagnostic["code"] for diagnostic in result.json["models"][0]["diagnostics"]] == ["LC601"]
    assert "`weights/net.pt`" in result.json["models"][0]["diagnostics"][0]["message"]


def test_a_model_whose_input_is_not_known_is_compared_all_the_same(linearcheck: Run, project: Path) -> None:
    (project / "net.py").write_text(UNKNOWN)
    torch.save(nn.ModuleDict({"fc": nn.Linear(8, 4)}).state_dict(), project / "net.pt")
    result = linearcheck("net.py:Net", "--weights", "net.pt", "--output-format", "json")
    (model,) = result.json["models"]
    assert model["status"] == "skipped"
    assert [diagnostic["code"] for diagnostic in model["diagnostics"]] == ["LC902", "LC601"]
    assert result.code == 1


def test_ignoring_a_code_ignores_it(linearcheck: Run, net: Path) -> None:
    torch.save(Net(num_classes=3).state_dict(), net / "net.pt")
    assert linearcheck(*CHECK, "net.pt", "--ignore", "LC6").code == 0


def test_the_checkpoint_of_one_model_is_no_finding_about_another(linearcheck: Run, net: Path) -> None:
    (net / "net.py").write_text(NET + CRITIC)
    torch.save(Net(num_classes=3).state_dict(), net / "net.pt")
    result = linearcheck("net.py", "-s", "3,16,16", "--output-format", "json", "--weights", "net.pt")
    found = {model["name"]: [diagnostic["code"] for diagnostic in model["diagnostics"]] for model in result.json["models"]}
    assert found == {"Net": ["LC601"], "Critic": []}
    alone = linearcheck("net.py:Critic", "-s", "3,16,16", "--output-format", "json", "--weights", "net.pt")
    assert [diagnostic["code"] for diagnostic in alone.json["models"][0]["diagnostics"]] == ["LC602"]
