"""A tensor transformed before a call takes it: `self.fc(x)` becomes `self.fc(torch.flatten(x, 1))`, in the style of the file."""

from __future__ import annotations

import ast
import re

from linearcheck.findings import Edit, WrapInput
from linearcheck.fix.arguments import find_argument, is_method
from linearcheck.fix.imports import torch_name
from linearcheck.fix.signatures import TENSOR_NAMES
from linearcheck.fix.source import Comprehension, SourceFile, last_name

_VIEWS = re.compile(r"\.(view|reshape)\(\s*(\w+\.size\(0\)|\w+\.shape\[0\]|len\(\w+\)|[A-Za-z_]\w*)\s*,\s*-1\s*\)")


def wrapped_inputs(source: SourceFile, action: WrapInput) -> list[tuple[Edit, ...]]:
    """Edits of the one call, in the author's style first; empty where the call's argument is no plain expression."""
    node = source.node_at(action.call)
    operand = operand_of(source, node, action) if node is not None else None
    if operand is None or isinstance(operand, ast.Starred | ast.GeneratorExp | ast.NamedExpr | ast.Yield | ast.YieldFrom):
        return []
    return [(source.replace(operand, text),) for text in transformed(source, operand, action)]


def upstream(source: SourceFile, operand: ast.expr) -> ast.expr | None:
    """What the name that a call takes was last set to before it, in a statement of its own in the same function."""
    if not isinstance(operand, ast.Name):
        return None
    scope = source.scope_of(operand)
    set_before = [
        node
        for node in source.nodes_in(scope)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == operand.id
        and (node.end_lineno or node.lineno) < operand.lineno
        and source.scope_of(node) is scope
    ]
    return max(set_before, key=lambda node: node.lineno).value if set_before else None


def is_repeated(source: SourceFile, operand: ast.expr, value: ast.expr) -> bool:
    """Whether an operand is read in a loop that the statement that sets it does not stand in."""
    around = set(source.ancestors(value))
    return any(isinstance(p, ast.For | ast.While | Comprehension) and p not in around for p in source.ancestors(operand))


def operand_of(source: SourceFile, node: ast.AST, action: WrapInput) -> ast.expr | None:
    """The expression of the argument that an action means, in a call or an operator."""
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.BinOp):
        return node.left if action.position == 0 else node.right
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        return node.left if action.position == 0 else node.comparators[0]
    if isinstance(node, ast.AugAssign):
        return node.value if action.position == 1 else None
    if isinstance(node, ast.UnaryOp | ast.Subscript) and action.position == 0:
        return node.operand if isinstance(node, ast.UnaryOp) else node.value
    if not isinstance(node, ast.Call):
        return None
    callee = last_name(node.func)
    name = action.argument
    if name and not name.isdigit():
        keyword = next((k.value for k in node.keywords if k.arg == name), None)
        if keyword is not None:
            return keyword
        found = find_argument(source, node, callee, name)
        if found is not None:
            return found.value
    return _positional(source, node, int(name) if name.isdigit() else action.position)


def _positional(source: SourceFile, call: ast.Call, position: int) -> ast.expr | None:
    if is_method(source, call) and not _calls_module(call) and isinstance(call.func, ast.Attribute):
        if position == 0:
            return call.func.value
        position -= 1
    given = call.args[: position + 1]
    if len(given) > position:
        return None if any(isinstance(node, ast.Starred) for node in given) else given[position]
    if position == 0 and not call.args:
        return next((k.value for k in call.keywords if k.arg in TENSOR_NAMES), None)
    return None


def _calls_module(call: ast.Call) -> bool:
    """`self.fc(x)` calls a layer, `x.view(…)` a tensor's method; `self.blocks.forward(x)` a layer too."""
    func = call.func
    assert isinstance(func, ast.Attribute)
    owner: ast.expr = func.value
    while isinstance(owner, ast.Attribute | ast.Subscript):
        owner = owner.value
    return func.attr in ("forward", "__call__") or (
        isinstance(owner, ast.Name) and owner.id in ("self", "cls") and not _is_tensor_method(call)
    )


