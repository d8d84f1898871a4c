"""Command lines of the user's scripts: `parser.parse_args()` becomes a namespace of the defaults, whatever is in `sys.argv`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from linearcheck.load.shapes import literal
from linearcheck.load.signals import OpenValue


class Defaults(argparse.Namespace):
    """A parsed command line without a command line. A required option without a value raises OpenValue where it is read."""

    __slots__ = ("required",)  # not in `__dict__`: scripts pass `**vars(args)` on
    required: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name != "required" and (option := self.required.get(name)) is not None:
            reason = f"the command-line option `{option}` is required and has no default"
            raise OpenValue(name, reason, advice=f"add `--set {name}=...`")
        raise AttributeError(f"'Namespace' object has no attribute '{name}'")


def _defaults_of(parser: argparse.ArgumentParser, values: Mapping[str, str], into: Any = None) -> Any:
    namespace = Defaults() if into is None else into
    required: dict[str, str] = {}
    for action in parser._actions:
        if action.dest == argparse.SUPPRESS or isinstance(action, argparse._HelpAction | argparse._VersionAction):
            continue
        if action.dest in values:
            given = literal(values[action.dest])
            setattr(namespace, action.dest, parser._get_value(action, given) if isinstance(given, str) else given)
        elif hasattr(namespace, action.dest) and action.dest in vars(namespace):
            continue
        elif action.default is None and _is_required(action):
            required[action.dest] = action.option_strings[-1] if action.option_strings else action.dest
        elif action.default is not argparse.SUPPRESS:
            value = action.default
            setattr(namespace, action.dest, parser._get_value(action, value) if isinstance(value, str) else value)
    for name, value in parser._defaults.items():
        if name not in vars(namespace):
            setattr(namespace, name, value)
    if isinstance(namespace, Defaults):
        namespace.required = required
    return namespace


def _is_required(action: argparse.Action) -> bool:
    if isinstance(action, argparse._SubParsersAction):
        return False
    return action.required or (not action.option_strings and action.nargs not in ("?", "*"))


@contextmanager
def command_line(program: str, values: Mapping[str, str]) -> Iterator[None]:
    """While this is open, argparse gives defaults, with `values` (`--set`) in their place, and `sys.argv` holds the program alone."""
    parser = argparse.ArgumentParser
    before = (parser.parse_args, parser.parse_known_args, sys.argv)

    def parse_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        return before[0](self, args, namespace) if args else _defaults_of(self, values, namespace)

    def parse_known_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        return before[1](self, args, namespace) if args else (_defaults_of(self, values, namespace), [])

    parser.parse_args, parser.parse_known_args = parse_args, parse_known_args  # type: ignore[method-assign]
    sys.argv = [program]
    try:
        yield
    finally:
        parser.parse_args, parser.parse_known_args, sys.argv = before  # type: ignore[method-assign]
