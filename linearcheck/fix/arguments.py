"""Where an argument stands in a call: among the positional ones, as a keyword, in an outer `**dict`, or nowhere yet."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from linearcheck.findings import Edit
from linearcheck.fix.signatures import FUNCTIONS, LAYERS, SIZES_AFTER_TENSOR, SIZES_FIRST
from linearcheck.fix.source import SourceFile, dotted, is_super_init
from linearcheck.fix.text import position_of


@dataclass(frozen=True, slots=True)
class Argument:
    """The expression that an argument is given as. `sizes` are all of them where sizes stand one after the other."""

    value: ast.expr
    sizes: tuple[ast.expr, ...] = ()


def is_method(source: SourceFile, call: ast.Call) -> bool:
    """Whether a call is a tensor's method (`x.view(…)`), so that its first argument stands before the dot.

    A name that the file imports (`F`, `torch.nn.functional`) is a module, anything else a tensor.
    """
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = dotted(call.func.value)
    root = owner.split(".")[0]
    return not owner or root not in source.imported_names


def find_argument(source: SourceFile, call: ast.Call, callee: str, argument: str) -> Argument | None:
    """The expression given for an argument, or None where the call leaves it out or hides it behind a star.

    `argument` is a parameter's name, or a position ("0", "1"), a method's tensor being position 0.
    """
    keyword = next((k for k in call.keywords if k.arg == argument), None)
    if keyword is not None:
        return Argument(keyword.value)
    shift = 1 if callee not in LAYERS and is_method(source, call) and not is_super_init(call.func) else 0
    if callee in SIZES_AFTER_TENSOR | SIZES_FIRST and not argument.isdigit():
        sizes = tuple(call.args[0 if shift or callee in SIZES_FIRST else 1 :])
        return Argument(sizes[0], sizes) if sizes else None
    position = _position(callee, argument)
    if position is None:
        return None
    if shift and position == 0:
        assert isinstance(call.func, ast.Attribute)
        return Argument(call.func.value)
    position -= shift
    if is_unbound_init(call.func):
        position += 1
    given = call.args[: position + 1]
    if len(given) <= position or any(isinstance(node, ast.Starred) for node in given):
        return None
    return Argument(given[position])


def is_unbound_init(func: ast.expr) -> bool:
    """`nn.Linear.__init__(self, …)`, which takes `self` first; `super().__init__(…)` does not."""
    return isinstance(func, ast.Attribute) and func.attr == "__init__" and not isinstance(func.value, ast.Call)


def _position(callee: str, argument: str) -> int | None:
    if argument.isdigit():
        return int(argument)
    parameters = LAYERS.get(callee) or FUNCTIONS.get(callee)
    return parameters.index(argument) if parameters and argument in parameters else None


def is_hidden(call: ast.Call) -> bool:
    """Whether a star in the call may hold the argument."""
    return any(isinstance(node, ast.Starred) for node in call.args) or any(k.arg is None for k in call.keywords)


def add_keyword(source: SourceFile, call: ast.Call, argument: str, value: str) -> Edit | None:
    """An edit that passes one more argument, as the last one, on a line of its own where the others stand so.

    `nn.LSTM(16, 32)` becomes `nn.LSTM(16, 32, batch_first=True)`.
    """
    close = source.offsets(call)[1] - 1
    if source.text[close] != ")":
        return None
    given = [*call.args, *(k for k in call.keywords)]
    text = f"{argument}={value}"
    if not given:
        start = source.offsets(call.func)[1]
        inner = source.text.index("(", start) + 1
        return source.insert(position_of(source.text, inner), text)
    last = max(given, key=source.end)
    end = source.offsets(last)[1]
    if isinstance(last, ast.GeneratorExp) and source.text[end - 1] == ")" and end - 1 == close:
        return None  # a lone generator shares the call's parentheses
    before = _before_comment_and_space(source.text, end, close)
    comma = before.find(",")
    first_line, last_line = source.start(given[0])[0], source.start(last)[0]
    own_line = source.start(last)[0] > source.end(call.func)[0] and (last_line > first_line or len(given) == 1)
    separator = line_break(source, last_line) if own_line and _closes_on_own_line(source, close) else " "
    if comma >= 0:
        return source.insert(position_of(source.text, end + comma + 1), f"{separator}{text}{',' if separator != ' ' else ''}")
    return source.insert(position_of(source.text, end + len(before)), f",{separator}{text}{',' if separator != ' ' else ''}")


def line_break(source: SourceFile, line: int) -> str:
    return "\n" + source.indentation_of(line)


def _closes_on_own_line(source: SourceFile, close: int) -> bool:
    line, column = position_of(source.text, close)
    return not source.lines[line - 1][: column - 1].strip()


def _before_comment_and_space(text: str, start: int, stop: int) -> str:
    """What follows an argument up to its comma, closing parentheses of its own included, comments left out."""
    position = start
    depth_end = start
    while position < stop:
        character = text[position]
        if character == "#":
            while position < stop and text[position] not in "\r\n":
                position += 1
            continue
        if character == ",":
            return text[start : position + 1]
        if character == ")":
            depth_end = position + 1
        position += 1
    return text[start:depth_end]
