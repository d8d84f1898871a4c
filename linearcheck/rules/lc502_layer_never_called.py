"""LC502 `layer-never-called`: a layer with weights is built and nothing ever uses it.

## What it catches
`self.fc2 = nn.Linear(128, 64)` in the author's own class, where neither `forward` nor any other code reads `fc2`.

## Why it matters
The model has fewer layers than it looks, and its checkpoint has weights that nothing trains.

## Example
    self.fc1 = nn.Linear(784, 128)
    self.fc2 = nn.Linear(128, 128)
    ...
    return self.out(F.relu(self.fc1(x)))

## Fix
Call it, or leave it out. Where its twin (`bn2` for `bn3`) is called twice, the second call is offered to it.

## PyTorch says
Nothing; `DistributedDataParallel` stops with "Expected to have finished reduction".

## Known problems
Silent where a file looks attributes up by name (`getattr`, `children()`), and where a base class from another file may read the
attribute.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linearcheck.findings import Diagnostic, Proposal, ReplaceSource, Safety, Severity
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import node_text, nodes_at, span_of, statement_at, text_of, tree_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.wording import layer_name, on_line
from linearcheck.trace.records import Layer, Span, Trace

RULE = Rule("LC502", "layer-never-called", Severity.WARNING, FixAvailability.SOMETIMES, __doc__)

TORCH_BASES = frozenset({"Module", "LightningModule"})
LOOKUPS = frozenset(
    ["children", "named_children", "modules", "named_modules", "_modules", "__dict__", "get_submodule", "add_module", "register_module"]
)
"""Attributes of a module through which others are reached that nobody names."""


def check(trace: Trace) -> Iterator[Finding]:
    if trace.failures or trace.python_errors or not trace.calls or not trace.outputs:
        return
    used = {tensor.uid for call in trace.calls for tensor in call.tensors}
    files: dict[str, File | None] = {}
    reported: list[str] = []
    for layer in trace.layers:
        if layer.called or layer.aliases or not layer.name or any(layer.name.startswith(f"{name}.") for name in reported):
            continue
        owner = trace.layer(layer.name.rpartition(".")[0])
        if owner is None or not owner.user_class or owner.torch_type or not (owner.called or not owner.name):
            continue
        inside = [other for other in trace.layers if other.name == layer.name or other.name.startswith(f"{layer.name}.")]
        count = sum(other.n_params for other in inside)
        if not count or layer.definition is None or any(other.called or _is_used(other, used) for other in inside):
            continue
        path = layer.definition.path
        if path not in files:
            files[path] = read_file(tree_of(trace, path))
        file = files[path]
        if file is not None and _is_unread(file, layer, owner):
            reported.append(layer.name)
            yield _finding(trace, layer, owner, count)


def _is_used(layer: Layer, used: set[int]) -> bool:
    """Whether any parameter of a layer reached a call."""
    return any(tensor.uid in used for tensor in layer.parameters.values())


@dataclass(frozen=True)
class File:
    """What a file says about attributes: those it reads, all its texts, and whether it may reach attributes without naming them."""

    classes: Mapping[str, ast.ClassDef]
    read: frozenset[str]
    texts: frozenset[str]
    looks_up: bool


def read_file(tree: ast.Module | None) -> File | None:
    """One walk over a file's tree; None without one."""
    if tree is None:
        return None
    nodes = list(ast.walk(tree))
    return File(
        {node.name: node for node in nodes if isinstance(node, ast.ClassDef)},
        frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store)),
        frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)),
        any(_looks_up(node) for node in nodes),
    )


def _is_unread(file: File, layer: Layer, owner: Layer) -> bool:
    """Whether the file with the owner's class never reads the attribute, in no way that can be seen or not be seen."""
    definition, attribute = layer.definition, layer.name.rpartition(".")[2]
    holder = file.classes.get(owner.type)
    if definition is None or holder is None or not holder.lineno <= definition.line <= (holder.end_lineno or definition.line):
        return False
    return not file.looks_up and attribute not in file.read | file.texts and _has_known_bases(holder, file.classes)


def _has_known_bases(holder: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> bool:
    names = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "?") for base in holder.bases]
    return all(
        name in TORCH_BASES or (name in classes and name != holder.name and _has_known_bases(classes[name], classes)) for name in names
    )


