"""`[tool.linearcheck]`: which file counts, what it says, and what is wrong with it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linearcheck.cli.options import CheckArguments
from linearcheck.config import Config, ConfigError, find_config, read_config
from linearcheck.job import CheckOptions

TEXT = """
[project]
name = "x"

[tool.linearcheck]
select = ["LC1", "LC2"]
ignore = "LC105"
timeout = 5
exclude = ["old/*"]
per-file-ignores = {"tests/*" = ["LC4"]}

[[tool.linearcheck.models]]
target = "src/net.py"
input-shape = "3,32,32"

[[tool.linearcheck.models]]
target = "src/net.py:Net"
input-shape = ["1,28,28", "N,4:int64"]
init = {num_classes = 10, mode = "64", deep = [1, 2]}
no-batch = true
"""


def written(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_what_it_says(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, TEXT))
    assert (config.select, config.ignore, config.exclude) == (("LC1", "LC2"), ("LC105",), ("old/*",))
    assert config.per_file_ignores == {"tests/*": ("LC4",)}
    net = config.options_for(tmp_path / "src" / "net.py", "Net")
    assert net.input_shapes == ("1,28,28", "N,4:int64")
    assert net.init == {"num_classes": "10", "mode": "'64'", "deep": "[1, 2]"}
    assert not net.batch
    assert net.timeout_seconds == 5.0


def test_table_of_a_file_holds_for_its_other_models(tmp_path: Path) -> None:
    options = read_config(written(tmp_path, TEXT)).options_for(tmp_path / "src" / "net.py", "Other")
    assert (options.input_shapes, options.batch, options.init) == (("3,32,32",), True, {})


def test_other_files_have_only_what_is_global(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, TEXT)).options_for(tmp_path / "b.py", "Net") == CheckOptions(timeout_seconds=5.0)


def test_nearest_file_counts(tmp_path: Path) -> None:
    written(tmp_path, "[tool.linearcheck]\ntimeout = 1")
    written(tmp_path / "a", "[project]\nname = 'no table of ours'")
    written(tmp_path / "a" / "b", "timeout = 2", "linearcheck.toml")
    assert find_config(tmp_path / "a").options == {"timeout_seconds": 1.0}
    assert find_config(tmp_path / "a" / "b").options == {"timeout_seconds": 2.0}


def test_own_file_goes_before_the_common_one(tmp_path: Path) -> None:
    written(tmp_path, "[tool.linearcheck]\ntimeout = 1")
    written(tmp_path, "timeout = 2", "linearcheck.toml")
    assert find_config(tmp_path).options == {"timeout_seconds": 2.0}


def test_foreign_file_that_is_broken_is_not_ours_to_complain_about(tmp_path: Path) -> None:
    written(tmp_path, "[project\n")
    assert find_config(tmp_path).options == {}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = '[[models]]\ntarget = "net.py"\nweights = "a/net.pt"\ninputs = "shapes.py:make"'
    options = read_config(written(tmp_path, text, "linearcheck.toml")).options_for(tmp_path / "net.py", None)
    assert options.weights == str(tmp_path / "a" / "net.pt")
    assert options.inputs_from == str(tmp_path / "shapes.py") + ":make"


ERRORS: dict[str, tuple[str, int | None, str]] = {
    "unknown key": ("[tool.linearcheck]\nselect = []\ntime-out = 3", 3, "the nearest is `timeout`"),
    "unknown key of a model": ('[[tool.linearcheck.models]]\ntarget = "a.py"\ninput_shape = "3"', 3, "the nearest is `input-shape`"),
    "wrong type": ("[tool.linearcheck]\ntimeout = 'long'", 2, "a number of seconds above 0, not 'long'"),
    "flag as text": ("[tool.linearcheck]\ntrain = 'yes'", 2, "true or false"),
    "wrong type of the second model": (
        '[[tool.linearcheck.models]]\ntarget = "a.py"\ninit = {a = 1}\n[[tool.linearcheck.models]]\ntarget = "b.py"\ninit = 3',
        6,
        "`init` of `b.py`",
    ),
    "unknown rule": ('[tool.linearcheck]\nselect = ["LC1", "LC999"]', 2, "no rule's code starts with `LC999`"),
    "unknown rule of some files": ('[tool.linearcheck]\nper-file-ignores = {"a.py" = ["X1"]}', 2, "no rule's code starts with `X1`"),
    "malformed shape": ('[[tool.linearcheck.models]]\ntarget = "a.py"\ninput-shape = ["3,,3"]', 3, "empty size"),
    "no target": ('[[tool.linearcheck.models]]\ninput-shape = "3"', 1, "needs a `target`"),
    "models as a table": ("[tool.linearcheck.models]\na = 1", 1, "has to be a list of tables"),
    "no TOML": ("[tool.linearcheck]\nselect = [", None, "not valid TOML"),
    "our table is a number": ("[tool]\nlinearcheck = 3", None, "not a table"),
    "date as a value": ('[[tool.linearcheck.models]]\ntarget = "a.py"\ninit = {a = 2020-01-01}', 3, "plain values"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_file_and_line(tmp_path: Path, name: str) -> None:
    text, line, words = ERRORS[name]
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        find_config(tmp_path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    if line is not None:
        assert f"{path}:{line}:" in str(caught.value)


@pytest.mark.parametrize("key", ["timeout", "jobs", "select", "models", "strict", "per-file-ignores", "exclude", "size"])
@pytest.mark.parametrize("value", ["-1", "[[1]]", "{a = {b = 1}}", "nan", "1979-05-27", "''"])
def test_any_value_is_taken_or_refused_in_words(tmp_path: Path, key: str, value: str) -> None:
    path = written(tmp_path, f"[tool.linearcheck]\n{key} = {value}")
    message = f"{path}:2:"
    with contextlib.suppress(ConfigError):
        read_config(path)
        return
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_config(path)


def test_command_line_wins(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, TEXT))
    arguments = CheckArguments(input_shapes=("5,5",), init={"num_classes": "3"}, select=("LC4",), ignore=("LC401",), timeout_seconds=9.0)
    options = arguments.options_for(config, tmp_path / "src" / "net.py", "Net")
    assert options.input_shapes == ("5,5",)
    assert options.init == {"num_classes": "3", "mode": "'64'", "deep": "[1, 2]"}
    assert (options.select, options.ignore) == (("LC4",), ("LC105", "LC401"))
    assert options.timeout_seconds == 9.0
    assert not options.batch


def test_extending_everything_selects_everything() -> None:
    arguments = CheckArguments(extend_select=("LC4",))
    assert arguments.options_for(Config(), Path("a.py"), None).select == ()
    assert CheckArguments(select=("LC1",), extend_select=("LC4",)).options_for(Config(), Path("a.py"), None).select == ("LC1", "LC4")


def test_configured_model_needs_no_options(linearcheck: Callable[..., Any], project: Path) -> None:
    written(project, '[[tool.linearcheck.models]]\ntarget = "broken.py"\ninput-shape = "1,28,28"')
    for arguments in (["broken.py"], []):
        result = linearcheck(*arguments, "--output-format", "json")
        assert result.code == 1
        assert result.json["models"][0]["inputs"][0]["shape"] == ["N", 1, 28, 28]


def test_configuration_error_is_exit_code_2(linearcheck: Callable[..., Any], project: Path) -> None:
    written(project, "[tool.linearcheck]\ninput-shap = '3'")
    result = linearcheck("good.py", "--output-format", "json")
    assert result.code == 2
    assert result.json["errors"][0]["kind"] == "configuration"
    assert "pyproject.toml:2: there is no key `input-shap`" in result.stderr


ENTRIES = """[tool.linearcheck]
[[tool.linearcheck.models]]
target = "good.py:Net"
input-shape = "4"

