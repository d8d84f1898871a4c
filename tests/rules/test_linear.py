"""LC101 to LC105: what a Linear refuses, side by side with neighbours that belong to another code."""

from __future__ import annotations

import pytest

from linearcheck.findings import Diagnostic, Safety, SetArgument, WrapInput
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import N, Shape
from tests.rules.traces import TraceBuilder, span, times

REFUSED = "mat1 and mat2 shapes cannot be multiplied"


def only(build: TraceBuilder) -> Diagnostic:
    (found,) = diagnose(build.trace())
    return found


def lenet(in_features: int) -> TraceBuilder:
    build = TraceBuilder()
    build.layer("conv1", "Conv2d", 9, in_channels=1, out_channels=6, kernel_size=(5, 5))
    build.layer("conv2", "Conv2d", 10, in_channels=6, out_channels=16, kernel_size=(5, 5))
    build.layer("fc1", "Linear", 11, in_features=in_features, out_features=120)
    x = build.input((N, 1, 28, 28))
    x = build.use("conv1", x, out=(N, 6, 24, 24), line=16)
    x = build.call("max_pool2d", x, out=(N, 6, 12, 12), line=16, kernel_size=2)
    x = build.use("conv2", x, out=(N, 16, 8, 8), line=17)
    x = build.call("max_pool2d", x, out=(N, 16, 4, 4), line=17, kernel_size=2)
    x = build.call("flatten", x, out=(N, 256), line=18, start_dim=1)
    build.use("fc1", x, out=(N, 120), line=19, error=REFUSED)
    return build


def test_wrong_in_features_after_a_flatten() -> None:
    found = only(lenet(400))
    assert (found.code, found.layer, found.span, found.definition) == ("LC101", "fc1", span(19), span(11, 20))
    assert (found.got, found.expected) == ((N, 256), ("*", 400))
    best = found.proposals[0]
    assert best.kind == "set_in_features"
    assert best.actions == (
        SetArgument(span(11, 20), "Linear", "in_features", 256, ((16, "channels"), (4, "height"), (4, "width")), 400, "fc1"),
    )
    assert "16 * 4 * 4 = 256" in found.explanation
    assert "28, 24 (`conv1`), 12 (`max_pool2d`), 8 (`conv2`), 4 (`max_pool2d`)" in found.explanation


def test_the_input_that_in_features_was_made_for_is_named() -> None:
    resized = [proposal for proposal in only(lenet(400)).proposals if proposal.kind == "resize_input"]
    assert [(proposal.title, proposal.actions) for proposal in resized] == [("`fc1` fits an input of (N, 1, 32, 32)", ())]


def test_no_square_input_gives_a_prime_number_of_features() -> None:
    assert {proposal.kind for proposal in only(lenet(401)).proposals} == {"set_in_features"}


@pytest.mark.parametrize(
    ("shape", "in_features", "code", "kind"),
    [
        ((N, 16, 4, 4), 256, "LC102", "flatten"),  # the values of a sample fit exactly
        ((N, 16, 4, 4), 400, "LC102", "flatten"),  # a feature map all the same, two numbers wrong
        ((N, 16, 7, 7), 16, "LC104", "pad_or_pool"),  # the average over the map is missing (no source here, so see below)
        ((N, 96, 150), 96, "LC104", "permute"),
        ((N, 96, 150), 14400, "LC102", "flatten"),
        ((N, 16, 4, 4), 5, "LC102", "flatten"),
    ],
)
def test_maps_that_reach_a_linear(shape: Shape, in_features: int, code: str, kind: str) -> None:
    build = TraceBuilder()
    dims = len(shape) - 2
    build.layer("conv", f"Conv{dims}d", 9, in_channels=3, out_channels=shape[1], kernel_size=(3,) * dims)
    build.layer("fc", "Linear", 11, in_features=in_features, out_features=10)
    x = build.input((N, 3, *(32,) * dims))
    x = build.use("conv", x, out=shape, line=16)
    build.use("fc", x, out=(N, 10), line=17, error=REFUSED)
    found = only(build)
    assert found.code == code
    if kind != "pad_or_pool":
        assert found.proposals[0].kind == kind


def test_a_flatten_is_safe_only_where_the_sizes_match() -> None:
    safeties = []
    for in_features in (256, 400):
        build = TraceBuilder()
        build.layer("conv", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3))
        build.layer("fc", "Linear", 11, in_features=in_features, out_features=10)
        x = build.use("conv", build.input((N, 3, 6, 6)), out=(N, 16, 4, 4), line=16)
        build.use("fc", x, out=(N, 10), line=17, error=REFUSED)
        safeties.append(only(build).proposals[0].safety)
    assert safeties == [Safety.SAFE, Safety.UNSAFE]