def _looks_up(node: ast.AST) -> bool:
    """Whether an expression may reach attributes without naming them."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"getattr", "vars", "setattr", "eval", "exec"}:
        known = node.func.id == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        return not known
    return isinstance(node, ast.Attribute) and node.attr in LOOKUPS and _is_of_self(node.value)


def _is_of_self(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in {"self", "cls"}) or (
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"
    )


def _finding(trace: Trace, layer: Layer, owner: Layer, count: int) -> Finding:
    span = layer.definition
    inside = f" of `{owner.type}`" if owner.name else ""
    attribute = layer.name.rpartition(".")[2]
    return Finding(
        Diagnostic(
            code=RULE.code,
            rule=RULE.name,
            severity=RULE.severity,
            message=f"{layer_name(layer)} is built and never used",
            explanation=f"{layer.type}{inside}{on_line(span)} has {count} parameters, and no code in this file reads `{attribute}`.",
            span=span,
            path=span.path if span is not None else "",
            layer=layer.name,
            definition=span,
            proposals=ranked(_in_place_of_its_twin(trace, layer), _after_its_sibling(trace, layer)),
        )
    )


def _in_place_of_its_twin(trace: Trace, layer: Layer) -> Proposal | None:
    """`self.bn3` where `self.bn2`, of the same type and sizes, is called at two places: a copied line, with one name left as it was."""
    twins = [other for other in trace.layers if other.called and _are_twins(layer, other)]
    for twin in sorted(twins, key=lambda other: _number(other) > _number(layer)):
        found = {call.site for call in trace.calls if call.kind == "module" and call.layer == twin.name and call.site is not None}
        sites = sorted(found, key=lambda span: (span.path, span.line, span.column))
        if len(sites) != 2:
            continue
        site = sites[-1] if _number(layer) > _number(twin) else sites[0]
        attribute = twin.name.rpartition(".")[2]
        node = next((node for node in nodes_at(trace, site) if isinstance(node, ast.Call)), None)
        if node is None or not (isinstance(node.func, ast.Attribute) and node.func.attr == attribute and _is_of_self(node.func.value)):
            continue
        name = layer.name.rpartition(".")[2]
        written = f"{node_text(trace, site.path, node.func.value)}.{name}"
        edit = ReplaceSource(span_of(trace, site.path, node.func), written)
        return Proposal("other", f"call `{name}`{on_line(site)}, where `{attribute}` is called a second time", Safety.UNSAFE, (edit,))
    return None


def _after_its_sibling(trace: Trace, layer: Layer) -> Proposal | None:
    """`x = relu(self.conv2(x))` after `x = relu(self.conv1(x))`, where the second layer takes what the first one makes."""
    name = layer.name.rpartition(".")[2]
    stem, number = name.rstrip("0123456789"), _number(layer)
    siblings = {_attribute(other): other for other in trace.layers if other.called and _owner(other) == _owner(layer)}
    before = siblings.get(f"{stem}{number - 1}")
    if number < 2 or before is None or before.type != layer.type:
        return None
    sizes = {layer.declared.get(argument) for argument in ("in_features", "in_channels", "num_features") if argument in layer.declared}
    made = {before.declared.get(argument) for argument in ("out_features", "out_channels", "num_features") if argument in before.declared}
    sites = {call.site for call in trace.calls if call.kind == "module" and call.layer == before.name}
    site = next(iter(sites)) if len(sites) == 1 else None
    statement = statement_at(trace, site)
    if sizes != made or site is None or not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return None
    target, function = statement.targets[0].id, next((n for n in ast.walk(statement) if _calls_attribute(n, _attribute(before))), None)
    if not isinstance(function, ast.Call) or len(function.args) != 1 or function.keywords or statement.lineno != statement.end_lineno:
        return None
    own = {_attribute(other) for other in trace.layers if _owner(other) == _owner(layer)}
    text, line = node_text(trace, site.path, statement), span_of(trace, site.path, statement)
    given = span_of(trace, site.path, function.args[0])
    copied = text[: given.column - line.column] + target + text[given.end_column - line.column :]
    further = {attribute for attribute in own if attribute.endswith(str(number - 1)) and f"self.{attribute}(" in copied}
    for attribute in further:
        sibling = f"{attribute.removesuffix(str(number - 1))}{number}"
        if attribute != _attribute(before) and sibling not in own:
            continue
        copied = copied.replace(f"self.{attribute}(", f"self.{sibling}(")
    place = Span(site.path, line.end_line, line.end_column, line.end_line, line.end_column)
    indentation = text_of(trace, Span(site.path, line.line, 1, line.line, line.column))
    title = f"call `{name}` after `{_attribute(before)}`{on_line(site)}: `{copied}`"
    return Proposal("other", title, Safety.UNSAFE, (ReplaceSource(place, f"\n{indentation}{copied}"),))


def _owner(layer: Layer) -> str:
    return layer.name.rpartition(".")[0]


def _attribute(layer: Layer) -> str:
    return layer.name.rpartition(".")[2]


def _calls_attribute(node: ast.AST, attribute: str) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr == attribute and _is_of_self(node.func.value)  # type: ignore[attr-defined]


def _are_twins(layer: Layer, other: Layer) -> bool:
    """Two layers of one module, alike but for the number in their names."""
    (owner, _, name), (other_owner, _, other_name) = layer.name.rpartition("."), other.name.rpartition(".")
    alike = owner == other_owner and layer.type == other.type and layer.declared == other.declared
    return alike and name != other_name and name.rstrip("0123456789") == other_name.rstrip("0123456789")


def _number(layer: Layer) -> int:
    name = layer.name.rpartition(".")[2]
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits or 0)
