"""What an argument of a command has when nothing is given: `@click.option("--width", default=64)`, `width: int = typer.Option(64)`."""

from __future__ import annotations

import ast

from linearcheck.load.names import FunctionNode

_TYPER = ("Option", "Argument")


def option_default(function: FunctionNode, name: str) -> ast.expr | None:
    """The default that a decorator of the function declares for its argument, as an expression; None where none does."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or _last(decorator.func) not in ("option", "argument"):
            continue
        if name not in _argument_names(decorator):
            continue
        given = {keyword.arg: keyword.value for keyword in decorator.keywords}
        if "default" in given:
            return given["default"]
        if "is_flag" in given:
            return ast.copy_location(ast.Constant(False), decorator)
    return None


def default_of_typer(default: ast.expr) -> ast.expr | None:
    """The default behind `typer.Option(64, help=...)`; the expression itself where it is none of these, None for a required option."""
    if not isinstance(default, ast.Call) or _last(default.func) not in _TYPER:
        return default
    given = next((keyword.value for keyword in default.keywords if keyword.arg == "default"), default.args[0] if default.args else None)
    return None if isinstance(given, ast.Constant) and given.value is Ellipsis else given


def _argument_names(decorator: ast.Call) -> set[str]:
    """As click makes them: a name without dashes as it is, else the longest option (`-w`, `--hidden-width`) with `_` for `-`."""
    texts = [part.value for part in decorator.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    plain = {text for text in texts if not text.startswith("-")}
    long = {text.split("/")[0].lstrip("-").replace("-", "_").lower() for text in texts if text.startswith("-")}
    return plain or long


def _last(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
