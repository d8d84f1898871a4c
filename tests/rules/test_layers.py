"""LC301 to LC307: norms, embeddings, recurrent layers, attention and the rest of torch.nn."""

from __future__ import annotations

from typing import Any

import pytest

from linearcheck.findings import Diagnostic, SetArgument
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import N, Shape
from tests.rules.traces import TraceBuilder


def only(build: TraceBuilder) -> Diagnostic:
    (found,) = diagnose(build.trace())
    return found


def layer(
    kind: str, shape: Shape, *, dtype: str = "float32", error: str = "refused", by_module: bool = False, **declared: Any
) -> Diagnostic:
    build = TraceBuilder()
    build.layer("it", kind, 9, **declared)
    build.use("it", build.input(shape, dtype=dtype), out=shape, line=12, error=error, by_module=by_module)
    return only(build)


@pytest.mark.parametrize(
    ("kind", "shape", "declared", "code", "first"),
    [
        ("BatchNorm2d", (N, 16, 8, 8), {"num_features": 32}, "LC301", "set_num_features"),
        ("BatchNorm1d", (N, 10, 30), {"num_features": 30}, "LC301", "permute"),
        ("GroupNorm", (N, 64, 8, 8), {"num_groups": 8, "num_channels": 32}, "LC301", "set_num_features"),
        ("LayerNorm", (N, 20, 48), {"normalized_shape": (64,)}, "LC302", "set_num_features"),
        ("LayerNorm", (N, 24, 8, 8), {"normalized_shape": (24,)}, "LC302", "permute"),
        ("LSTM", (N, 20, 50), {"input_size": 64, "hidden_size": 16, "batch_first": True}, "LC304", "set_input_size"),
        ("GRU", (N, 50, 20), {"input_size": 50, "hidden_size": 16, "batch_first": True}, "LC304", "permute"),
        ("MultiheadAttention", (N, 20, 48), {"embed_dim": 64, "num_heads": 4, "batch_first": True}, "LC306", "other"),
        ("TransformerEncoderLayer", (N, 20, 48), {"d_model": 64, "nhead": 4, "batch_first": True}, "LC306", "other"),
    ],
)
def test_layers_that_get_another_size(kind: str, shape: Shape, declared: dict[str, Any], code: str, first: str) -> None:
    by_module = kind in ("LSTM", "GRU", "TransformerEncoderLayer")
    found = layer(kind, shape, by_module=by_module, **declared)
    assert (found.code, found.layer, found.got) == (code, "it", shape)
    assert found.proposals[0].kind == first


def test_a_norm_of_another_number_of_axes() -> None:
    found = layer("BatchNorm2d", (N, 30), num_features=30, by_module=True, error="expected 4D input (got 2D input)")
    assert (found.code, found.got) == ("LC301", (N, 30))


def test_floats_in_an_embedding_are_converted() -> None:
    found = layer(
        "Embedding", (N, 20), num_embeddings=10, embedding_dim=4, error="Expected tensor for argument #1 'indices' to have scalar type Long"
    )
    assert (found.code, found.proposals[0].kind) == ("LC303", "dtype")


def test_a_hidden_state_of_too_few_layers() -> None:
    build = TraceBuilder()
    build.layer("rnn", "LSTM", 9, input_size=8, hidden_size=16, num_layers=2, batch_first=True)
    state = build.call("zeros", out=(1, N, 16), line=11)
    build.use("rnn", build.input((N, 20, 8)), out=(N, 20, 16), line=12, error="Expected hidden[0] size", by_module=True, hx=(state, state))
    found = only(build)
    assert (found.code, found.got, found.expected) == ("LC304", (1, N, 16), (2, N, 16))


def test_keys_of_another_width_set_kdim_and_vdim() -> None:
    build = TraceBuilder()
    build.layer("attn", "MultiheadAttention", 9, embed_dim=64, num_heads=4, kdim=64, vdim=64, batch_first=True)
    context = build.input((N, 150, 39), name="context")
    build.use(
        "attn",
        build.input((N, 12, 64)),
        out=(N, 12, 64),
        line=12,
        error="was expecting embedding dimension of 64",
        key=context,
        value=context,
    )
    found = only(build)
    assert [(a.argument, a.value) for a in found.proposals[0].actions if isinstance(a, SetArgument)] == [("kdim", 39), ("vdim", 39)]


def test_what_fails_inside_a_transformer_is_one_finding_about_it() -> None:
    build = TraceBuilder()
    build.layer("enc", "TransformerEncoderLayer", 9, d_model=64, nhead=4)
    build.layer("enc.norm1", "LayerNorm", 9, normalized_shape=(64,), called_by="torch")
    x = build.input((20, N, 48))
    build.use("enc", x, out=(20, N, 64), line=12)
    build.use("enc.norm1", x, out=(20, N, 48), line=12, error="Given normalized_shape=[64]")
    build.call("add", x, build.tensor((20, N, 64)), out=(20, N, 64), line=12, error="The size of tensor a (48) must match")
    for inner in build.calls[1:]:
        object.__setattr__(inner, "parent", 0 if inner.name != "layer_norm" else 1)
    found = only(build)
    assert (found.code, found.layer, found.times) == ("LC306", "enc", 1)


def test_pixels_of_a_shuffle_take_the_channels_that_they_are_added_to() -> None:
    build = TraceBuilder()
    build.layer("up", "Conv2d", 9, in_channels=32, out_channels=12, kernel_size=(3, 3), padding=(1, 1))
    base = build.call("interpolate", build.input((N, 3, 24, 24)), out=(N, 3, 96, 96), line=11)
    x = build.use("up", build.input((N, 32, 24, 24), name="features"), out=(N, 12, 24, 24), line=12)
    x = build.call("pixel_shuffle", x, out=(N, 1, 96, 96), line=13, error="divisible by the square of upscale_factor", upscale_factor=4)
    build.call("add", base, x, out=(N, 3, 96, 96), line=14)
    found = only(build)
    assert found.code == "LC307"
    assert [a.value for a in found.proposals[0].actions if isinstance(a, SetArgument)] == [48]
