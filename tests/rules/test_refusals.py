"""What a layer or function refuses is told with the numbers that clash, in real models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import linearcheck


class Refusing(nn.Module):
    """Features, a map and a sequence, and one call that refuses them."""

    def __init__(self, layer: nn.Module | None, call: Any) -> None:
        super().__init__()
        self.layer = layer
        self.features = nn.Linear(6, 16)
        self.maps = nn.Conv2d(1, 8, 3, padding=1)
        self.steps = nn.Linear(4, 16)
        self.call = call

    def forward(self, x: torch.Tensor, image: torch.Tensor, words: torch.Tensor) -> Any:
        return self.call(self.layer, self.features(x), self.maps(image), self.steps(words))


@pytest.mark.parametrize(
    ("layer", "call", "code", "told"),
    [
        (nn.Bilinear(16, 12, 5), lambda own, h, m, s: own(h, h), "LC307", "second input is to have 12 features"),
        (nn.GLU(), lambda own, h, m, s: own(h[:, :5]), "LC307", "into two halves, and 5 is odd"),
        (None, lambda own, h, m, s: F.cosine_similarity(h, h[:, :5]), "LC307", "on the last axis 16 does not meet 5"),
        (nn.TripletMarginLoss(), lambda own, h, m, s: own(h, h, h[:, :4]), "LC307", "on the last axis 16 does not meet 4"),
        (None, lambda own, h, m, s: torch.cdist(h, h[:, :5]), "LC499", "last axis, where 16 does not meet 5"),
        (None, lambda own, h, m, s: torch.linalg.cross(h, h), "LC499", "vectors of 3 numbers"),
        (nn.PixelUnshuffle(5), lambda own, h, m, s: own(m), "LC307", "height is 12, which is no multiple of 5"),
        (nn.ChannelShuffle(3), lambda own, h, m, s: own(m), "LC307", "8 is no multiple of 3"),
        (nn.ReflectionPad2d(13), lambda own, h, m, s: own(m), "LC307", "at most 11 can be mirrored"),
        (nn.ReflectionPad2d(1), lambda own, h, m, s: own(h), "LC307", "(N, 16) has 2 axes"),
        (nn.CircularPad2d(13), lambda own, h, m, s: own(m), "LC307", "repeats 13 values of axis 3, which has 12"),
        (nn.PReLU(3), lambda own, h, m, s: own(m), "LC307", "3 slopes"),
        (nn.Fold((12, 12), 5), lambda own, h, m, s: own(F.unfold(m, 3)), "LC307", "72 is no multiple of 25"),
        (nn.Fold((12, 12), 3), lambda own, h, m, s: own(F.unfold(m, 3, stride=3)), "LC307", "10 * 10 = 100 blocks, and (N, 72, 16) has 16"),
        (nn.Unfold(3), lambda own, h, m, s: own(h), "LC307", "feature map (N, C, H, W)"),
        (None, lambda own, h, m, s: F.grid_sample(m, torch.zeros(len(m), 4, 4, 3)), "LC307", "holds 2 coordinates"),
        (None, lambda own, h, m, s: F.affine_grid(torch.zeros(len(m), 2, 2), [len(m), 1, 8, 8]), "LC307", "matrices of (N, 2, 3)"),
        (None, lambda own, h, m, s: F.interpolate(m, size=(4, 4, 4)), "LC307", "`size` has 3 numbers"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), lambda own, h, m, s: own(s), "LC307", "`bilinear` takes 4 axes"),
        (nn.AdaptiveAvgPool2d((1, 1, 1)), lambda own, h, m, s: own(m), "LC307", "`output_size` has 3 numbers"),
        (nn.LazyConv2d(4, 3), lambda own, h, m, s: own(h), "LC307", "takes 3 or 4 axes"),
        (None, lambda own, h, m, s: torch.tril(h[0]), "LC499", "at least 2 axes"),
        (None, lambda own, h, m, s: F.one_hot(h, 10), "LC409", "float32"),
        (None, lambda own, h, m, s: h.index_select(1, torch.zeros(2, 2, dtype=torch.long)), "LC413", "vector of indices"),
    ],
)
def test_the_numbers_that_clash_are_told(layer: nn.Module | None, call: Any, code: str, told: str) -> None:
    report = linearcheck.check(Refusing(layer, call), (6,), (1, 12, 12), (10, 4))
    (found,) = report.diagnostics
    assert found.code == code
    assert told in f"{found.message} {found.explanation}"


class StopsAtTheEnd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(9, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.second(self.first(x))
        _, _, width = h.shape
        return h.view(-1, width)


def test_what_stops_between_two_calls_is_told_behind_the_first() -> None:
    found = linearcheck.check(StopsAtTheEnd(), (6,)).diagnostics
    assert [finding.code for finding in found] == ["LC101", "LC414"]
