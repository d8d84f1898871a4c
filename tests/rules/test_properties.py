"""Properties over random traces: rules never raise, and every failed call is spoken of exactly once."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from linearcheck.rules.layers import FUNCTIONS
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import UNKNOWN, N, Size
from tests.rules.traces import TraceBuilder, times

SIZES: st.SearchStrategy[Size] = st.sampled_from([N, 1, 2, 3, 7, 16, 28, 64, 256, times(2), times(16), UNKNOWN])
SHAPES = st.lists(SIZES, min_size=0, max_size=5).map(tuple)
FUNCTION_NAMES = st.sampled_from(
    sorted(
        set(FUNCTIONS.values())
        | {
            "view", "reshape", "cat", "stack", "add", "mul", "matmul", "bmm", "addmm", "einsum", "getitem", "permute", "transpose",
            "split", "chunk", "expand", "repeat", "gather", "mean", "sum", "where", "masked_fill", "cross_entropy", "mse_loss",
            "scaled_dot_product_attention", "cross", "unsqueeze", "squeeze", "lerp", "index_select", "setitem", "pad",
        }
    )
)  # fmt: skip
ERRORS = st.sampled_from(
    [
        "The size of tensor a (6) must match the size of tensor b (4)",
        "mat1 and mat2 must have the same dtype, but got Long and Float",
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
        "index out of range in self",
        "a leaf Variable that requires grad is being used in an in-place operation",
    ]
)
NUMBERS = st.integers(min_value=-2, max_value=70)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "dim": NUMBERS | st.lists(NUMBERS, max_size=3).map(tuple),
        "size": NUMBERS | st.lists(NUMBERS, max_size=5).map(tuple),
        "dims": st.lists(NUMBERS, max_size=5).map(tuple),
        "index": st.sampled_from([3, None, slice(None), "...", (slice(None), 5), ("...", 0, None), True]),
        "split_size": NUMBERS | st.lists(NUMBERS, max_size=3).map(tuple),
        "kernel_size": st.integers(min_value=1, max_value=9),
        "equation": st.sampled_from(["bij,bjk->bik", "...ij,jk->...ik", "a,b", ""]),
        "keepdim": st.booleans(),
        "dim0": NUMBERS,
        "dim1": NUMBERS,
        "upscale_factor": st.integers(min_value=1, max_value=4),
        "normalized_shape": st.lists(st.integers(min_value=1, max_value=64), max_size=3).map(tuple),
        "num_groups": st.integers(min_value=1, max_value=9),
    },
)
DECLARATIONS = {
    "Linear": ("in_features", "out_features"),
    "BatchNorm2d": ("num_features",),
    "GroupNorm": ("num_channels", "num_groups"),
    "LayerNorm": ("normalized_shape",),
    "LSTM": ("input_size", "hidden_size"),
    "GRUCell": ("input_size", "hidden_size"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "MultiheadAttention": ("embed_dim", "num_heads"),
    "TransformerEncoderLayer": ("d_model", "nhead"),
    "Bilinear": ("in1_features", "in2_features", "out_features"),
    "PixelShuffle": ("upscale_factor",),
}  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> TraceBuilder:
    build = TraceBuilder()
    known = [build.input(draw(SHAPES))]
    for number in range(draw(st.integers(min_value=1, max_value=6))):
        x, error = draw(st.sampled_from(known)), draw(st.just("") | ERRORS)
        if draw(st.booleans()):
            known.append(
                build.call(
                    draw(FUNCTION_NAMES), *draw(_operands(known)), out=draw(SHAPES), line=20 + number, error=error, **draw(ARGUMENTS)
                )
            )
            continue
        kind, declared = draw(_layers())
        build.layer(f"l{number}", kind, 5 + number, **declared)
        known.append(build.use(f"l{number}", x, out=draw(SHAPES), line=20 + number, error=error, by_module=draw(st.booleans())))
    return build


def _operands(known: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(known), min_size=1, max_size=3)


@st.composite
def _layers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    size = st.integers(min_value=1, max_value=300)
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["Conv1d", "Conv2d", "ConvTranspose2d"]))
        dims = int(kind[-2])
        kernel = draw(st.integers(min_value=1, max_value=7))
        return kind, {
            "in_channels": draw(size),
            "out_channels": draw(size),
            "kernel_size": (kernel,) * dims,
            "stride": (1,) * dims,
            "padding": (0,) * dims,
        }
    kind = draw(st.sampled_from(sorted(DECLARATIONS)))
    return kind, {name: draw(size) for name in DECLARATIONS[kind]}


@settings(max_examples=150, deadline=None)
@given(traces())
def test_rules_never_raise_and_leave_no_failure_unspoken(build: TraceBuilder) -> None:
    trace = build.trace()
    found = diagnose(trace)
    assert not trace.failures or found
    for diagnostic in found:
        assert diagnostic.message
        assert "\n" not in diagnostic.message
        assert not diagnostic.message.endswith(".")
        assert diagnostic.code in diagnostic.code.upper()
        assert all(proposal.title for proposal in diagnostic.proposals)


@settings(max_examples=40, deadline=None)
@given(traces())
def test_the_same_trace_gives_the_same_findings(build: TraceBuilder) -> None:
    assert diagnose(build.trace()) == diagnose(build.trace())
