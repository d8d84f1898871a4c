"""Entry point: which command is meant, and the exit code that it comes to. Only what every run needs is imported here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from linearcheck.cli.invocation import Invocation, Started, invocation_of
from linearcheck.cli.words import read_words

if TYPE_CHECKING:
    from linearcheck.worker.client import Worker

_MODULES = {
    "annotate": "annotate_command",
    "explain": "explain_command",
    "init": "init_command",
    "layers": "layers_command",
    "run": "script_command",
    "sizes": "sizes_command",
}
"""Commands that stand on their own, and the module of each, whose `main` takes the words and gives the exit code."""
COMMANDS = ("check", "rule", *_MODULES)
_COMPLETE = "_LINEARCHECK_COMPLETE"
"""The variable in which a shell asks what may stand at the cursor."""


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    code = run(sys.argv[1:])
    # Nothing is left to be done but taking the interpreter apart, which takes longer than many a check of a cached file.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code that the arguments come to; what there is to say has been written."""
    words = list(arguments)
    command = words.pop(0) if words and words[0] in COMMANDS else "check"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    worker: Worker | None = None
    try:
        if _COMPLETE in os.environ or words[:1] in (["--show-completion"], ["--install-completion"]):
            return _flushed(_complete(words))
        if command == "rule":
            return _flushed(_run_rule(words))
        if command in _MODULES:
            return _flushed(_run_module(_MODULES[command], words))
        plain = read_words(words)
        invocation = invocation_of(plain, words)
        if invocation is not None and (code := invocation.repeat()) is not None:
            return _flushed(code)
        if invocation is None or not invocation.is_known:
            from linearcheck.cli.early import start_worker_early

            worker = start_worker_early(plain)
        return _flushed(_run_check(words, worker, invocation, is_explicit=len(words) < len(arguments)))
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        return _without_stdout(1)
    except Exception as error:
        return _own_fault(words, error)
    finally:
        if worker is not None:
            worker.abandon()


def _complete(words: list[str]) -> int:
    from linearcheck.cli.completion import complete, offer

    return complete() if _COMPLETE in os.environ else offer(words)


def _run_rule(words: list[str]) -> int:
    from linearcheck.cli.rule_pages import page_or_catalogue

    if (text := page_or_catalogue(words)) is not None:
        sys.stdout.write(text)
        return 0
    from linearcheck.cli.rule_command import run_rule

    return run_rule(words)


def _run_module(name: str, words: list[str]) -> int:
    from importlib import import_module

    code: int = import_module(f"linearcheck.cli.{name}").main(words)
    return code


def _run_check(words: list[str], worker: Worker | None, invocation: Invocation | None, is_explicit: bool) -> int:
    from linearcheck.cli.check_command import run_check

    return run_check(words, Started(worker, invocation), "linearcheck check" if is_explicit else "linearcheck")


def _own_fault(words: list[str], error: Exception) -> int:
    """A fault of our own says so in a line, and in full with `--verbose`."""
    import traceback

    from linearcheck.cli.failure import report_failure

    if "--verbose" in words or "-v" in words:
        traceback.print_exc()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(os.path.dirname(frame.filename))}/{os.path.basename(frame.filename)}:{frame.lineno}"
    return report_failure(words, "internal", f"{type(error).__name__}: {error} ({place}); this is a fault of linearcheck")


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _without_stdout(code)
    return code


def _without_stdout(code: int) -> int:
    """The reader of a pipe (`| head`) has had enough: no traceback, also not when Python flushes at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return code


def _say(message: str) -> None:
    try:
        print(f"linearcheck: {message}", file=sys.stderr)
    except OSError:
        return
