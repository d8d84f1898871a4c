"""A size changed where it stands or where it comes from: in the call, at a helper's call site, in a table, at a constant's definition.

Candidates are `(cost, edits)`, cheapest first. What they share: the smaller the change and the fewer places it reaches, the cheaper;
a name is changed where it is defined, or put into an expression, before a bare number takes its place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from linearcheck.findings import Edit
from linearcheck.fix.definitions import Binding, Project, argument_for, bindings, is_super_call
from linearcheck.fix.expressions import Observation, neighbouring_expressions, rewritings
from linearcheck.fix.sequences import Entry, entry_of
from linearcheck.fix.source import Comprehension, SourceFile, dotted, last_name
from linearcheck.fix.static_values import StaticValues
from linearcheck.fix.tables import changed_sequences, table_entries
from linearcheck.fix.text import merge_edits, overlap
from linearcheck.fix.values import Lookup, evaluate, names_in
from linearcheck.trace.records import BuildFrame

Candidate = tuple[float, tuple[Edit, ...]]

MAX_DEPTH = 5

# Sizes that the task sets, not the network: they belong to the output and are never changed to make two layers agree.
OUTPUT_NAME = re.compile(
    r"(^|[._])(n|num|nb|no|number_of)?_?(class|classes|labels|targets|categories|actions|outputs|tags)$|(^|[._])vocab(_?size)?$", re.I
)


@dataclass(frozen=True)
class Instance:
    """One layer that the expression helped to build: the frames then, innermost first, and what the expression should be worth."""

    wanted: int
    frames: tuple[BuildFrame, ...] = ()


def size_candidates(
    project: Project,
    source: SourceFile,
    expression: ast.expr,
    instances: Sequence[Instance],
    factors: Sequence[int] = (),
    level: int = 0,
    depth: int = MAX_DEPTH,
) -> list[Candidate]:
    """Sets of edits after each of which `expression` should be worth what every instance wants.

    Args:
        factors: Numbers whose product is wanted.
        level: Which of the instances' frames the expression stands in.
    """
    observations = [Observation(lookup_for(project, source, expression, instance, level), instance.wanted) for instance in instances]
    if observations and all(evaluate(expression, o.names) == o.wanted for o in observations):
        return [(0.0, ())]  # what is worth this already needs no edit
    neighbours = neighbouring_expressions(source, expression) if depth == MAX_DEPTH or not isinstance(expression, ast.Constant) else ()
    found: list[Candidate] = []
    texts = rewritings(source, expression, observations, factors, neighbours)
    # Texts that are worth the same for every layer differ in style alone, so that one trial stands for all.
    known = all(instance.frames for instance in instances) and level < min(len(instance.frames) for instance in instances)
    for cost, text in texts[:1] if known else texts:
        found.append((cost, (source.replace(expression, _guarded(source, expression, text)),)))
    if depth > 0 and isinstance(expression, ast.IfExp):
        found += _in_branches(project, source, expression, instances, observations, factors, level, depth)
    if depth > 0:
        found += _where_names_come_from(project, source, expression, instances, observations, factors, level, depth)
    return _cheapest(found)


def _guarded(source: SourceFile, expression: ast.expr, text: str) -> str:
    """The text in parentheses where it stands inside an operation that binds tighter than it."""
    parent = source.parents.get(expression)
    start, end = source.offsets(expression)
    inside_parentheses = source.text[start - 1 : start] == "(" and source.text[end : end + 1] == ")"
    compound = isinstance(_body(text), ast.BinOp | ast.UnaryOp | ast.IfExp)
    return (
        f"({text})"
        if compound and isinstance(parent, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Subscript) and not inside_parentheses
        else text
    )


def _body(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None


def _cheapest(candidates: Iterable[Candidate]) -> list[Candidate]:
    best: dict[tuple[Edit, ...], float] = {}
    for cost, edits in sorted(candidates, key=lambda candidate: candidate[0]):
        best.setdefault(edits, cost)
    return [(cost, edits) for edits, cost in best.items()]


def lookup_for(project: Project, source: SourceFile, at: ast.AST, instance: Instance, level: int) -> Lookup:
    """Values of names as the trace saw them in a frame, as the text gives them where the trace saw none."""
    seen: Mapping[str, Any] = instance.frames[level].names if level < len(instance.frames) else {}
    static = StaticValues(project, source, at)

    def lookup(name: str) -> Any:
        value = seen.get(name)
        return value if value is not None else static(name)

    return lookup


def _in_branches(
    project: Project,
    source: SourceFile,
    expression: ast.IfExp,
    instances: Sequence[Instance],
    observations: Sequence[Observation],
    factors: Sequence[int],
    level: int,
    depth: int,
) -> Iterator[Candidate]:
    """Edits of the branch that the layers with a wrong size took: `hidden` of `n_mels if i == 0 else hidden`."""
    taken = [evaluate(expression.test, observation.names) for observation in observations]
    if None in taken:
        return
    choices: list[list[Candidate]] = []
    for branch, side in ((expression.body, True), (expression.orelse, False)):
        own = [instance for instance, test in zip(instances, taken, strict=True) if bool(test) is side]
        choices.append(size_candidates(project, source, branch, own, factors, level, depth - 1)[:6] if own else [(0.0, ())])
    for first_cost, first in choices[0]:
        for second_cost, second in choices[1]:
            if not overlap(first, second):
                yield first_cost + second_cost, merge_edits(first, second)


def _where_names_come_from(
    project: Project,
    source: SourceFile,
    expression: ast.expr,
    instances: Sequence[Instance],
    observations: Sequence[Observation],
    factors: Sequence[int],
    level: int,
    depth: int,
) -> Iterator[Candidate]:
    if isinstance(expression, ast.Name | ast.Attribute | ast.Subscript):
        yield from _carried(source, expression, instances, level)
        yield from _raised(0.4, _added_to(project, source, expression, instances, level, depth))
        if isinstance(expression, ast.Subscript):
            yield from _raised(0.5, _at_entries(project, source, expression, instances, factors, level, depth))
        yield from _at_definition(project, source, expression, instances, factors, level, depth)
        return
    if isinstance(expression, ast.Starred):
        return
    yield from _raised(1.0, changed_sequences(project, source, expression, observations))
    for part in _named_parts(expression):
        wanted = [_solved(expression, part, observation) for observation in observations]
        if all(value is not None for value in wanted):
            changed = [replace(instance, wanted=value) for instance, value in zip(instances, wanted, strict=True) if value is not None]
            for cost, edits in _at_definition(project, source, part, changed, (), level, depth):
                yield cost + 3.5, edits


def _added_to(
    project: Project, source: SourceFile, expression: ast.expr, instances: Sequence[Instance], level: int, depth: int
) -> Iterator[Candidate]:
    """What the nearest `width += skip` before an expression adds, where layers got a width that is off by it."""
    name, function = dotted(expression), source.function_of(expression)
    line = getattr(expression, "lineno", 0)
    added = [
        node
        for node in source.nodes_in(function or source.tree)
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and dotted(node.target) == name and node.lineno <= line
    ]
    if not name or not added or not _has_frame(instances, level):
        return
    value = max(added, key=lambda node: node.lineno).value
    changed = []
    for instance in instances:
        lookup = lookup_for(project, source, expression, instance, level)
        total, more = evaluate(expression, lookup), evaluate(value, lookup)
        if not isinstance(total, int) or not isinstance(more, int):
            return
        if total != instance.wanted and instance.wanted > total - more:
            changed.append(replace(instance, wanted=instance.wanted - total + more))
    if changed:
        yield from size_candidates(project, source, value, changed, (), level, depth - 1)


def _named_parts(expression: ast.expr) -> Iterator[ast.expr]:
    """The largest names, attributes and entries inside an expression."""
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.Name | ast.Attribute | ast.Subscript):
            yield child
        elif isinstance(child, ast.expr) and not isinstance(child, ast.Call | ast.Lambda):
            yield from _named_parts(child)


def _solved(expression: ast.expr, part: ast.expr, observation: Observation) -> int | None:
    """What one name in an expression would have to be worth so that the whole is as wanted; None where no whole number is."""
    name = dotted(part)
    if not name:
        return None

    def worth(value: int) -> Any:
        return evaluate(expression, lambda other: value if other == name else observation.names(other))

    at_one, at_two = worth(1), worth(2)
    if not isinstance(at_one, int) or not isinstance(at_two, int) or at_one == at_two:
        return None
    value = (observation.wanted - at_one) // (at_two - at_one) + 1
    return value if value > 0 and worth(value) == observation.wanted else None


def _at_definition(
    project: Project,
    source: SourceFile,
    expression: ast.expr,
    instances: Sequence[Instance],
    factors: Sequence[int],
    level: int,
    depth: int,
) -> Iterator[Candidate]:
    name = dotted(expression)
    if name and OUTPUT_NAME.search(name):
        return
    found = bindings(project, source, expression)
    shared = 0.0 if name and _uses(source, expression, name) <= 1 else 4.5
    passed = [binding for binding in found if binding.kind == "passed"]
    # A helper's parameter that sizes one layer is that layer's own; one that sizes several is the width of a whole block.
    yield from _raised(0.5 * shared, _at_call_sites(project, source, expression, passed, instances, factors, level, depth))
    for binding in found:
        if binding.kind == "passed":
            if not _has_frame(instances, level + 1) or name.startswith(("self.", "cls.")) or "." in name:
                yield from _raised(
                    0.8, size_candidates(project, binding.source, binding.value, _without_frames(instances), factors, 0, depth - 1)
                )
        elif binding.kind == "loop" or binding.path:
            yield from _raised(1.0, _looped_over(project, binding, expression, instances, level))
            yield from _raised(0.6, _in_table(project, binding, expression, instances, level, depth))
            yield from _raised(0.8, _sliced(project, binding.source, binding.value, binding.path, instances, level, 4))
        elif binding.kind == "default":
            yield from _raised(1.5 + shared, _definition(project, binding, instances, factors, level, depth))
        elif binding.kind == "class" and binding.owner is not None:
            overrides = list(_overridden(project, binding, dotted(expression).rpartition(".")[2], instances))
            yield from overrides
            yield from _raised(0.5 + shared + (5.0 if overrides else 0.0), _definition(project, binding, instances, factors, level, depth))
        else:
            yield from _raised(0.5 + shared, _definition(project, binding, instances, factors, level, depth))


def _definition(
    project: Project, binding: Binding, instances: Sequence[Instance], factors: Sequence[int], level: int, depth: int
) -> list[Candidate]:
    wanted = {instance.wanted for instance in instances}
    if len(wanted) > 1 and isinstance(binding.value, ast.Constant):
        return []
    return size_candidates(project, binding.source, binding.value, instances, factors, level, depth - 1)


def _raised(cost: float, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    return ((cost + inner, edits) for inner, edits in candidates if edits)


def _without_frames(instances: Sequence[Instance]) -> list[Instance]:
    return [Instance(wanted) for wanted in dict.fromkeys(instance.wanted for instance in instances)]


def _has_frame(instances: Sequence[Instance], level: int) -> bool:
    return bool(instances) and all(level < len(instance.frames) for instance in instances)


def _uses(source: SourceFile, expression: ast.expr, name: str) -> int:
    """How often a name is read: a local one in its function, any other in its file."""
    function = source.function_of(expression)
    is_local = isinstance(expression, ast.Name) and function is not None and name in _locals(source, function)
    nodes = source.nodes_in(function) if is_local and function is not None else source.nodes
    if isinstance(expression, ast.Attribute):  # by whatever name its owner goes: `self.DIM`, `Net.DIM`
        return sum(
            1 for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr == expression.attr
        )
    return sum(
        1 for node in nodes if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and dotted(node) == name
    )


def _locals(source: SourceFile, function: ast.AST) -> set[str]:
    """Parameters of a function and names that it sets."""
    found: set[str] = set()
    for node in source.nodes_in(function):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _at_call_sites(
    project: Project,
    source: SourceFile,
    expression: ast.expr,
    passed: Sequence[Binding],
    instances: Sequence[Instance],
    factors: Sequence[int],
    level: int,
    depth: int,
) -> Iterator[Candidate]:
    """The argument changed in the very calls that led to the layers: each call of a helper is judged for the layers that it built."""
    if not isinstance(expression, ast.Name) or not _has_frame(instances, level + 1):
        return
    groups: dict[ast.Call, tuple[SourceFile, ast.expr, list[Instance]]] = {}
    for instance in instances:
        span = instance.frames[level + 1].call
        file = project.file(span.path)
        call = file.call_at(span) if file else None
        if file is None or call is None:
            return
        value = next((b.value for b in passed if _is_argument_of(b.value, call)), None)
        if value is None:
            value = _given_by_another_name(project, source, expression, file, call, instance, level)
        if value is None:
            return
        groups.setdefault(call, (file, value, []))[2].append(instance)
    combined: list[Candidate] = [(0.5, ())]
    for file, value, members in groups.values():
        choices = size_candidates(project, file, value, members, factors, level + 1, depth - 1)[:4]
        combined = sorted(((a + b, (*x, *y)) for a, x in combined for b, y in choices), key=lambda candidate: candidate[0])[:6]
    yield from ((cost, tuple(dict.fromkeys(edits))) for cost, edits in combined if edits)


def _at_entries(
    project: Project,
    source: SourceFile,
    expression: ast.Subscript,
    instances: Sequence[Instance],
    factors: Sequence[int],
    level: int,
    depth: int,
) -> Iterator[Candidate]:
    """The entries that `sizes[i]` read for each layer, changed where they are written: in the list that a helper was called with."""
    if isinstance(expression.slice, ast.Constant | ast.UnaryOp | ast.Slice) and not _has_frame(instances, level + 1):
        return
    groups: dict[ast.expr, tuple[Entry, list[Instance]]] = {}
    for instance in instances:
        entry = entry_of(project, source, expression, instance.frames, level)
        if entry is None:
            return
        groups.setdefault(entry.value, (entry, []))[1].append(instance)
    combined: list[Candidate] = [(0.0, ())]
    for entry, members in groups.values():
        choices = size_candidates(project, entry.source, entry.value, members, factors, entry.level, depth - 1)[:6]
        combined = sorted(((a + b, (*x, *y)) for a, x in combined for b, y in choices), key=lambda candidate: candidate[0])[:8]
    yield from ((cost, tuple(dict.fromkeys(edits))) for cost, edits in combined if edits)


def _given_by_another_name(
    project: Project, source: SourceFile, expression: ast.Name, file: SourceFile, call: ast.Call, instance: Instance, level: int
) -> ast.expr | None:
    """The argument of the call that led to a frame, where it calls the function by a name that stands for it: `block(self.width, size)`.

    A `partial` or a decorator may move arguments, so the argument must have been worth what the parameter was.
    """
    function = source.function_of(expression)
    value = argument_for(source, function, call, expression.id) if function is not None else None
    if value is None:
        return None
    given = evaluate(value, lookup_for(project, file, value, instance, level + 1))
    return value if given is not None and given == instance.frames[level].names.get(expression.id) else None


def _is_argument_of(value: ast.expr, call: ast.Call) -> bool:
    return value in call.args or any(k.value is value for k in call.keywords)


def _looped_over(
    project: Project, binding: Binding, expression: ast.expr, instances: Sequence[Instance], level: int
) -> Iterator[Candidate]:
    """Another sequence of the author's to loop over, which holds what the layers want one after the other: `SIZES[1:]` for `SIZES[:-1]`."""
    if binding.path or len(instances) < 2:
        return
    wanted = tuple(instance.wanted for instance in instances)
    lookup = lookup_for(project, binding.source, binding.value, instances[0], level)
    for text in neighbouring_expressions(binding.source, binding.value):
        if evaluate(ast.parse(text, mode="eval").body, lookup) == wanted:
            yield 0.0, (binding.source.replace(binding.value, text),)


