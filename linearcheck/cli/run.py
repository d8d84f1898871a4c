"""One run of `linearcheck [TARGET]...`: targets to jobs, jobs to results, results to the screen and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from linearcheck.baseline import Baseline, BaselineError, gone, read_baseline, with_baseline, write_baseline
from linearcheck.cli.checks import Checks
from linearcheck.cli.exit_code import exit_code
from linearcheck.cli.failure import print_errors
from linearcheck.cli.invocation import Started
from linearcheck.cli.memory import Memory, copied_output
from linearcheck.cli.options import CheckArguments, UsageError
from linearcheck.cli.output import DEFAULT_FORMAT, Output, parse_outputs, write_report
from linearcheck.cli.targets import STDIN, Configs, named_models
from linearcheck.cli.workers import Workers
from linearcheck.config import Config, ConfigError
from linearcheck.findings import Report, RunError
from linearcheck.report.visible import visible
from linearcheck.report.wording import counted
from linearcheck.worker.client import WorkerError, WorkerSettings
from linearcheck.worker.recording import Recorder


def check_targets(arguments: CheckArguments, started: Started) -> int:
    """Check what the command line names, write the report, and return the exit code.

    Raises:
        UsageError: If an option or a target makes no sense; nothing has been checked then.
    """
    outputs = parse_outputs(arguments.output_formats, arguments.output_file)
    if arguments.fix and STDIN in arguments.targets:
        raise UsageError("`--fix` cannot change standard input; `--diff` shows the patch")
    if arguments.write_baseline is not None and arguments.shard is not None:
        raise UsageError("`--write-baseline` with `--shard` would leave out what the other parts find")
    if arguments.diff and (shown := _on_stdout(outputs)) is not None and shown.format != DEFAULT_FORMAT:
        raise UsageError(f"`--diff` and `--output-format {shown.format}` both write to stdout")
    workers = Workers(WorkerSettings(arguments.interpreter), started.worker)
    try:
        if arguments.watch:
            _watch(arguments, outputs, workers, started)
        memory = Memory(started.invocation, arguments.interpreter)
        with copied_output() as shown_text:
            result = _check(arguments, outputs, workers, memory)
    except KeyboardInterrupt:
        workers.kill()
        raise
    finally:
        workers.close()
    if result.is_complete:
        memory.keep_run(result.code, shown_text, result.files)
    return result.code


def _watch(arguments: CheckArguments, outputs: Sequence[Output], workers: Workers, started: Started) -> NoReturn:
    """Check again and again, until Ctrl-C."""
    from linearcheck.cli.watching import refuse_with_watch, watch

    refuse_with_watch(arguments)

    def check() -> Callable[[str], bool]:
        memory = Memory(started.invocation.again() if started.invocation is not None else None, arguments.interpreter)
        _check(arguments, outputs, workers, memory)
        return memory.depends_on

    folders = [Path(target.partition(".py:")[0]).absolute() for target in arguments.targets]
    watch([Path.cwd(), *(folder if folder.is_dir() else folder.parent for folder in folders)], check)


@dataclass(frozen=True, slots=True)
class _Result:
    """The exit code, the files that were written, and whether the run came to its end and may be repeated from what it has shown."""

    code: int
    files: tuple[tuple[str, str], ...] = ()
    is_complete: bool = False


def _check(arguments: CheckArguments, outputs: Sequence[Output], workers: Workers, memory: Memory) -> _Result:
    recorder = Recorder()
    try:
        with recorder.recording() if memory.invocation is not None else nullcontext():
            configs = Configs(arguments)
            here = configs.of(Path.cwd())
            named = named_models(arguments, configs)
            baseline = _baseline(arguments, here)
            if memory.invocation is not None:
                memory.note_reading(recorder.seen(with_modules=False))
    except ConfigError as error:
        return _Result(_fail(RunError("configuration", str(error)), outputs, arguments))
    n_jobs = arguments.jobs or here.jobs or _n_processors()
    checks = Checks(named, lambda n_models: workers.pool(min(n_jobs, n_models)), memory, baseline, arguments.quiet)
    try:
        return _finish(checks, outputs, arguments, strict=arguments.strict or here.strict)
    except WorkerError as error:
        return _Result(_worker_failed(error, outputs, arguments))


def _baseline(arguments: CheckArguments, config: Config) -> Baseline | None:
    """The baseline to compare with; none where a new one is to be written.

    Raises:
        UsageError: If the one of `--baseline` cannot be read.
        ConfigError: If the configuration's cannot.
    """
    if arguments.write_baseline is not None:
        return None
    try:
        if arguments.baseline is not None:
            return read_baseline(Path(arguments.baseline))
        return read_baseline(config.folder / config.baseline) if config.baseline is not None else None
    except BaselineError as error:
        raise (UsageError if arguments.baseline is not None else ConfigError)(str(error)) from None


def _n_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _finish(run: Checks, outputs: Sequence[Output], arguments: CheckArguments, *, strict: bool) -> _Result:
    report = run.check()
    n_written = 0
    if arguments.diff:
        _print_diff(run, report, arguments)
        outputs = [output for output in outputs if output.path is not None]
    elif arguments.fix:
        report, n_written = _fix(run, report, arguments)
    if arguments.write_baseline is not None:
        report = _write_baseline(run, report, Path(arguments.write_baseline))
    elif run.baseline is not None and not arguments.quiet and (n_gone := gone(report, run.baseline)):
        entries = counted(n_gone, "finding")
        print(f"{entries} of the baseline {'is' if n_gone == 1 else 'are'} gone; `--write-baseline` takes them out of it", file=sys.stderr)
    print_errors(report.errors)
    if arguments.verbose and run.traceback:
        print(run.traceback, file=sys.stderr)
    if report.errors and not (report.models or report.files):
        outputs = _for_machines(outputs)  # what there is to say has been said on stderr
    written = write_report(report, outputs, verbose=arguments.verbose, quiet=arguments.quiet)
    if arguments.statistics:
        _print_statistics(report, outputs)
    print_errors(written.errors)
    if arguments.verbose and run.memory.obstacle:
        print(visible(f"not kept in the cache: {run.memory.obstacle}"), file=sys.stderr)
    is_complete = n_written == 0 and not written.errors and all(error.kind == "usage" for error in report.errors)
    report = replace(report, errors=(*report.errors, *written.errors))
    code = exit_code(report, run.unchecked, strict=strict, exit_zero=arguments.exit_zero)
    return _Result(code, written.files, is_complete)


def _write_baseline(run: Checks, report: Report, path: Path) -> Report:
    """Write the baseline; the report with all that is in it silenced.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        n_findings = write_baseline(report, path)
    except BaselineError as error:
        raise UsageError(str(error)) from None
    print(visible(f"wrote {counted(n_findings, 'finding')} to the baseline {path}"), file=sys.stderr)
    known = with_baseline(report, read_baseline(path))
    run.accept(known)
    return known


