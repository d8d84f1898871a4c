"""The report of a model that could not be checked, with the reason in words."""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path

from linearcheck.environments import environment_beside
from linearcheck.findings import Diagnostic, ModelReport, Severity
from linearcheck.job import CheckJob
from linearcheck.load.records import LoadError
from linearcheck.load.sources import read_source
from linearcheck.rules.quoting import quoted
from linearcheck.trace.records import Span
from linearcheck.worker.outcome import Outcome, signal_name

_SIGKILL = 9


def skipped_by_load(job: CheckJob, error: LoadError) -> ModelReport:
    """The report for a model that `load/` refused."""
    path = _shown_path(job, error.path or job.target.place)
    return skipped(job, error.code, error.message, _with_environment(error.advice, job), path=path, line=error.line)


def _with_environment(advice: str, job: CheckJob) -> str:
    """Advice to use another Python names the one that lies in the repository, if it is not this one: it is proposed, not run."""
    if "`--python`" not in advice or job.target.is_module:
        return advice
    python = environment_beside(Path(os.path.abspath(os.path.join(job.working_directory, job.target.place))).parent)
    if python is None or os.path.realpath(os.path.dirname(os.path.dirname(python))) == os.path.realpath(sys.prefix):
        return advice
    return advice.replace("`--python`", f"`--python {shown_path(python, job.working_directory)}`")


def skipped_by_outcome(job: CheckJob, outcome: Outcome) -> ModelReport:
    """The report for a model whose child did not return a result."""
    name = f"`{job.target.name}`" if job.target.name else "the model"
    if outcome.ending == "timed out":
        return skipped(job, "LC904", f"{name} {outcome.describe()}", "`--timeout` sets another limit, in seconds for each model.")
    if outcome.ending == "out of memory":
        return skipped(job, "LC904", f"{name} {outcome.describe()}", _request(outcome.text))
    if outcome.ending == "died" and outcome.signal == _SIGKILL:
        return skipped(job, "LC904", f"the system killed the process that ran {name}, most likely because memory ran out")
    if outcome.ending == "died" and outcome.signal is not None:
        return skipped(job, "LC903", f"running {name} crashed Python ({signal_name(outcome.signal)})")
    if outcome.ending == "died" and outcome.text:
        return skipped(job, "LC903", f"the code of {name} {outcome.text}")
    if outcome.ending == "died":
        code = "" if outcome.exit_code is None else f" with exit code {outcome.exit_code}"
        return skipped(job, "LC903", f"the code of {name} ended the process{code}", "`os._exit` or the like ends Python at once.")
    if outcome.type == "SystemExit":
        return skipped(job, "LC903", f"the code of {name} called `sys.exit({outcome.text})`")
    if outcome.type == "KeyboardInterrupt":
        return skipped(job, "LC903", f"the code of {name} raised KeyboardInterrupt")
    if outcome.foreign:
        return skipped(job, "LC903", f"the code of {name} {outcome.describe()}")
    return skipped(job, "LC903", f"linearcheck itself failed on {name}: {internal_error(outcome)}", "This is a fault of linearcheck.")


def internal_error(outcome: Outcome) -> str:
    """A fault of our own in a line, or "" where the user's code or a limit ended the run."""
    if outcome.ending != "raised" or outcome.foreign:
        return ""
    where = f" ({outcome.where})" if outcome.where else ""
    return f"{outcome.type}: {_last_line(outcome.text)}{where}"


def skipped(job: CheckJob, code: str, message: str, explanation: str = "", *, path: str = "", line: int | None = None) -> ModelReport:
    """A skipped model with its one LC9xx diagnostic."""
    if not path and line is None:
        line = _defined_at(job)
    path = path or _shown_path(job, job.target.place)
    rule, severity = _catalogue_entry(code)
    span = None if line is None else Span(path, line, 1, line, 1)
    diagnostic = Diagnostic(code, rule, severity, message, span, path=path, explanation=explanation)
    (diagnostic,) = quoted((diagnostic,), _source_of(job, path))
    shown = _shown_path(job, job.target.place)
    return ModelReport(shown, job.target.name or "", "skipped", reason=message, diagnostics=(diagnostic,))


def _source_of(job: CheckJob, path: str) -> dict[str, str]:
    """The text of the file that is shown as `path`, where it can be read."""
    try:
        return {path: read_source(Path(os.path.abspath(os.path.join(job.working_directory, path))), job.overlay, path).text}
    except LoadError:
        return {}


def _defined_at(job: CheckJob) -> int | None:
    """The line of the file at which the model's class, function or instance is defined."""
    try:
        tree = ast.parse(_source_of(job, job.target.place)[job.target.place])
    except (KeyError, ValueError, SyntaxError, RecursionError):
        return None
    for statement in tree.body:
        assigned = statement.targets if isinstance(statement, ast.Assign) else ()
        names = {getattr(statement, "name", None), *(target.id for target in assigned if isinstance(target, ast.Name))}
        if job.target.name in names:
            return statement.lineno
    return None


def _catalogue_entry(code: str) -> tuple[str, Severity]:
    from linearcheck.rules.registry import RULES  # imports every rule, which only a skip needs

    return next(((rule.name, rule.severity) for rule in RULES if rule.code == code), ("", Severity.WARNING))


def _shown_path(job: CheckJob, place: str) -> str:
    if job.target.is_module and place == job.target.place:
        return place
    return shown_path(place, job.working_directory)


def shown_path(path: str, working_directory: str = ".") -> str:
    """A path as reports show it: with `/`, and relative where it lies below the working directory."""
    base = Path(os.path.abspath(working_directory))
    absolute = Path(os.path.abspath(base / path))
    return (absolute.relative_to(base) if absolute.is_relative_to(base) else absolute).as_posix()


def _request(text: str) -> str:
    """How much was asked for, where torch's text says it.

    >>> _request("DefaultCPUAllocator: can't allocate memory: you tried to allocate 400000000000 bytes.")
    'It asked for 400.0 GB at once.'
    """
    asked = re.search(r"tried to allocate (\d+) bytes", text)
    return f"It asked for {int(asked[1]) / 1e9:,.1f} GB at once." if asked else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
