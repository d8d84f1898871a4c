"""LC504 where a model is too large to be run: samples moved along the batch show by the call alone."""

from __future__ import annotations

import pytest

from linearcheck.findings import Severity
from linearcheck.rules.registry import diagnose
from tests.trace.models import line_of, trace

SOURCE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6000, 6000)

    def forward(self, x):
        y = self.fc(x)
        {body}
"""

WRONG = {
    "rolled": "return y.roll(1, 0)  # here",
    "rolled in a loop": "for _ in range(3): y = self.fc(y.roll(1, 0)).relu()  # here\n        return y",
    "added to its neighbour": "return y + torch.roll(y, shifts=(1,), dims=(0,))  # here",
    "flipped": "return y.flip(0)  # here",
    "moved along both axes": "return y.roll((1, 2), (0, 1))  # here",
}
RIGHT = {
    "rolled along the features": "return y.roll(1, 1)",
    "rolled and back": "z = self.fc(y.roll(1, 0))\n        return z.roll(-1, 0)",
    "flipped and back": "z = self.fc(y.flip(0))\n        return z.flip(0)",
    "windows that move and are counted from the end": "return y.view(-1, 60, 100).roll(5, 1).flatten(1)",
    "negatives beside the true pairs": "return (y * x).sum(1), (y * x.roll(1, 0)).sum(1)",
    "a contrastive loss": "return F.relu((y * x.roll(1, 0)).sum(1) - (y * x).sum(1)).mean()",
    "both halves of a pair": "return y.view(-1, 2, 3000).flip(1).flatten(1)",
    "mixup while training": "return y + y.flip(0) if self.training else y",
    "all pairs": "return y @ y.roll(1, 0).t()",
}


@pytest.mark.parametrize("name", WRONG)
def test_samples_moved(name: str) -> None:
    source = SOURCE.replace("{body}", WRONG[name])
    found = trace(source, ("N", 6000))
    assert found.traced == "meta" and not found.probed
    findings = [d for d in diagnose(found) if d.severity is not Severity.NOTE]
    assert [(d.code, d.span.line if d.span else 0) for d in findings] == [("LC504", line_of(source, "# here"))]


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", RIGHT)
def test_samples_that_stay_or_are_meant_to_move(name: str, train: bool) -> None:
    found = trace(SOURCE.replace("{body}", RIGHT[name]), ("N", 6000), train=train)
    assert not found.probed
    assert [d for d in diagnose(found) if d.severity is not Severity.NOTE] == []
