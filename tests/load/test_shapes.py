"""`--input-shape`: the grammar of one text, and the plan of all of them."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.job import CheckOptions
from linearcheck.load.records import InputPlan, LoadError
from linearcheck.load.shapes import InputShapeError, parse_input_shape, plan_inputs, read_first_axis_as_batch


def one(x): ...
def two(x, y): ...
def optional(x, h=None, *, mask=None): ...
def keyword_only(x, *, mask): ...
def variadic(*inputs, **options): ...


def plan(function, *texts: str, **options) -> InputPlan:
    return plan_inputs(texts, inspect.signature(function), CheckOptions(**options))


def axes(function, *texts: str, **options) -> dict[str, tuple]:
    return {spec.name: spec.axes for spec in plan(function, *texts, **options).inputs}


@pytest.mark.parametrize(
    ("text", "name", "sizes", "dtype", "fill"),
    [
        ("1,28,28", None, (1, 28, 28), None, None),
        (" (1, 28, 28) ", None, (1, 28, 28), None, None),
        ("(8,)", None, (8,), None, None),
        ("N,1,28,28", None, ("N", 1, 28, 28), None, None),
        ("8*N,T*N", None, ("8*N", "N*T"), None, None),
        ("N*8", None, ("8*N",), None, None),
        ("ids=N,128:int64", "ids", ("N", 128), "int64", None),
        ("lengths=N:long=16", "lengths", ("N",), "int64", 16.0),
        ("h.0=2,N,64", "h.0", (2, "N", 64), None, None),
        ("batch.image=3,8,8:torch.float16", "batch.image", (3, 8, 8), "float16", None),
        ("3,4=0.5", None, (3, 4), None, 0.5),
        ("mask=N,T:bool=true", "mask", ("N", "T"), "bool", 1.0),
        ("t=", "t", (), None, None),
        ("t=:int64=3", "t", (), "int64", 3.0),
        ("", None, (), None, None),
    ],
)
def test_what_one_text_says(text, name, sizes, dtype, fill) -> None:
    shape = parse_input_shape(text)
    assert (shape.name, shape.axes, shape.dtype, shape.fill) == (name, sizes, dtype, fill)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1x28x28", "write `1,28,28`"),
        ("-1,3", "negative"),
        ("0,3", "size 0"),
        ("1,,2", "empty size"),
        ("1,2,", "empty size"),
        ("1.5", "whole number"),
        ("3;4", "not a size"),
        ("N+", "not a size"),
        ("3:flaot32", "`float32`"),
        ("3:", "no dtype"),
        ("3=red", "not a number"),
        ("x=3=4=5", "one `=` too many"),
        ("9" * 5000, "too large"),
        (",".join("1" * 40), "40 axes"),
    ],
)
def test_mistakes_in_one_text(text: str, words: str) -> None:
    with pytest.raises(InputShapeError, match=words):
        parse_input_shape(text)


@given(st.text(max_size=20))
def test_any_text_is_a_shape_or_a_mistake_in_words(text: str) -> None:
    try:
        shape = parse_input_shape(text)
    except InputShapeError:
        return
    assert all(isinstance(axis, str) or axis > 0 for axis in shape.axes)


SIZES = st.lists(st.one_of(st.integers(1, 999), st.sampled_from(["N", "T", "8*N", "N*T", "2*H*W"])), max_size=5)


@given(SIZES, st.sampled_from([None, "x", "h.0"]), st.sampled_from([None, "int64"]), st.sampled_from([None, 0.5, 16.0]))
def test_printed_and_parsed_again(sizes, name, dtype, fill) -> None:
    parts = ["" if name is None else f"{name}=", f"({','.join(map(str, sizes))})", "" if dtype is None else f":{dtype}"]
    text = "".join([*parts, "" if fill is None else f"={fill:g}"])
    shape = parse_input_shape(text)
    again = parse_input_shape(str(shape))
    assert (again.name, again.axes, again.dtype, again.fill) == (name, tuple(sizes), dtype, fill)


def test_a_shape_without_letters_is_one_sample() -> None:
    got = plan(one, "1,28,28")
    assert got.inputs[0].axes == ("N", 1, 28, 28)
    assert got.readings == ("x: `1,28,28` read as one sample, so (N, 1, 28, 28)",)
    assert got.has_batch


def test_one_letter_anywhere_means_all_as_written() -> None:
    assert axes(two, "3,8", "N,4") == {"x": (3, 8), "y": ("N", 4)}


def test_without_a_batch_letter_no_input_has_a_batch() -> None:
    got = plan(one, "V,16")
    assert got.inputs[0].axes == ("V", 16)
    assert not got.has_batch


@pytest.mark.parametrize("letter", ["B", "batch"])
def test_other_names_of_the_batch(letter: str) -> None:
    assert axes(one, f"{letter},{letter}*T,4", sizes={letter: 64}) == {"x": ("N", "N*T", 4)}
    assert plan(one, f"{letter},4", sizes={letter: 64}).letters == {"N": 64}


def test_n_is_the_batch_even_beside_b() -> None:
    assert axes(one, "B,N,4") == {"x": ("B", "N", 4)}


def test_no_batch_takes_numbers_as_written() -> None:
    got = plan(two, "34,34", "34,34:bool", batch=False)
    assert [spec.axes for spec in got.inputs] == [(34, 34), (34, 34)]
    assert [spec.dtype for spec in got.inputs] == [None, "bool"]
    assert not got.has_batch


def test_shapes_go_to_the_arguments_in_order() -> None:
    assert list(axes(two, "y=3", "4")) == ["x", "y"]
    assert list(axes(optional, "3", "2,3")) == ["x", "h"]
    assert list(axes(keyword_only, "3", "4")) == ["x", "mask"]
    assert list(axes(variadic, "3", "4", "scale=5")) == ["inputs.0", "inputs.1", "scale"]
    assert list(axes(two, "y.1=3", "x=4", "y.0=2")) == ["x", "y.0", "y.1"]


def test_a_literal_takes_the_place_of_a_shape() -> None:
    got = plan(two, "3", arguments={"x": "None"})
    assert [spec.name for spec in got.inputs] == ["y"]
    assert got.literals == {"x": None}


@pytest.mark.parametrize(
    ("function", "texts", "words"),
    [
        (one, ("3", "4"), r"takes 1 argument \(x\), but 2 shapes"),
        (one, ("y=3",), "no argument `y`"),
        (one, ("N=16",), "--size N=16"),
        (one, ("x=3", "x=4"), "two shapes"),
        (one, ("x.1=3",), r"`x\.0` has no shape"),
        (one, ("x.0=3", "x.a=3"), "either a tuple or a dict"),
        (one, ("x=3", "x.0=3"), "a shape of its own"),
    ],
)
def test_shapes_that_do_not_go_together(function, texts, words) -> None:
    with pytest.raises(InputShapeError, match=words):
        plan(function, *texts)


def test_an_unknown_literal_is_told_with_the_nearest_argument() -> None:
    with pytest.raises(InputShapeError, match="nearest is `mask`"):
        plan(keyword_only, "3", arguments={"mak": "1"})


def test_a_required_argument_without_a_shape_is_asked_for() -> None:
    with pytest.raises(LoadError) as caught:
        plan(two, "3")
    assert caught.value.code == "LC902"
    assert "--input-shape y=" in caught.value.advice


def test_an_extra_axis_that_can_only_be_the_batch() -> None:
    got = read_first_axis_as_batch(plan(one, "64,1,28,28"), "x")
    assert got.inputs[0].axes == ("N", 1, 28, 28)
    assert got.letters == {"N": 64}
    assert got.readings == ("x: `64,1,28,28` read as a batch of 64, so (N, 1, 28, 28)",)