def _sliced(
    project: Project, source: SourceFile, sequence: ast.expr, path: tuple[int, ...], instances: Sequence[Instance], level: int, depth: int
) -> Iterator[Candidate]:
    """Other bounds for a slice of what is looped over, so that it holds what the layers want in turn: `widths[:-1]` for `widths[1:]`."""
    wanted = tuple(instance.wanted for instance in instances)
    if depth == 0 or len(set(wanted)) < 2:
        return
    match sequence:
        case ast.Call(func=func, args=args) if path and last_name(func) == "zip" and path[0] < len(args):
            yield from _sliced(project, source, args[path[0]], path[1:], instances, level, depth - 1)
        case ast.Call(func=func, args=[inner, *_]) if path[:1] == (1,) and last_name(func) == "enumerate":
            yield from _sliced(project, source, inner, path[1:], instances, level, depth - 1)
        case ast.Name() | ast.Attribute() if not path:
            for binding in bindings(project, source, sequence):
                if not binding.path and binding.kind in ("assignment", "attribute"):
                    yield from _sliced(project, binding.source, binding.value, (), instances, level, depth - 1)
        case ast.expr() if not path:
            lookup = lookup_for(project, source, sequence, instances[0], level)
            start, text = source.offsets(sequence)[0], source.source_of(sequence)
            for part in ast.walk(sequence):
                if not isinstance(part, ast.Subscript) or not isinstance(part.slice, ast.Slice) or part.slice.step is not None:
                    continue
                first, last = (offset - start for offset in source.offsets(part.slice))
                for place, bounds in enumerate(("1:", ":-1", ":", "2:", ":-2", "1:-1")):
                    changed = _body(text[:first] + bounds + text[last:])
                    value = evaluate(changed, lookup) if changed is not None else None
                    if isinstance(value, tuple) and value[: len(wanted)] == wanted:
                        yield place / 10, (source.replace(part.slice, bounds),)


