"""The sample probe names the first call that mixes samples, and only where samples are mixed."""

from __future__ import annotations

import pytest

from linearcheck.trace import tracing
from tests.trace.models import trace

MIXING = {
    "softmax over the batch": ("F.softmax(x, dim=0) * x", "softmax"),
    "normalised over the batch": ("(x - x.mean(0)) / 2", "sub"),
    "rolled along the batch": ("x.roll(1, 0) + x", "roll"),
    "folded and cut": ("x.t().reshape(-1, 6)", "reshape"),
    "sum of all samples added": ("x + x.sum()", "add"),
    "flipped": ("x.flip(0)", "flip"),
    "cumulative along the batch": ("x.cumsum(0)", "cumsum"),
}


def model(expression: str) -> str:
    return f"""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x):
            x = self.fc(x)
            return {expression}
    """


@pytest.mark.parametrize("name", MIXING)
def test_first_mixing_call(name: str) -> None:
    expression, culprit = MIXING[name]
    found = trace(model(expression), ("N", 6))
    assert found.probed
    assert [found.calls[leak.call].name for leak in found.leaks] == [culprit]
    assert found.leaks[0].reaches_output


def test_the_reduction_that_took_the_batch_away_is_named() -> None:
    found = trace(model("x - x.mean(0)"), ("N", 6))
    assert [found.calls[index].name for index in found.leaks[0].through] == ["mean"]


@pytest.mark.parametrize(
    "expression",
    ["F.softmax(x, dim=1)", "x.view(-1, 3).relu().view(-1, 6)", "x.t().t()", "x[:, :3].repeat(1, 2)", "x.mean(0)", "F.layer_norm(x, (6,))"],
)
def test_no_leak_where_samples_stay_apart(expression: str) -> None:
    assert not trace(model(expression), ("N", 6)).leaks


def test_rounding_of_kernels_that_take_rows_by_value_is_no_leak() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.experts = nn.Linear(24, 3), nn.ModuleList(nn.Linear(24, 24) for _ in range(3))

        def forward(self, x):
            chosen = self.gate(x).argmax(-1)
            out = torch.zeros_like(x)
            for index, expert in enumerate(self.experts):
                (rows,) = torch.where(chosen == index)
                out.index_add_(0, rows, expert(x[rows]))
            return out
    """
    assert not trace(source, ("N", 24)).leaks


WRITTEN = {
    "by a keyword": "F.relu(self.bn(x), inplace=True)",
    "by position": "F.hardswish(self.bn(x), True)",
    "by a method": "self.bn(x).relu_()",
    "through a view": "(lambda y: (y[:, :3].mul_(0), y)[1])(self.bn(x))",
    "into a given tensor": "(lambda y: torch.exp(y, out=y))(self.bn(x))",
    "through its data": "(lambda y: (y.data.relu_(), y)[1])(self.bn(x))",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_values_written_over_are_no_leak(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = []
    probe_in = tracing._probe_in
    monkeypatch.setattr(tracing, "_probe_in", lambda *args, **options: rounds.append(options["double"]) or probe_in(*args, **options))
    source = model(WRITTEN[name]).replace("self.fc =", "self.bn = nn.BatchNorm1d(6); self.fc =")
    found = trace(source, ("N", 6))
    assert found.probed and not found.leaks
    assert rounds == [False]  # nothing to be looked at a second time in float64
    rounds.clear()
    mixing = trace(source.replace("return", "x = x.cumsum(0)\n            return"), ("N", 6))
    assert [mixing.calls[leak.call].name for leak in mixing.leaks] == ["cumsum"]


@pytest.mark.parametrize("mixing", [False, True])
def test_a_model_that_returns_more_in_training_mode(mixing: bool) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.aux = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x):
            x = self.fc(x)
            y = x.relu()
            return (y, self.aux(x)) if self.training else y
    """
    found = trace(source.replace("x.relu()", "x.cumsum(0)") if mixing else source, ("N", 6), train=True)
    assert found.probed and len(found.outputs) == 2
    assert [(found.calls[leak.call].name, leak.reaches_output) for leak in found.leaks] == ([("cumsum", True)] if mixing else [])
