"""LC401 to LC499: what operations refuse."""

from __future__ import annotations

from typing import Any

import pytest

from linearcheck.findings import Diagnostic, ReplaceSource, SetArgument, Severity, WrapInput
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import N, Shape
from linearcheck.trace.records import BatchFailure, CallError
from tests.rules.traces import TraceBuilder, span

CLASH = "The size of tensor a must match the size of tensor b"


def only(build: TraceBuilder, **further: object) -> Diagnostic:
    (found,) = diagnose(build.trace(**further))
    return found


def test_a_mean_without_keepdim() -> None:
    build = TraceBuilder()
    a = build.input((N, 6))
    mean = build.call("mean", a, out=(N,), line=84, dim=1)
    build.call("sub", a, mean, out=(N, 6), line=85, error=CLASH)
    found = only(build)
    assert (found.code, found.span) == ("LC404", span(85))
    assert found.proposals[0].actions == (SetArgument(span(84), "mean", "keepdim", "True"),)
    assert found.proposals[1].kind == "unsqueeze"


def test_a_mask_one_axis_short() -> None:
    build = TraceBuilder()
    scores, mask = build.input((N, 8, 64, 64), name="scores"), build.input((N, 1, 64), name="mask")
    build.call("add", scores, mask, out=(N, 8, 64, 64), line=12, error=CLASH)
    (action,) = only(build).proposals[0].actions
    assert isinstance(action, WrapInput)
    assert (action.transform, action.axes, action.position) == ("unsqueeze", (1,), 1)


def residual() -> TraceBuilder:
    build = TraceBuilder()
    build.layer("stem", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3), padding=(1, 1))
    build.layer("block", "Conv2d", 10, in_channels=16, out_channels=32, kernel_size=(3, 3), padding=(1, 1))
    build.layer("fc", "Linear", 11, in_features=32, out_features=10)
    x = build.use("stem", build.input((N, 3, 32, 32)), out=(N, 16, 32, 32), line=14)
    y = build.use("block", x, out=(N, 32, 32, 32), line=15)
    z = build.call("add", x, y, out=(N, 32, 32, 32), line=16, error=CLASH)
    z = build.call("adaptive_avg_pool2d", z, out=(N, 32, 1, 1), line=17, output_size=1)
    z = build.call("flatten", z, out=(N, 32), line=18, start_dim=1)
    build.use("fc", z, out=(N, 10), line=19)
    return build


def test_a_residual_addition_offers_both_sides_with_what_follows() -> None:
    found = only(residual())
    changes = [[(a.layer, a.argument, a.value) for a in p.actions if isinstance(a, SetArgument)] for p in found.proposals]
    assert changes == [
        [("block", "out_channels", 16), ("fc", "in_features", 16)],
        [("stem", "out_channels", 32), ("block", "in_channels", 32)],
    ]


def test_branches_of_another_size_lose_their_stride() -> None:
    build = TraceBuilder()
    build.layer("a", "Conv2d", 9, in_channels=3, out_channels=16, kernel_size=(3, 3), padding=(1, 1), stride=(1, 1))
    build.layer("b", "Conv2d", 10, in_channels=3, out_channels=16, kernel_size=(3, 3), padding=(1, 1), stride=(2, 2))
    x = build.input((N, 3, 32, 32))
    a, b = build.use("a", x, out=(N, 16, 32, 32), line=14), build.use("b", x, out=(N, 16, 16, 16), line=15)
    build.call("cat", a, b, out=(N, 32, 32, 32), line=16, error="Sizes of tensors must match", dim=1)
    found = only(build)
    assert found.code == "LC403"
    best = found.proposals[0]
    assert (best.kind, [(a.layer, a.argument, a.value) for a in best.actions if isinstance(a, SetArgument)]) == (
        "pad_or_pool",
        [("b", "stride", 1)],
    )