def _in_table(
    project: Project, binding: Binding, expression: ast.expr, instances: Sequence[Instance], level: int, depth: int
) -> Iterator[Candidate]:
    """The entry of a table that a loop reads: `for i, o in [(1, 6), (8, 16)]` with 8 for the wrong layer."""
    wanted = {instance.wanted for instance in instances}
    present = [
        (evaluate(expression, lookup_for(project, binding.source, expression, instance, level)), instance.wanted) for instance in instances
    ]
    wrong = {(old, new) for old, new in present if old != new}
    if len(wrong) != 1 and len(wanted) != 1:
        return
    old, new = next(iter(wrong)) if len(wrong) == 1 else (None, next(iter(wanted)))
    for file, entry in table_entries(project, binding.source, binding.value, binding.path, depth):
        value = evaluate(entry, StaticValues(project, file, entry))
        if (value == old if old is not None else value != new) and value is not None:
            yield from size_candidates(project, file, entry, [Instance(new)], (), 0, min(depth - 1, 1))


def _carried(source: SourceFile, expression: ast.expr, instances: Sequence[Instance], level: int) -> Iterator[Candidate]:
    """`width = size` at the end of a loop whose layers are chained but that never moves on: `for size in sizes: dense(width, size)`."""
    name = dotted(expression)
    if not name:
        return
    loop = next((p for p in source.ancestors(expression) if isinstance(p, ast.For | ast.While | Comprehension | ast.FunctionDef)), None)
    call = next((p for p in source.ancestors(expression) if isinstance(p, ast.Call)), None)
    if loop is None or call is None:
        return
    if isinstance(loop, ast.For) and not _is_set_in(loop, name):
        last = loop.body[-1]
        indentation = source.indentation_of(last.lineno)
        after = _set_right_after(source, loop, name)
        if after is not None and _follows(after.value, instances, level):
            # The statement stands behind the loop, where it was meant to be its last one.
            yield 0.5, (source.insert(source.end(last), f"\n{indentation}{source.source_of(after)}"), source.without_lines(after))
        for index, text in enumerate(_outputs_of(source, call, expression, name)):
            if _follows(_body(text), instances, level):
                yield 0.9 + index / 10, (source.insert(source.end(last), f"\n{indentation}{name} = {text}"),)
    yield from _carried_between_calls(source, expression, call, loop, name, instances, level)


