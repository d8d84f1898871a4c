"""Mutated model files: `python -m tests.sweeps.fuzzing` for as many thousands as wanted, here as many as a minute and a half allows."""

from __future__ import annotations

import ast
import contextlib
import itertools
import random
import warnings

import pytest

from linearcheck.worker.forking import can_fork
from tests.sweeps.fuzzed_projects import projects_of
from tests.sweeps.fuzzing import fuzz
from tests.sweeps.mistakes import MISTAKES, mistaken
from tests.sweeps.mutated_files import mutated, source_files


@pytest.mark.sweep
@pytest.mark.skipif(not can_fork(), reason="there is no safe fork here")
def test_no_file_ends_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    tally = None
    for tally in fuzz(seed=2026, n_files=1000, seconds=90):
        assert [failure.what for failure in tally.failures] == []
    assert tally is not None
    with capsys.disabled():
        print(f"\n{tally}")
    assert tally.traced > tally.files / 2
    assert tally.statuses["ok"] and tally.statuses["findings"]


def test_a_number_and_a_seed_make_the_same_project() -> None:
    made = list(itertools.islice(projects_of(seed=3), 5))
    assert next(projects_of(seed=3, first=4)) == made[4]
    assert len({project.files[project.target] for _, project in made}) == 5


def test_a_mistake_leaves_a_file_python_and_changes_it() -> None:
    chance, changed = random.Random(1), set[str]()
    texts = [path.read_text() for path in source_files() if path.suffix == ".py"]
    for _ in range(100):
        text = chance.choice(texts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = mistaken(text, chance)
            ast.parse(other)
        assert other != text
        changed.add(other)
    assert len(changed) > 95
    assert len(MISTAKES) > 15


def test_most_mutants_differ_from_their_file_and_many_are_python() -> None:
    chance, differ, valid = random.Random(0), 0, 0
    texts = [path.read_text() for path in source_files()]
    for _ in range(200):
        text = chance.choice(texts)
        data = mutated(text, chance.choice(texts), chance)
        differ += data != text.encode()
        with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError):
            warnings.simplefilter("ignore")
            compile(data, "model.py", "exec", dont_inherit=True)
            valid += 1
    assert differ > 180
    assert valid > 80
