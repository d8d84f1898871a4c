"""In one warm process: the second and later checks of a model, each beside its real forward pass. Prints seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import linearcheck

MODELS = Path(__file__).parent / "models"
BATCH = 2


def main(runs: int) -> None:
    sys.path.insert(0, str(MODELS))
    from resnet152 import ResNet152

    target = f"{MODELS / 'resnet152.py'}:ResNet152"
    model = ResNet152().eval()
    images = torch.randn(BATCH, 3, 224, 224)

    def check() -> None:
        report = linearcheck.check(target, (3, 224, 224))
        assert report.ok, report.to_json()

    @torch.no_grad()
    def forward() -> None:
        model(images)

    check()
    forward()
    print(json.dumps([(seconds_of(check), seconds_of(forward)) for _ in range(runs)]))


def seconds_of(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]))
