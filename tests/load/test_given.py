"""`--inputs FILE:FUNCTION`."""

import inspect

import pytest

from linearcheck.job import CheckOptions
from linearcheck.load.building import load_model
from linearcheck.load.given import inputs_from_function
from linearcheck.load.records import InputPlan, LoadError

NET = "import torch.nn as nn\nclass Net(nn.Module):\n    def forward(self, x, mask=None): return x\n"


def plan(space, text: str, **options) -> InputPlan:
    loaded = load_model(space.job("model.py:Net"))
    return inputs_from_function(loaded, text, inspect.signature(loaded.build().forward), CheckOptions(**options))


@pytest.mark.parametrize(
    ("body", "positional", "named"),
    [
        ("return torch.zeros(n, 3)", [(6, 3)], {}),
        ("return torch.zeros(n, 3), torch.ones(n)", [(6, 3), (6,)], {}),
        ("return {'x': torch.zeros(n, 3), 'mask': torch.ones(n)}", [], {"x": (6, 3), "mask": (6,)}),
        ("return (torch.zeros(n, 3),), {'mask': torch.ones(n)}", [(6, 3)], {"mask": (6,)}),
    ],
)
def test_what_the_function_returns(workspace, body: str, positional: list, named: dict) -> None:
    space = workspace(NET).put("shapes.py", f"import torch\nimport no_such_package\ndef make(n):\n    {body}\n")
    made = plan(space, "shapes.py:make")
    assert made.has_batch
    assert made.make_arguments is not None
    args, kwargs = made.make_arguments(6)
    assert [tuple(a.shape) for a in args] == positional
    assert {name: tuple(value.shape) for name, value in kwargs.items()} == named


def test_a_nest_is_one_argument(workspace) -> None:
    space = workspace(NET).put("shapes.py", "import torch\ndef make(batch_size=4):\n    return {'image': torch.zeros(batch_size, 3)}\n")
    args, kwargs = plan(space, "shapes.py:make").make_arguments(6)  # type: ignore[misc]
    assert args[0]["image"].shape == (6, 3)
    assert kwargs == {}


def test_a_function_without_a_size_says_nothing_about_the_batch(workspace) -> None:
    space = workspace(NET + "import torch\ndef make():\n    return torch.zeros(5, 3)\n")
    made = plan(space, "model.py:make", arguments={"mask": "None"})
    assert not made.has_batch
    args, kwargs = made.make_arguments(None)  # type: ignore[misc]
    assert args[0].shape == (5, 3)
    assert kwargs == {"mask": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model.py", "does not name a function"),
        ("model.py:nothing", "defines no `nothing`"),
        ("model.py:SIZE", "is not a function"),
        ("model.py:two", "takes 2 arguments"),
        ("model.py:", "no name after the colon"),
    ],
)
def test_what_is_no_such_function(workspace, text: str, words: str) -> None:
    with pytest.raises(LoadError, match=words) as caught:
        plan(workspace(NET + "SIZE = 3\ndef two(a, b): ...\n"), text)
    assert caught.value.code == "LC902"


def test_a_function_that_raises(workspace) -> None:
    made = plan(workspace(NET + "def make(n):\n    return 1 / 0\n"), "model.py:make")
    with pytest.raises(LoadError, match=r"`model\.py:make` raises ZeroDivisionError"):
        made.make_arguments(4)  # type: ignore[misc]
