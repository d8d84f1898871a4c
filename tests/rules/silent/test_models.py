"""Every model of `models/`: what is wrong is found with its code on its line, and what is right is clean."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from linearcheck.findings import Diagnostic, Severity
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model

from .corpus import MODELS, Model, models

ALL = tuple(models())


def diagnostics(model: Model, folder: Path) -> tuple[Diagnostic, ...]:
    path = folder / "model.py"
    path.write_text(model.source)
    options = CheckOptions(input_shapes=model.inputs, batch=model.has_batch, try_fixes=False)
    torch.manual_seed(0)
    report = check_model(CheckJob(Target(str(path), model.name), options, working_directory=str(folder)))
    return report.diagnostics


@pytest.mark.parametrize("model", [model for model in ALL if model.expected], ids=lambda model: model.id)
def test_a_wrong_model_is_found_on_its_line(model: Model, tmp_path: Path) -> None:
    assert {(found.code, found.span.line) for found in diagnostics(model, tmp_path) if found.span is not None} == model.expected


@pytest.mark.parametrize("model", [model for model in ALL if not model.expected], ids=lambda model: model.id)
def test_a_right_model_is_clean(model: Model, tmp_path: Path) -> None:
    assert [(found.code, found.span and found.span.line, found.message) for found in diagnostics(model, tmp_path)] == []


@pytest.mark.parametrize("path", sorted(MODELS.glob("lc*.py")), ids=lambda path: path.stem)
def test_each_code_has_wrong_models_and_right_ones_that_look_like_them(path: Path) -> None:
    own = [model for model in ALL if model.path == path]
    assert sum(bool(model.expected) for model in own) >= 4
    assert sum(not model.expected for model in own) >= 8


def test_findings_say_what_happens_and_stand_alone(tmp_path: Path) -> None:
    for model in ALL[:: max(1, len(ALL) // 12)]:
        for found in diagnostics(model, tmp_path):
            assert found.message
            assert not found.message.endswith(".")
            assert found.explanation.endswith(".")
            assert found.severity in (Severity.ERROR, Severity.WARNING)
