"""A module put before a layer that `nn.Sequential` calls: `nn.Flatten()` in the list of layers, in the form of the list."""

from __future__ import annotations

import ast
import re

from linearcheck.findings import Edit
from linearcheck.fix.imports import qualified_like
from linearcheck.fix.source import SourceFile, dotted, last_name


def holder_of(source: SourceFile, definition: ast.expr) -> tuple[ast.expr, ast.AST] | None:
    """The element of a list of layers that a definition is (part of), and the call or display that holds it.

    `nn.Linear(4, 2)` in `Sequential(nn.Linear(4, 2))`, the pair `("fc", nn.Linear(4, 2))` of an `OrderedDict`, the argument of
    `layers.append(...)`, an item of `layers += [...]`. None where the layer stands alone or in a `ModuleList`.
    """
    element: ast.AST = definition
    parent = source.parents.get(element)
    if isinstance(parent, ast.Tuple) and len(parent.elts) == 2 and parent.elts[1] is element and isinstance(parent.elts[0], ast.Constant):
        element, parent = parent, source.parents.get(parent)
    if not isinstance(element, ast.expr) or parent is None:
        return None
    if isinstance(parent, ast.Call) and element in parent.args:
        name = last_name(parent.func)
        if name.endswith("Sequential"):
            return element, parent
        if (
            name in ("append", "add_module", "insert")
            and isinstance(parent.func, ast.Attribute)
            and _becomes_sequential(source, parent.func.value)
        ):
            return element, parent
        return None
    if isinstance(parent, ast.List | ast.Tuple) and _list_is_sequential(source, parent):
        return element, parent
    return None


def _list_is_sequential(source: SourceFile, display: ast.expr) -> bool:
    parent = source.parents.get(display)
    while isinstance(parent, ast.Starred | ast.BinOp) or (
        isinstance(parent, ast.Call) and last_name(parent.func) in ("OrderedDict", "list", "extend")
    ):
        if isinstance(parent, ast.Call) and last_name(parent.func) == "extend" and isinstance(parent.func, ast.Attribute):
            return _becomes_sequential(source, parent.func.value)
        parent = source.parents.get(parent)
    if isinstance(parent, ast.Call):
        return last_name(parent.func).endswith("Sequential")
    targets = (
        parent.targets if isinstance(parent, ast.Assign) else [parent.target] if isinstance(parent, ast.AugAssign | ast.AnnAssign) else []
    )
    return any(_becomes_sequential(source, target) for target in targets)


def _becomes_sequential(source: SourceFile, holder: ast.expr) -> bool:
    """Whether a list is unpacked into a Sequential, or the holder is one: `nn.Sequential(*layers)`, `self.net.append(…)`."""
    name = re.escape(dotted(holder) or "\0")
    return bool(
        re.search(rf"Sequential\(\s*(OrderedDict\(\s*)?\*?\s*{name}\s*[,)]", source.text)
        or re.search(rf"{name}\s*=\s*[\w.]*Sequential\(", source.text)
    )


def is_first(source: SourceFile, element: ast.expr, holder: ast.AST) -> bool:
    """Whether an element is the first of its list, which alone says nothing for `append`."""
    if isinstance(holder, ast.Call):
        return last_name(holder.func).endswith("Sequential") and holder.args[0] is element
    return isinstance(holder, ast.List | ast.Tuple) and holder.elts[0] is element


def insert_module(source: SourceFile, definition: ast.Call, module: str = "Flatten", arguments: str = "") -> tuple[Edit, ...]:
    """Edits that put a module of torch.nn before the layer that `definition` builds, or none where no list of layers holds it."""
    found = holder_of(source, definition)
    if found is None:
        return ()
    element, holder = found
    name, imports = qualified_like(source, definition, module)
    text = f"{name}({arguments})"
    if isinstance(element, ast.Tuple):
        text = f'("{module.lower()}", {text})'
    if isinstance(holder, ast.Call) and last_name(holder.func) in ("append", "add_module", "insert"):
        return (*imports, *_before_statement(source, holder, text))
    position = source.start(element)
    before = source.lines[position[0] - 1][: position[1] - 1]
    separator = f",\n{before}" if not before.strip() else ", "
    return (*imports, source.insert(position, text + separator))


def _before_statement(source: SourceFile, call: ast.Call, text: str) -> tuple[Edit, ...]:
    """`layers.append(nn.Flatten())` on the line before `layers.append(nn.Linear(…))`."""
    statement = source.statement_of(call)
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "append" or not isinstance(statement, ast.Expr) or statement.value is not call:
        return ()
    indentation = source.indentation_of(statement.lineno)
    if source.start(statement)[1] != len(indentation) + 1:
        return ()
    return (source.insert(source.start(statement), f"{source.source_of(call.func)}({text})\n{indentation}"),)