def _carried_between_calls(
    source: SourceFile, expression: ast.expr, call: ast.Call, loop: ast.AST, name: str, instances: Sequence[Instance], level: int
) -> Iterator[Candidate]:
    """`self.width = size` behind the first block of a method that builds one stage after the other and never says what it made."""
    method = source.function_of(expression)
    if not isinstance(method, ast.FunctionDef) or not name.startswith("self.") or method.name == "__init__" or _is_set_in(method, name):
        return
    if not _has_frame(instances, level):  # a size in `forward`, where nothing is built
        return
    place = next((i for i, statement in enumerate(method.body) if statement in (call, *source.ancestors(call))), None)
    in_loop = loop is not method
    if place is None or (in_loop and (place == 0 or method.body[place] is not loop)):
        return
    before = method.body[place - 1 if in_loop else place]
    indentation = source.indentation_of(before.lineno)
    for index, text in enumerate(_outputs_of(source, call, expression, name)):
        if (_is_worth if in_loop else _follows)(_body(text), instances, level):
            yield 1.0 + index / 10, (source.insert(source.end(before), f"\n{indentation}{name} = {text}"),)


def _outputs_of(source: SourceFile, call: ast.Call, expression: ast.expr, name: str) -> Iterator[str]:
    """What a call may say about the width that its block makes: its other arguments, and products of them that the function uses."""
    given = [a for a in (*call.args, *(k.value for k in call.keywords)) if a is not expression and names_in(a)]
    scope = source.scope_of(expression)
    products = [node for node in source.nodes_in(scope) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)]
    for other in given:
        related = [product for product in products if set(names_in(other)) < set(names_in(product))]
        texts = dict.fromkeys(source.source_of(node) for node in (other, *related) if name not in names_in(node))
        yield from (text for text in texts if "\n" not in text)


