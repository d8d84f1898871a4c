"""LC201 to LC206: what convolution and pooling refuse."""

from __future__ import annotations

import pytest

from linearcheck.findings import Diagnostic, SetArgument, WrapInput
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import N, Shape
from tests.rules.traces import TraceBuilder, span

REFUSED = "Given groups=1, weight of size ..., expected input to have other channels"


def only(build: TraceBuilder) -> Diagnostic:
    (found,) = diagnose(build.trace())
    return found


def convolution(shape: Shape, channels: int, kind: str = "Conv2d", out: Shape = (N, 8, 30, 30), kernel: int = 3) -> Diagnostic:
    dims = int(kind[-2])
    build = TraceBuilder()
    build.layer("conv", kind, 9, in_channels=channels, out_channels=8, kernel_size=(kernel,) * dims)
    build.use("conv", build.input(shape), out=out, line=12, error=REFUSED)
    return only(build)


@pytest.mark.parametrize(
    ("kind", "shape", "channels", "code", "first"),
    [
        ("Conv2d", (N, 3, 32, 32), 1, "LC201", "set_in_channels"),
        ("Conv2d", (N, 32, 32, 3), 3, "LC202", "permute"),
        (
            "Conv2d",
            (N, 3, 32, 32),
            32,
            "LC201",
            "set_in_channels",
        ),  # three channels first and a square map: as wide as in_channels by chance
        ("Conv1d", (N, 40, 50), 50, "LC202", "permute"),
        ("Conv1d", (N, 40, 50), 60, "LC201", "set_in_channels"),
        ("Conv2d", (N, 28, 28), 1, "LC203", "unsqueeze"),
        ("Conv3d", (N, 16, 24, 24), 1, "LC203", "unsqueeze"),
        ("Conv1d", (N, 100), 1, "LC203", "unsqueeze"),
        ("Conv2d", (N, 1, 1, 28, 28), 1, "LC203", "squeeze"),
        ("ConvTranspose2d", (N, 3, 8, 8), 16, "LC201", "set_in_channels"),
    ],
)
def test_codes_and_first_proposals(kind: str, shape: Shape, channels: int, code: str, first: str) -> None:
    found = convolution(shape, channels, kind)
    assert (found.code, found.span, found.definition, found.layer) == (code, span(12), span(9, 20), "conv")
    assert found.proposals[0].kind == first


def test_channels_last_images_are_permuted() -> None:
    (action,) = convolution((N, 32, 32, 3), 3).proposals[0].actions
    assert isinstance(action, WrapInput)
    assert (action.transform, action.axes) == ("permute", (0, 3, 1, 2))


def test_a_map_of_another_layer_is_never_channels_last() -> None:
    """conv1 makes 16 channels of width 32, which conv2 happens to take as channels."""
    build = TraceBuilder()
    build.layer("conv1", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3), padding=(1, 1))
    build.layer("conv2", "Conv2d", 10, in_channels=32, out_channels=64, kernel_size=(3, 3))
    x = build.use("conv1", build.input((N, 3, 32, 32)), out=(N, 16, 32, 32), line=14)
    x = build.call("relu", x, out=(N, 16, 32, 32), line=14)
    build.use("conv2", x, out=(N, 64, 30, 30), line=15, error=REFUSED)
    found = only(build)
    assert found.code == "LC201"
    assert [proposal.kind for proposal in found.proposals] == ["set_in_channels", "set_out_channels"]
    assert "`conv1` on line 9 makes 16 channels" in found.explanation


def test_what_follows_from_other_channels_is_changed_as_well() -> None:
    """To let conv1 make 32, the norm between must take 32 too."""
    build = TraceBuilder()
    build.layer("conv1", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3))
    build.layer("bn", "BatchNorm2d", 10, num_features=16)
    build.layer("conv2", "Conv2d", 11, in_channels=32, out_channels=64, kernel_size=(3, 3))
    x = build.use("conv1", build.input((N, 3, 32, 32)), out=(N, 16, 30, 30), line=14)
    x = build.use("bn", x, out=(N, 16, 30, 30), line=14)
    build.use("conv2", x, out=(N, 64, 28, 28), line=15, error=REFUSED)
    producer = next(proposal for proposal in only(build).proposals if proposal.kind == "set_out_channels")
    assert [(a.layer, a.argument, a.value) for a in producer.actions if isinstance(a, SetArgument)] == [
        ("conv1", "out_channels", 32),
        ("bn", "num_features", 32),
    ]


def test_a_kernel_larger_than_the_map() -> None:
    found = convolution((N, 16, 4, 4), 16, out=(N, 8, 1, 1), kernel=5)
    assert (found.code, found.expected) == ("LC205", (N, 16, 5, 5))
    assert found.proposals[0].kind == "pad_or_pool"
    assert [a.value for a in found.proposals[0].actions if isinstance(a, SetArgument)] == [3]
    assert found.proposals[-1].title == "`conv` fits inputs from (N, 16, 5, 5) on"


def test_pooling_that_leaves_nothing() -> None:
    build = TraceBuilder()
    x = build.input((N, 4, 1, 1))
    build.call("max_pool2d", x, out=(N, 4, 1, 1), line=12, error="Output size is too small", kernel_size=2)
    assert only(build).code == "LC205"


def test_a_weight_of_another_shape() -> None:
    build = TraceBuilder()
    build.layer("conv", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3), weight=(3, 16, 3, 3), replaced=10)
    build.use("conv", build.input((N, 3, 32, 32)), out=(N, 16, 30, 30), line=12, error=REFUSED)
    found = only(build)
    assert (found.code, found.got, found.expected) == ("LC206", (3, 16, 3, 3), (16, 3, 3, 3))
    assert span(10) in [related.span for related in found.related]
