"""Names that an edit's text needs and the file does not import yet."""

from __future__ import annotations

import ast

from linearcheck.findings import Edit
from linearcheck.fix.source import SourceFile, dotted

# How the field writes these imports.
_USUAL = {
    "torch": "import torch",
    "nn": "import torch.nn as nn",
    "F": "import torch.nn.functional as F",
    "math": "import math",
}


def missing_imports(source: SourceFile, texts: list[str]) -> tuple[Edit, ...]:
    """Edits that import what the new texts name; none where the names are bound already."""
    bound = source.imported_names | _used_names(source)
    if "*" in bound:
        return ()
    needed = [name for name in _USUAL if name not in bound and any(_names(text, name) for text in texts)]
    if not needed:
        return ()
    lines = [_USUAL[name] for name in needed]
    return (_insertion(source, lines),)


def _names(text: str, name: str) -> bool:
    try:
        tree = ast.parse(text.strip().strip(","), mode="exec")
    except SyntaxError:
        return f"{name}." in text
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _used_names(source: SourceFile) -> set[str]:
    """Names that the file uses already, wherever they come from."""
    return {node.id for node in source.nodes if isinstance(node, ast.Name)}


def import_of(source: SourceFile, module: str, name: str) -> tuple[Edit, ...]:
    """`from torch.nn import Flatten` beside the import of the same package that is there, or nothing where the name is bound."""
    bound = source.imported_names
    if name in bound or "*" in bound:
        return ()
    return (_insertion(source, [f"from {module} import {name}"], after=module),)


def torch_name(source: SourceFile) -> str | None:
    """What the file calls torch itself: `torch`, or the name of `import torch as th`; None where it does not import it."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "torch" or (alias.asname is None and alias.name.startswith("torch.")):
                    return alias.asname or "torch"
    return None


def _insertion(source: SourceFile, lines: list[str], after: str = "torch") -> Edit:
    """New lines after the last import of the package at module level, or else before the first statement that is not a docstring."""
    body = source.tree.body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    related = [node for node in imports if _module(node).split(".")[0] == after.split(".")[0]]
    future = [node for node in imports if _module(node) == "__future__"]
    anchor = next(reversed(related or future), None)
    if anchor is None and imports:
        return source.insert((imports[0].lineno, 1), "".join(f"{line}\n" for line in lines))
    if (
        anchor is None
        and body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        return source.insert(source.end(body[0]), "\n\n" + "\n".join(lines))
    if anchor is None:
        line = body[0].lineno if body else 1
        return source.insert((line, 1), "".join(f"{text}\n" for text in lines))
    return source.insert(source.end(anchor), "".join(f"\n{line}" for line in lines))


def _module(node: ast.Import | ast.ImportFrom) -> str:
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def qualified_like(source: SourceFile, call: ast.Call, name: str) -> tuple[str, tuple[Edit, ...]]:
    """How the author would write another class of torch.nn beside a call, and the imports that this needs.

    `nn.Flatten` beside `nn.Linear`; plain `Flatten`, imported, beside plain `Linear`.
    """
    written = dotted(call.func)
    prefix = written.rpartition(".")[0]
    if prefix and prefix.split(".")[0] in source.imported_names and prefix.split(".")[-1] in ("nn", "modules", "torch"):
        return f"{prefix}.{name}", ()
    if "nn" in source.imported_names and (prefix or not written):
        return f"nn.{name}", ()
    if name in source.imported_names or "*" in source.imported_names:
        return name, ()
    if "nn" in source.imported_names:
        return f"nn.{name}", ()
    if torch_name(source) == "torch":
        return f"torch.nn.{name}", ()
    return name, import_of(source, "torch.nn", name)
