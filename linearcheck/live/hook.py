"""Where the explanation comes in: the call of every module, the interpreter's last word on an exception, and a notebook's.

`nn.Module` calls its `forward` through one Python function. Its code is replaced by the same code inside a `try`, which costs nothing until
something is raised (Python 3.11 and newer keep a table beside the code); the function stays the same object, so that torch.compile and
torch.fx, which compare it, see nothing new, and its lines stay those of PyTorch's file, so that tracebacks look as ever.
torch is not imported for it: where it has not been yet, that is waited for.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any

_MODULE = "torch.nn.modules.module"
_HANDLER = "_linearcheck_explain"
_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


@dataclass
class Settings:
    """`seconds` is what tracing the module once more may take; 0 leaves it out."""

    seconds: float = 5.0


@dataclass
class _Installed:
    settings: Settings
    function: Any = None
    original: CodeType | None = None
    finder: MetaPathFinder | None = None
    excepthook: _Hook | None = None
    previous_excepthook: _Hook | None = None


_installed: _Installed | None = None


def install(*, seconds: float = 5.0) -> None:
    """From here on, an exception that a shape or dtype raises inside a forward pass carries our explanation as a note (PEP 678).

    The exception itself, its type, message and traceback stay as they are. A second call only changes the setting.

    Args:
        seconds: Time for tracing the module once more, on a copy and without data, to say where the sizes come from; 0 leaves that out.
    """
    global _installed
    if _installed is not None:
        _installed.settings.seconds = seconds
        return
    _installed = _Installed(Settings(seconds))
    module = sys.modules.get(_MODULE)
    if module is not None and hasattr(module, "Module"):
        _wrap_calls(module)
    else:
        _installed.finder = _Waiting()
        sys.meta_path.insert(0, _installed.finder)
    _installed.previous_excepthook = sys.excepthook
    _installed.excepthook = sys.excepthook = _excepthook
    _tell_notebook(on=True)


def uninstall() -> None:
    """Leave exceptions alone again."""
    global _installed
    installed, _installed = _installed, None
    if installed is None:
        return
    if installed.finder in sys.meta_path:
        sys.meta_path.remove(installed.finder)
    if installed.function is not None and installed.original is not None:
        installed.function.__code__ = installed.original
    # A hook that somebody has put around ours stays, and so does ours in it: it does nothing any more.
    if sys.excepthook is installed.excepthook and installed.previous_excepthook is not None:
        sys.excepthook = installed.previous_excepthook
    _previous_hooks.append(installed.previous_excepthook)
    _tell_notebook(on=False)


_previous_hooks: list[_Hook | None] = []


class _Waiting(MetaPathFinder):
    """Sees the import of `nn.Module`, leaves it to whoever else finds it, and wraps it when it is there."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None) if finder is not self else None
            spec = find(name, path, target) if find is not None else None
            if spec is not None and spec.loader is not None:
                spec.loader = _ThenWrap(spec.loader)
                return spec  # type: ignore[no-any-return]
        return None


class _ThenWrap(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        if _installed is not None:
            if _installed.finder in sys.meta_path:
                sys.meta_path.remove(_installed.finder)
            _wrap_calls(module)


def _wrap_calls(module: ModuleType) -> None:
    """Put the code of `nn.Module.__call__` inside a `try`. Where PyTorch's source is not what it was, exceptions go unexplained."""
    function: Any = module.Module.__call__
    if _installed is None or not isinstance(function, FunctionType) or function.__closure__:
        return
    try:
        code = _code_in_a_try(function)
    except (OSError, TypeError, SyntaxError, ValueError):
        return
    _installed.function, _installed.original = function, function.__code__
    function.__globals__[_HANDLER] = _on_failure
    function.__code__ = code


def _code_in_a_try(function: FunctionType) -> CodeType:
    """The function's own code, compiled from its source again, with `except Exception as error: <handler>(error); raise` around it."""
    tree = ast.parse("if True:\n" + inspect.getsource(function))  # with its indentation: tracebacks underline by columns
    definition = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if definition is None:
        raise ValueError("no plain function")
    handler = ast.parse(f"try:\n    pass\nexcept Exception as _error:\n    {_HANDLER}(_error)\n    raise").body[0]
    assert isinstance(handler, ast.Try)
    handler.body = definition.body
    last = definition.body[-1]
    ast.copy_location(handler, definition.body[0])
    for clause in handler.handlers:
        for part in ast.walk(clause):
            if isinstance(part, (ast.stmt, ast.expr, ast.excepthandler)):
                ast.copy_location(part, last)
    definition.body = [handler]
    ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 2)
    compiled = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    code = next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))
    return code.replace(co_qualname=function.__code__.co_qualname)


def _on_failure(error: Exception) -> None:
    """Explain what a module's call has raised. Whatever goes wrong in that is nobody's business but ours."""
    if _installed is None:
        return
    try:
        from linearcheck.live.failing import explain_in_call

        explain_in_call(error, sys._getframe(1), _installed.settings.seconds)
    except Exception:
        return


def _excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> Any:
    """An uncaught exception that was raised outside of every module, such as by a loss."""
    note_uncaught(error)
    previous = _installed.previous_excepthook if _installed is not None else (_previous_hooks or [None])[-1]
    return (previous or sys.__excepthook__)(kind, error, traceback)


def note_uncaught(error: BaseException) -> None:
    """Give an exception a note that was raised outside of every module. It is left alone where anything goes wrong."""
    if _installed is None or not isinstance(error, Exception):
        return
    try:
        from linearcheck.live.failing import explain_uncaught

        explain_uncaught(error)
    except Exception:
        return


def is_explained(error: BaseException) -> bool:
    """Whether an exception carries a note of ours; asked without importing what makes them."""
    return any(type(note).__module__ == "linearcheck.live.failing" for note in getattr(error, "__notes__", ()))


def take_out(found: _Hook) -> _Hook:
    """The hook that a process has, or the one that ours stands before."""
    if _installed is not None and found is _installed.excepthook:
        return _installed.previous_excepthook or sys.__excepthook__
    return found


def _tell_notebook(on: bool) -> None:
    """IPython does not ask `sys.excepthook`: there, exceptions outside of every module come through a handler of its own."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is None:
        return
    try:
        if on and not shell.custom_exceptions:
            shell.set_custom_exc((Exception,), _in_notebook)
        elif not on and shell.custom_exceptions == (Exception,):
            shell.custom_exceptions = ()
    except Exception:
        return


def _in_notebook(shell: Any, kind: type[BaseException], error: BaseException, traceback: Any, tb_offset: int | None = None) -> None:
    note_uncaught(error)
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
