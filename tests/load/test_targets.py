"""Target syntax."""

import pytest

from linearcheck.job import Target
from linearcheck.load.targets import TargetError, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("model.py", Target("model.py")),
        ("model.py:Net", Target("model.py", "Net")),
        ("model.py:Net(width=64)", Target("model.py", "Net", {"width": "64"})),
        ("model.py:Net(1, 'a:b', kind='x:y')", Target("model.py", "Net", {"kind": "'x:y'"}, ("1", "'a:b'"))),
        ("a folder/model.py:build_model", Target("a folder/model.py", "build_model")),
        ("a:b/model.py:Net", Target("a:b/model.py", "Net")),
        ("we:ird.py", Target("we:ird.py")),
        (r"C:\nets\model.py", Target(r"C:\nets\model.py")),
        (r"C:\nets\model.py:Net(depth=2)", Target(r"C:\nets\model.py", "Net", {"depth": "2"})),
        ("C:/nets", Target("C:/nets")),
        ("notebook.ipynb:Net", Target("notebook.ipynb", "Net")),
        ("package.module:Net", Target("package.module", "Net", is_module=True)),
        ("dir/x:Net", Target("dir/x", "Net")),
        ("-", Target("-")),
    ],
)
def test_parts_of_a_target(text: str, target: Target) -> None:
    assert parse_target(text) == target


def test_a_folder_whose_name_is_an_identifier_is_no_module(tmp_path, monkeypatch) -> None:
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path)
    assert not parse_target("src").is_module
    assert parse_target("nowhere").is_module


@pytest.mark.parametrize(
    "text", ["", "  ", "model.py:", "model.py:2Net", "model.py:Net(", "model.py:Net.inner", "model.py:Net(*a)", "m.py:Net(**a)", "a\0b.py"]
)
def test_mistakes_are_told_in_words(text: str) -> None:
    with pytest.raises(TargetError, match=r"target|after the colon"):
        parse_target(text)
