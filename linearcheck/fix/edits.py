"""A proposal, which speaks of layers and sizes, turned into edits of the user's source.

Usually there is more than one way: an argument may be changed in the call, at a helper's call site or where its name is defined. All of
them come back, the likeliest first; which of them is right is found out by trying (`fix/trial.py`).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from linearcheck.findings import Action, Edit, Proposal, ReplaceSource, SetArgument, WrapInput
from linearcheck.fix.arguments import add_keyword, find_argument, is_hidden
from linearcheck.fix.definitions import Project, bindings
from linearcheck.fix.imports import missing_imports
from linearcheck.fix.sequential import holder_of, insert_module, is_first
from linearcheck.fix.signatures import FUNCTIONS, LAYERS
from linearcheck.fix.sizes_at_source import Candidate, Instance, size_candidates
from linearcheck.fix.source import SourceFile
from linearcheck.fix.text import merge_edits, overlap
from linearcheck.fix.wrap import is_repeated, operand_of, transformed, upstream, wrapped_inputs
from linearcheck.trace.records import Layer, Span

MAX_CANDIDATES = 12


@dataclass(frozen=True)
class Wishes:
    """What all proposals together want of layers, for edits at places that several layers share.

    `layers` are those of the trace, by the span that built them; `values` maps layer and argument to the size wanted.
    """

    layers: Mapping[tuple[str, int, int, int, int], tuple[Layer, ...]] = field(default_factory=dict)
    values: Mapping[tuple[str, str], int] = field(default_factory=dict)
    wraps: tuple[WrapInput, ...] = ()


def wishes_of(layers: Iterable[Layer] = (), proposals: Iterable[Proposal] = ()) -> Wishes:
    actions = [action for proposal in proposals for action in proposal.actions]
    by_span: dict[tuple[str, int, int, int, int], list[Layer]] = {}
    for layer in layers:
        if layer.definition is not None:
            by_span.setdefault(_key(layer.definition), []).append(layer)
    values = {
        (action.layer, action.argument): action.value
        for action in actions
        if isinstance(action, SetArgument) and isinstance(action.value, int) and action.layer
    }
    wraps = tuple(action for action in actions if isinstance(action, WrapInput))
    return Wishes({key: tuple(found) for key, found in by_span.items()}, values, wraps)


def _key(span: Span) -> tuple[str, int, int, int, int]:
    return span.path, span.line, span.column, span.end_line, span.end_column


def edits_for(proposal: Proposal, sources: Mapping[str, str]) -> tuple[Edit, ...] | None:
    """The likeliest edits for a proposal, or None where it cannot be written into the source.

    Args:
        sources: Text of every file of the user's, by the paths that spans name.
    """
    return next(iter(edit_candidates(proposal, sources)), None)


def edit_candidates(proposal: Proposal, sources: Mapping[str, str] | Project, wishes: Wishes | None = None) -> list[tuple[Edit, ...]]:
    """Every set of edits that may be what a proposal means, the likeliest first; no more than a dozen."""
    project = sources if isinstance(sources, Project) else Project(sources)
    choices: list[list[Candidate]] = []
    known = wishes or Wishes()
    own = wishes_of(proposals=(proposal,)).values  # what this proposal wants goes before what others want of the same layers
    known = replace(known, values={**known.values, **own})
    for action in _as_one_addition(project, _one_for_each_place(proposal.actions)):
        found = _action_candidates(project, action, known)
        if not found:
            return []
        choices.append(found)
    if not choices:
        return []
    return _combined(project, choices)


def _one_for_each_place(actions: Sequence[Action]) -> list[Action]:
    """One action for all layers that one call builds: what is right for one of them is right for all, or is no candidate."""
    found: dict[object, Action] = {}
    for action in actions:
        key = (action.call, action.argument) if isinstance(action, SetArgument) else action
        found.setdefault(key, action)
    return list(found.values())


def _as_one_addition(project: Project, actions: Sequence[Action]) -> list[Action]:
    """Keywords that one call does not have yet as one action, since both would be written at the same place: `dim=1, keepdim=True`."""
    found: list[Action] = []
    for action in actions:
        before = next((i for i, other in enumerate(found) if _adds_to(project, other, action)), None)
        first = found[before] if before is not None else None
        if before is None or not isinstance(first, SetArgument) or not isinstance(action, SetArgument):
            found.append(action)
        else:
            found[before] = replace(first, value=f"{first.value}, {action.argument}={action.value}")
    return found


def _adds_to(project: Project, first: Action, second: Action) -> bool:
    if not isinstance(first, SetArgument) or not isinstance(second, SetArgument) or first.call != second.call:
        return False
    source = project.file(first.call.path)
    call = source.call_at(first.call) if source is not None else None
    if source is None or call is None or is_hidden(call):
        return False
    return all(find_argument(source, call, action.callee, action.argument) is None for action in (first, second))


def _combined(project: Project, choices: Sequence[list[Candidate]]) -> list[tuple[Edit, ...]]:
    """One way for every action, all at once; the cheapest combinations first."""
    limited = [options[: max(2, MAX_CANDIDATES // len(choices))] for options in choices]
    found: list[tuple[float, tuple[Edit, ...]]] = []
    for combination in itertools.islice(itertools.product(*limited), 256):
        edits: tuple[Edit, ...] = ()
        for _, more in combination:
            if overlap(edits, more):
                break
            edits = merge_edits(edits, more)
        else:
            if edits:
                # An edit that several actions have in common is one change; a change of many places is a larger one.
                costs = {more: cost for cost, more in combination}
                found.append((sum(costs.values()) + 0.3 * len(edits), edits))
    found.sort(key=lambda candidate: candidate[0])
    unique = dict.fromkeys(_with_imports(project, edits) for _, edits in found)
    return list(unique)[:MAX_CANDIDATES]


def _with_imports(project: Project, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    extra: tuple[Edit, ...] = ()
    for path in dict.fromkeys(edit.path for edit in edits):
        source = project.file(path)
        if source is not None:
            extra += missing_imports(source, [edit.text for edit in edits if edit.path == path])
    return merge_edits(extra, edits)


def _action_candidates(project: Project, action: Action, wishes: Wishes) -> list[Candidate]:
    if isinstance(action, ReplaceSource):
        return _replacement(project, action)
    source = project.file(action.call.path)
    if source is None:
        return []
    if isinstance(action, WrapInput):
        return _wrapping(project, source, action, wishes)
    return _setting(project, source, action, wishes)


def _replacement(project: Project, action: ReplaceSource) -> list[Candidate]:
    span = action.span
    if project.file(span.path) is None:
        return []
    return [(0.0, (Edit(span.path, (span.line, span.column), (span.end_line, span.end_column), action.text),))]


def _wrapping(project: Project, source: SourceFile, action: WrapInput, wishes: Wishes) -> list[Candidate]:
    wrapped: list[Candidate] = [(float(index), edits) for index, edits in enumerate(wrapped_inputs(source, action))]
    wrapped = sorted([*wrapped, *_wrapped_where_set(project, source, action, wishes)], key=lambda candidate: candidate[0])
    if action.definition is None:
        return wrapped
    file = project.file(action.definition.path)
    definition = file.call_at(action.definition) if file is not None else None
    if file is None or definition is None:
        return wrapped
    holder = holder_of(file, definition)
    first = _is_first(file, holder, action)
    inserted = insert_module(file, definition) if action.transform in ("flatten", "view_as_rows") else ()
    if not inserted:
        return wrapped if first or holder is None else []
    module: list[Candidate] = [(0.5, inserted)]
    # AlexNet's idiom: where the layer is the first of its Sequential, `forward` flattens.
    return wrapped[:1] + module + wrapped[1:] if first and wrapped else module


def _wrapped_where_set(project: Project, source: SourceFile, action: WrapInput, wishes: Wishes) -> list[Candidate]:
    """The same transformation where the name that the call takes is set: first where several calls need it, else as the last resort."""
    node = source.node_at(action.call)
    operand = operand_of(source, node, action) if node is not None else None
    value = upstream(source, operand) if operand is not None else None
    if operand is None or value is None or isinstance(value, ast.Tuple | ast.NamedExpr | ast.Yield | ast.YieldFrom):
        return []
    shared = is_repeated(source, operand, value)
    for other in wishes.wraps:
        if other.call != action.call and (other.transform, other.axes, other.dtype) == (action.transform, action.axes, action.dtype):
            file = project.file(other.call.path)
            place = file.node_at(other.call) if file is source else None
            taken = operand_of(source, place, other) if place is not None else None
            shared = shared or (taken is not None and upstream(source, taken) is value)
    return [(-0.5 if shared else 5.0, (source.replace(value, text),)) for text in transformed(source, value, action)[:1]]


def _is_first(file: SourceFile, holder: tuple[ast.expr, ast.AST] | None, action: WrapInput) -> bool:
    """Whether the layer is the first thing that the called container calls: `classifier.0` when `self.classifier(x)` is called."""
    numbers = [part for part in action.layer.split(".") if part.isdigit()]
    if holder is not None and isinstance(holder[1], ast.List | ast.Tuple | ast.Call) and not numbers:
        return is_first(file, *holder)
    return bool(numbers) and all(number == "0" for number in numbers)


def _setting(project: Project, source: SourceFile, action: SetArgument, wishes: Wishes) -> list[Candidate]:
    call = source.call_at(action.call)
    if call is None:
        return []
    action = replace(action, callee=_torch_callee(action, wishes))
    found = find_argument(source, call, action.callee, action.argument)
    if found is None:
        return _unwritten(project, source, call, action, wishes)
    if len(found.sizes) > 1:
        first, last = found.sizes[0], found.sizes[-1]
        return [(0.0, (Edit(source.path, source.start(first), source.end(last), str(action.value)),))]
    return _valued(project, source, found.value, action, wishes)


def _torch_callee(action: SetArgument, wishes: Wishes) -> str:
    """The class of torch whose signature a call has: that of the base class, for a subclass of the user's own."""
    if action.callee in LAYERS or action.callee in FUNCTIONS:
        return action.callee
    layers = wishes.layers.get(_key(action.call), ())
    return next((layer.torch_type for layer in layers if layer.torch_type), action.callee)


