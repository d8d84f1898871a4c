"""Whether the user's own code is ready for an exception: a `try` around the call that goes on another way."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

_ENDINGS = frozenset({"exit", "quit", "_exit"})


def is_handled(
    error: Exception,
    frame: FrameType | None,
    is_user_code: Callable[[CodeType], bool],
    source_of: Callable[[str], str],
    outermost: str,
) -> bool:
    """Whether a `try` statement of the user's around a running call has a way of its own where `error` comes.

    A handler that raises again, ends the program, or only prints or passes is no other way: what it hides is what a check is for.

    Args:
        frame: The innermost frame; its callers are looked through as far as the first one of the file `outermost`.
    """
    while frame is not None and frame.f_code.co_filename != outermost:
        if is_user_code(frame.f_code) and any(
            _catches(handler, error, frame) and _goes_another_way(handler) for handler in _handlers_around(frame, source_of)
        ):
            return True
        frame = frame.f_back
    return False


def _handlers_around(frame: FrameType, source_of: Callable[[str], str]) -> Iterator[ast.ExceptHandler]:
    try:
        text = source_of(frame.f_code.co_filename)
    except (OSError, ValueError, KeyError):
        return
    for statement in _try_statements(text):
        if statement.body[0].lineno <= frame.f_lineno <= (statement.body[-1].end_lineno or 0):
            yield from statement.handlers


@lru_cache(maxsize=64)
def _try_statements(text: str) -> tuple[ast.Try, ...]:
    """Those of a source file from its inside to its outside."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    return tuple(sorted(found, key=lambda node: node.lineno, reverse=True))


def _catches(handler: ast.ExceptHandler, error: Exception, frame: FrameType) -> bool:
    if handler.type is None:
        return True
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    kinds = [_value(name, frame) for name in named]
    return any(isinstance(kind, type) and isinstance(error, kind) for kind in kinds)


def _value(expression: ast.expr, frame: FrameType) -> Any:
    if isinstance(expression, ast.Attribute):
        return getattr(_value(expression.value, frame), expression.attr, None)
    if isinstance(expression, ast.Name):
        for names in (frame.f_locals, frame.f_globals, vars(builtins)):
            if expression.id in names:
                return names[expression.id]
    return None


def _goes_another_way(handler: ast.ExceptHandler) -> bool:
    within = [node for statement in handler.body for node in ast.walk(statement)]
    if any(isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _called(node) in _ENDINGS) for node in within):
        return False
    return any(
        isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
        or (isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant))
        for node in within
    )


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
