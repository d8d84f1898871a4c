"""The Python API: `linearcheck.check(model, (1, 28, 28))` in this process, through the same rooms as the command line."""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import platform
import random
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linearcheck import findings
from linearcheck.findings import Diagnostic, LayerReport, ModelReport, Severity
from linearcheck.job import CheckJob, CheckOptions
from linearcheck.load.records import LoadedModel, LoadError

ShapeGiven = str | Sequence[int | str]


class ShapeError(Exception):
    """A model has error-level findings. `report` is the whole report."""

    def __init__(self, report: Report) -> None:
        lines = [f"{d.code} {d.message}" for d in report.diagnostics if d.severity is Severity.ERROR]
        super().__init__("\n".join(lines))
        self.report = report


@dataclass(frozen=True)
class Report(findings.Report):
    """What a check found."""

    @property
    def ok(self) -> bool:
        """Whether every model was checked and has no error-level finding."""
        return all(model.status != "skipped" for model in self.models) and not any(d.severity is Severity.ERROR for d in self.diagnostics)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(diagnostic for model in self.models for diagnostic in model.diagnostics)

    @property
    def layers(self) -> tuple[LayerReport, ...]:
        return tuple(layer for model in self.models for layer in model.layers)

    def to_json(self) -> str:
        """The report as `--output-format json` prints it."""
        from linearcheck.report import render

        return render(self, "json")

    def raise_for_errors(self) -> None:
        """
        Raises:
            ShapeError: If there is an error-level finding.
        """
        if any(d.severity is Severity.ERROR for d in self.diagnostics):
            raise ShapeError(self)

    def __str__(self) -> str:
        from linearcheck.report import render

        return render(self, "concise")

    def _repr_html_(self) -> str:
        from linearcheck.report.html_format import html_fragment

        return html_fragment(self)


def check(
    model: Any,
    *shapes: ShapeGiven,
    inputs: Mapping[str, ShapeGiven] | None = None,
    init: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    batch: bool = True,
    train: bool = False,
    weights: str | os.PathLike[str] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Report:
    """Check one model without running it on data.

    Args:
        model: An `nn.Module` (on any device, also meta), a class, a factory, or a target such as `"model.py:Net"`.
        shapes: Shapes in the order of `forward`'s arguments: `(1, 28, 28)` is one sample, `("N", 1, 28, 28)` a batch; or the
            text of `--input-shape`.
        inputs: Shapes by argument name instead.
        init: Arguments of the class or factory.
        arguments: Further arguments of `forward`.
        sizes: Sizes of axes given by letter.
        batch: False if shapes have no batch axis.
        train: Check in training mode.
        weights: Path of a checkpoint that is compared with the model. None of its code is run.

    Returns:
        The report. The module that was given is left as it was: no hook, mode, parameter, buffer or random state differs.

    Raises:
        ValueError: If a shape is malformed or goes with no argument, or the checkpoint cannot be read.
    """
    texts = [*map(_shape_text, shapes), *(f"{name}={_shape_text(shape)}" for name, shape in (inputs or {}).items())]
    options = CheckOptions(
        input_shapes=tuple(texts),
        batch=batch,
        sizes=dict(sizes or {}),
        train=train,
        weights=None if weights is None else os.fspath(weights),
        select=tuple(select),
        ignore=tuple(ignore),
        try_fixes=False,
        init={name: repr(value) for name, value in (init or {}).items()},
        arguments={name: repr(value) for name, value in (arguments or {}).items()},
    )
    with _process_state_kept():
        if isinstance(model, (str, os.PathLike)):
            models = _check_target(os.fspath(model), options)
        else:
            models = (_check_object(model, dict(init or {}), options),)
    if problem := next((problem for one in models for problem in one.problems), None):
        raise ValueError(problem)
    import torch

    sources = {path: text for path in {d.path for m in models for d in m.diagnostics if d.path} if (text := _read(path)) is not None}
    from linearcheck.notebooks import in_cells
    from linearcheck.report.fingerprint import with_fingerprints

    report = with_fingerprints(
        Report(models=models, torch_version=torch.__version__, python_version=platform.python_version(), sources=sources)
    )
    assert isinstance(report, Report)  # it keeps the class that it is given
    return in_cells(report)


def _shape_text(shape: ShapeGiven) -> str:
    if isinstance(shape, Mapping):
        raise ValueError("shapes by the name of an argument are given as `inputs={...}`")
    return shape if isinstance(shape, str) else ",".join(str(size) for size in shape)


def _read(path: str) -> str | None:
    try:
        if path.endswith(".ipynb"):
            from linearcheck.load.sources import read_source

            return read_source(Path(path).absolute()).text
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError, LoadError):
        return _source_of(path) or None  # a notebook's cell is no file, and its text is known


