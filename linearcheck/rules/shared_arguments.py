"""Several layers, one mistake: `in_c` of a block's norm, convolution and shortcut, or what the layers built by one line of a loop make."""

from __future__ import annotations

import ast
from fractions import Fraction

from linearcheck.rules.layers import Pin
from linearcheck.rules.provenance import SizeOrigin, explain_size
from linearcheck.rules.source import argument_node, call_at
from linearcheck.trace.records import Span, Trace


def shares_argument(trace: Trace, first: Pin, second: Pin) -> bool:
    """Whether one change of one line would let both layers get what they declare, or declare what they get."""
    if first.size != second.size or first.tensor.shape[first.axis] != second.tensor.shape[second.axis]:
        return False
    origins = tuple(explain_size(trace, pin.tensor, pin.axis) for pin in (first, second))
    return _is_made_by_one_line(*origins) or _is_declared_by_one_name(trace, first, second, *origins)


def _is_made_by_one_line(first: SizeOrigin, second: SizeOrigin) -> bool:
    """Two layers of a loop or helper; what one layer makes for two others may be the mistake of either."""
    makers = [_maker(origin) for origin in (first, second)]
    return None not in makers and makers[0] == makers[1] and first.tensor.uid != second.tensor.uid


def _maker(origin: SizeOrigin) -> tuple[Span, str, Fraction] | None:
    """The line that builds the layer which fixes a size, the argument, and the part of it that is left."""
    factor = Fraction(1)
    while origin.scaled is not None:
        origin, part = origin.scaled
        factor *= part
    definition = origin.layer.definition if origin.layer is not None else None
    return (definition, origin.argument, factor) if definition is not None else None


def _is_declared_by_one_name(trace: Trace, first: Pin, second: Pin, from_first: SizeOrigin, from_second: SizeOrigin) -> bool:
    """Whether the size comes from one place and both layers of one constructor declare the other by the same expression."""
    if (from_first.tensor.uid, from_first.axis) != (from_second.tensor.uid, from_second.axis):
        return False
    if not first.layer.built or not second.layer.built or first.layer.built[1:] != second.layer.built[1:]:
        return False
    texts = [_declaring_text(trace, pin) for pin in (first, second)]
    return texts[0] is not None and texts[0] == texts[1]


def _declaring_text(trace: Trace, pin: Pin) -> str | None:
    """What a layer is built with for the size in question, where that is no plain number."""
    node = call_at(trace, pin.layer.definition)
    argument = argument_node(node, pin.argument, 1 if pin.argument == "num_channels" else 0) if node is not None else None
    return None if argument is None or isinstance(argument, ast.Constant) else ast.unparse(argument)
