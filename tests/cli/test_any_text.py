"""Any text as target, option or configuration ends in a message and an exit code, never in a traceback."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from linearcheck.cli import early, main
from linearcheck.config import ConfigError, read_config

texts = st.text(max_size=30) | st.text("abN:=,()*[]{}.-/\\ \"'0123456789\n\x00\x1b", max_size=20)
OPTIONS = """-s --size --inputs --init --arg --set --weights --import --output-format --output-file --select --ignore --extend-select
--jobs --timeout --config"""
options = st.sampled_from(OPTIONS.split())


@pytest.fixture(autouse=True)
def no_worker(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is checked here: what is read of the command line ends before a worker is needed."""
    monkeypatch.setattr(early, "start_worker_early", lambda words: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))


def ends_in_words(arguments: list[str]) -> None:
    places = [part for word in arguments for part in (word.partition("\0")[0], word.partition("\0")[0].partition(":")[0])]
    assume(not any(os.path.isdir(os.path.expanduser(place)) for place in places))  # not all the files of the machine
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run(arguments)
    assert code in (0, 2), err.getvalue()
    assert "internal error" not in err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert "\x1b" not in err.getvalue() + out.getvalue()
    assert code == 0 or err.getvalue() or out.getvalue()


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(texts)
@example("~0")
def test_targets(text: str) -> None:
    ends_in_words(["check", text])


@quick
@given(options, texts)
def test_options(option: str, text: str) -> None:
    ends_in_words(["nowhere.py", option, text])


@quick
@given(st.lists(texts, max_size=4))
def test_command_lines(words: list[str]) -> None:
    ends_in_words(["nowhere.py", *words])


@quick
@given(st.binary(max_size=60) | texts.map(str.encode))
def test_files(data: bytes) -> None:
    Path("any.py").write_bytes(data)
    ends_in_words(["any.py:Net"]) if b"Net" not in data else None


keys = st.sampled_from(["select", "timeout", "models", "size", "exclude", "per-file-ignores", "jobs", "train", "import", "no-batch", "odd"])
values = st.recursive(
    st.sampled_from(["1", "-1", "true", "'a'", "[]", "nan", "inf", "1979-05-27", "07:32:00", "'LC1'", "''"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]") | inner.map(lambda item: f"{{a = {item}}}"),
    max_leaves=4,
)


@quick
@given(st.dictionaries(keys, values, max_size=3))
def test_configurations(table: dict[str, str]) -> None:
    path = Path("linearcheck.toml")
    path.write_text("".join(f"{key} = {value}\n" for key, value in table.items()))
    try:
        with contextlib.suppress(ConfigError):
            read_config(path)
    finally:
        path.unlink()
