"""Thousands of mutated model files: `python -m tests.sweeps.fuzzing` for as many as wanted, here as many as some minutes allow."""

from __future__ import annotations

import contextlib
import random
import warnings

import pytest

from linearcheck.worker.forking import can_fork
from tests.sweeps.fuzzing import fuzz
from tests.sweeps.mutated_files import mutated, source_files


@pytest.mark.sweep
@pytest.mark.skipif(not can_fork(), reason="there is no safe fork here")
def test_no_file_ends_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    tally = list(fuzz(seed=2026, n_files=1500))[-1]
    with capsys.disabled():
        print(f"\n{tally}")
    assert [failure.what for failure in tally.failures] == []
    assert tally.statuses["ok"] and tally.statuses["findings"]


def test_a_seed_makes_the_same_files() -> None:
    text = source_files()[0].read_text()
    assert mutated(text, text, random.Random(3)) == mutated(text, text, random.Random(3))


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