[[tool.linearcheck.models]]
target = "good.py:Nett"
input-shape = "5"

[[tool.linearcheck.models]]
target = "gone.py:Net"
"""


@pytest.mark.parametrize(("targets", "code"), [(["good.py"], 2), (["good.py:Net"], 2), (["."], 1), ([], 2)])
def test_a_model_that_the_configuration_names_and_nobody_defines_is_an_error_with_its_line(
    linearcheck: Callable[..., Any], project: Path, targets: list[str], code: int
) -> None:
    written(project, ENTRIES)
    result = linearcheck(*targets, "--output-format", "json")
    assert result.code == code
    assert {error["kind"] for error in result.json["errors"]} == {"configuration"}
    assert "pyproject.toml:7: `good.py` defines no `Nett`; the nearest is `Net`" in result.stderr
    about_the_folder = targets in ([], ["."])
    assert ("pyproject.toml:11: there is no file `gone.py`" in result.stderr) == about_the_folder
    assert "Net" in {model["name"] for model in result.json["models"] if model["status"] == "ok"}


def test_only_files_that_are_checked_are_looked_into(linearcheck: Callable[..., Any], project: Path) -> None:
    written(project, '[[tool.linearcheck.models]]\ntarget = "good.py:Nett"')
    (project / "other.py").write_text((project / "good.py").read_text())
    assert linearcheck("other.py").code == 0


def test_a_configured_model_in_a_file_that_is_no_python_is_told_once(linearcheck: Callable[..., Any], project: Path) -> None:
    written(project, '[[tool.linearcheck.models]]\ntarget = "good.py:Net"')
    (project / "good.py").write_text("class Net(")
    result = linearcheck("good.py", "--output-format", "json")
    assert result.code == 2
    assert result.json["errors"] == []