def _set_right_after(source: SourceFile, loop: ast.For, name: str) -> ast.Assign | None:
    """The statement behind a loop that sets a name, if it stands on lines of its own."""
    blocks = (value for _, value in ast.iter_fields(source.parents[loop]) if isinstance(value, list))
    body: list[ast.AST] = next((block for block in blocks if loop in block), [])
    after = body[body.index(loop) + 1] if loop in body[:-1] else None
    if not isinstance(after, ast.Assign) or [dotted(target) for target in after.targets] != [name] or name in names_in(after.value):
        return None
    return after if source.source_of(after) == "".join(source.lines[after.lineno - 1 : after.end_lineno]).strip() else None


def _is_set_in(block: ast.For | ast.FunctionDef, name: str) -> bool:
    return any(
        isinstance(node, ast.Name | ast.Attribute) and dotted(node) == name and isinstance(node.ctx, ast.Store) for node in ast.walk(block)
    )


def _follows(other: ast.expr | None, instances: Sequence[Instance], level: int) -> bool:
    """Whether each layer wants what an expression was worth the turn before; taken on trust where the trace saw no names."""
    worth = _worth(other, instances, level)
    return all(before is None or instance.wanted == before for before, instance in zip(worth, instances[1:], strict=False))


def _is_worth(other: ast.expr | None, instances: Sequence[Instance], level: int) -> bool:
    """Whether each layer wants what an expression is worth in its own turn."""
    return all(
        value is None or instance.wanted == value for value, instance in zip(_worth(other, instances, level), instances, strict=False)
    )


