"""Which files of a directory are looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from linearcheck.cli.walking import matches, source_files


def made(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")


def found(root: Path, folder: str = ".", exclude: tuple[str, ...] = ()) -> list[str]:
    return [path.relative_to(root).as_posix() for path in source_files((root / folder).resolve(), exclude, root.resolve())]


def test_python_and_notebooks_in_order(tmp_path: Path) -> None:
    made(tmp_path, "b.py", "a/z.py", "c.ipynb", "d.txt", "e.pyc", "a/b.py")
    assert found(tmp_path) == ["a/b.py", "a/z.py", "b.py", "c.ipynb"]


def test_environments_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    made(tmp_path, "env/pyvenv.cfg", "env/a.py", ".tox/a.py", "__pycache__/a.py", "node_modules/a.py", "site-packages/a.py", "a.py")
    assert found(tmp_path) == ["a.py"]


def test_ignore_files_above_and_below(tmp_path: Path) -> None:
    made(tmp_path, ".git/info/exclude", "a/b/c.py", "a/b/d.py", "a/e.py", "a/f.py")
    (tmp_path / ".gitignore").write_text("d.py\n/a/e.py\n")
    (tmp_path / "a" / ".gitignore").write_text("f.py\n")
    assert found(tmp_path) == ["a/b/c.py"]
    assert found(tmp_path, "a/b") == ["a/b/c.py"]


def test_nearer_ignore_file_takes_back_in(tmp_path: Path) -> None:
    made(tmp_path, ".git/HEAD", "a/kept.py", "gone.py")
    (tmp_path / ".gitignore").write_text("*.py\n")
    (tmp_path / "a" / ".gitignore").write_text("!kept.py\n")
    assert found(tmp_path) == ["a/kept.py"]


def test_ignore_files_above_the_repository_do_not_count(tmp_path: Path) -> None:
    made(tmp_path, "repo/.git/HEAD", "repo/a.py")
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert found(tmp_path, "repo") == ["repo/a.py"]


def test_exclude_is_relative_to_the_configuration(tmp_path: Path) -> None:
    made(tmp_path, "a/old/x.py", "a/new/x.py", "old/x.py")
    assert found(tmp_path, "a", exclude=("a/old/",)) == ["a/new/x.py"]


def test_circles_are_not_followed(tmp_path: Path) -> None:
    made(tmp_path, "a/x.py")
    if not hasattr(os, "symlink"):
        pytest.skip("no links here")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    assert found(tmp_path) == ["a/x.py"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="whoever is root may read everything")
def test_folders_that_may_not_be_read_are_passed_over(tmp_path: Path) -> None:
    made(tmp_path, "a/x.py", "b.py")
    (tmp_path / "a").chmod(0)
    try:
        assert found(tmp_path) == ["b.py"]
    finally:
        (tmp_path / "a").chmod(0o755)


@pytest.mark.parametrize(("path", "expected"), [("tests/a.py", True), ("tests/b/a.py", True), ("src/a.py", False)])
def test_patterns_name_paths_below_the_configuration(tmp_path: Path, path: str, expected: bool) -> None:
    assert matches(tmp_path / path, ["tests/"], tmp_path) is expected


def test_nothing_outside_of_the_configuration_is_named(tmp_path: Path) -> None:
    assert not matches(tmp_path / "a.py", ["*"], tmp_path / "b")
