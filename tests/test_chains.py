"""Random chains of layers: built to fit they give nothing, with a size changed they give that layer and nothing else."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

import linearcheck

chains_of = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))

Build = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Link:
    """A layer that can be built for any size of its input; `size` is the one that fits, None where the layer has none."""

    build: Build
    size: int | None = None


class LastStep(nn.Module):
    def forward(self, x: tuple[torch.Tensor, Any]) -> torch.Tensor:
        return x[0][:, -1]


@dataclass(frozen=True)
class Chain:
    shape: tuple[int, ...]
    links: tuple[Link, ...]
    dtype: str = "float32"

    def model(self, changes: dict[int, int] | None = None) -> nn.Sequential:
        sizes = {index: link.size or 0 for index, link in enumerate(self.links)} | (changes or {})
        return nn.Sequential(*[link.build(sizes[index]) for index, link in enumerate(self.links)]).eval()

    def batch(self) -> torch.Tensor:
        if self.dtype == "int64":
            return torch.zeros(3, *self.shape, dtype=torch.int64)
        return torch.randn(3, *self.shape)


def linear(out: int) -> Build:
    return lambda size: nn.Linear(size, out)


@st.composite
def heads(draw: st.DrawFn, features: int) -> list[Link]:
    """Layers over (N, features)."""
    links: list[Link] = []
    for _ in range(draw(st.integers(1, 3))):
        out = draw(st.integers(2, 40))
        links += [Link(linear(out), features), Link(lambda _: nn.ReLU())]
        if draw(st.booleans()):
            links.append(Link(lambda size: nn.BatchNorm1d(size), out))
        elif draw(st.booleans()):
            links.append(Link(lambda size: nn.LayerNorm(size), out))
        features = out
    return links


@st.composite
def images(draw: st.DrawFn) -> Chain:
    channels, height, width = draw(st.integers(1, 4)), draw(st.integers(9, 21)), draw(st.integers(9, 21))
    shape = (channels, height, width)
    links: list[Link] = []
    x = torch.empty(1, *shape, device="meta")
    for _ in range(draw(st.integers(1, 3))):
        out, kernel = draw(st.integers(2, 12)), draw(st.sampled_from([1, 3]))
        made: list[Link] = [Link(lambda size, out=out, kernel=kernel: nn.Conv2d(size, out, kernel, padding=kernel // 2), x.shape[1])]
        if draw(st.booleans()):
            made.append(Link(lambda size: nn.BatchNorm2d(size), out))
        made.append(Link(lambda _: nn.ReLU()))
        if draw(st.booleans()) and min(x.shape[2:]) > 5:
            made.append(Link(lambda _: nn.MaxPool2d(2)))
        for link in made:
            x = link.build(link.size or 0).to("meta")(x)
        links += made
    links.append(Link(lambda _: nn.Flatten()))
    return Chain(shape, (*links, *draw(heads(x[0].numel()))))


@st.composite
def sequences(draw: st.DrawFn) -> Chain:
    steps, width, hidden = draw(st.integers(5, 15)), draw(st.integers(3, 20)), draw(st.integers(3, 20))
    recurrent = draw(st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]))
    links = [
        Link(lambda size: nn.LayerNorm(size), width),
        Link(lambda size: recurrent(size, hidden, batch_first=True), width),
        Link(lambda _: LastStep()),
        *draw(heads(hidden)),
    ]
    if draw(st.booleans()):
        return Chain((steps,), (Link(lambda _: nn.Embedding(50, width)), *links), "int64")
    return Chain((steps, width), tuple(links))


@st.composite
def signals(draw: st.DrawFn) -> Chain:
    channels, length, out = draw(st.integers(1, 6)), draw(st.integers(16, 40)), draw(st.integers(2, 12))
    links = (
        Link(lambda size: nn.Conv1d(size, out, 3), channels),
        Link(lambda size: nn.InstanceNorm1d(size, affine=True), out),
        Link(lambda _: nn.AdaptiveAvgPool1d(1)),
        Link(lambda _: nn.Flatten()),
    )
    return Chain((channels, length), (*links, *draw(heads(out))))


chains = st.one_of(images(), sequences(), signals())


def found(model: nn.Module, chain: Chain) -> list[tuple[str, str]]:
    report = linearcheck.check(model, chain.shape)
    return [(each.code, each.layer) for each in report.diagnostics]


def layers_named(report: linearcheck.Report) -> set[str]:
    """The layers that findings are about; layers that one line of this file builds may share one, which then names them."""
    named = {each.layer for each in report.diagnostics}
    for each in report.diagnostics:
        named.update(re.findall(r"`(\d+)` gets [^.]* and expects", each.explanation))
        for others in re.findall(r"The same holds for ([^.]*)", each.explanation):
            named.update(re.findall(r"`(\d+)`", others))
    return named


def refuses(model: nn.Sequential, chain: Chain) -> bool:
    try:
        with torch.no_grad():
            model(chain.batch())
    except (RuntimeError, ValueError):
        return True
    return False


@chains_of
@given(chains)
def test_chain_that_fits_gives_nothing(chain: Chain) -> None:
    assert found(chain.model(), chain) == []


@chains_of
@given(chains, st.data())
def test_changed_sizes_give_their_layers_and_nothing_else(chain: Chain, data: st.DataObject) -> None:
    sized = [index for index, link in enumerate(chain.links) if link.size is not None]
    changed = data.draw(st.lists(st.sampled_from(sized), min_size=1, max_size=3, unique=True))
    changes = {index: (chain.links[index].size or 0) + data.draw(st.integers(1, 9)) for index in changed}
    for index, size in changes.items():
        assume(refuses(chain.model({index: size}), chain))
    assert layers_named(linearcheck.check(chain.model(changes), chain.shape)) == {str(index) for index in changed}


@chains_of
@given(chains, st.data())
def test_findings_are_the_same_without_data(chain: Chain, data: st.DataObject) -> None:
    sized = [index for index, link in enumerate(chain.links) if link.size is not None]
    index = data.draw(st.sampled_from(sized))
    model = chain.model({index: (chain.links[index].size or 0) + data.draw(st.integers(0, 5))})
    assert found(copy.deepcopy(model).to("meta"), chain) == found(model, chain)


@chains_of
@given(chains, st.booleans(), st.data())
def test_check_leaves_the_model_as_it_was(chain: Chain, train: bool, data: st.DataObject) -> None:
    sized = [index for index, link in enumerate(chain.links) if link.size is not None]
    index = data.draw(st.sampled_from(sized))
    model = chain.model({index: (chain.links[index].size or 0) + data.draw(st.integers(0, 5))}).train(train)
    model[0].register_forward_hook(lambda *_: None)
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    found(model, chain)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    assert [module.training for module in model.modules()] == modes
    assert [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()] == hooks
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (7,), (5, 9), (2, 3, 4, 5), ()])
@pytest.mark.parametrize(
    "build", [lambda: nn.Conv2d(3, 4, 3), lambda: nn.Linear(5, 6), lambda: nn.LSTM(9, 4), lambda: nn.Embedding(10, 4), nn.Flatten]
)
def test_any_shape_into_any_layer_gives_a_report(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    report = linearcheck.check(nn.Sequential(build(), nn.ReLU()), shape)
    assert report.models
