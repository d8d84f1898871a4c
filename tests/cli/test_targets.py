"""What targets name: each model once, and parts that together are the whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linearcheck.cli.main import run
from linearcheck.cli.options import CheckArguments, UsageError, shard_of
from linearcheck.cli.targets import Configs, Named, named_models

Run = Callable[..., Any]

TWO = "from torch import nn\nclass A(nn.Linear):\n    pass\nclass B(nn.Linear):\n    pass\n"


def named(*targets: str, shard: tuple[int, int] | None = None) -> list[Named]:
    arguments = CheckArguments(targets=targets, shard=shard)
    return named_models(arguments, Configs(arguments))


def names(found: list[Named]) -> list[str]:
    return [f"{one.shown}:{job.target.name}{'!' * one.is_model}" for one in found for job in one.jobs]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "two.py").write_text(TWO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


REPEATED = {
    ("src/two.py", "src/two.py"): ["src/two.py:A", "src/two.py:B"],
    ("src/two.py", "./src/two.py:B"): ["src/two.py:A", "src/two.py:B!"],
    ("src/two.py:B", "src/two.py"): ["src/two.py:B!", "src/two.py:A"],
    ("src/two.py:B", "src/two.py:B"): ["src/two.py:B!"],
    ("src", "src/two.py:A", "src/two.py:B"): ["src/two.py:A!", "src/two.py:B!"],
    ("src", "src/two.py"): ["src/two.py:A", "src/two.py:B"],
    ("src/two.py:B(bias=True)", "src/two.py:B"): ["src/two.py:B!", "src/two.py:B!"],
}


@pytest.mark.parametrize("targets", REPEATED)
def test_each_model_is_checked_once(two: Path, targets: tuple[str, ...]) -> None:
    assert names(named(*targets)) == REPEATED[targets]


def test_file_that_is_named_besides_its_folder_has_to_be_checked(two: Path) -> None:
    assert [one.is_explicit for one in named("src")] == [False]
    assert [one.is_explicit for one in named("src", "src/two.py")] == [True]


def test_shards_together_are_the_whole(two: Path) -> None:
    for number in range(7):
        (two / "src" / f"net{number}.py").write_text(TWO)
    parts = [names(named("src", shard=(part, 3))) for part in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(names(named("src")))
    assert all(len(part) >= 4 for part in parts)


def test_more_shards_than_files_leave_some_empty(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["src", "--shard", "5/5"]) == 0
    assert "nothing was checked" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/", "-1/3", "1/0", "²/3"])
def test_bad_shard_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="I from 1 to K"):
        shard_of(text)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_told_and_not_waited_for(linearcheck: Run, project: Path) -> None:
    os.mkfifo(project / "pipe.py")
    result = linearcheck("pipe.py", "--output-format", "json")
    (model,) = result.json["models"]
    assert result.code == 2
    assert model["reason"] == "`pipe.py` is not a regular file"


def test_a_link_to_nothing_is_told(linearcheck: Run, project: Path) -> None:
    (project / "dead.py").symlink_to("nowhere.py")
    result = linearcheck("dead.py")
    assert (result.code, "`dead.py` is a link to `nowhere.py`, which is not there" in result.stdout + result.stderr) == (2, True)