def _print_diff(run: Checks, report: Report, arguments: CheckArguments) -> None:
    from linearcheck.cli.fixing import diff_of_fixes
    from linearcheck.report.summary import closing_line

    patch, problems = diff_of_fixes(report, run.check, unsafe=arguments.unsafe_fixes)
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        patch = _coloured(patch)
    sys.stdout.write(patch)
    for problem in problems:
        print(visible(f"not fixed: {problem}"), file=sys.stderr)
    if not arguments.quiet:
        print(visible(closing_line(report)), file=sys.stderr)


def _coloured(patch: str) -> str:
    colours = {"+": "32", "-": "31", "@": "36"}
    lines = [(visible(line), colours.get(line[:1], "")) for line in patch.splitlines()]
    return "".join(f"\x1b[{colour}m{line}\x1b[0m\n" if colour else f"{line}\n" for line, colour in lines)


def _fix(run: Checks, report: Report, arguments: CheckArguments) -> tuple[Report, int]:
    """The report of what is left, and how many files were written."""
    from linearcheck.cli.fixing import fix_files

    fixed = fix_files(report, run.check, unsafe=arguments.unsafe_fixes)
    for repair in fixed.repairs:
        print(visible(f"fixed {repair}"), file=sys.stderr)
    for problem in fixed.problems:
        print(visible(f"not fixed: {problem}"), file=sys.stderr)
    return fixed.report, len(fixed.written)


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
    print_errors(write_report(report, _for_machines(outputs), verbose=arguments.verbose, quiet=arguments.quiet).errors)
    return 2


def _on_stdout(outputs: Sequence[Output]) -> Output | None:
    return next((output for output in outputs if output.path is None), None)


def _for_machines(outputs: Sequence[Output]) -> list[Output]:
    """Outputs that are to be written also where no model was looked at, so that whoever reads them finds something."""
    return [output for output in outputs if output.format not in ("table", "concise")]
