"""What `linearcheck sizes` says of random models is what real runs of them say: accepted sizes run, all others do not."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

LARGEST = 70
N_MODELS = 14

MODEL = """
# linearcheck: input-shape={shape}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        {init}
    def forward(self, x):
        {forward}
"""


def convolutions(chance: random.Random) -> tuple[str, str, str]:
    """Convolutions and pools of any stride, then a head that fixes the size or does not."""
    channels, size = chance.choice([1, 3]), chance.choice([20, 28, 32])
    layers, width, side = list[str](), channels, size
    for _ in range(chance.randint(1, 4)):
        kernel, stride, padding = chance.choice([1, 2, 3, 5]), chance.choice([1, 1, 2, 3]), chance.choice([0, 0, 1])
        kind = chance.choice(["Conv2d", "Conv2d", "MaxPool2d", "AvgPool2d", "ceil"])
        made = (side + 2 * padding - kernel) // stride + 1 if kind == "Conv2d" else (side - kernel) // kernel + 1
        if kind == "ceil":
            made = math.ceil((side - kernel) / kernel) + 1
        if made < 1 or side < kernel:
            continue
        if kind == "Conv2d":
            layers.append(f"nn.Conv2d({width}, 4, {kernel}, stride={stride}, padding={padding})")
            width = 4
        else:
            layers.append(f"nn.MaxPool2d({kernel}, ceil_mode=True)" if kind == "ceil" else f"nn.{kind}({kernel})")
        side = made
    heads = ([], ["nn.Flatten()", f"nn.Linear({width * side * side}, 5)"], ["nn.AdaptiveAvgPool2d(2)", "nn.Flatten()"])
    layers += chance.choice(heads)
    return f"self.f = nn.Sequential({', '.join(layers) or 'nn.Identity()'})", "return self.f(x)", f"{channels},{size},{size}"


def u_net(chance: random.Random) -> tuple[str, str, str]:
    depth = chance.randint(1, 3)
    init = (
        f"self.d = nn.ModuleList([nn.Conv2d(1 if i == 0 else 4, 4, 3, padding=1) for i in range({depth})])\n"
        f"        self.u = nn.ModuleList([nn.Conv2d(8, 4, 3, padding=1) for i in range({depth})])\n"
        f"        self.t = nn.ModuleList([nn.ConvTranspose2d(4, 4, 2, stride=2) for i in range({depth})])"
    )
    forward = """skips = []
        for down in self.d:
            x = down(x).relu()
            skips.append(x)
            x = F.max_pool2d(x, 2)
        for up, bigger, skip in zip(self.u, self.t, reversed(skips)):
            x = up(torch.cat([bigger(x), skip], 1))
        return x"""
    return init, forward, "1,64,64"


def patches(chance: random.Random) -> tuple[str, str, str]:
    patch, size = chance.choice([4, 8]), chance.choice([32, 64])
    init = f"self.p = nn.Conv2d(3, 8, {patch}, {patch}); self.e = nn.Parameter(torch.zeros(1, {(size // patch) ** 2}, 8))"
    return init, "return (self.p(x).flatten(2).transpose(1, 2) + self.e).mean(1)", f"3,{size},{size}"


def recurrent(chance: random.Random) -> tuple[str, str, str]:
    return "self.r = nn.LSTM(6, 8, batch_first=True); self.h = nn.Linear(8, 3)", "return self.h(self.r(x)[0][:, -1])", "12,6"


def residual(chance: random.Random) -> tuple[str, str, str]:
    init = "self.a = nn.Conv2d(3, 4, 3, stride=2); self.b = nn.Conv2d(3, 4, 1, stride=2, padding=0)"
    return init, "y, x = self.a(x), self.b(x)\n        return y + x[..., : y.shape[-1]]", f"3,{chance.choice([32, 33])},32"


FAMILIES = (convolutions, convolutions, convolutions, u_net, patches, recurrent, residual)


@pytest.mark.sweep
def test_claims_are_what_real_runs_say(tmp_path: Path) -> None:
    chance, text, shapes = random.Random(7), "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n", {}
    for number in range(N_MODELS):
        init, forward, shape = FAMILIES[number % len(FAMILIES)](chance)
        text += MODEL.format(name=f"M{number}", shape=shape, init=init, forward=forward)
        shapes[f"M{number}"] = [int(size) for size in shape.split(",")]
    (tmp_path / "models.py").write_text(text)
    command = [sys.executable, "-m", "linearcheck", "sizes", "models.py", "--output-format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    module = types.ModuleType("models")
    exec(compile(text, "models.py", "exec"), vars(module))
    n_axes = 0
    for model in json.loads(done.stdout)["models"]:
        net = getattr(module, model["name"])().eval()
        if not runs(net, shapes[model["name"]]):
            continue  # measured at other sizes than those of the file, or not at all
        for axis in model["inputs"][0]["axes"][1:]:
            said = {size for size in range(1, LARGEST) if accepts(axis["accepts"], size)}
            places = [axis["axis"], *(other["axis"] for other in axis["same_as"])]
            real = {size for size in range(1, LARGEST) if runs(net, changed(shapes[model["name"]], places, size))}
            assert said == real, (model["name"], axis)
            n_axes += 1
    assert n_axes > N_MODELS


def changed(shape: list[int], places: list[int], size: int) -> list[int]:
    return [size if axis in places else old for axis, old in enumerate(shape, 1)]


def runs(net: Any, shape: list[int]) -> bool:
    try:
        with torch.no_grad():
            return bool(net(torch.randn(4, *shape)).shape[0] == 4)
    except RuntimeError:
        return False


def accepts(claim: dict[str, Any], size: int) -> bool:
    if size in claim["also"]:
        return True
    is_within = claim["smallest"] <= size <= (claim["largest"] or size)
    return is_within and (size - claim["smallest"]) % claim["step"] == 0 and size not in claim["exceptions"]
