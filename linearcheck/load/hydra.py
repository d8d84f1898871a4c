"""The configuration of `@hydra.main(config_path="conf", config_name="config")`, read from the project's own YAML files.

Hydra itself composes more; what is read here is the file, its `defaults` list (`- model: small` is `model/small.yaml`), and `${a.b}`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linearcheck.load.names import FunctionNode
from linearcheck.load.standins import Attributes

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def hydra_configuration(function: FunctionNode, file: Path) -> Attributes | None:
    """The composed configuration of a function under `@hydra.main`, None where there is no such decorator, file or YAML parser."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("hydra.main", "main"):
            options = {k.arg: k.value.value for k in decorator.keywords if k.arg and isinstance(k.value, ast.Constant)}
            name, folder = options.get("config_name"), options.get("config_path")
            if isinstance(name, str):
                return _composed(file.parent / (folder if isinstance(folder, str) else "."), name.removesuffix(".yaml"))
    return None


def _composed(folder: Path, name: str) -> Attributes | None:
    values = _read(folder / f"{name}.yaml")
    if values is None:
        return None
    merged: dict[str, Any] = {}
    for entry in values.pop("defaults", None) or []:
        if isinstance(entry, dict):
            for group, choice in entry.items():
                part = _read(folder / str(group) / f"{choice}.yaml")
                _merge(merged, {str(group).split("/")[-1]: part} if part is not None else {})
        elif isinstance(entry, str) and entry != "_self_":
            _merge(merged, _read(folder / f"{entry}.yaml") or {})
    _merge(merged, values)
    resolved = _resolved(merged, merged)
    return resolved if isinstance(resolved, Attributes) else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        import yaml  # type: ignore[import-untyped]

        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception:
        return None
    return values if isinstance(values, dict) else None


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _resolved(value: Any, whole: Mapping[str, Any], depth: int = 0) -> Any:
    """Nested dicts whose items are attributes, with references to other values put in."""
    if isinstance(value, dict):
        return Attributes({key: _resolved(item, whole, depth) for key, item in value.items()})
    if isinstance(value, list):
        return [_resolved(item, whole, depth) for item in value]
    if isinstance(value, str) and depth < 8 and (found := _REFERENCE.fullmatch(value)):
        target: Any = whole
        for part in found[1].split("."):
            target = target.get(part) if isinstance(target, Mapping) else None
        return _resolved(target, whole, depth + 1)
    return value