def _check_target(text: str, options: CheckOptions) -> tuple[ModelReport, ...]:
    from linearcheck.load.targets import parse_target
    from linearcheck.pipeline import check_model, discover_models
    from linearcheck.worker.skipped import skipped_by_load

    reports = []
    job = CheckJob(parse_target(text), options, working_directory=os.getcwd())
    for one in discover_models(job):
        try:
            reports.append(check_model(one))
        except LoadError as error:
            reports.append(skipped_by_load(one, error))
    return tuple(reports)


def _check_object(model: Any, init: Mapping[str, Any], options: CheckOptions) -> ModelReport:
    from linearcheck.pipeline import check_loaded
    from linearcheck.worker.skipped import skipped_by_load

    loaded = _as_loaded(model, init)
    job = CheckJob(_object_target(loaded), options)
    try:
        return check_loaded(loaded, job)
    except LoadError as error:
        return skipped_by_load(job, error)


def _object_target(loaded: LoadedModel) -> Any:
    from linearcheck.job import Target

    return Target(str(loaded.path), loaded.name)


def _as_loaded(model: Any, init: Mapping[str, Any]) -> LoadedModel:
    from torch import nn

    if isinstance(model, nn.Module):
        kind, build = type(model), _copier(model)
    elif callable(model):
        kind = model

        def build() -> Any:
            return model(**init)
    else:
        raise TypeError(f"a model is an nn.Module, a class, a factory or the text of a target, not {type(model).__name__}")
    path = _source_file(kind)
    return LoadedModel(getattr(kind, "__name__", "model"), Path(path), build, _is_user_file, _source_of, _display_path)


def _copier(model: Any) -> Callable[[], Any]:
    """Makes copies that share the module's parameters, or have none but their shapes where a trace without data asks for it."""
    import torch

    def build() -> Any:
        on_meta = torch.get_default_device().type == "meta" or any(t.device.type != "cpu" for t in (*model.parameters(), *model.buffers()))
        memo: dict[int, Any] = {}
        for parameter in model.parameters():
            memo[id(parameter)] = torch.nn.Parameter(parameter.to("meta"), parameter.requires_grad) if on_meta else parameter
        for buffer in model.buffers():
            if on_meta:
                memo[id(buffer)] = buffer.to("meta")
        return copy.deepcopy(model, memo)

    return build


def _source_file(kind: Any) -> str:
    try:
        return os.path.abspath(inspect.getsourcefile(kind) or "")
    except (TypeError, OSError):  # a class of a notebook or of the prompt has no file; the text of its cell is known by another name
        code = getattr(getattr(kind, "forward", kind), "__code__", None)
        return code.co_filename if code is not None else "<model>"


def _source_of(path: str) -> str:
    import linecache

    return "".join(linecache.getlines(path))


def _display_path(path: str) -> str:
    with contextlib.suppress(ValueError):
        return Path(path).relative_to(os.getcwd()).as_posix()
    return Path(path).as_posix()


_NOT_THE_USERS = tuple(
    os.path.abspath(path) + os.sep
    for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), os.path.dirname(__file__)}
    if path
)


def _is_user_file(path: str) -> bool:
    return not path.startswith(("<frozen", "<string")) and not os.path.abspath(path).startswith(_NOT_THE_USERS)


@contextlib.contextmanager
def _process_state_kept() -> Iterator[None]:
    """Random states, number of threads and default dtype of this process, put back afterwards."""
    import torch

    numpy = sys.modules.get("numpy")
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    threads, dtype, grad = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        if numpy and numpy_state is not None:
            numpy.random.set_state(numpy_state)
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
