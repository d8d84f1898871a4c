"""Finds a traced call again in the text of the user's source, so that a proposal can name the stretch to replace. Reads, never edits."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from linearcheck.trace.records import Span, Trace


@lru_cache(maxsize=32)
def parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=32)
def _expressions(text: str) -> Mapping[int, tuple[ast.expr, ...]]:
    """The expressions that begin on each line, outermost first."""
    found: dict[int, list[ast.expr]] = {}
    for node in ast.walk(parsed(text) or ast.Module([], [])):
        if isinstance(node, ast.expr):
            found.setdefault(node.lineno, []).append(node)
    return {line: tuple(nodes) for line, nodes in found.items()}


@lru_cache(maxsize=32)
def _functions(text: str) -> tuple[ast.FunctionDef, ...]:
    return tuple(node for node in ast.walk(parsed(text) or ast.Module([], [])) if isinstance(node, ast.FunctionDef))


def function_at(trace: Trace, span: Span) -> ast.FunctionDef | None:
    """The innermost function around a place."""
    return function_around(trace.sources.get(span.path, "").removeprefix("\ufeff"), span.line)


def function_around(text: str, line: int) -> ast.FunctionDef | None:
    """The innermost function of a text that has a line."""
    around = [node for node in _functions(text) if node.lineno <= line <= (node.end_lineno or node.lineno)]
    return max(around, key=lambda node: node.lineno, default=None)


def tree_of(trace: Trace, path: str) -> ast.Module | None:
    """The parsed text of one of the user's files, None where it is not at hand."""
    text = trace.sources.get(path)
    return parsed(text.removeprefix("\ufeff")) if text is not None else None


def nodes_at(trace: Trace, span: Span | None) -> Iterator[ast.expr]:
    """Every expression that covers exactly the span, outermost first."""
    text = trace.sources.get(span.path) if span is not None else None
    if span is None or text is None:
        return
    for node in _expressions(text.removeprefix("\ufeff")).get(span.line, ()):
        if span_of(trace, span.path, node) == _plain(span):
            yield node


def call_at(trace: Trace, span: Span | None) -> ast.Call | None:
    """The call expression at a span, or None."""
    return next((node for node in nodes_at(trace, span) if isinstance(node, ast.Call)), None)


def statement_at(trace: Trace, span: Span | None) -> ast.stmt | None:
    """The innermost statement that covers a span's first line and column."""
    text = trace.sources.get(span.path) if span is not None else None
    tree = parsed(text.removeprefix("\ufeff")) if text is not None else None
    found: ast.stmt | None = None
    if span is not None and tree is not None:
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt) and node.lineno <= span.line <= (node.end_lineno or node.lineno):
                found = node  # breadth first: deeper statements come later
    return found


def argument_node(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """The expression of one argument, by keyword or by position (no star before it)."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    leading = call.args[: position + 1]
    return leading[position] if len(leading) > position and not any(isinstance(item, ast.Starred) for item in leading) else None


def span_of(trace: Trace, path: str, node: ast.expr | ast.stmt) -> Span:
    """Where an expression stands, in characters from 1."""
    lines = _lines(trace.sources[path].removeprefix("\ufeff"))
    end_line = node.end_lineno or node.lineno
    return Span(
        path,
        node.lineno,
        _characters(lines, node.lineno, node.col_offset),
        end_line,
        _characters(lines, end_line, node.end_col_offset or 0),
    )


def text_of(trace: Trace, span: Span) -> str:
    """The source text at a span."""
    lines = _lines(trace.sources[span.path].removeprefix("\ufeff"))[span.line - 1 : span.end_line]
    if not lines:
        return ""
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def node_text(trace: Trace, path: str, node: ast.expr | ast.stmt) -> str:
    return text_of(trace, span_of(trace, path, node))


def operand_node(trace: Trace, span: Span | None, position: int) -> ast.expr | None:
    """The expression of one operand of an operator or call; a method's tensor is number 0."""
    for node in nodes_at(trace, span):
        if isinstance(node, ast.BinOp):
            return (node.left, node.right)[position] if position < 2 else None
        if isinstance(node, ast.Compare):
            return (node.left, *node.comparators)[position] if position <= len(node.comparators) else None
        if isinstance(node, ast.Call) and not any(isinstance(argument, ast.Starred) for argument in node.args):
            is_function = not isinstance(node.func, ast.Attribute) or (
                isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "F")
            )
            operands = [node.func.value, *node.args] if isinstance(node.func, ast.Attribute) and not is_function else node.args
            return operands[position] if position < len(operands) else None
    statement = statement_at(trace, span)
    return statement.value if isinstance(statement, ast.AugAssign) and position == 1 else None