def _unwritten(project: Project, source: SourceFile, call: ast.Call, action: SetArgument, wishes: Wishes) -> list[Candidate]:
    """An argument that the call does not name: inside a star, or left to its default."""
    if is_hidden(call):
        return _behind_star(project, source, call, action, wishes)
    parameters = LAYERS.get(action.callee) or FUNCTIONS.get(action.callee)
    name = action.argument
    if name.isdigit():
        name = parameters[int(name)] if parameters and int(name) < len(parameters) else ""
    edit = add_keyword(source, call, name, str(action.value)) if name else None
    return [(0.0, (edit,))] if edit is not None else []


def _behind_star(project: Project, source: SourceFile, call: ast.Call, action: SetArgument, wishes: Wishes) -> list[Candidate]:
    """The entry of the dict or list that a star unpacks: `nn.Linear(**HEAD)`, `nn.Conv2d(*spec)`."""
    found: list[Candidate] = []
    for keyword in call.keywords:
        if keyword.arg is None and isinstance(keyword.value, ast.Name | ast.Attribute | ast.Subscript):
            for binding in bindings(
                project, source, ast.Subscript(value=keyword.value, slice=ast.Constant(action.argument), ctx=ast.Load())
            ):
                found += _valued(project, binding.source, binding.value, action, wishes)
    parameters = LAYERS.get(action.callee, ())
    position = parameters.index(action.argument) if action.argument in parameters else None
    for index, star in enumerate(call.args):
        if isinstance(star, ast.Starred) and position is not None and position >= index:
            for binding in bindings(project, source, star.value):
                entries = binding.value.elts if isinstance(binding.value, ast.Tuple | ast.List) and not binding.path else []
                if position - index < len(entries):
                    found += _valued(project, binding.source, entries[position - index], action, wishes)
    return found