def _is_tensor_method(call: ast.Call) -> bool:
    """`self.weight.view(…)`: a method that layers do not have, of something that belongs to the module."""
    func = call.func
    return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Attribute | ast.Subscript) and func.attr in _TENSOR_METHODS


_TENSOR_METHODS = frozenset(
    [
        "view",
        "reshape",
        "permute",
        "transpose",
        "t",
        "flatten",
        "unflatten",
        "expand",
        "repeat",
        "squeeze",
        "unsqueeze",
        "matmul",
        "mm",
        "bmm",
        "add",
        "sub",
        "mul",
        "div",
        "softmax",
        "log_softmax",
        "mean",
        "sum",
        "max",
        "min",
        "chunk",
        "split",
        "gather",
        "index_select",
        "roll",
        "narrow",
        "select",
        "float",
        "long",
        "to",
        "type",
        "contiguous",
        "expand_as",
        "view_as",
        "masked_fill",
        "masked_fill_",
        "copy_",
        "add_",
        "mul_",
    ]
)


def transformed(source: SourceFile, operand: ast.expr, action: WrapInput) -> list[str]:
    """The operand's text, transformed, in the ways that an author may write it, the file's own way first."""
    text = source.source_of(operand)
    subject = text if _is_atom(operand) else f"({text})"
    match action.transform:
        case "flatten":
            return flattened(source, operand, subject)
        case "view_as_rows":
            return (
                [f"{subject}.reshape({_batch_size(source, operand)}, -1)"] if isinstance(operand, ast.Name) else [f"{subject}.flatten(1)"]
            )
        case "permute":
            return [f"{subject}.permute({', '.join(map(str, action.axes))})"]
        case "transpose":
            return [f"{subject}.transpose({', '.join(map(str, action.axes))})"]
        case "unsqueeze" | "squeeze":
            return [f"{subject}.{action.transform}({', '.join(map(str, action.axes[:1]))})"]
        case "dtype":
            return [f"{subject}{cast_to(source, action.dtype)}"]
    return []


def cast_to(source: SourceFile, dtype: str) -> str:
    """`.float()` and its like, or `.to(torch.int32)`."""
    name = dtype.removeprefix("torch.")
    short = {
        "float32": "float",
        "float64": "double",
        "float16": "half",
        "int64": "long",
        "int32": "int",
        "bool": "bool",
        "bfloat16": "bfloat16",
    }
    return f".{short[name]}()" if name in short else f".to({torch_name(source) or 'torch'}.{name})"


def flattened(source: SourceFile, operand: ast.expr, subject: str) -> list[str]:
    """The three ways to flatten from axis 1, the one that the file uses already first."""
    text = source.source_of(operand)
    torch = torch_name(source)
    function = [f"{torch}.flatten({text}, 1)"] if torch else []
    method = f"{subject}.flatten(1)"
    if isinstance(operand, ast.Name) and (view := _VIEWS.search(source.text)) is not None:
        size = "{}.shape[0]" if ".shape" in view[2] else "len({})" if view[2].startswith("len") else "{}.size(0)"
        return [f"{subject}.{view[1]}({size.format(text)}, -1)", *function, method]
    if re.search(r"\w\.flatten\(", source.text) and not (torch and re.search(rf"\b{re.escape(torch)}\.flatten\(", source.text)):
        return [method, *function]
    return [*function, method]


def _batch_size(source: SourceFile, operand: ast.expr) -> str:
    text = source.source_of(operand)
    return f"{text}.shape[0]" if ".shape[0]" in source.text else f"{text}.size(0)"


def _is_atom(node: ast.expr) -> bool:
    """Whether an attribute can stand behind an expression without parentheses around it."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.List | ast.ListComp)