def test_rows_joined_along_the_batch() -> None:
    build = TraceBuilder()
    a, b = build.input((N, 8), name="a"), build.input((N, 4), name="b")
    build.call("cat", a, b, out=(N, 12), line=16, error="Sizes of tensors must match", dim=0)
    assert only(build).proposals[0].actions == (SetArgument(span(16), "cat", "dim", 1, (), 0),)


def test_a_parameter_gets_the_missing_row_where_it_is_made() -> None:
    source = "\n" * 39 + "pos_embed = torch.zeros(1, n_patches, dim)\n"
    build = TraceBuilder(source)
    positions = build.parameter((1, 16, 96), "pos_embed", 40)
    object.__setattr__(build.building[0], "site", span_of(source, "torch.zeros(1, n_patches, dim)"))
    build.call("add", build.input((N, 17, 96)), positions, out=(N, 17, 96), line=57, error=CLASH)
    found = only(build)
    (action,) = found.proposals[0].actions
    assert isinstance(action, ReplaceSource)
    assert (found.code, found.proposals[0].kind, action.text) == ("LC404", "other", "n_patches + 1")


def span_of(source: str, text: str) -> object:
    from linearcheck.trace.records import Span

    line = next(number for number, content in enumerate(source.splitlines(), 1) if text in content)
    column = source.splitlines()[line - 1].index(text) + 1
    return Span("model.py", line, column, line, column + len(text))


def test_products_are_transposed_where_that_fits() -> None:
    build = TraceBuilder()
    q, k = build.input((N, 20, 32), name="q"), build.input((N, 20, 32), name="k")
    build.call("matmul", q, k, out=(N, 20, 20), line=12, error="Expected size for first two dimensions of batch2")
    found = only(build)
    (action,) = found.proposals[0].actions
    assert isinstance(action, WrapInput)
    assert (found.code, action.transform, action.axes, action.position) == ("LC405", "transpose", (-2, -1), 1)


def test_einsum_names_the_letter() -> None:
    build = TraceBuilder()
    x, w = build.input((N, 20, 32)), build.input((40, 8), name="w")
    build.call("einsum", out=(N, 20, 8), line=12, error="subscript c has size 40", equation="btc,cd->btd", operands=(x, w))
    found = only(build)
    assert found.code == "LC405"
    assert "`c`" in found.message


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ((-1, 400), "LC401"),  # 256 values per sample are no multiple of 400, nor 400 of them
        ((-1, 128), "LC402"),
        ((-1, 512), "LC402"),
        ((N, 400), "LC401"),
        ((64, -1), "LC407"),
        ((64, 256), "LC407"),
    ],
)
def test_codes_of_views_follow_from_the_values_of_a_sample(asked: Shape, code: str) -> None:
    build = TraceBuilder()
    measured = tuple(12 if size == N else size for size in asked)
    build.call("view", build.input((N, 16, 4, 4)), out=(N, 256), line=12, error="shape is invalid for input of size", size=measured)
    assert only(build).code == code


def test_the_batch_is_kept_and_the_layer_after_it_follows() -> None:
    source = "\n" * 11 + "x.view(-1, 400)\n"
    build = TraceBuilder(source)
    build.layer("fc", "Linear", 9, in_features=400, out_features=10)
    x = build.call("view", build.input((N, 16, 4, 4)), out=(N, 400), line=12, error="invalid for input of size", size=(-1, 400))
    object.__setattr__(build.calls[0], "site", span_of(source, "x.view(-1, 400)"))
    build.use("fc", x, out=(N, 10), line=13)
    best = only(build).proposals[0]
    assert best.kind == "view_keep_batch"
    assert best.actions[0].text == "x.size(0), -1"  # type: ignore[union-attr]
    assert best.actions[1].value == 256  # type: ignore[union-attr]


def test_a_view_after_a_transpose_becomes_a_reshape_unless_it_would_scramble() -> None:
    codes = []
    for asked in ((N, 600), (N, 25, 24)):
        build = TraceBuilder()
        x = build.call("transpose", build.input((N, 20, 30)), out=(N, 30, 20), line=11, dim0=1, dim1=2)
        measured = tuple(12 if size == N else size for size in asked)
        build.call("view", x, out=asked, line=12, error="view size is not compatible with input tensor's size and stride", size=measured)
        codes.append(only(build).code)
    assert codes == ["LC401", "LC411"]


