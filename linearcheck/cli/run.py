"""One run of `linearcheck [TARGET]...`: targets to jobs, jobs to results, results to the screen and an exit code."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from linearcheck.cli.exit_code import exit_code
from linearcheck.cli.failure import print_errors
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.cli.output import DEFAULT_FORMAT, Output, parse_outputs, write_report
from linearcheck.cli.progress import progress_bar
from linearcheck.cli.targets import STDIN, Configs, Named, named_models
from linearcheck.config import ConfigError
from linearcheck.findings import FileReport, ModelReport, Report, RunError
from linearcheck.job import CheckJob
from linearcheck.report.fingerprint import with_fingerprints
from linearcheck.worker.client import Worker, WorkerError, WorkerSettings
from linearcheck.worker.limits import default_memory_limit
from linearcheck.worker.pool import Checked, Pool


def check_targets(arguments: CheckArguments, worker: Worker | None) -> int:
    """Check what the command line names, write the report, and return the exit code.

    Args:
        worker: A worker that has been started already, for the interpreter that the arguments name.

    Raises:
        UsageError: If an option or a target makes no sense; nothing has been checked then.
    """
    outputs = parse_outputs(arguments.output_formats, arguments.output_file)
    if arguments.fix and STDIN in arguments.targets:
        raise UsageError("`--fix` cannot change standard input; `--diff` shows the patch")
    if arguments.diff and (shown := _on_stdout(outputs)) is not None and shown.format != DEFAULT_FORMAT:
        raise UsageError(f"`--diff` and `--output-format {shown.format}` both write to stdout")
    try:
        configs = Configs(arguments)
        named = list(named_models(arguments, configs))
        strict = arguments.strict or configs.of(Path.cwd()).strict
        n_jobs = arguments.jobs or configs.of(Path.cwd()).jobs or _n_processors()
    except ConfigError as error:
        return _fail(RunError("configuration", str(error)), outputs, arguments)
    try:
        run = _Run(named, _pool(named, arguments, worker, n_jobs), arguments.quiet)
    except WorkerError as error:
        return _worker_failed(error, outputs, arguments)
    try:
        return _finish(run, outputs, arguments, strict)
    except WorkerError as error:
        return _worker_failed(error, outputs, arguments)
    except KeyboardInterrupt:
        run.kill()
        raise
    finally:
        run.close()


def _n_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pool(named: Sequence[Named], arguments: CheckArguments, worker: Worker | None, n_jobs: int) -> Pool | None:
    """The worker's pool; None where no model is to be checked."""
    n_models = sum(len(one.jobs) for one in named)
    if n_models == 0:
        return None
    settings = worker.settings if worker is not None else WorkerSettings(arguments.python or sys.executable)
    return Pool(settings, worker, min(n_jobs, n_models), default_memory_limit())


@dataclass
class _Run:
    """The models of one run, which can be checked more than once: after fixes, and with fixes tried together."""

    named: Sequence[Named]
    pool: Pool | None
    quiet: bool = False
    traceback: str = ""

    def check(self, texts: Mapping[str, str] | None = None, *, try_fixes: bool = True) -> Report:
        """The report of all models, with some texts, by path, in place of what is on the disk.

        Raises:
            WorkerError: If there is no worker to check with.
        """
        overlay = {str(Path(path).absolute()): text for path, text in (texts or {}).items()}
        jobs = [_with(job, overlay, try_fixes) for one in self.named for job in one.jobs]
        if self.pool is None or not jobs:
            return self._report(())
        with progress_bar(0 if self.quiet else len(jobs)) as advance:
            checked = self.pool.check(jobs, lambda index, result: advance())
        return self._report(checked)

    def _report(self, checked: Sequence[Checked]) -> Report:
        results = iter(checked)
        models: list[ModelReport] = []
        sources: dict[str, str] = {}
        errors: list[RunError] = [one.error for one in self.named if one.error is not None]
        for one in self.named:
            if one.failure is not None:
                models.append(one.failure)
            for _ in one.jobs:
                result = next(results)
                models.append(replace(result.report, named=one.is_model))
                sources.update(result.sources)
                if result.fault:
                    errors.append(RunError("internal", f"`{result.report.path}:{result.report.name}`: {result.fault}"))
                    self.traceback = result.traceback
        pool = self.pool
        report = Report(
            models=tuple(models),
            files=tuple(_file_reports(self.named, models)),
            errors=tuple(errors),
            torch_version=pool.torch_version if pool else "",
            python_version=pool.python_version if pool and pool.python_version else sys.version.split()[0],
            sources=sources,
        )
        return with_fingerprints(report)

    def unchecked(self, report: Report) -> list[bool]:
        """For each explicitly named target whether it has models, none of which could be checked."""
        results = iter(report.models)
        verdicts: list[bool] = []
        for one in self.named:
            own = [next(results) for _ in range(one.n_models)]
            if one.is_explicit:
                verdicts.append(bool(own) and all(model.status == "skipped" for model in own))
        return verdicts

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()

    def kill(self) -> None:
        if self.pool is not None:
            self.pool.kill()


