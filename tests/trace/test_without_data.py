"""Models that are too large for a real run: built and traced without data, whatever their constructors read."""

from __future__ import annotations

import pytest
import torch

from linearcheck.sizes import is_batch
from linearcheck.trace.tracing import build_session
from linearcheck.trace.work import estimate_work
from tests.trace.models import load, trace

READING = {
    "rates spread over blocks": "[x.item() for x in torch.linspace(0, 0.5, 3)]",
    "on a named device": "[x.item() for x in torch.linspace(0, 0.5, 3, device='cpu')]",
    "on a device that is not there": "[x.item() for x in torch.linspace(0, 0.5, 3).to('cuda')]",
    "a list of parts": "[x.tolist() for x in torch.linspace(0, 0.5, 6).split([1, 2, 3])]",
    "computed": "[float(x) for x in (torch.arange(3) * 0.1).flip(0)]",
    "from data": "torch.tensor([0.1, 0.2, 0.3]).cumsum(0).tolist()",
}


def large(rates: str, more: str = "", forward: str = "self.fc(x)") -> str:
    return f"""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rates = {rates}
            self.fc = nn.Linear(6000, 6000)
            self.drops = nn.ModuleList(nn.Dropout(r if isinstance(r, float) else r[0]) for r in self.rates)
            {more}

        def forward(self, x):
            for drop in self.drops:
                x = drop(x)
            return {forward}
    """


@pytest.mark.parametrize("name", READING)
def test_a_constructor_that_reads_its_constants(name: str) -> None:
    found = trace(large(READING[name]), ("N", 6000))
    assert found.traced == "meta"
    assert found.outputs[0].sizes[1] == 6000
    assert not found.failures


@pytest.mark.parametrize(
    "more",
    [
        "self.register_buffer('scale', torch.linspace(0, 1, 6000))",
        "self.scale = torch.linspace(0, 1, 6000)",
        "self.scale = nn.Parameter(torch.linspace(0, 1, 6000))",
    ],
)
def test_constants_join_the_tensors_without_data(more: str) -> None:
    found = trace(large("[0.5]", more, "self.fc(x) * self.scale"), ("N", 6000))
    assert found.traced == "meta"
    assert not found.failures


def test_a_constant_is_known_by_the_call_that_made_it() -> None:
    found = trace(large("[0.5]", "self.register_buffer('scale', torch.linspace(0, 1, 6000))", "self.fc(x) * self.scale"), ("N", 6000))
    product = next(call for call in found.calls if call.name == "mul")
    maker = found.producer(product.tensors[1])
    assert product.tensors[1].name == "scale"
    assert maker is not None and maker.name == "linspace"


RUNNING = {
    "a cast": "self.fc(x).double().float() + torch.arange(6000)[None].float()",
    "a count that decides": "self.fc(x) if int(torch.arange(5).sum()) == 10 else x.view(3)",
    "positions that decide": "self.fc(x) if (torch.diff(torch.arange(6000, device=x.device)) == 1).all() else x.view(3)",
    "steps": "sum(self.fc(x) * i.item() for i in torch.linspace(0, 1, 3))",
    "a mask by data": "(lambda m: (m.__setitem__(x[0] > 0, 1), self.fc(x) * m)[1])(torch.arange(6000))",
    "positions of true": "self.fc(x)[:, torch.nonzero(torch.arange(8) > 3).squeeze(1)]",
}


@pytest.mark.parametrize("name", RUNNING)
def test_a_forward_pass_that_reads_its_constants(name: str) -> None:
    found = trace(large("[0.5]", forward=RUNNING[name]), ("N", 6000))
    assert found.traced == "meta"
    assert not found.failures and not found.python_errors
    assert is_batch(found.outputs[0].sizes[0])


