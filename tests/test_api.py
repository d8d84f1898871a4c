"""`linearcheck.check` on modules, classes, factories and targets, and that it leaves everything as it was."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import linearcheck


class Net(nn.Module):
    def __init__(self, hidden: int = 6) -> None:
        super().__init__()
        self.a = nn.Linear(4, 5)
        self.norm = nn.BatchNorm1d(5)
        self.b = nn.Linear(hidden, 7)

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.b(self.norm(self.a(x))) * scale


def test_a_module_a_class_and_a_factory_give_the_same_finding() -> None:
    reports = [linearcheck.check(model, (4,)) for model in (Net(), Net, lambda: Net())]
    assert [[(d.code, d.layer) for d in report.diagnostics] for report in reports] == [[("LC101", "b")]] * 3
    assert not any(report.ok for report in reports)


def test_constructor_arguments_and_named_shapes() -> None:
    assert linearcheck.check(Net, init={"hidden": 5}, inputs={"x": "N,4"}, arguments={"scale": 2.0}).ok


def test_shapes_by_name_in_the_place_of_one_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="inputs="):
        linearcheck.check(Net, {"x": (4,)})  # type: ignore[arg-type]


def test_an_error_can_be_raised_and_carries_the_report() -> None:
    with pytest.raises(linearcheck.ShapeError, match="LC101 `b`") as caught:
        linearcheck.check(Net(), (4,)).raise_for_errors()
    assert caught.value.report.diagnostics[0].code == "LC101"
    linearcheck.check(Net(5), (4,)).raise_for_errors()


def test_what_a_trace_without_data_cannot_get_is_said() -> None:
    words = "whether samples of a batch leak into one another was not tried"
    on_meta, real = (linearcheck.check(nn.Linear(3, 4, device=device), ("N", 3)).models[0] for device in ("meta", "cpu"))
    assert any(words in remark for remark in on_meta.remarks)
    assert not any(words in remark for remark in real.remarks)


def test_a_module_on_meta_and_in_half_precision() -> None:
    report = linearcheck.check(nn.Linear(3, 4, device="meta", dtype=torch.bfloat16), ("N", 7, 3))
    assert report.ok and report.models[0].inputs[0].dtype == "bfloat16"


def test_nothing_of_the_module_or_the_process_is_left_different() -> None:
    net = Net(5).train()
    net.a.register_forward_hook(lambda module, args, output: None)
    state = copy.deepcopy(net.state_dict())
    hooks = dict(net.a._forward_hooks)
    call, init = nn.Module.__call__, nn.Module.__init__
    torch.manual_seed(7)
    random.seed(7)
    random_states = torch.get_rng_state(), random.getstate()
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()

    linearcheck.check(net, (4,), train=False)
    linearcheck.check(net, (3,), train=True)

    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert net.training and net.a.training and dict(net.a._forward_hooks) == hooks
    assert (nn.Module.__call__, nn.Module.__init__) == (call, init)
    assert torch.equal(torch.get_rng_state(), random_states[0]) and random.getstate() == random_states[1]
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)
    assert net.a.weight.grad is None and not isinstance(net.a.weight, type(None))


def test_a_target_is_checked_as_the_command_line_does(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Linear(4, 5), "
        "nn.Linear(6, 7))\n"
    )
    report = linearcheck.check(f"{file}:Net", (4,))
    (finding,) = report.diagnostics
    assert (finding.code, finding.layer, finding.span.line if finding.span else None) == ("LC101", "1", 5)
    assert json.loads(report.to_json())["models"][0]["diagnostics"][0]["fingerprint"]


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(TypeError, match=r"nn\.Module"):
        linearcheck.check(3, (4,))


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, linearcheck, linearcheck.rules.registry, linearcheck.report, linearcheck.cli.main; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_search_path_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[1:])
    before = [*sys.path]
    assert not linearcheck.check(nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 3)), (4,)).ok
    assert sys.path == before