def _valued(project: Project, source: SourceFile, value: ast.expr, action: SetArgument, wishes: Wishes) -> list[Candidate]:
    wanted = _as_number(action.value)
    if wanted is None:
        return _reworded(project, source, value, str(action.value))
    if isinstance(value, ast.Tuple | ast.List):
        texts = [str(wanted)] * len(value.elts)
        return [(0.0, tuple(source.replace(e, t) for e, t in zip(value.elts, texts, strict=True) if source.source_of(e) != t))]
    factors = [number for number, _ in action.factors]
    if wanted < 0 or isinstance(action.value, bool):
        return _reworded(project, source, value, str(action.value))
    candidates: dict[tuple[Edit, ...], float] = {}
    for penalty, instances in _hypotheses(action, wanted, wishes):
        for cost, edits in size_candidates(project, source, value, instances, factors):
            if edits:
                candidates[edits] = min(candidates.get(edits, 99.0), cost + penalty)
    return sorted(((cost, edits) for edits, cost in candidates.items()), key=lambda candidate: candidate[0])


def _as_number(value: int | str) -> int | None:
    if isinstance(value, int):
        return value
    text = value.strip()
    return int(text) if text.isdigit() else None


def _hypotheses(action: SetArgument, wanted: int, wishes: Wishes) -> list[tuple[float, list[Instance]]]:
    """Which layers of a shared line want what: those with a finding the new size and the others theirs, or all of them the new one."""
    layers = wishes.layers.get(_key(action.call), ())
    own = [layer for layer in layers if layer.name == action.layer or action.layer in layer.aliases]
    exact: list[Instance] = []
    for layer in layers:
        declared = layer.declared.get(action.argument)
        size = wanted if layer in own else wishes.values.get((layer.name, action.argument), declared)
        if isinstance(size, int):
            exact.append(Instance(size, layer.built))
    alone = [Instance(wanted, layer.built) for layer in own] or [Instance(wanted)]
    if len(exact) > 1:
        return [(0.0, exact), (1.5, alone)]
    return [(0.0, alone)]