def default_of(trace: Trace, span: Span, name: str) -> ast.expr | None:
    """The default value of a parameter of the function around a span, or None."""
    text = trace.sources.get(span.path)
    tree = parsed(text.removeprefix("\ufeff")) if text is not None else None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)] if tree is not None else []
    around = [node for node in functions if node.lineno <= span.line <= (node.end_lineno or node.lineno)]
    if not around:
        return None
    arguments = around[-1].args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(
        zip([argument.arg for argument in positional[len(positional) - len(arguments.defaults) :]], arguments.defaults, strict=True)
    )
    keyword_only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return defaults.get(name) or next((default for argument, default in keyword_only if argument.arg == name), None)


def imports_as(trace: Trace, path: str, module: str) -> str | None:
    """The name under which a file imports a module, such as `F` for `torch.nn.functional`."""
    text = trace.sources.get(path)
    tree = parsed(text.removeprefix("\ufeff")) if text is not None else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == module:
                    return alias.asname or alias.name
        if isinstance(node, ast.ImportFrom) and node.module and module.startswith(f"{node.module}."):
            for alias in node.names:
                if f"{node.module}.{alias.name}" == module:
                    return alias.asname or alias.name
    return None


def list_items(trace: Trace, span: Span | None) -> list[ast.expr]:
    """The items of the list or tuple that a call such as `torch.cat([a, b], 1)` gets first."""
    node = call_at(trace, span)
    first = node.args[0] if node is not None and node.args else None
    return (
        list(first.elts)
        if isinstance(first, ast.List | ast.Tuple) and not any(isinstance(item, ast.Starred) for item in first.elts)
        else []
    )


def turned_operand(node: ast.expr) -> ast.expr | None:
    """What `x.T`, `x.t()` or `x.transpose(0, 1)` turns, or None."""
    match node:
        case ast.Attribute(value=value, attr="T") | ast.Call(func=ast.Attribute(value=value, attr="t"), args=[], keywords=[]):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="transpose"), args=[ast.Constant(a), ast.Constant(b)]) if {a, b} == {0, 1}:
            return value
    return None


def constant_value(node: ast.expr | None) -> object | None:
    """The value of a number, or of an expression of numbers alone: `32 * 6 * 6`."""
    if node is None:
        return None
    for part in ast.walk(node):
        is_number = isinstance(part, ast.Constant) and type(part.value) in (int, float)
        if not is_number and not isinstance(
            part, ast.BinOp | ast.UnaryOp | ast.Add | ast.Sub | ast.Mult | ast.FloorDiv | ast.Mod | ast.USub
        ):
            return None
    try:
        value: object = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})  # numbers and operators alone
        return value
    except ArithmeticError:
        return None


def is_atom(node: ast.expr) -> bool:
    """Whether an attribute can be written behind the expression without parentheses."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))


@lru_cache(maxsize=32)
def _lines(text: str) -> list[str]:
    return text.split("\n")


def _characters(lines: list[str], line: int, byte_column: int) -> int:
    if not 0 < line <= len(lines) or lines[line - 1].isascii():
        return byte_column + 1
    return len(lines[line - 1].encode()[:byte_column].decode(errors="ignore")) + 1


def _plain(span: Span) -> Span:
    return Span(span.path, span.line, span.column, span.end_line, span.end_column)
