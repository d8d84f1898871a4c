"""The models of one run: check them with the worker's pool, once or again with other texts, and put the results together in a report."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from linearcheck.baseline import Baseline, with_baseline
from linearcheck.cli.abstract import is_incomplete
from linearcheck.cli.memory import Memory
from linearcheck.cli.progress import progress_bar
from linearcheck.cli.targets import Named
from linearcheck.findings import FileReport, ModelReport, Report, RunError, Severity
from linearcheck.job import CheckJob, CheckOptions
from linearcheck.load.records import LoadError
from linearcheck.load.sources import MAX_BYTES, read_source
from linearcheck.report.fingerprint import with_fingerprints
from linearcheck.rules.registry import is_selected
from linearcheck.suppression import MARK, Scope, is_silenced, with_suppressions
from linearcheck.worker.pool import Checked, Pool

_Group = tuple[Named, list[ModelReport], list[CheckOptions]]


@dataclass
class Checks:
    """The models of one run, which can be checked more than once: after fixes, and with fixes tried together.

    `make_pool` starts the workers, given the number of models to check; it is not called where all results are known. `unchecked` is about
    the last check of what is on the disk: for each file or model that the user named, whether it has models and none could be checked.
    """

    named: Sequence[Named]
    make_pool: Callable[[int], Pool]
    memory: Memory
    baseline: Baseline | None = None
    quiet: bool = False
    traceback: str = ""
    unchecked: list[bool] = field(default_factory=list)
    _groups: list[_Group] = field(default_factory=list)
    _pool: Pool | None = None

    def check(self, texts: Mapping[str, str] | None = None, *, try_fixes: bool = True) -> Report:
        """The report of all models, with some texts, by path, in place of what is on the disk.

        Raises:
            WorkerError: If there is no worker to check with.
        """
        overlay = {str(Path(path).absolute()): text for path, text in (texts or {}).items()}
        jobs = [_with(job, overlay, try_fixes) for one in self.named for job in one.jobs]
        groups, sources, errors = self._grouped(self._checked(jobs))
        report = self._report(groups, sources, errors, texts or {})
        if not texts:
            self._groups = groups
            self.accept(report)
        return report

    def accept(self, report: Report) -> None:
        """Take a report of what is on the disk as it stands now, with what has been silenced in it since."""
        self.unchecked = _unchecked(self._groups, report)

    def _checked(self, jobs: Sequence[CheckJob]) -> list[Checked]:
        """What came of each job: what is known already, and the rest from the workers."""
        found = [None if job.overlay else self.memory.look_up(job) for job in jobs]
        missing = [index for index, checked in enumerate(found) if checked is None]
        if missing:
            if self._pool is None:
                self._pool = self.make_pool(len(missing))
            pool = self._pool
            with progress_bar(0 if self.quiet else len(missing)) as advance:
                results = pool.check([jobs[index] for index in missing], lambda index, result: advance())
            for index, checked in zip(missing, results, strict=True):
                found[index] = checked
                self.memory.keep(jobs[index], checked, pool.torch_version, pool.python_version)
        return [checked for checked in found if checked is not None]

    def _grouped(self, checked: Sequence[Checked]) -> tuple[list[_Group], dict[str, str], list[RunError]]:
        """Results by what was named, incomplete base classes left out."""
        results = iter(checked)
        groups: list[_Group] = []
        sources: dict[str, str] = {}
        errors = [one.error for one in self.named if one.error is not None]
        for one in self.named:
            models = [one.failure] if one.failure is not None else []
            options = [one.options] * len(models)
            for job in one.jobs:
                result = next(results)
                if result.fault:
                    errors.append(RunError("internal", f"`{result.report.path}:{result.report.name}`: {result.fault}"))
                    self.traceback = result.traceback
                elif not one.is_model and is_incomplete(job, result.report):
                    continue
                errors += [RunError("usage", problem) for problem in result.report.problems]
                models.append(replace(result.report, named=one.is_model))
                options.append(job.options)
                sources.update(result.sources)
            groups.append((one, models, options))
        return _each_with_its_weights(groups), sources, errors

    def _report(self, groups: Sequence[_Group], sources: dict[str, str], errors: list[RunError], texts: Mapping[str, str]) -> Report:
        versions: Pool | Memory = self._pool or self.memory
        report = Report(
            models=tuple(model for _, models, _ in groups for model in models),
            files=tuple(_file_reports(groups)),
            errors=tuple(dict.fromkeys(errors)),
            torch_version=versions.torch_version,
            python_version=versions.python_version or sys.version.split()[0],
            sources=sources,
        )
        scopes = [_scope(one, its_options) for one, _, options in groups for its_options in options]
        report = with_fingerprints(with_suppressions(report, scopes, _texts_of(groups, texts)))
        return with_baseline(report, self.baseline) if self.baseline is not None else report


def _each_with_its_weights(groups: Sequence[_Group]) -> list[_Group]:
    """Where one checkpoint was compared with several models and is one of some, that it is none of the others is no finding."""
    own = {
        options.weights for _, models, every in groups for model, options in zip(models, every, strict=True) if model.weights == "its own"
    }
    return [
        (one, [_not_its_own(model) if options.weights in own else model for model, options in zip(models, every, strict=True)], every)
        for one, models, every in groups
    ]


def _not_its_own(model: ModelReport) -> ModelReport:
    foreign = tuple(found for found in model.diagnostics if found.code == "LC602") if model.weights == "another's" else ()
    if not foreign:
        return model
    kept = tuple(found for found in model.diagnostics if found not in foreign)
    notes = (*model.notes, *(replace(found, severity=Severity.NOTE) for found in foreign))
    return replace(model, diagnostics=kept, notes=notes, status="ok" if model.status == "findings" and not kept else model.status)


def _with(job: CheckJob, overlay: Mapping[str, str], try_fixes: bool) -> CheckJob:
    options = replace(job.options, try_fixes=job.options.try_fixes and try_fixes)
    return replace(job, options=options, overlay={**job.overlay, **overlay})


def _scope(one: Named, options: CheckOptions) -> Scope:
    return Scope(lambda code: is_selected(code, options.select, options.ignore), judges_file=not one.is_model and one.failure is None)


def _texts_of(groups: Sequence[_Group], texts: Mapping[str, str]) -> Callable[[str], str | None]:
    """The text of a file that may hold comments; None for those that hold none, which need not be decoded."""
    given = dict(texts) | {one.shown: one.text for one, _, _ in groups if one.text is not None}

    def text_of(path: str) -> str | None:
        if path in given:
            return given[path]
        place = Path(path).absolute()
        try:
            if not place.is_file() or place.stat().st_size > MAX_BYTES or MARK.encode() not in place.read_bytes().lower():
                return None
            return read_source(place).text
        except (OSError, ValueError, LoadError):
            return None

    return text_of


def _unchecked(groups: Sequence[_Group], report: Report) -> list[bool]:
    """A model that was named for itself counts also where the reason why it was skipped is silenced; one of a file does not."""
    results = iter(report.models)
    verdicts: list[bool] = []
    for one, models, _ in groups:
        own = [next(results) for _ in models]
        if one.is_explicit:
            verdicts.append(bool(own) and all(model.status == "skipped" and (one.is_model or not is_silenced(model)) for model in own))
    return verdicts


def _file_reports(groups: Iterable[_Group]) -> list[FileReport]:
    """Each file that was looked at; that of a dotted module is known from what came of its models."""
    files: dict[str, FileReport] = {}
    for one, models, _ in groups:
        if one.error is not None:
            continue
        path = one.shown if one.path is not None or not models else models[0].path
        known = files.get(path)
        n_models = len(models) - (one.failure is not None) + (known.models if known is not None else 0)
        files[path] = FileReport(path, known.sha256 if known is not None else _digest(path, one.text), n_models)
    return list(files.values())


def _digest(path: str, text: str | None) -> str:
    if text is not None:
        return hashlib.sha256(text.encode()).hexdigest()
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if Path(path).is_file() else ""
    except OSError:  # a directory, or a file that cannot be read
        return ""