def _reworded(project: Project, source: SourceFile, value: ast.expr, text: str) -> list[Candidate]:
    """Another text for an argument that is no size: a flag, an axis, a tuple. A name's own definition comes before the call."""
    elements = _elementwise(source, value, text)
    if elements is not None:
        return [(0.0, elements)] if elements else []
    in_place: Candidate = (0.0, (source.replace(value, text),))
    if not isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
        return [in_place]
    defined: list[Candidate] = []
    for binding in bindings(project, source, value):
        if isinstance(binding.value, ast.Constant | ast.UnaryOp | ast.Tuple) and not binding.path and binding.kind != "loop":
            defined.append((0.0 if binding.kind != "default" else 0.1, (binding.source.replace(binding.value, text),)))
    return [*defined, (1.0, in_place[1])]


def _elementwise(source: SourceFile, value: ast.expr, text: str) -> tuple[Edit, ...] | None:
    """Only the elements of a tuple that change, so that its form stays: `[64, 8, 8]` remains a list."""
    try:
        wanted = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(wanted, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List) or len(wanted.elts) != len(value.elts):
        return None
    pairs = zip(value.elts, wanted.elts, strict=True)
    return tuple(source.replace(old, ast.unparse(new)) for old, new in pairs if ast.dump(old) != ast.dump(new))
