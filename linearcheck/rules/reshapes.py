"""What the rules about views share: the sizes that were asked for, the values of one sample, and how to keep the batch axis."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

from linearcheck.findings import FixKind, Proposal, ReplaceSource, Safety, SetArgument
from linearcheck.rules.evidence import pins_on
from linearcheck.rules.layers import torch_layer
from linearcheck.rules.provenance import Factors, is_channels_first
from linearcheck.rules.source import call_at, is_atom, node_text, span_of
from linearcheck.rules.suggestions import change_argument
from linearcheck.rules.wording import axis_words, times_text
from linearcheck.sizes import Size, batch_axis, depends_on, is_batch, shape_text
from linearcheck.trace.records import Call, Span, TensorInfo, Trace

RESHAPES = frozenset({"view", "reshape"})
FLATTENINGS = frozenset({"flatten", "ravel"})


@dataclass(frozen=True)
class Reshape:
    """A `view` or `reshape`: its input, and the sizes asked for, with `N` where the batch size was passed and -1 where a size is left
    free."""

    call: Call
    input: TensorInfo
    asked: tuple[Size, ...]

    @property
    def values(self) -> int | None:
        """Number of values of one sample, None where the first axis is not the batch."""
        if not self.input.sizes or not is_batch(self.input.sizes[0]):
            return None
        return prod(self.input.shape[1:])

    @property
    def literals(self) -> int:
        """Product of the sizes asked for as numbers."""
        return prod(size for size in self.asked if isinstance(size, int) and size > 0)

    @property
    def keeps_batch(self) -> bool:
        return bool(self.asked) and is_batch(self.asked[0])

    @property
    def leaves_first_free(self) -> bool:
        """`view(-1, 400)`: the first axis, meant to be the batch, becomes whatever is left."""
        return bool(self.asked) and self.asked[0] == -1 and all(isinstance(size, int) for size in self.asked[1:])

    @property
    def text(self) -> str:
        return f"{self.call.name}({', '.join(map(str, self.asked))})"


def reshape_of(trace: Trace, call: Call) -> Reshape | None:
    """A view or reshape with plain sizes, or None for any other call."""
    if call.name not in RESHAPES or call.kind != "function":
        return None
    given = call.arguments.get("size", call.arguments.get("shape"))
    sizes = given if isinstance(given, tuple) else (given,)
    tensor = call.input
    if tensor is None or not all(isinstance(size, int) and not isinstance(size, bool) for size in sizes):
        return None
    plain = tuple(size for size in sizes if isinstance(size, int))
    return Reshape(call, tensor, _named(tensor, plain, once=call.failed))


def _named(tensor: TensorInfo, sizes: tuple[int, ...], *, once: bool) -> tuple[Size, ...]:
    """The batch size as `N`: the sizes that are traced stand nowhere in the source.

    `once` is for a call that failed: what else is as large there is so by chance, since one batch has one axis.
    """
    batch = batch_axis(tensor.sizes)
    named: list[Size] = []
    for size in sizes:
        is_named = batch is not None and size == tensor.shape[batch] and not (once and tensor.sizes[batch] in named)
        named.append(tensor.sizes[batch] if is_named and batch is not None else size)
    return tuple(named)


def fills(reshape: Reshape) -> bool:
    """Whether the sizes asked for do fit, so that it is the order in memory that does not."""
    asked = [reshape.input.shape[0] if is_batch(size) else size for size in reshape.asked]
    if asked.count(-1) > 1:
        return False
    known = prod(size for size in asked if isinstance(size, int) and size != -1)
    total = prod(reshape.input.shape)
    return bool(known) and (total % known == 0 if -1 in asked else total == known)


def sample_factors(trace: Trace, tensor: TensorInfo) -> Factors:
    """The sizes of one sample with what they are."""
    words = axis_words(tensor.sizes, is_channels_first(trace, tensor))
    return tuple((tensor.shape[axis], words[axis]) for axis in range(1, tensor.rank))


def fold_of(trace: Trace, tensor: TensorInfo) -> Reshape | None:
    """The view with numbers that multiplied or divided the batch axis of a tensor, looking back along first inputs, or None."""
    from linearcheck.rules.provenance import origin_of

    if not tensor.sizes or is_batch(tensor.sizes[0]) or not depends_on(tensor.sizes[0]):
        return None
    for call in origin_of(trace, tensor):
        reshape = reshape_of(trace, call)
        if reshape is not None and reshape.values is not None and not call.failed and call.output is not None:
            return reshape if reshape.leaves_first_free and call.output.sizes[:1] == tensor.sizes[:1] else None
    return None


def keep_batch(trace: Trace, reshape: Reshape, kind: FixKind = "view_keep_batch") -> Proposal | None:
    """Give a view the batch axis and leave the rest free, with `in_features` of the layer after it set to what a sample has.

    For a view into a map the size that does not fit is worked out instead.
    """
    values = reshape.values
    if values is None:
        return None
    if len(reshape.asked) <= 2:
        action = _row_edit(trace, reshape)
        follow = _next_layer(trace, reshape, values)
        title = f"keep the batch axis in `{reshape.text}` on line {reshape.call.site.line if reshape.call.site else '?'}"
        if follow is not None:
            title += f" and {follow.title}"
        actions = ((action,) if action is not None else ()) + (follow.actions if follow is not None else ())
        return Proposal(kind, title, Safety.UNSAFE, actions) if action is not None else None
    return None


def _row_edit(trace: Trace, reshape: Reshape) -> ReplaceSource | None:
    found = size_nodes(trace, reshape.call)
    if found is None or reshape.call.site is None:
        return None
    receiver, nodes = found
    path = reshape.call.site.path
    text = node_text(trace, path, receiver)
    first, last = span_of(trace, path, nodes[0]), span_of(trace, path, nodes[-1])
    span = Span(path, first.line, first.column, last.end_line, last.end_column)
    return ReplaceSource(span, f"{text if is_atom(receiver) else f'({text})'}.size(0), -1")


def size_nodes(trace: Trace, call: Call) -> tuple[ast.expr, Sequence[ast.expr]] | None:
    """The tensor that is viewed and the expressions of its sizes, as written."""
    node = call_at(trace, call.site)
    if node is None or node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    is_method = isinstance(node.func, ast.Attribute) and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "torch")
    if is_method and isinstance(node.func, ast.Attribute):
        receiver, sizes = node.func.value, node.args
    elif node.args:
        receiver, sizes = node.args[0], node.args[1:]
    else:
        return None
    if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
        sizes = sizes[0].elts
    return (receiver, sizes) if sizes and not any(isinstance(size, ast.Starred) for size in sizes) else None


def _next_layer(trace: Trace, reshape: Reshape, values: int) -> Proposal | None:
    """Set what the layer after a view into rows takes, where it is not what a sample has."""
    output = reshape.call.output
    pins = pins_on(trace, output, output.rank - 1) if output is not None and output.rank else []
    if not pins or pins[0].size == values:
        return None
    return change_argument(pins[0].kind, pins[0].layer, pins[0].argument, values, sample_factors(trace, reshape.input))


def fitting_sizes(trace: Trace, reshape: Reshape) -> list[Proposal]:
    """For a view into a map: each written size with the number that would make it fit, those first that the next layer agrees with."""
    values = reshape.values
    found = size_nodes(trace, reshape.call)
    if values is None or found is None or reshape.call.site is None or len(found[1]) != len(reshape.asked):
        return []
    wanted = {pin.size for output in reshape.call.outputs for axis in range(1, output.rank) for pin in pins_on(trace, output, axis)}
    numbers = [(axis, size) for axis, size in enumerate(reshape.asked) if axis > 0 and isinstance(size, int) and size > 0]
    proposals: list[tuple[bool, Proposal]] = []
    for axis, size in numbers:
        others = reshape.literals // size
        if others == 0 or values % others or values // others == size or -1 in reshape.asked[1:]:
            continue
        fitting = values // others
        span = span_of(trace, reshape.call.site.path, found[1][axis])
        written = node_text(trace, reshape.call.site.path, found[1][axis])
        factors = sample_factors(trace, reshape.input)
        number = times_text(factors) if "*" in written and len(factors) > 1 and fitting == values else str(fitting)
        follow = _next_layer(trace, reshape, values) if len(reshape.asked) <= 2 else None
        title = f"make axis {axis} of `{reshape.text}` {number}" + (f" and {follow.title}" if follow is not None else "")
        actions = (ReplaceSource(span, number), *(follow.actions if follow is not None else ()))
        proposals.append((fitting not in wanted, Proposal("view_keep_batch", title, Safety.UNSAFE, actions)))
    square = _square(trace, reshape, found[1], reshape.call.site)
    return [*([square] if square is not None else []), *(proposal for _, proposal in sorted(proposals, key=lambda pair: pair[0]))]


def _square(trace: Trace, reshape: Reshape, nodes: Sequence[ast.expr], site: Span) -> Proposal | None:
    """`view(n, 32, 7, 7)` for `view(n, 32, 8, 8)` of 1568 values: height and width together."""
    asked, values = reshape.asked, reshape.values
    if len(asked) < 3 or -1 in asked[1:] or values is None or not isinstance(asked[-1], int) or asked[-1] != asked[-2]:
        return None
    rest = reshape.literals // asked[-1] ** 2
    side = isqrt(values // rest) if rest else 0
    if not side or side * side * rest != values or side == asked[-1]:
        return None
    edits = tuple(ReplaceSource(span_of(trace, site.path, node), str(side)) for node in nodes[-2:])
    sizes = shape_text((*asked[:-2], side, side))
    return Proposal("view_keep_batch", f"view it as {sizes} on line {site.line}", Safety.UNSAFE, edits)


def unflatten_source(trace: Trace, call: Call) -> SetArgument | None:
    """`start_dim=1` for a flatten, as a function or as the module `nn.Flatten`."""
    owned = torch_layer(trace, call)
    place = owned[0].definition if owned is not None else call.site
    if place is None:
        return None
    callee, layer = (owned[0].type, owned[0].name) if owned is not None else (call.name, "")
    return SetArgument(place, callee, "start_dim", 1, (), None, layer)