DECIDING = {
    "padding": "self.fc(self.table(ids).mean(1)) if 0 not in ids[:, [0, -1]] else ids.view(3)",
    "lengths": "self.fc(self.table(ids[:, : int((ids > 0).sum(1).max())]).mean(1))",
    "an embedding of positions": "self.fc(self.table(ids.cumsum(1).clamp(max=9)).mean(1))",
    "written to": "(lambda i: (i.__setitem__(self.table(ids)[..., 0] > 0, 1), self.fc(self.table(i).mean(1)))[1])(ids)",
}


@pytest.mark.parametrize("name", DECIDING)
def test_integers_that_go_in_decide(name: str) -> None:
    source = (
        large("[0.5]", "self.table = nn.Embedding(10, 6000)", DECIDING[name])
        .replace("(self, x)", "(self, ids)")
        .replace("x = drop(x)", "pass")
    )
    found = trace(source, ("N", 7), dtypes={"ids": "int64"})
    assert found.traced == "meta"
    assert not found.failures and not found.python_errors
    assert is_batch(found.outputs[0].sizes[0])
    lookup = next(call for call in found.calls if call.name == "embedding")
    assert lookup.input is not None and lookup.input.dtype == "int64"
    if name == "padding":
        assert lookup.input.role == "input"


def test_a_constant_of_the_forward_pass_is_known_where_it_joins() -> None:
    found = trace(large("[0.5]", forward="self.fc(x) * torch.arange(6000)"), ("N", 6000))
    product = next(call for call in found.calls if call.name == "mul")
    maker = found.producer(product.tensors[1])
    assert maker is not None and maker.name == "arange"
    assert product.tensors[1].role == "constant"


def test_a_table_written_into_a_large_tensor() -> None:
    source = large(
        "[0.5]", "t = torch.zeros(2000, 6000); t[:, 0] = torch.arange(2000); self.register_buffer('table', t)", "self.fc(x) + self.table[0]"
    )
    found = trace(source, ("N", 6000))
    assert found.traced == "meta"
    assert not found.failures


def test_a_constructor_that_reads_other_values_is_run_for_real() -> None:
    found = trace(large("[nn.Linear(3, 3).weight.sum().item() * 0]"), ("N", 6000))
    assert found.traced == "real"
    assert not found.failures


def test_a_refused_size_is_found_beside_constants() -> None:
    found = trace(large("[0.5]", "self.scale = torch.linspace(0, 1, 5999)", "self.fc(x) * self.scale"), ("N", 6000))
    assert [call.name for call in found.failures] == ["mul"]


def test_the_model_is_without_data_as_a_whole() -> None:
    session = build_session(load(large("[0.5]", "self.register_buffer('scale', torch.linspace(0, 1, 6000))")))
    assert all(tensor.is_meta for tensor in (*session.model.parameters(), *session.model.buffers()))
    assert all(isinstance(parameter, torch.nn.Parameter) for parameter in session.model.parameters())


def test_work_of_a_strided_convolution() -> None:
    image, weight = torch.empty(2, 3, 224, 224, device="meta"), torch.empty(192, 3, 16, 16, device="meta")
    work, _ = estimate_work("conv2d", (image, weight, None, (16, 16)), {})
    assert work == 2 * (2 * 14 * 14) * weight.numel()


def test_work_of_attention() -> None:
    query = torch.empty(2, 8, 100, 64, device="meta")
    assert estimate_work("scaled_dot_product_attention", (query, query, query), {})[0] == 4 * 2 * 8 * 100 * 100 * 64


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this version of torch has no grouped product")
@pytest.mark.parametrize(("experts", "width", "fails"), [(4, 6000, False), (4, 5999, True)])
def test_a_grouped_product_of_floats(experts: int, width: int, fails: bool) -> None:
    more = f"self.experts = nn.Parameter(torch.empty({experts}, {width}, 32))"
    forward = "torch._grouped_mm(self.fc(x), self.experts, offs=torch.tensor([1, 2, 3, len(x)], dtype=torch.int32))"
    found = trace(large("[0.5]", more, forward), ("N", 6000))
    assert [call.name for call in found.failures] == (["_grouped_mm"] if fails else [])