@pytest.mark.parametrize(
    ("name", "arguments", "error", "code"),
    [
        ("softmax", {"dim": 2}, "Dimension out of range (expected to be in range of [-2, 1], but got 2)", "LC413"),
        ("permute", {"dims": (0, 2, 1)}, "number of dimensions does not match the length of the desired ordering", "LC413"),
        ("getitem", {"index": (slice(None), 7)}, "index 7 is out of bounds for dimension 1 with size 6", "LC413"),
        ("split", {"split_size": (2, 8), "dim": 1}, "split_with_sizes expects split_sizes to sum exactly to 6", "LC415"),
        ("expand", {"size": (3, 9)}, "The expanded size of the tensor (9) must match the existing size (6)", "LC415"),
        ("cross", {}, "inputs dimension 1 must have length 3", "LC499"),
        ("softmax", {"dim": 1}, "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'", "LC409"),
        ("cholesky", {}, "linalg.cholesky: The factorization could not be completed because the input is not positive-definite", "LC903"),
    ],
)
def test_operations_by_what_they_refuse(name: str, arguments: dict[str, Any], error: str, code: str) -> None:
    build = TraceBuilder()
    build.call(name, build.input((N, 6)), out=(N, 6), line=12, error=error, **arguments)
    assert only(build).code == code


def test_the_authors_own_unpacking() -> None:
    build = TraceBuilder()
    x = build.input((N, 28, 28))
    build.stop("ValueError", "not enough values to unpack (expected 4, got 3)", "b, c, h, w = x.shape", 12, x=x)
    found = only(build)
    assert (found.code, found.got, found.proposals[0].kind) == ("LC414", (N, 28, 28), "unsqueeze")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Wrong shape: expected 3 dims. Received 4-dim tensor.", "it names 3 axes, and there are 4"),
        ("Expected 3 dimensions, got 4", "it names 3 axes, and there are 4"),
        ("Shape mismatch, can't divide axis of length 30 in chunks of 4", "an axis of 30 cannot be cut into parts of 4"),
        ("Shape mismatch, 8 != 16", "an axis is 8, and 16 is asked for"),
    ],
)
def test_a_pattern_of_einops_that_does_not_fit(said: str, told: str) -> None:
    build = TraceBuilder()
    x = build.input((N, 8, 30, 30))
    message = f'Error while processing rearrange-reduction pattern "b c h -> b h c".\n Input tensor shape: torch.Size([4, 8]). \n {said}'
    build.stop("EinopsError", message, "y = rearrange(x, 'b c h -> b h c')", 12, x=x)
    found = only(build)
    assert (found.code, found.got) == ("LC414", (N, 8, 30, 30))
    assert found.message == f"the einops pattern `b c h -> b h c` does not fit `x`, (N, 8, 30, 30): {told}"


@pytest.mark.parametrize(
    ("kind", "message", "source", "code"),
    [
        ("AssertionError", "", "assert x.shape[1] % 8 == 0", "LC414"),
        ("ValueError", "expected 3 channels, got 28", 'raise ValueError(f"expected 3 channels, got {x.shape[1]}")', "LC414"),
        ("IndexError", "tuple index out of range", "n = x.shape[4]", "LC414"),
        ("ValueError", "the moon is full", 'raise ValueError("the moon is full")', "LC903"),
        ("KeyError", "'image'", 'x = batch["image"]', "LC903"),
        ("AssertionError", "", "assert self.ready", "LC903"),
    ],
)
def test_own_errors_about_shapes_and_others(kind: str, message: str, source: str, code: str) -> None:
    build = TraceBuilder()
    x = build.input((N, 28, 28))
    build.stop(kind, message, source, 12, x=x)
    assert only(build).code == code


