"""Writes the files of a small project, and loads a model from them as a check does."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linearcheck.job import CheckJob, CheckOptions
from linearcheck.load.building import load_model
from linearcheck.load.devices import absent_devices, rewriting_devices
from linearcheck.load.discover import discover_models
from linearcheck.load.inference import infer_inputs
from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.load.targets import parse_target


class Workspace:
    """A folder with a project in it. `model.py` is the target unless another is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, source: str = "", **files: str) -> Workspace:
        """`model.py` and further files, whose names have `__` for a folder's slash and no `.py`."""
        for name, text in {"model": source, **files}.items():
            if text or name == "model":
                path = self.folder / (name.replace("__SLASH__", "/") + ".py")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def put(self, name: str, text: str) -> Workspace:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def job(self, target: str = "model.py", overlay: dict[str, str] | None = None, **options: Any) -> CheckJob:
        return CheckJob(parse_target(target), CheckOptions(**options), overlay or {}, str(self.folder))

    def names(self, target: str = "model.py", **options: Any) -> list[str | None]:
        return [job.target.name for job in discover_models(self.job(target, **options))]

    def load(self, target: str = "model.py", **options: Any) -> LoadedModel:
        return load_model(self.job(target, **options))

    def build(self, target: str = "model.py", **options: Any) -> Any:
        with absent_devices(), rewriting_devices():
            return self.load(target, **options).build()

    def inputs(self, target: str = "model.py", **options: Any) -> InputPlan:
        job = self.job(target, **options)
        with absent_devices():
            loaded = load_model(job)
            module = loaded.build().eval()
            return infer_inputs(loaded, module, inspect.signature(module.forward), job.options)

    def shapes(self, target: str = "model.py", **options: Any) -> dict[str, tuple[Any, ...]]:
        return {spec.name: spec.axes for spec in self.inputs(target, **options).inputs}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Workspace]:
    monkeypatch.chdir(tmp_path)

    def make(source: str = "", **files: str) -> Workspace:
        return Workspace(tmp_path).write(source, **files)

    return make
