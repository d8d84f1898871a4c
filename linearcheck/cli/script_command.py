"""`linearcheck run train.py …`: run a script for real, with a failure of shapes explained above Python's traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from linearcheck.cli.failure import report_failure

HELP = """\
Usage: linearcheck run SCRIPT [--] [ARGUMENT]...
       linearcheck run -m MODULE [--] [ARGUMENT]...

  Run a script or module as Python does. An exception that a shape or dtype
  raises inside a forward pass, or anywhere else in the script, is explained on
  stderr above the traceback: the layer, the line, the shapes of this run, where
  they come from and what to change.

Exit code: the script's own; 2 if there is no such script.
"""


def main(words: Sequence[str]) -> int:
    """Become the process of the script; where a process cannot be replaced, the exit code of one that runs it."""
    from linearcheck.live import script

    remaining = list(words)
    if remaining and remaining[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    flag = [remaining.pop(0)] if remaining[:1] == ["-m"] else []
    if remaining[:1] == ["--"]:
        remaining.pop(0)
    if not remaining:
        return _refuse("`linearcheck run` needs a script such as `train.py`, or `-m` and a module")
    name, *arguments = remaining
    if not flag and name.startswith("-"):
        return _refuse(f"`{name}` is no option of `linearcheck run`; the script's own options stand behind it")
    if not flag and not os.path.exists(name):
        return _refuse(f"there is no file `{name}`")
    if arguments[:1] == ["--"]:
        del arguments[0]
    command = [sys.executable, script.__file__, *flag, name, *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        # One process only: signals, the terminal and the parent's waiting are the script's own.
        os.execv(sys.executable, command)
    return _wait(command)


def _refuse(message: str) -> int:
    return report_failure((), "usage", message)


def _wait(command: Sequence[str]) -> int:
    """The exit code of a command that Ctrl-C reaches as well; a signal that ended it counts from 128, as in a shell."""
    with subprocess.Popen(command) as process:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
    return 128 - code if code < 0 else code
