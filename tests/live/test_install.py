"""`linearcheck.install()`: exceptions of a forward pass carry an explanation, and nothing else is different."""

from __future__ import annotations

import dis
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn

import linearcheck
from linearcheck.live import failing


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    linearcheck.install()
    yield
    linearcheck.uninstall()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(400, 10)
        self.n_calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.n_calls += 1
        print("forward")
        return self.fc1(torch.flatten(self.conv(x), 1))


def notes_of(call: object, *arguments: object) -> list[str]:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # any exception may carry notes
        call(*arguments)  # type: ignore[operator]
    return list(getattr(raised.value, "__notes__", []))


def test_note_tells_layer_line_shapes_and_chain() -> None:
    (note,) = notes_of(Net(), torch.zeros(6, 1, 8, 8))
    line = Net.forward.__code__.co_firstlineno + 3
    assert "LC101" in note
    assert "`fc1` expects 400 features, but its input (N, 144) has 144" in note
    assert f"test_install.py:{line}" in note
    assert "4 * 6 * 6 = 144" in note
    assert "`fc1` is Linear(in_features=400, out_features=10, bias=True) and gets `input` (6, 144)" in " ".join(note.split())
    assert "N is 6 in this run" in note


def test_exception_is_what_it_was() -> None:
    texts = []
    for on in (True, False):
        (linearcheck.install if on else linearcheck.uninstall)()
        with pytest.raises(RuntimeError) as raised:
            Net()(torch.zeros(6, 1, 8, 8))
        lines = traceback.format_exception(raised.value)
        texts.append([line for line in lines if "Traceback" in line or "  File" in line or line.startswith("RuntimeError")])
        assert raised.value.args == ("mat1 and mat2 shapes cannot be multiplied (6x144 and 400x10)",)
        assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert texts[0] == texts[1]


def test_module_and_output_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    notes_of(net, torch.zeros(6, 1, 8, 8))
    assert net.n_calls == 1
    assert capsys.readouterr().out == "forward\n"
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_nothing_more_is_executed_until_something_is_raised() -> None:
    with_try = nn.Module.__call__.__code__
    linearcheck.uninstall()
    plain = nn.Module.__call__.__code__
    assert with_try is not plain

    def steps(code: object) -> list[tuple[str, object]]:
        return [(step.opname, step.argval) for step in dis.get_instructions(code) if step.opname != "NOP" and not step.is_jump_target]  # type: ignore[arg-type]

    wanted = steps(plain)
    assert steps(with_try)[: len(wanted)] == wanted


def test_install_twice_and_uninstall() -> None:
    function = nn.Module.__call__
    code, hook = function.__code__, sys.excepthook
    linearcheck.install()
    assert (nn.Module.__call__, function.__code__, sys.excepthook) == (function, code, hook)
    linearcheck.uninstall()
    linearcheck.uninstall()
    assert nn.Module.__call__ is function
    assert function.__code__ is not code
    assert sys.excepthook is not hook
    assert notes_of(Net(), torch.zeros(6, 1, 8, 8)) == []


def test_a_failure_that_the_model_catches_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*arguments: object) -> None:
        raise AssertionError("looked at")

    monkeypatch.setattr(failing, "_failure", read)

    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return self.fc(x)
            except RuntimeError as error:
                return x + len(getattr(error, "__notes__", []))

    assert torch.equal(Tries()(torch.zeros(2, 5)), torch.zeros(2, 5))


class _Raises(nn.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("no such thing"), KeyError("x"), RuntimeError("CUDA out of memory"), ZeroDivisionError()])
def test_other_exceptions_have_no_note(error: Exception) -> None:
    assert notes_of(_Raises(error), torch.zeros(2)) == []


def test_exits_and_interrupts_pass() -> None:
    for error in (KeyboardInterrupt(), SystemExit(3), GeneratorExit()):
        with pytest.raises(type(error)):
            _Raises(error)(torch.zeros(2))
        assert not hasattr(error, "__notes__")


class Unpacks(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, _c, _h, _w = x.shape
        return x.view(n, -1)


class UnpacksAPair(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _first, _second, _third = ("a", "b")
        return x


def test_users_own_unpacking_of_a_shape() -> None:
    (note,) = notes_of(Unpacks(), torch.zeros(6, 5))
    assert "LC414" in note
    assert notes_of(UnpacksAPair(), torch.zeros(6, 5)) == []


def test_operation_in_forward_names_its_tensors() -> None:
    class Adds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.zeros(7, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.table

    (note,) = notes_of(Adds(), torch.zeros(6, 5, 3))
    assert "LC404" in note
    assert "`x` (6, 5, 3) float32" in note
    assert "`self.table` (7, 3) float32" in note


def test_a_loss_is_explained_from_its_message() -> None:
    (note,) = notes_of(nn.CrossEntropyLoss(), torch.zeros(6, 5), torch.zeros(12, dtype=torch.long))
    assert "6 rows for 12 labels" in note


def test_an_uncaught_exception_outside_of_every_module(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        torch.zeros(3, 4) + torch.zeros(3, 5)
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert "LC404" in capsys.readouterr().err


class Endless(nn.Module):
    """Fails at first, and never returns where it is traced again."""

    n_calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Endless.n_calls += 1
        while Endless.n_calls > 1:
            try:
                time.sleep(0.001)
            except Exception:
                continue
        return self.fc(x)


def test_the_second_look_is_bounded_in_time() -> None:
    linearcheck.install(seconds=0.5)
    began = time.monotonic()
    (note,) = notes_of(Endless(), torch.zeros(2, 5))
    assert time.monotonic() - began < 20
    assert Endless.n_calls >= 2
    assert "LC101" in note
    assert "`fc` is Linear(in_features=3, out_features=4, bias=True)" in note


class Hostile(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def __deepcopy__(self, memo: object) -> None:
        raise SystemError("no copies")

    def __repr__(self) -> str:
        raise SystemError("no repr")

    @property
    def x(self) -> None:
        raise SystemError("no property")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) if x is not self.fc else self.x


def test_a_module_that_defends_itself() -> None:
    (note,) = notes_of(Hostile(), torch.zeros(2, 5))
    assert "LC101" in note


def test_our_own_check_is_not_explained() -> None:
    report = linearcheck.check(Net(), (1, 8, 8))
    assert [diagnostic.code for diagnostic in report.diagnostics] == ["LC101"]


def test_compiled_traced_and_exported_modules() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    net[0].register_forward_hook(lambda *arguments: None)
    x = torch.ones(2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        assert torch.equal(compiled(x), net(x))
        assert torch.equal(torch.jit.trace(net, x)(x), net(x))
        assert torch.equal(torch.export.export(net, (x,)).module()(x), net(x))
        assert torch.equal(torch.fx.symbolic_trace(nn.Sequential(nn.ReLU()))(x), x)


WAITS = """
import sys, linearcheck
linearcheck.install()
assert "torch" not in sys.modules and "typer" not in sys.modules
import torch
from torch import nn
assert nn.Module.__call__.__module__ == "torch.nn.modules.module"
assert not any("linearcheck" in type(finder).__module__ for finder in sys.meta_path)
import importlib, torch.nn.modules.module as module
assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
try:
    nn.Sequential(nn.Linear(3, 4))(torch.zeros(2, 5))
except RuntimeError as error:
    print(error.__notes__[0])
"""


def test_install_waits_for_the_import_of_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, timeout=120, check=True)
    assert "LC101" in done.stdout
    assert "`0` is Linear" in done.stdout