def _worth(other: ast.expr | None, instances: Sequence[Instance], level: int) -> list[Any]:
    if other is None or not _has_frame(instances, level):
        return []
    return [evaluate(other, instance.frames[level].names.get) for instance in instances]


def _overridden(project: Project, binding: Binding, name: str, instances: Sequence[Instance]) -> Iterator[Candidate]:
    """An attribute of a base class changed in the subclass that sets it, or set there where the base class serves others too."""
    wanted = {instance.wanted for instance in instances}
    if binding.owner is None or len(wanted) != 1:
        return
    families = [
        (file, node) for file in project.files() for node in file.classes() if any(last_name(b) == binding.owner.name for b in node.bases)
    ]
    for file, subclass in families:
        own = next(
            (item.value for item in subclass.body if name in _names_set(item) and isinstance(item, ast.Assign | ast.AnnAssign)), None
        )
        if own is not None:
            yield from _raised(1.0, size_candidates(project, file, own, _without_frames(instances), (), 0, 1))
        elif len(families) > 1 or _is_built(project, binding.owner.name):
            yield 1.2, (_as_first_statement(file, subclass, f"{name} = {next(iter(wanted))}"),)


def _is_built(project: Project, name: str) -> bool:
    return any(last_name(node.func) == name and not is_super_call(node) for file in project.files() for node in file.calls)


def _names_set(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _as_first_statement(source: SourceFile, owner: ast.ClassDef, text: str) -> Edit:
    """A new line at the top of a class's body, after its docstring and beside what it sets already."""
    first = owner.body[0]
    indentation = source.indentation_of(first.lineno)
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    if is_docstring:
        blank = "\n" if len(owner.body) > 1 and owner.body[1].lineno > (first.end_lineno or first.lineno) + 1 else ""
        return source.insert(source.end(first), f"\n{blank}{indentation}{text}")
    start = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
    gap = "\n" if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
    return source.insert((start, 1), f"{indentation}{text}\n{gap}")
