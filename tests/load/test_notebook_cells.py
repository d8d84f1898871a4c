"""Code of a notebook and back: what is put back unchanged is the file byte for byte, what is changed is what a reader of JSON sees."""

from __future__ import annotations

import ast
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.load.notebook_cells import CannotPutBack, NotANotebook, cells_in, code_of, put_back

LINES = st.lists(
    st.sampled_from(["x = 1", "", "    y = x", "%time x", "!ls", "a = !ls", "model?", "s = 'é\u2028'", "# %% b", "%%bash"]), max_size=6
)
CELLS = st.lists(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "code", "markdown"]), "metadata": st.just({"source": ["no"]})},
        optional={"outputs": st.just([{"text": ["}\n", "]"]}])},
    ).flatmap(lambda cell: LINES.map(lambda lines: {**cell, "source": "\n".join(lines)})),
    max_size=5,
)
LAYOUTS = st.fixed_dictionaries({"indent": st.sampled_from([None, 1, 4]), "ensure_ascii": st.booleans()})


def notebook(cells: list[dict[str, object]], as_lists: bool, layout: dict[str, object]) -> str:
    for cell in cells:
        if as_lists:
            cell["source"] = str(cell["source"]).splitlines(keepends=True) if "\u2028" not in str(cell["source"]) else [cell["source"]]
    return json.dumps({"cells": cells, "nbformat": 4}, **layout)  # type: ignore[arg-type]


@given(CELLS, st.booleans(), LAYOUTS)
def test_what_is_not_changed_stays_byte_for_byte(cells: list[dict[str, object]], as_lists: bool, layout: dict[str, object]) -> None:
    raw = notebook(cells, as_lists, layout)
    assert put_back(raw, code_of(raw)) == raw
    numbers = [number for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    assert [number for _, number in cells_in(code_of(raw))] == numbers


@given(CELLS, st.booleans(), LAYOUTS, st.randoms(use_true_random=False))
def test_a_line_more_is_a_line_more_in_its_cell_alone(
    cells: list[dict[str, object]], as_lists: bool, layout: dict[str, object], chance: random.Random
) -> None:
    raw = notebook(cells, as_lists, layout)
    code = code_of(raw)
    if not cells_in(code):
        return
    first, number = chance.choice(cells_in(code))
    lines = code.split("\n")
    lines.insert(first - 1, "import torch")
    before, after = json.loads(raw), json.loads(put_back(raw, "\n".join(lines)))
    text = "".join(before["cells"][number - 1]["source"])
    assert "".join(after["cells"][number - 1].pop("source")) == f"import torch\n{text}"
    before["cells"][number - 1].pop("source")
    assert after == before


@pytest.mark.parametrize(
    ("source", "changed"),
    [([], ["import torch\n"]), ([""], ["import torch\n"]), ("", "import torch\n"), (["a\n", "b"], ["import torch\n", "a\n", "b"])],
)
def test_the_source_of_a_cell_is_a_list_or_a_text_as_it_was(source: object, changed: object) -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": source}]})
    new = put_back(raw, code_of(raw).replace("# %% cell 1\n", "# %% cell 1\nimport torch\n"))
    assert json.loads(new)["cells"][0]["source"] == changed


def test_lines_that_begin_with_a_percent_sign_are_python_where_their_cell_is() -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": "text = ('a %s'\n  % 3)\ns = '''\n!x\n'''"}]})
    assert ast.parse(code_of(raw)).body[1].value.value == "\n!x\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "raw", ["", "[]", "{}", '{"cells": 3}', '{"cells": [3]}', '{"cells": [{"cell_type": "code"}]}', '{"cells": [', "[" * 9999]
)
def test_what_is_no_notebook(raw: str) -> None:
    with pytest.raises(NotANotebook):
        code_of(raw)


def test_the_code_of_another_notebook_is_not_put_back() -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]})
    with pytest.raises(CannotPutBack):
        put_back(raw, "# %% cell 1\nx = 2\n# %% cell 2\ny = 1\n")