def test_a_layer_that_a_sequential_calls_is_reported_where_it_is_built() -> None:
    build = TraceBuilder()
    build.layer("net.2", "MaxPool2d", 12, called_by="torch", kernel_size=2)
    build.layer("net.3", "Linear", 13, called_by="torch", in_features=256, out_features=10)
    x = build.use("net.2", build.input((N, 16, 8, 8)), out=(N, 16, 4, 4), line=19)
    build.use("net.3", x, out=(N, 10), line=19, error=REFUSED)
    found = only(build)
    assert found.span == found.definition == span(13, 20)
    assert [related.span for related in found.related] == [span(13, 20), span(19)]
    (action,) = found.proposals[0].actions
    assert isinstance(action, WrapInput)
    assert (action.layer, action.definition) == ("net.3", span(13, 20))


def test_a_replaced_weight_is_named_before_anything_else() -> None:
    build = TraceBuilder("\n" * 10 + "self.fc1.weight = nn.Parameter(torch.randn(784, 128))\n")
    build.layer("fc1", "Linear", 9, in_features=784, out_features=128, weight=(784, 128), replaced=11)
    build.use("fc1", build.input((N, 784)), out=(N, 128), line=15, error=REFUSED)
    found = only(build)
    assert (found.code, found.got, found.expected) == ("LC105", (784, 128), (128, 784))
    assert [proposal.kind for proposal in found.proposals] == ["transpose_weight"]
    assert found.proposals[0].actions[0].text == "128, 784"  # type: ignore[union-attr]


def test_the_number_that_more_layers_agree_with_wins() -> None:
    """One Linear makes 30, two take 32: the maker is the odd one out; with one taker, the taker is changed."""
    firsts = []
    for n_takers in (1, 2):
        build = TraceBuilder()
        build.layer("maker", "Linear", 9, in_features=8, out_features=30)
        hidden = build.use("maker", build.input((N, 8)), out=(N, 30), line=20)
        for number in range(n_takers):
            build.layer(f"taker{number}", "Linear", 10 + number, in_features=32, out_features=4)
            build.use(f"taker{number}", hidden, out=(N, 4), line=21 + number, error=REFUSED)
        firsts.append(diagnose(build.trace())[0].proposals[0].kind)
    assert firsts == ["set_in_features", "set_out_features"]


def test_dtype_speaks_only_where_the_shapes_fit() -> None:
    codes = []
    for features in (20, 21):
        build = TraceBuilder()
        build.layer("fc", "Linear", 9, in_features=20, out_features=3)
        x = build.input((N, features), dtype="int64")
        build.use("fc", x, out=(N, 3), line=12, error="mat1 and mat2 must have the same dtype, but got Long and Float")
        codes.append(only(build).code)
    assert codes == ["LC409", "LC101"]


@pytest.mark.parametrize(("in_features", "safety"), [(784, Safety.SAFE), (783, Safety.UNSAFE)])
def test_a_flattened_batch_is_reported_at_the_flatten(in_features: int, safety: Safety) -> None:
    build = TraceBuilder()
    build.layer("fc", "Linear", 9, in_features=in_features, out_features=10)
    x = build.call("flatten", build.input((N, 1, 28, 28)), out=(times(784),), line=12)
    build.use("fc", x, out=(10,), line=13, error=REFUSED)
    found = only(build)
    assert (found.code, found.span, found.definition) == ("LC406", span(12), span(9, 20))
    assert (found.proposals[0].kind, found.proposals[0].safety) == ("flatten", safety)


def test_a_fold_is_reported_at_the_view_that_made_it() -> None:
    source = "\n" * 11 + "x.view(-1, 128)\n"
    build = TraceBuilder(source)
    build.layer("fc", "Linear", 9, in_features=256, out_features=10)
    x = build.input((N, 16, 4, 4))
    rows = times(2)
    x = build.call("view", x, out=(rows, 128), line=12, size=(-1, 128))
    build.use("fc", x, out=(rows, 10), line=13, error=REFUSED)
    found = only(build)
    assert (found.code, found.span, found.layer) == ("LC402", span(12), "fc")
    assert found.got == (rows, 128)
    assert found.expected == (N, 256)


def test_regrouping_a_sequence_is_no_fold() -> None:
    """`view(-1, 50)` of (N, 20, 50) keeps every position whole, so it is `in_features` that is wrong."""
    build = TraceBuilder()
    build.layer("fc", "Linear", 9, in_features=64, out_features=10)
    x = build.input((N, 20, 50))
    rows = times(20)
    x = build.call("view", x, out=(rows, 50), line=12, size=(-1, 50))
    build.use("fc", x, out=(rows, 10), line=13, error=REFUSED)
    assert only(build).code == "LC101"
