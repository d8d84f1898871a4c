"""A command of typer's: a function and its options in, an exit code out, with wrong usage said in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from linearcheck.cli.failure import INTERRUPTED, report_failure
from linearcheck.cli.options import UsageError

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""The base of typer's usage errors; it is click's in some versions of typer and typer's own in others."""


def app_of(command: Callable[..., Any], epilog: str | None = None) -> typer.Typer:
    """The function as the one command of an app; its docstring and `epilog` stand in its help."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(epilog=epilog, context_settings={"help_option_names": ["-h", "--help"]})(command)
    return app


def run_app(app: typer.Typer, words: Sequence[str], program: str, obj: object = None) -> int:
    """The exit code of a command with these words; `obj` is what its context carries."""
    try:
        code = typer.main.get_command(app).main(args=list(words), prog_name=program, standalone_mode=False, obj=obj)
    except UsageError as error:
        return report_failure(words, "usage", str(error))
    except _USAGE_ERROR as error:
        text: Any = error
        return report_failure(words, "usage", text.format_message())
    except typer.Abort:
        raise KeyboardInterrupt from None
    if code == INTERRUPTED:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0
