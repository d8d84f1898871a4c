"""The pytest plugin: a fixture `linearcheck`, and with `--linearcheck` a test for each model of the configuration.

Loaded by every run of pytest where linearcheck is installed, so that it imports nothing before it is asked for something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from linearcheck.api import Report
    from linearcheck.cli.targets import Named
    from linearcheck.cli.workers import Workers
    from linearcheck.findings import Report as AnyReport

_MARK = "linearcheck"
_WIDTH = 100


class Check(Protocol):
    """What the fixture is: `linearcheck.check`, with a failure of the test instead of a report with errors."""

    def __call__(self, model: Any, *shapes: str | Sequence[int | str], **options: Any) -> Report: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("linearcheck").addoption(
        "--linearcheck", action="store_true", help="check each model of [[tool.linearcheck.models]] as a test"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}: a model of linearcheck's configuration, checked with --linearcheck")


@pytest.fixture
def linearcheck() -> Check:
    """Check a model as `linearcheck.check` does: the report, or a failure of the test with the findings where there is an error."""
    return _check_or_fail


def _check_or_fail(model: Any, *shapes: str | Sequence[int | str], **options: Any) -> Report:
    __tracebackhide__ = True
    from linearcheck.api import check

    report = check(model, *shapes, **options)
    if not report.ok:
        pytest.fail(_text_of(report), pytrace=False)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """First of all, so that `-k`, `-m` and the order of others hold for models too."""
    if config.getoption("--linearcheck"):
        items.extend(_items(session))


def _items(session: pytest.Session) -> Iterator[pytest.Item]:
    from dataclasses import replace

    from linearcheck.cli.options import CheckArguments, UsageError
    from linearcheck.cli.targets import Configs, named_models
    from linearcheck.cli.workers import Workers
    from linearcheck.config import ConfigError
    from linearcheck.worker.client import WorkerSettings

    arguments = CheckArguments()
    try:
        config = Configs(arguments).of(Path.cwd())
        if not config.models:
            raise UsageError("there is no model in the configuration; write [[tool.linearcheck.models]] with a `target`")
        found = named_models(arguments, Configs(arguments))
    except (ConfigError, UsageError) as error:
        raise pytest.UsageError(f"--linearcheck: {error}") from None
    workers = Workers(WorkerSettings(arguments.interpreter))
    session.config.add_cleanup(workers.close)
    for named in found:
        alone = [replace(named, jobs=(job,)) for job in named.jobs] or [named]
        for one in alone:
            model = one.jobs[0].target.name if one.jobs else None
            name = f"{_MARK}[{model}]" if model else _MARK
            item: ModelItem = ModelItem.from_parent(session, name=name, nodeid=f"{one.shown}::{name}")
            item.extra_keyword_matches.add(one.shown)
            item.named, item.workers, item.strict = one, workers, config.strict
            item.add_marker(_MARK)
            yield item


class ModelItem(pytest.Item):
    """The check of one model, in a worker that all of them share."""

    named: Named
    workers: Workers
    strict: bool

    def runtest(self) -> None:
        from linearcheck.cli.checks import Checks
        from linearcheck.cli.exit_code import exit_code
        from linearcheck.cli.memory import Memory

        run = Checks([self.named], lambda n_models: self.workers.pool(1), Memory(None), quiet=True)
        report = run.check()
        if exit_code(report, run.unchecked, strict=self.strict):
            pytest.fail(_text_of(report), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.named.path or Path(self.named.shown), None, self.name


def _text_of(report: AnyReport) -> str:
    """The findings as a terminal shows them, without colour; errors of the run first."""
    import io

    from rich.console import Console

    from linearcheck.notebooks import in_cells
    from linearcheck.report.table import print_report

    report = in_cells(report)
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, force_terminal=False)
    with console.capture() as captured:
        print_report(report, console, quiet=True)
    errors = "".join(f"{error.kind} error: {error.message}\n" for error in report.errors)
    skipped = "".join(
        f"{model.path}:{model.name} was not checked: {model.reason}\n" for model in report.models if model.status == "skipped"
    )
    return f"{errors}{captured.get()}".rstrip() or skipped
