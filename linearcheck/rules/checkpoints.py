"""How a checkpoint and the model go together, as LC601 and LC602 see it: pairs of tensors, the layers they belong to, and their places."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from linearcheck.findings import Severity
from linearcheck.rules.rule import Finding
from linearcheck.rules.source import span_of, tree_of
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Checkpoint, Layer, Span, StateEntry, Trace
from linearcheck.trace.state_names import Correspondence, correspond, fits


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of a layer (`weight`), as the checkpoint has it and as the model has it."""

    name: str
    saved: tuple[int, ...]
    built: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A layer of which at least one tensor has another shape in the checkpoint. `path` is its name, with or without a record of it."""

    path: str
    layer: Layer | None
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)


def correspondence(checkpoint: Checkpoint) -> Correspondence:
    return correspond(checkpoint.entries, checkpoint.wanted)


def mismatches(trace: Trace, checkpoint: Checkpoint) -> list[Mismatch]:
    """Layers with tensors of other shapes, in the model's order; what shares its tensor with another layer is told there."""
    wanted = {entry.name: entry for entry in checkpoint.wanted}
    parts: dict[str, list[Part]] = {}
    found = correspondence(checkpoint)
    if found.is_unrelated:
        return []
    pairs = found.pairs
    wrong = {name for name, entry in pairs.items() if not fits(entry, wanted[name])}
    for name in wanted:
        if name in wrong and wanted[name].tied_to not in wrong and not is_adapting(checkpoint, name):
            path, _, last = name.rpartition(".")
            parts.setdefault(path, []).append(Part(last, pairs[name].shape or (), wanted[name].shape or ()))
    return [Mismatch(path, trace.layer(path), tuple(own)) for path, own in parts.items()]


def is_adapting(checkpoint: Checkpoint, name: str) -> bool:
    """Whether code of the user's or of a layer may change what is loaded under a name."""
    return any(not path or name.startswith(f"{path}.") for path in checkpoint.adapting)


def built_at(trace: Trace, path: str) -> Span | None:
    """Where a layer, or a parameter that a module holds itself, is built."""
    layer = trace.layer(path)
    if layer is not None and layer.definition is not None:
        return layer.definition
    owner = trace.layer(path.rpartition(".")[0])
    assigned = _assignment(trace, owner.type, path.rpartition(".")[2]) if owner is not None else None
    return assigned or (owner.definition if owner is not None else None)


def class_place(trace: Trace) -> Span | None:
    """The line of the model's own class."""
    model = trace.layer("")
    for path, node in _classes(trace, model.type if model is not None else ""):
        whole = span_of(trace, path, node)
        column = whole.column + len("class ")
        return Span(path, whole.line, column, whole.line, column + len(node.name))
    return None


def loading_call(trace: Trace) -> tuple[Span, bool] | None:
    """The first `load_state_dict(...)` of the user's sources, and whether every one of them says `strict=False`."""
    found: list[tuple[Span, ast.Call]] = []
    for path in trace.sources:
        for node in ast.walk(tree_of(trace, path) or ast.Module([], [])):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load_state_dict":
                found.append((span_of(trace, path, node), node))
    lenient = [any(word.arg == "strict" and _is_false(word.value) for word in node.keywords) or _second_is_false(node) for _, node in found]
    return (found[0][0], all(lenient)) if found else None


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _second_is_false(node: ast.Call) -> bool:
    return len(node.args) > 1 and _is_false(node.args[1])


def _classes(trace: Trace, name: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for path in trace.sources:
        for node in ast.walk(tree_of(trace, path) or ast.Module([], [])):
            if isinstance(node, ast.ClassDef) and node.name == name:
                yield path, node


def _assignment(trace: Trace, class_name: str, attribute: str) -> Span | None:
    """The value of `self.attribute = ...` in a class."""
    for path, node in _classes(trace, class_name):
        for part in ast.walk(node):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) else []
            if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                value = getattr(part, "value", None)
                return span_of(trace, path, value) if isinstance(value, ast.expr) else None
    return None


def grouped(entries: Sequence[StateEntry], everything: Sequence[StateEntry]) -> dict[str, int]:
    """Names of the largest modules of which everything is among the entries, each with how many tensors that is."""
    names = {entry.name for entry in entries}
    total: dict[str, int] = {}
    inside: dict[str, int] = {}
    for entry in everything:
        for prefix in _prefixes_of(entry.name):
            total[prefix] = total.get(prefix, 0) + 1
            inside[prefix] = inside.get(prefix, 0) + (entry.name in names)
    found: dict[str, int] = {}
    for entry in entries:
        whole = next((prefix for prefix in _prefixes_of(entry.name) if inside[prefix] == total[prefix]), entry.name)
        found[whole] = found.get(whole, 0) + 1
    return found


def _prefixes_of(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def without_echoes(trace: Trace, findings: list[Finding]) -> list[Finding]:
    """One finding where a layer is wrong in itself and the checkpoint only says so too: the layer's own, with what the checkpoint tells."""
    checkpoint = trace.checkpoint
    if checkpoint is None:
        return findings
    echoes = {id(finding): other for finding in findings if (other := _echoed(finding, findings)) is not None}
    told: dict[int, Finding] = {}
    for finding in findings:
        other = echoes.get(id(finding))
        if other is not None:
            saved = shape_text(finding.diagnostic.got or ())
            extra = f"`{checkpoint.path}` holds {saved} for `{finding.diagnostic.layer}`, which agrees with that."
            text = f"{other.diagnostic.explanation} {extra}".strip()
            told[id(other)] = replace(other, diagnostic=replace(other.diagnostic, explanation=text))
    return [told.get(id(finding), finding) for finding in findings if id(finding) not in echoes]


def _echoed(finding: Finding, findings: Sequence[Finding]) -> Finding | None:
    mine = finding.diagnostic
    if mine.code != "LC601" or mine.got is None or mine.expected is None or len(mine.got) != len(mine.expected):
        return None
    differing = {size for size, built in zip(mine.got, mine.expected, strict=True) if size != built}
    for other in findings:
        its = other.diagnostic
        if its.code != "LC601" and its.layer == mine.layer and its.severity is Severity.ERROR and its.got is not None:
            sizes = {*its.got} if its.code not in ("LC105", "LC206") else {*(its.expected or ())}
            if differing <= sizes:
                return other
    return None
