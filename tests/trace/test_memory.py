"""A trace keeps no activation alive, and the sample probe no more than it may."""

from __future__ import annotations

import gc

import pytest

from linearcheck.trace import tracing
from linearcheck.trace.recorder import Recorder
from tests.trace.models import trace

DEEP = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)

    def forward(self, x):
        for _ in range(20):
            x = self.fc(x) + 1
        return F.softmax(x, dim=0)
"""


def test_activations_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    note = Recorder._note_result

    def counting(self: Recorder, call: object, index: int, result: object, args: tuple[object, ...]) -> None:
        nonlocal most
        note(self, call, index, result, args)  # type: ignore[arg-type]
        most = max(most, self.tensors.n_living())

    monkeypatch.setattr(tracing, "PROBE_BYTES", 0)
    monkeypatch.setattr(Recorder, "_note_result", counting)
    gc.collect()
    found = trace(DEEP, ("N", 64))
    assert len(found.calls) > 40
    assert not found.probed
    assert most < 12


def test_a_probe_that_would_keep_too_much_takes_two_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    one_sample = 64 * 4 * 41
    monkeypatch.setattr(tracing, "PROBE_BYTES", 3 * one_sample)
    found = trace(DEEP, ("N", 64))
    assert found.probed
    assert [found.calls[leak.call].name for leak in found.leaks] == ["softmax"]


def test_views_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    views = DEEP.replace("self.fc(x) + 1", "x.view(-1, 8, 8).transpose(1, 2).flatten(1)[:, :].view(-1, 64)")
    two_samples, copies = 2 * 64 * 4, 22
    monkeypatch.setattr(tracing, "PROBE_BYTES", two_samples * copies)
    assert trace(views, ("N", 64)).probed
