"""Edits applied to text: what lies outside them stays as it is, and edits of edits come out as one set."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from linearcheck.findings import Edit
from linearcheck.fix.text import OverlappingEdits, apply_edits, compose_edits, line_end_of, line_starts, offset_of, overlap, position_of

PATH = "model.py"

texts = st.text(st.sampled_from("ab c\tµé漢\n\r\x0c\u2028"), max_size=60).map(lambda body: body.replace("\r", "\r\n")) | st.text(
    st.sampled_from("ab\n\ufeff"), max_size=30
).map(lambda body: "\ufeff" + body.replace("\ufeff", ""))


new_texts = st.text(st.sampled_from("xyz\n"), max_size=5)


@st.composite
def edited(draw: st.DrawFn, text: str, new: st.SearchStrategy[str] = new_texts) -> list[Edit]:
    """Up to three edits of a text that do not touch one another, never between the two characters of a line end."""
    first = 1 if text.startswith("\ufeff") else 0
    cuts = [i for i in range(first, len(text) + 1) if text[i - 1 : i + 1] != "\r\n"]
    chosen = sorted(draw(st.lists(st.sampled_from(cuts), max_size=6, unique=True))) if cuts else []
    pairs = list(zip(chosen[::2], chosen[1::2], strict=False))
    return [Edit(PATH, position_of(text, a), position_of(text, b), draw(new)) for a, b in pairs]


@given(texts, st.data())
def test_positions_and_offsets_are_inverse(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(line_starts(text)[0], len(text)))
    assert offset_of(text, position_of(text, offset)) == offset


@given(texts, st.data())
def test_everything_outside_edits_is_unchanged(text: str, data: st.DataObject) -> None:
    edits = data.draw(edited(text, st.just("")))
    kept = list(text)
    for edit in edits:
        for i in range(offset_of(text, edit.start), offset_of(text, edit.end)):
            kept[i] = ""
    assert apply_edits(text, edits) == "".join(kept)


@given(texts, st.data())
def test_edits_of_edits_are_edits_of_the_original(text: str, data: st.DataObject) -> None:
    first = data.draw(edited(text))
    middle = apply_edits(text, first)
    assume(line_end_of(middle) == line_end_of(text))  # new lines end as the first one of the text they go into
    second = data.draw(edited(middle))
    composed = compose_edits({PATH: text}, first, second)
    assert apply_edits(text, composed) == apply_edits(middle, second)


def test_new_lines_end_as_the_others_do() -> None:
    assert apply_edits("a\r\nb\r\n", [Edit(PATH, (2, 1), (2, 1), "x\n")]) == "a\r\nx\r\nb\r\n"


def test_form_feed_and_line_separator_end_no_line() -> None:
    text = "a\x0cb\u2028c\nd"
    assert position_of(text, text.index("d")) == (2, 1)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (Edit(PATH, (1, 1), (1, 3), "x"), Edit(PATH, (1, 2), (1, 4), "y"), True),
        (Edit(PATH, (1, 1), (1, 3), "x"), Edit(PATH, (1, 3), (1, 4), "y"), False),
        (Edit(PATH, (1, 1), (1, 1), "x"), Edit(PATH, (1, 1), (1, 1), "y"), True),
        (Edit(PATH, (1, 1), (1, 3), "x"), Edit(PATH, (1, 1), (1, 3), "x"), False),
        (Edit(PATH, (1, 1), (1, 3), "x"), Edit("other.py", (1, 1), (1, 3), "y"), False),
    ],
)
def test_overlap(one: Edit, other: Edit, clash: bool) -> None:
    assert overlap([one], [other]) is clash
    if clash:
        with pytest.raises(OverlappingEdits):
            apply_edits("abcdef", [one, other])


@pytest.mark.parametrize("position", [(0, 1), (1, 0), (3, 1), (1, 9)])
def test_positions_outside_the_text_are_refused(position: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="line"):
        offset_of("ab\ncd", position)