def test_a_batch_size_in_a_factory_is_a_warning_there() -> None:
    build = TraceBuilder()
    x = build.input((N, 16))
    state = build.call("zeros", out=(64, 16), line=11, size=(64, 16))
    build.call("add", x, state, out=(N, 16), line=12)
    failed = build.calls[-1]
    object.__setattr__(failed, "error", CallError("RuntimeError", CLASH))
    explained = BatchFailure(12, (64,), failed)
    object.__setattr__(build.calls[-1], "error", None)
    trace = build.trace()
    from dataclasses import replace

    failing = replace(failed, error=CallError("RuntimeError", CLASH))
    (found,) = diagnose(replace(trace, batch_failures=(replace(explained, call=failing),)))
    assert (found.code, found.severity, found.span) == ("LC407", Severity.WARNING, span(11))


def test_a_batch_that_fits_by_chance_is_an_ordinary_clash() -> None:
    """(N, 6) against (N,) runs with a batch of 6: the missing axis is the mistake, not the batch."""
    build = TraceBuilder()
    a = build.input((N, 6))
    mean = build.call("mean", a, out=(N,), line=11, dim=1)
    build.call("sub", a, mean, out=(N, 6), line=12)
    from dataclasses import replace

    failed = replace(build.calls[-1], error=CallError("RuntimeError", CLASH))
    (found,) = diagnose(build.trace(batch_failures=(BatchFailure(12, (6,), failed),)))
    assert (found.code, found.severity) == ("LC404", Severity.ERROR)


def test_an_addition_after_a_layer_with_too_few_channels_is_a_consequence() -> None:
    build = TraceBuilder()
    build.layer("stem", "Conv2d", 9, in_channels=3, out_channels=32, kernel_size=(3, 3), padding=(1, 1))
    build.layer("conv", "Conv2d", 10, in_channels=64, out_channels=64, kernel_size=(3, 3), padding=(1, 1))
    x = build.use("stem", build.input((N, 3, 32, 32)), out=(N, 32, 32, 32), line=14)
    y = build.use("conv", x, out=(N, 64, 32, 32), line=15, error="expected input to have 64 channels")
    build.call("add", x, y, out=(N, 64, 32, 32), line=15, error=CLASH)
    assert only(build).code == "LC201"


@pytest.mark.parametrize(("traced", "count"), [("meta", 1), ("real", 0)])
def test_an_axis_that_passes_without_data_is_checked_from_the_arguments(traced: str, count: int) -> None:
    build = TraceBuilder()
    build.call("softmax", build.input((N, 6)), out=(N, 6), line=12, dim=2)
    found = diagnose(build.trace(traced=traced))
    assert [diagnostic.code for diagnostic in found] == ["LC413"] * count


@pytest.mark.parametrize(("rows", "count"), [(128, 1), (200, 0)])
def test_positions_beyond_a_table_are_seen_without_data(rows: int, count: int) -> None:
    build = TraceBuilder()
    build.layer("pos", "Embedding", 9, num_embeddings=rows, embedding_dim=16)
    positions = build.call("arange", out=(200,), line=11, dtype="int64", end=200)
    weight = build.tensor((rows, 16), role="parameter", name="pos.weight")
    build.use("pos", positions, out=(200, 16), line=12, weight=weight)
    assert [diagnostic.code for diagnostic in diagnose(build.trace(traced="meta"))] == ["LC303"] * count


@pytest.mark.parametrize(("role", "count"), [("input", 0), ("own", 1)])
def test_values_that_the_check_made_up_are_no_mistake_of_the_model(role: str, count: int) -> None:
    """An index of an input is what was put in; one that the model counts itself is its own."""
    build = TraceBuilder()
    build.layer("pos", "Embedding", 9, num_embeddings=10, embedding_dim=4)
    index = build.input((N, 20), dtype="int64") if role == "input" else build.call("arange", out=(20,), line=11, dtype="int64", end=20)
    build.use("pos", index, out=(N, 20, 4), line=12, error="index out of range in self")
    assert len(diagnose(build.trace())) == count