def _with(job: CheckJob, overlay: Mapping[str, str], try_fixes: bool) -> CheckJob:
    options = replace(job.options, try_fixes=job.options.try_fixes and try_fixes)
    return replace(job, options=options, overlay={**job.overlay, **overlay})


def _file_reports(named: Iterable[Named], models: Sequence[ModelReport]) -> list[FileReport]:
    """Each file that was looked at; that of a dotted module is known from what came of its models."""
    files: dict[str, FileReport] = {}
    results = iter(models)
    for one in named:
        own = [next(results) for _ in range(one.n_models)]
        if one.error is not None:
            continue
        path = one.shown if one.path is not None or not own else own[0].path
        known = files.get(path)
        n_models = len(one.jobs) + (known.models if known is not None else 0)
        files[path] = FileReport(path, known.sha256 if known is not None else _digest(path, one.text), n_models)
    return list(files.values())


def _digest(path: str, text: str | None) -> str:
    if text is not None:
        return hashlib.sha256(text.encode()).hexdigest()
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:  # a directory, or a file that cannot be read
        return ""


def _finish(run: _Run, outputs: Sequence[Output], arguments: CheckArguments, strict: bool) -> int:
    report = run.check()
    if arguments.diff:
        _print_diff(run, report, arguments)
        print_errors(report.errors)
        files = [output for output in outputs if output.path is not None]
        print_errors(write_report(report, files, verbose=arguments.verbose, quiet=arguments.quiet))
        return exit_code(report, run.unchecked(report), strict=strict, exit_zero=arguments.exit_zero)
    if arguments.fix:
        report = _fix(run, report, arguments)
    print_errors(report.errors)
    if arguments.verbose and run.traceback:
        print(run.traceback, file=sys.stderr)
    if report.errors and not (report.models or report.files):
        outputs = _for_machines(outputs)  # what there is to say has been said on stderr
    problems = write_report(report, outputs, verbose=arguments.verbose, quiet=arguments.quiet)
    if arguments.statistics:
        _print_statistics(report, outputs)
    print_errors(problems)
    report = replace(report, errors=(*report.errors, *problems))
    return exit_code(report, run.unchecked(report), strict=strict, exit_zero=arguments.exit_zero)


def _print_diff(run: _Run, report: Report, arguments: CheckArguments) -> None:
    from linearcheck.cli.fixing import diff_of_fixes
    from linearcheck.report.summary import closing_line
    from linearcheck.report.visible import visible

    patch, problems = diff_of_fixes(report, run.check, unsafe=arguments.unsafe_fixes)
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        patch = _coloured(patch)
    sys.stdout.write(patch)
    for problem in problems:
        print(visible(f"not fixed: {problem}"), file=sys.stderr)
    if not arguments.quiet:
        print(visible(closing_line(report)), file=sys.stderr)


def _coloured(patch: str) -> str:
    from linearcheck.report.visible import visible

    colours = {"+": "32", "-": "31", "@": "36"}
    lines = [(visible(line), colours.get(line[:1], "")) for line in patch.splitlines()]
    return "".join(f"\x1b[{colour}m{line}\x1b[0m\n" if colour else f"{line}\n" for line, colour in lines)


def _fix(run: _Run, report: Report, arguments: CheckArguments) -> Report:
    from linearcheck.cli.fixing import fix_files
    from linearcheck.report.visible import visible

    fixed = fix_files(report, run.check, unsafe=arguments.unsafe_fixes)
    for repair in fixed.repairs:
        print(visible(f"fixed {repair.finding.code} in {repair.who}: {repair.fix.title}"), file=sys.stderr)
    for problem in fixed.problems:
        print(visible(f"not fixed: {problem}"), file=sys.stderr)
    return fixed.report


def _print_statistics(report: Report, outputs: Sequence[Output]) -> None:
    """Counts per rule, on stdout where that is read by people."""
    from linearcheck.report.summary import statistics

    for_people = any(output.path is None and output.format in ("table", "concise") for output in outputs)
    for code, rule, count in statistics(report):
        print(f"{count:>6}  {code}  {rule}", file=sys.stdout if for_people else sys.stderr)


def _worker_failed(error: WorkerError, outputs: Sequence[Output], arguments: CheckArguments) -> int:
    if arguments.verbose and error.detail:
        print(error.detail, file=sys.stderr)
    return _fail(RunError("usage" if error.is_usage else "internal", error.message), outputs, arguments)


def _fail(error: RunError, outputs: Sequence[Output], arguments: CheckArguments) -> int:
    """Exit code 2 for a run that could not be made; formats for machines say so too."""
    print_errors([error])
    report = Report(errors=(error,), python_version=sys.version.split()[0])
    print_errors(write_report(report, _for_machines(outputs), verbose=arguments.verbose, quiet=arguments.quiet))
    return 2


def _on_stdout(outputs: Sequence[Output]) -> Output | None:
    return next((output for output in outputs if output.path is None), None)


def _for_machines(outputs: Sequence[Output]) -> list[Output]:
    """Outputs that are to be written also where no model was looked at, so that whoever reads them finds something."""
    return [output for output in outputs if output.format not in ("table", "concise")]
