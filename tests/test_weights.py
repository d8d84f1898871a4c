"""`linearcheck.check(..., weights=...)`: it objects exactly where `load_state_dict` does, and leaves the module as it was."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import linearcheck
from linearcheck.findings import Severity


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fc(self.norm(x))


class Net(nn.Module):
    def __init__(self, width: int = 8, depth: int = 3, rows: int = 20, classes: int = 5) -> None:
        super().__init__()
        self.tokens = nn.Embedding(rows, width)
        self.positions = nn.Parameter(torch.zeros(1, 12, width))
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.tokens(ids) + self.positions[:, : ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x.mean(1))) * self.scale


State = dict[str, torch.Tensor]


def reshape(state: State, generator: random.Random) -> State:
    name = generator.choice([name for name, value in state.items() if value.dim()])
    sizes = list(state[name].shape)
    axis = generator.randrange(len(sizes))
    sizes[axis] = generator.choice([size for size in (1, 2, 3, 5, 8, 12, 16, 20) if size != sizes[axis]])
    return state | {name: torch.zeros(sizes)}


def drop(state: State, generator: random.Random) -> State:
    name = generator.choice(list(state))
    return {key: value for key, value in state.items() if key != name}


def add(state: State, generator: random.Random) -> State:
    return state | {f"aux.{generator.randrange(9)}.weight": torch.zeros(generator.randrange(1, 4), 2)}


def prefix(state: State, generator: random.Random) -> State:
    word = generator.choice(["module.", "model.", "_orig_mod.", "net.backbone."])
    return {f"{word}{key}": value for key, value in state.items()}


def rename(state: State, generator: random.Random) -> State:
    old = generator.choice(["head.", "blocks.", "tokens.", "blocks.1.fc."])
    return {key.replace(old, "other_"): value for key, value in state.items()}


def shuffle(state: State, generator: random.Random) -> State:
    keys = list(state)
    generator.shuffle(keys)
    return {key: state[key] for key in keys}


def cast(state: State, generator: random.Random) -> State:
    return {key: value.half() for key, value in state.items()}


def scalar(state: State, generator: random.Random) -> State:
    return state | {"scale": torch.ones(1)}


CHANGES: tuple[Callable[[State, random.Random], State], ...] = (reshape, drop, add, prefix, rename, shuffle, cast, scalar)


BUILT = [(8, 3, 20, 5), (8, 3, 20, 5), (16, 3, 20, 5), (8, 2, 20, 5), (8, 3, 30, 5), (8, 3, 20, 7)]


def loads(net: nn.Module, state: State) -> bool:
    try:
        copy.deepcopy(net).load_state_dict(state)
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("seed", range(8))
def test_it_objects_where_loading_does(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    net = Net()
    for _ in range(6):
        state = Net(*generator.choice(BUILT)).state_dict()
        names = []
        for change in generator.sample(CHANGES, generator.randrange(3)):
            names.append(change.__name__)
            state = change(state, generator)
        torch.save(dict(state), tmp_path / "net.pt")
        report = linearcheck.check(net, "N,10:int64", weights=tmp_path / "net.pt")
        said = [d for d in report.diagnostics if d.code.startswith("LC6")]
        assert bool(said) == (not loads(net, state)), (names, [d.message for d in said])
        assert [d.code for d in report.diagnostics if not d.code.startswith("LC6")] == []
        assert all(d.severity is Severity.ERROR for d in said)


def test_the_module_is_left_as_it_was(tmp_path: Path) -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.save({name: torch.full_like(value, 7) for name, value in before.items()}, tmp_path / "net.pt")
    assert linearcheck.check(net, "N,10:int64", weights=tmp_path / "net.pt").ok
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_checkpoint_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        linearcheck.check(Net(), "N,10:int64", weights=tmp_path / "net.pt")


def test_a_large_model_is_compared_without_data(tmp_path: Path) -> None:
    class Large(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(width, width, dtype=torch.float16) for _ in range(40)])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    with torch.device("meta"):
        small, large = Large(4), Large(20_000)
    torch.save(small.state_dict(), tmp_path / "net.pt")
    report = linearcheck.check(large, "N,20000:float16", weights=tmp_path / "net.pt")
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.times) == ("LC601", 40)
