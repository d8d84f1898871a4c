"""A size's expression, rewritten to be worth something else and to look as the author writes: `16 * 5 * 5` becomes `16 * 4 * 4`.

Everything here returns candidates as `(cost, text)`, cheapest first: the smaller the change to what stands there, the lower its cost.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from linearcheck.fix.source import SourceFile
from linearcheck.fix.values import Lookup, evaluate, is_literal, names_in


@dataclass(frozen=True)
class Observation:
    """One time that an expression was evaluated: what its names were worth then, and what the expression should be worth."""

    names: Lookup
    wanted: int


Candidate = tuple[float, str]

KEEP_FORM = 0.0
CHANGE_NUMBER = 1.0
CHANGE_OPERATION = 3.0
OTHER_NAME = 2.0
OTHER_EXPRESSION = 2.5
SUM_OF_NAMES = 3.5
PRODUCT_OF_NUMBERS = 8.0
BARE_NUMBER = 9.0

MOST_NEIGHBOURS = 80


def rewritings(
    source: SourceFile,
    expression: ast.expr,
    observations: Sequence[Observation],
    factors: Sequence[int] = (),
    neighbours: Iterable[str] = (),
) -> list[Candidate]:
    """Texts that may stand for `expression` so that it is worth what every observation wants.

    Args:
        factors: Numbers whose product is wanted, outermost axis first (channels, height, width).
        neighbours: Expressions that the author uses near by, nearest first.
    """
    found: list[Candidate] = []
    neighbours = list(neighbours)
    literal = is_literal(expression)
    wanted = {observation.wanted for observation in observations}
    one_value = next(iter(wanted)) if len(wanted) == 1 else None
    if isinstance(expression, ast.Constant | ast.UnaryOp) and literal and one_value is not None:
        return [(KEEP_FORM, _number_like(source, expression, one_value))]
    if isinstance(expression, ast.BinOp):
        if one_value is not None:
            found += [(KEEP_FORM + changed, text) for changed, text in _aligned(source, expression, observations, factors)]
        found += [(CHANGE_NUMBER, text) for text in _changed_numbers(source, expression, observations)]
    if isinstance(expression, ast.Subscript):
        found += [(CHANGE_NUMBER, text) for text in _neighbouring_entries(source, expression) if _fits(_parsed(text), observations)]
    if not literal:
        found += [(CHANGE_OPERATION - offset, text) for offset, text in _other_operations(source, expression, observations, factors)]
        found += [
            (OTHER_NAME + nearness / 100 if not isinstance(node, ast.BinOp) else OTHER_EXPRESSION + nearness / 100, text)
            for nearness, text in enumerate(neighbours)
            if text != source.source_of(expression) and _fits(node := _parsed(text), observations)
        ]
        near = [text for text in neighbours if text.isidentifier() or "." in text or "//" in text][:12]
        sums = (f"{one} + {other}" for one, other in itertools.combinations_with_replacement(near, 2))
        found += [(SUM_OF_NAMES, text) for text in sums if _fits(_parsed(text), observations)][:1]
    if one_value is not None:
        if len(factors) > 1 and math.prod(factors) == one_value and not isinstance(expression, ast.Constant):
            found.append((PRODUCT_OF_NUMBERS, " * ".join(map(str, factors))))
        found.append((BARE_NUMBER, str(one_value)))
    cheapest: dict[str, float] = {}
    for cost, text in sorted(found):
        cheapest.setdefault(text, cost)
    return [(cost, text) for text, cost in cheapest.items()]


def _number_like(source: SourceFile, expression: ast.expr, value: int) -> str:
    """A number in the author's notation: `1_024` keeps its underscores, `0x100` its base."""
    text = source.source_of(expression)
    if "_" in text and value >= 1000:
        return f"{value:_}"
    return hex(value) if text.lower().startswith("0x") else str(value)


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None


def _fits(node: ast.expr | None, observations: Sequence[Observation]) -> bool:
    return node is not None and all(_equal(evaluate(node, o.names), o.wanted) for o in observations)


