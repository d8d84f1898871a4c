"""Where a size comes from, back through views, joins, splits, residuals and permutes."""

from __future__ import annotations

import doctest

import pytest

import linearcheck.rules.arithmetic
import linearcheck.rules.layers
import linearcheck.rules.precedence
import linearcheck.rules.registry
import linearcheck.rules.rule
import linearcheck.rules.wording
from linearcheck.rules.provenance import explain_size, origin_of
from linearcheck.sizes import N
from linearcheck.trace.records import TensorInfo
from tests.rules.traces import TraceBuilder


def encoder() -> tuple[TraceBuilder, TensorInfo]:
    build = TraceBuilder()
    build.layer("proj", "Linear", 9, in_features=32, out_features=96)
    return build, build.use("proj", build.input((N, 20, 32)), out=(N, 20, 96), line=12)


def test_through_a_permute_a_residual_and_a_norm() -> None:
    build, x = encoder()
    y = build.call("transpose", x, out=(N, 96, 20), line=13, dim0=1, dim1=2)
    z = build.call("relu", y, out=(N, 96, 20), line=14)
    z = build.call("add", y, z, out=(N, 96, 20), line=14)
    origin = explain_size(build.trace(), z, 1)
    assert (origin.layer and origin.layer.name, origin.argument, origin.size) == ("proj", "out_features", 96)
    assert origin.text == "`proj` on line 9 makes 96 features."
    assert [call.name for call in origin.passed] == ["add", "transpose"]


def test_a_flatten_gives_its_factors() -> None:
    build, x = encoder()
    flat = build.call("flatten", x, out=(N, 1920), line=13, start_dim=1)
    origin = explain_size(build.trace(), flat, 1)
    assert origin.factors == ((20, "steps"), (96, "features"))
    assert origin.text == "`flatten` on line 13 turns (N, 20, 96) into (N, 1920), since 20 * 96 = 1920."


def test_a_cat_gives_its_parts() -> None:
    build, x = encoder()
    build.layer("other", "Linear", 10, in_features=32, out_features=32)
    y = build.use("other", build.inputs[0], out=(N, 20, 32), line=13)
    joined = build.call("cat", x, y, out=(N, 20, 128), line=14, dim=-1)
    origin = explain_size(build.trace(), joined, 2)
    assert [(part.size, part.layer and part.layer.name) for part in origin.parts] == [(96, "proj"), (32, "other")]
    assert "joins 96 and 32 to 128" in origin.text


@pytest.mark.parametrize(
    ("name", "out", "arguments", "axis", "maker"),
    [
        ("chunk", (N, 20, 32), {"chunks": 3, "dim": -1}, 2, "chunk"),
        ("getitem", (N, 96), {"index": (slice(None), -1)}, 1, "proj"),
        ("mean", (N, 96), {"dim": 1}, 1, "proj"),
        ("unsqueeze", (N, 1, 20, 96), {"dim": 1}, 3, "proj"),
        ("permute", (20, N, 96), {"dims": (1, 0, 2)}, 2, "proj"),
        ("view", (N, 20, 8, 12), {"size": (12, 20, 8, 12)}, 3, "view"),
    ],
)
def test_what_an_operation_hands_on(name: str, out: tuple[object, ...], arguments: dict[str, object], axis: int, maker: str) -> None:
    build, x = encoder()
    y = build.call(name, x, out=out, line=13, **arguments)  # type: ignore[arg-type]
    origin = explain_size(build.trace(), y, axis)
    found = origin.layer.name if origin.layer is not None else origin.call.name if origin.call is not None else ""
    assert found == maker


def test_a_size_of_the_input() -> None:
    build, x = encoder()
    origin = explain_size(build.trace(), x, 1)
    assert (origin.call, origin.tensor.name, origin.axis) == (None, "x", 1)


def test_the_chain_back_to_the_input() -> None:
    build, x = encoder()
    y = build.call("relu", x, out=(N, 20, 96), line=13)
    assert [call.name for call in origin_of(build.trace(), y)] == ["relu", "linear"]


@pytest.mark.parametrize("module", ["arithmetic", "layers", "precedence", "registry", "rule", "wording"])
def test_examples_in_docstrings(module: str) -> None:
    results = doctest.testmod(getattr(linearcheck.rules, module))
    assert results.failed == 0
