"""Runs a script or module as `python train.py …` does, in this process, with exceptions explained.

Started as a file by `linearcheck run`, so that nothing but the standard library and this package is imported before the user's code.
"""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from types import ModuleType, TracebackType
from typing import Any, NoReturn

_HERE = os.path.abspath(__file__)


def main(words: list[str]) -> None:
    """Run what the words name; its exit, its exceptions and its signals are those of the process."""
    from linearcheck.live.hook import install

    install()
    try:
        if words[0] == "-m":
            _run_module(words[1], words[2:])
        elif os.path.isdir(words[0]) or words[0].endswith((".zip", ".pyz")):
            _run_folder(words)
        else:
            _run_file(words[0], words[1:])
    except SystemExit:
        raise
    except BaseException as error:
        _show_finding_first(error)
        raise


def _run_file(path: str, arguments: list[str]) -> None:
    absolute = os.path.abspath(path)
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=absolute,
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", absolute),
        __spec__=None,
        __cached__=None,
        __annotations__={},
    )
    sys.modules["__main__"] = module  # where pickle, and processes that are started, look for what the script defines
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    with io.open_code(absolute) as file:
        code = compile(file.read(), absolute, "exec", dont_inherit=True)
    exec(code, module.__dict__)


def _run_folder(words: list[str]) -> None:
    """A folder or archive with a `__main__.py`, through the function that the interpreter itself calls for it."""
    sys.argv = words
    sys.modules["__main__"] = ModuleType("__main__")
    sys.path.insert(0, os.path.abspath(words[0]))
    run: Any = getattr(runpy, "_run_module_as_main")  # noqa: B009  # private, and not declared
    run("__main__", alter_argv=False)


def _run_module(name: str, arguments: list[str]) -> None:
    sys.argv = ["-m", *arguments]  # the first word becomes the module's file
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    if find_spec(name) is None:
        print(f"{sys.executable}: No module named {name}", file=sys.stderr)
        sys.exit(1)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _show_finding_first(error: BaseException) -> None:
    """When the interpreter hands this exception to its hook, print the finding above what that prints, without our own frames."""
    from linearcheck.live import hook

    users_hook = sys.excepthook

    def excepthook(kind: type[BaseException], raised: BaseException, traceback: TracebackType | None) -> Any:
        if raised is error:
            _print_finding(raised)
            traceback = _without_own_frames(traceback)
            raised.__traceback__ = traceback
        previous = hook.take_out(users_hook)
        return previous(kind, raised, traceback)

    sys.excepthook = excepthook


def _print_finding(error: BaseException) -> None:
    try:
        from linearcheck.live import hook

        hook.note_uncaught(error)
        if hook.is_explained(error):
            from linearcheck.live.failing import take_note

            print(f"{take_note(error)}\n", file=sys.stderr, flush=True)
    except Exception:
        return


def _without_own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's first frame on; none where there is no such frame, as for a syntax error in the script."""
    first = traceback
    while first is not None and first.tb_frame.f_code.co_filename in (_HERE, runpy.__file__, "<frozen runpy>"):
        first = first.tb_next
    return first


def _start() -> NoReturn:
    if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(_HERE):
        del sys.path[0]
    main(sys.argv[1:])
    sys.exit()


if __name__ == "__main__":
    _start()