def _equal(value: object, wanted: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == wanted


def _leaves(node: ast.expr) -> list[ast.expr]:
    """The factors of a product, from left to right."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_leaves(node.left), *_leaves(node.right)]
    return [node]


def _spliced(source: SourceFile, node: ast.expr, changes: dict[ast.expr, str]) -> str:
    """The text of a node with some of its parts replaced, all else as written."""
    start, end = source.offsets(node)
    text = source.text[start:end]
    for part, new in sorted(changes.items(), key=lambda item: -source.offsets(item[0])[0]):
        a, b = source.offsets(part)
        text = text[: a - start] + new + text[b - start :]
    return text


def _aligned(
    source: SourceFile, expression: ast.BinOp, observations: Sequence[Observation], factors: Sequence[int]
) -> Iterator[tuple[float, str]]:
    """The author's product with only those numbers changed that differ from the factors: `64 * 7 * 7` for (64, 7, 7)."""
    leaves = _leaves(expression)
    if len(leaves) < 2 or not factors:
        return
    values = [evaluate(leaf, observations[0].names) for leaf in leaves]
    in_order = _grouped(list(zip(leaves, values, strict=True)), list(factors))
    if in_order:
        yield len(in_order) / 100, _spliced(source, expression, in_order)
    # Some factors stand there already, in whatever order; the numbers that are left over take the others.
    rest = list(factors)
    unmatched: list[ast.expr] = []
    for leaf, value in zip(leaves, values, strict=True):
        if value in rest:
            rest.remove(value)
        else:
            unmatched.append(leaf)
    if not all(isinstance(leaf, ast.Constant) for leaf in unmatched):
        return
    if unmatched and len(unmatched) == len(rest):
        yield 0.001 + len(unmatched) / 100, _spliced(source, expression, dict(zip(unmatched, map(str, rest), strict=True)))
    elif not unmatched and math.prod(rest) > 1:
        yield 0.0, _tight(source, expression).join([source.source_of(expression), *(str(f) for f in rest if f != 1)])
    elif len(unmatched) == 1 and rest:
        yield 0.01, _spliced(source, expression, {unmatched[0]: str(math.prod(rest))})


def _grouped(leaves: list[tuple[ast.expr, Any]], factors: list[int]) -> dict[ast.expr, str] | None:
    """The fewest numbers to change so that each factor is the product of neighbouring leaves: `base * 2` for 8, then `4`, `6`, `6`."""
    if not factors or not leaves:
        return {} if not factors and not leaves else None
    best: dict[ast.expr, str] | None = None
    for size in range(1, len(leaves) - len(factors) + 2):
        rest = _grouped(leaves[size:], factors[1:])
        here = _adjusted(leaves[:size], factors[0]) if rest is not None else None
        if rest is not None and here is not None and (best is None or len(rest) + len(here) < len(best)):
            best = {**here, **rest}
    return best


def _adjusted(group: list[tuple[ast.expr, Any]], factor: int) -> dict[ast.expr, str] | None:
    """No change where a group's product is the factor, or one number in it; None where neither will do."""
    if not all(isinstance(value, int) and value > 0 for _, value in group):
        return None
    product = math.prod(value for _, value in group)
    if product == factor:
        return {}
    for leaf, value in reversed(group):
        others = product // value
        if isinstance(leaf, ast.Constant) and factor % others == 0:
            return {leaf: str(factor // others)}
    return None


def _tight(source: SourceFile, expression: ast.BinOp) -> str:
    """` * ` or `*`, as the author spaces products."""
    between = source.text[source.offsets(expression.left)[1] : source.offsets(expression.right)[0]]
    return "*" if between.strip("()") == "*" else " * "


def _changed_numbers(source: SourceFile, expression: ast.expr, observations: Sequence[Observation]) -> Iterator[str]:
    """The expression with one number in it changed (or all equal ones together) so that it fits every observation."""
    numbers = [n for n in ast.walk(expression) if isinstance(n, ast.Constant) and type(n.value) is int]
    groups: dict[int, list[ast.Constant]] = {}
    for number in numbers:
        groups.setdefault(number.value, []).append(number)  # type: ignore[arg-type]
    choices: list[list[ast.Constant]] = [[number] for number in numbers] + [group for group in groups.values() if len(group) > 1]
    for group in choices:
        for value in _solutions(expression, group, observations):
            without = _without_factor(source, expression, group[0]) if value == 1 and len(group) == 1 else None
            yield without or _spliced(source, expression, dict.fromkeys(group, str(value)))


def _without_factor(source: SourceFile, expression: ast.expr, number: ast.Constant) -> str | None:
    """`width` for `width * 2` where the factor would be 1."""
    for node in ast.walk(expression):
        if isinstance(node, ast.BinOp) and number in (node.left, node.right):
            other = node.left if node.right is number else node.right
            drops = isinstance(node.op, ast.Mult) or (isinstance(node.op, ast.FloorDiv | ast.Div | ast.Pow) and node.right is number)
            return _spliced(source, expression, {node: source.source_of(other)}) if drops else None
    return None


def _neighbouring_entries(source: SourceFile, expression: ast.Subscript) -> Iterator[str]:
    """The entry before or after one that is read by a name: `widths[i - 1]` for `widths[i]`, `widths[i]` for `widths[i + 1]`."""
    index = expression.slice
    if isinstance(index, ast.Slice | ast.Tuple) or not names_in(index):
        return
    step = index.right.value if isinstance(index, ast.BinOp) and isinstance(index.right, ast.Constant) else None
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Add | ast.Sub) and type(step) is int:
        base, offset = source.source_of(index.left), step if isinstance(index.op, ast.Add) else -step
    else:
        base, offset = source.source_of(index), 0
    for shift in (offset - 1, offset + 1):
        text = base if shift == 0 else f"{base} {'+' if shift > 0 else '-'} {abs(shift)}"
        yield _spliced(source, expression, {index: text})


def _solutions(expression: ast.expr, group: Sequence[ast.Constant], observations: Sequence[Observation]) -> Iterator[int]:
    """Values of the given numbers that make an expression fit, small ones first. The numbers are put back."""
    old = group[0].value
    first = observations[0]
    # Linear in most expressions, quadratic for equal numbers, so that two points or a square root give it away.
    guesses: dict[int, None] = dict.fromkeys(range(17))

    def worth(value: int) -> object:
        for number in group:
            number.value = value
        return evaluate(expression, first.names)

    try:
        at_one, at_two = worth(1), worth(2)
        if isinstance(at_one, int) and isinstance(at_two, int) and at_two != at_one:
            guesses[(first.wanted - at_one) // (at_two - at_one) + 1] = None
            if at_one > 0 and first.wanted > 0:
                guesses[math.isqrt(first.wanted // at_one)] = None
        for guess in guesses:
            if guess < 1 or guess == old:
                continue
            worth(guess)
            if _fits(expression, observations):
                yield guess
    finally:
        for number in group:
            number.value = old


def _other_operations(
    source: SourceFile, expression: ast.expr, observations: Sequence[Observation], factors: Sequence[int]
) -> Iterator[tuple[float, str]]:
    """The expression multiplied, divided or shifted: `2 * dim`, `96 * FMAP`, `COLORS * scale**2`, `n_patches + 1`."""
    values = [evaluate(expression, o.names) for o in observations]
    text = source.source_of(expression)
    if all(isinstance(value, int) and value > 0 for value in values):
        numbers = [(o.wanted, int(value)) for o, value in zip(observations, values, strict=True)]
        ratios = {wanted / value for wanted, value in numbers}
        shifts = {wanted - value for wanted, value in numbers}
        ratio = ratios.pop() if len(ratios) == 1 else None
        operand = text if not isinstance(expression, ast.BinOp) or isinstance(expression.op, ast.Mult) else f"({text})"
        if ratio is not None and ratio.is_integer() and ratio > 1:
            # A factor that the shapes show (the channels of a flattened map) is better evidence than a number that merely fits.
            yield (2.5 if _explained(int(ratio), numbers[0][1], factors) else 0.0), f"{int(ratio)} * {operand}"
        elif ratio is not None and 0 < ratio < 1 and (1 / ratio).is_integer():
            yield 0.0, f"{operand} // {int(1 / ratio)}"
        if len(shifts) == 1 and abs(shift := shifts.pop()) <= 2:
            yield -3.5, f"{text} + {shift}" if shift > 0 else f"{text} - {-shift}"
    for changed in _scaled_terms(source, expression):
        if _fits(_parsed(changed), observations):
            yield -0.05, changed
    names = [name for name in names_in(expression) if isinstance(evaluate(ast.parse(name, mode="eval").body, observations[0].names), int)]
    for name in names:
        for node in ast.walk(expression):
            if isinstance(node, ast.Name | ast.Attribute) and source.source_of(node) == name:
                for new in (f"{name}**2", f"{name} * {name}"):
                    changed = _spliced(source, expression, {node: new})
                    if _fits(_parsed(changed), observations):
                        yield 0.3, changed
                        break
    for one, other in itertools.permutations(names, 2):
        for changed in (f"{one} * {other}**2", f"{one} * {other}", f"{one} + {other}", f"{one} // {other}"):
            if _fits(_parsed(changed), observations):
                yield -0.1, changed


def _scaled_terms(source: SourceFile, expression: ast.expr) -> Iterator[str]:
    """A sum with one term multiplied or divided: `first + 2 * i * growth` for `first + i * growth`."""
    if not isinstance(expression, ast.BinOp) or not isinstance(expression.op, ast.Add | ast.Sub):
        return
    for term in (expression.left, expression.right):
        if is_literal(term):
            continue
        text = source.source_of(term)
        operand = f"({text})" if isinstance(term, ast.BinOp) and not isinstance(term.op, ast.Mult) else text
        for changed in (*(f"{factor} * {operand}" for factor in (2, 3, 4)), *(f"{operand} // {divisor}" for divisor in (2, 3, 4))):
            yield _spliced(source, expression, {term: changed})


def _explained(ratio: int, value: int, factors: Sequence[int]) -> bool:
    """Whether the present value is the channels or the area of the map, and the ratio the other of the two."""
    return len(factors) > 1 and ratio * value == math.prod(factors) and factors[0] in (ratio, value)


def neighbouring_expressions(source: SourceFile, expression: ast.expr) -> list[str]:
    """Expressions that the author gives to other calls of the same function, the nearest before the expression first."""
    scope = source.scope_of(expression)
    line = expression.lineno
    found: list[tuple[int, str]] = []
    for node in source.nodes_in(scope):
        if not isinstance(node, ast.Call):
            continue
        for argument in (*node.args, *(k.value for k in node.keywords)):
            if isinstance(argument, ast.Name | ast.Attribute | ast.BinOp | ast.Subscript) and names_in(argument):
                distance = line - argument.lineno
                found.append((distance if distance >= 0 else 1000 - distance, source.source_of(argument)))
    own = [argument.arg for argument in scope.args.args if argument.arg != "self"] if isinstance(scope, ast.FunctionDef) else []
    return list(dict.fromkeys([text for _, text in sorted(found) if "\n" not in text][:MOST_NEIGHBOURS] + own))
