"""LC405 `matmul-size-mismatch`: the axis that a matrix product sums over has different sizes in its two factors.

## What it catches
`@`, `matmul`, `mm`, `bmm`, `addmm`, `baddbmm`, `mv`, `dot` and `einsum` whose contracted or shared sizes differ.

## Why it matters
A factor that should have been transposed is the usual reason, as for `q @ k` in attention.

## Example
    scores = q @ k                          # (N, 8, 64, 32) and (N, 8, 64, 32)

## Fix
    scores = q @ k.transpose(-2, -1)
Unsafe: the other factor may be the one to transpose.

## PyTorch says
    mat1 and mat2 shapes cannot be multiplied (64x32 and 64x32)
    Expected size for first two dimensions of batch2 tensor to be: [32, 32] but got: [32, 64]
    einsum(): subscript d has size 64 for operand 1 which does not broadcast with previously seen size 32
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from linearcheck.findings import FixKind, Proposal, ReplaceSource, Safety, Severity, WrapInput
from linearcheck.rules.arithmetic import broadcast_clashes
from linearcheck.rules.causes import mentions_dtype
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.observations import replace_node
from linearcheck.rules.operands import equal_features, operand_word, resize_parameter
from linearcheck.rules.provenance import explain_size, origin_sentence
from linearcheck.rules.ranks import of_rank
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.source import nodes_at, operand_node, span_of
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.turning import turned_otherwise
from linearcheck.rules.wording import OPERATORS, listed, quoted, shape
from linearcheck.sizes import Shape, Size, is_batch
from linearcheck.trace.records import TensorInfo, Trace, tensors_in

RULE = Rule("LC405", "matmul-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

PRODUCTS = (
    "matmul",
    "mm",
    "bmm",
    "addmm",
    "addbmm",
    "baddbmm",
    "mv",
    "addmv",
    "dot",
    "vdot",
    "inner",
    "tensordot",
    "chain_matmul",
    "addr",
    "outer",
)


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *PRODUCTS):
        factors = _factors(failure)
        if factors is not None and not mentions_dtype(failure.call.error):
            yield _product(failure, *factors)
    for failure in failures(trace, "einsum"):
        if not mentions_dtype(failure.call.error):
            yield _einsum(failure)


def _factors(failure: Failure) -> tuple[TensorInfo, TensorInfo] | None:
    """The two matrices: the last two tensors, since `addmm` has a third before them."""
    tensors = failure.call.tensors
    return (tensors[-2], tensors[-1]) if len(tensors) >= 2 else None


def _product(failure: Failure, first: TensorInfo, second: TensorInfo) -> Finding:
    trace = failure.trace
    name = quoted(OPERATORS.get(failure.operation, failure.operation))
    inner = _inner_axes(first, second)
    clash = inner is not None and first.shape[inner[0]] != second.shape[inner[1]]
    if inner is not None and clash:
        message = (
            f"{name} multiplies {operand_word(trace, first)} by {operand_word(trace, second)}, "
            f"but {first.sizes[inner[0]]} columns do not meet {second.sizes[inner[1]]} rows"
        )
        sentences = [explain_size(trace, first, inner[0]).text, explain_size(trace, second, inner[1]).text]
    else:
        message = f"{name} refuses {operand_word(trace, first)} and {operand_word(trace, second)}"
        sentences = [
            _rank_text(failure, first, second),
            _stacks_text(first, second),
            origin_sentence(trace, first),
            origin_sentence(trace, second),
        ]
    expected: tuple[Size | str, ...] | None = None
    if inner is not None and clash:
        expected = ("*", first.sizes[inner[0]], second.sizes[-1]) if second.rank > 1 else (first.sizes[inner[0]],)
    proposals = (
        _proposals(failure, first, second, inner)
        if inner is not None and clash
        else ranked(
            _turned_otherwise(failure, first, second), _resized_stacks(trace, first, second), _repeated_heads(failure, first, second)
        )
    )
    return report(
        RULE,
        failure,
        message,
        " ".join(dict.fromkeys(sentence for sentence in sentences if sentence)),
        got=second.sizes,
        expected=expected,
        proposals=(*_of_right_rank(failure, first, second), *proposals),
    )


def _inner_axes(first: TensorInfo, second: TensorInfo) -> tuple[int, int] | None:
    if first.rank == 0 or second.rank == 0:
        return None
    return first.rank - 1, max(second.rank - 2, 0)


def _stacks_text(first: TensorInfo, second: TensorInfo) -> str:
    clashes = broadcast_clashes(first.shape[:-2], second.shape[:-2])
    pairs = [f"{first.sizes[first.rank - 2 + axis]} and {second.sizes[second.rank - 2 + axis]}" for axis in reversed(clashes)]
    return f"Their stacks of matrices cannot be broadcast: {listed(pairs)}." if pairs else ""


_RANKS = {"mm": (2, 2), "addmm": (2, 2), "bmm": (3, 3), "baddbmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


def _of_right_rank(failure: Failure, first: TensorInfo, second: TensorInfo) -> Iterator[Proposal]:
    """The one factor that has an axis too many or too few brought to what the operation takes."""
    wanted, site = _RANKS.get(failure.operation), failure.call.site
    if wanted is None or site is None:
        return
    tensors = failure.call.tensors
    for changed, partner, rank, other_rank in ((first, second, wanted[0], wanted[1]), (second, first, wanted[1], wanted[0])):
        if changed.rank == rank or partner.rank != other_rank:
            continue

        def multiplies(result: tuple[int, ...], changed: TensorInfo = changed, partner: TensorInfo = partner) -> bool:
            left, right = (result, partner.shape) if changed is first else (partner.shape, result)
            return left[-1] == right[-2 if len(right) > 1 else 0] and (len(left) < 3 or left[:-2] == right[:-2])

        node = operand_node(failure.trace, site, tensors.index(changed))
        yield from of_rank(failure.trace, site, changed, node, rank, multiplies)


def _rank_text(failure: Failure, first: TensorInfo, second: TensorInfo) -> str:
    wanted = _RANKS.get(failure.operation)
    if wanted is None or wanted == (first.rank, second.rank):
        return ""
    return f"`{failure.operation}` takes tensors of {wanted[0]} and {wanted[1]} axes."


def _proposals(failure: Failure, first: TensorInfo, second: TensorInfo, inner: tuple[int, int]) -> tuple[Proposal, ...]:
    trace = failure.trace
    sizes = equal_features(trace, first, inner[0], second, inner[1])
    owned = resize_parameter(trace, second, inner[1], first.shape[inner[0]]) if second.role == "parameter" else []
    return ranked(_turned_otherwise(failure, first, second), _transposed(failure, first, second), owned, sizes)


def _turned_otherwise(failure: Failure, first: TensorInfo, second: TensorInfo) -> list[Proposal]:
    """Other axes for the transposition that made one of the factors, where they then multiply stack by stack."""

    def multiplies(left: Shape, right: Shape) -> bool:
        return len(left) == len(right) > 1 and left[-1] == right[-2] and left[:-2] == right[:-2]

    return [
        *turned_otherwise(failure, second, lambda turned: multiplies(first.sizes, turned)),
        *turned_otherwise(failure, first, lambda turned: multiplies(turned, second.sizes)),
    ]


def _resized_stacks(trace: Trace, first: TensorInfo, second: TensorInfo) -> list[Proposal]:
    """Where stacks of matrices differ in number: as many in the parameter as the other operand has."""
    clashes = broadcast_clashes(first.shape[:-2], second.shape[:-2])
    return [
        proposal
        for tensor, other in ((first, second), (second, first))
        if tensor.role == "parameter" and len(clashes) == 1
        for proposal in resize_parameter(trace, tensor, tensor.rank - 2 + clashes[0], other.shape[other.rank - 2 + clashes[0]])
    ]


def _repeated_heads(failure: Failure, first: TensorInfo, second: TensorInfo) -> Proposal | None:
    """Grouped queries: every head of keys or values is repeated for the query heads that share it."""
    trace, site, tensors = failure.trace, failure.call.site, failure.call.tensors
    clashes = broadcast_clashes(first.shape[:-2], second.shape[:-2])
    if len(clashes) != 1 or first.rank != second.rank or first.rank < 4 or site is None:
        return None
    axis = first.rank - 2 + clashes[0]
    few, many = sorted((first, second), key=lambda tensor: tensor.shape[axis])
    if is_batch(few.sizes[axis]) or is_batch(many.sizes[axis]) or many.shape[axis] % few.shape[axis]:
        return None
    node = operand_node(trace, site, tensors.index(few))
    if node is None:
        return None
    times = many.shape[axis] // few.shape[axis]
    title = f"repeat each of the {few.shape[axis]} heads {times} times"
    return replace_node(trace, site.path, node, "other", title, f"{{}}.repeat_interleave({times}, dim={axis})")


def _transposed(failure: Failure, first: TensorInfo, second: TensorInfo) -> list[Proposal | None]:
    site, tensors = failure.call.site, failure.call.tensors
    if site is None:
        return []
    found: list[Proposal | None] = []
    if second.rank > 1 and second.shape[-1] == first.shape[-1]:
        found.append(_turn(failure, second, len(tensors) - 1))
    if first.rank > 1 and second.rank > 1 and first.shape[-2] == second.shape[-2]:
        found.append(_turn(failure, first, len(tensors) - 2))
    return found


def _turn(failure: Failure, tensor: TensorInfo, position: int) -> Proposal | None:
    kind: FixKind = "transpose_weight" if tensor.role == "parameter" else "permute"
    site = failure.call.site
    if site is None:
        return None
    action = WrapInput(site, "transpose", (-2, -1), position=position)
    return Proposal(kind, f"swap the last two axes of {operand_word(failure.trace, tensor)}", Safety.UNSAFE, (action,))


def _einsum(failure: Failure) -> Finding:
    trace, call = failure.trace, failure.call
    equation = call.arguments.get("equation")
    operands = [tensor for name, value in call.arguments.items() if name != "equation" for tensor in tensors_in(value)]
    shown = listed([operand_word(trace, tensor) for tensor in operands])
    clash = _einsum_clash(equation, operands) if isinstance(equation, str) else None
    if clash is not None:
        letter, left, left_axis, right, right_axis = clash
        message = (
            f"`einsum` reads `{letter}` as {left.sizes[left_axis]} in {shape(left)} and as {right.sizes[right_axis]} in {shape(right)}"
        )
        sentences = [explain_size(trace, left, left_axis).text, explain_size(trace, right, right_axis).text]
        owned = [
            proposal
            for tensor, axis, size in ((right, right_axis, left.shape[left_axis]), (left, left_axis, right.shape[right_axis]))
            if tensor.role == "parameter"
            for proposal in resize_parameter(trace, tensor, axis, size)
        ]
        swapped = _letters_swapped(failure, equation, operands) if isinstance(equation, str) else []
        proposals = ranked(owned, swapped, equal_features(trace, left, left_axis, right, right_axis))
    else:
        message = f"`einsum` with `{equation}` does not fit {shown}"
        sentences = [_axes_text(equation, operands), *(origin_sentence(trace, tensor) for tensor in operands[:2])]
        proposals = ()
    return report(
        RULE,
        failure,
        message,
        " ".join(dict.fromkeys(sentence for sentence in sentences if sentence)),
        got=operands[-1].sizes if operands else None,
        proposals=proposals,
    )


def _einsum_clash(equation: str, operands: list[TensorInfo]) -> tuple[str, TensorInfo, int, TensorInfo, int] | None:
    seen: dict[str, tuple[TensorInfo, int]] = {}
    for letters, tensor in zip(_terms(equation), operands, strict=False):
        if "." in letters or len(letters) != tensor.rank:
            continue
        for axis, letter in enumerate(letters):
            before = seen.setdefault(letter, (tensor, axis))
            if before[0].shape[before[1]] != tensor.shape[axis]:
                return letter, *before, tensor, axis
    return None


def _letters_swapped(failure: Failure, equation: str, operands: list[TensorInfo]) -> list[Proposal]:
    """The equation with two letters of one operand the other way round, where all sizes then agree: `bjhd` for `bhjd`."""
    site = failure.call.site
    literals = [
        node
        for outer in nodes_at(failure.trace, site)
        for node in ast.walk(outer)
        if isinstance(node, ast.Constant) and node.value == equation
    ]
    if site is None or len(literals) != 1 or equation.count("->") != 1:
        return []
    terms, result = _terms(equation), equation.replace(" ", "").partition("->")[2]
    found: dict[str, Proposal] = {}
    for index, term in enumerate(terms):
        for one, other in combinations(range(len(term)), 2):
            letters = list(term)
            letters[one], letters[other] = letters[other], letters[one]
            written = f"{','.join([*terms[:index], ''.join(letters), *terms[index + 1 :]])}->{result}"
            if term != "".join(letters) and _einsum_clash(written, operands) is None:
                title = f"swap `{term[one]}` and `{term[other]}` of operand {index + 1}: `{written}`"
                edit = ReplaceSource(span_of(failure.trace, site.path, literals[0]), repr(written).replace("'", '"'))
                found.setdefault(written, Proposal("other", title, Safety.UNSAFE, (edit,)))
    return list(found.values())


def _terms(equation: str) -> list[str]:
    return equation.replace(" ", "").partition("->")[0].split(",")


def _axes_text(equation: object, operands: list[TensorInfo]) -> str:
    terms = _terms(equation) if isinstance(equation, str) else []
    wrong = [
        (letters, tensor) for letters, tensor in zip(terms, operands, strict=False) if "." not in letters and len(letters) != tensor.rank
    ]
    return f"`{wrong[0][0]}` names {len(wrong[0][0])} axes, and {shape(wrong[0][1])} has {wrong[0][1].rank}." if wrong else ""
