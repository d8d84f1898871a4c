"""Two layers of one constructor whose sizes come from one name: `in_c` of a block's norm, convolution and shortcut is one mistake."""

from __future__ import annotations

import ast

from linearcheck.rules.layers import Pin
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.source import argument_node, call_at
from linearcheck.trace.records import Trace


def shares_argument(trace: Trace, first: Pin, second: Pin) -> bool:
    """Whether both layers get one size from one place and declare another by the same expression of the same constructor."""
    if first.size != second.size or first.tensor.shape[first.axis] != second.tensor.shape[second.axis]:
        return False
    if not first.layer.built or not second.layer.built or first.layer.built[1:] != second.layer.built[1:]:
        return False
    texts = [_declaring_text(trace, pin) for pin in (first, second)]
    if texts[0] is None or texts[0] != texts[1]:
        return False
    origins = [explain_size(trace, pin.tensor, pin.axis) for pin in (first, second)]
    return (origins[0].tensor.uid, origins[0].axis) == (origins[1].tensor.uid, origins[1].axis)


def _declaring_text(trace: Trace, pin: Pin) -> str | None:
    """What a layer is built with for the size in question, where that is no plain number."""
    node = call_at(trace, pin.layer.definition)
    argument = argument_node(node, pin.argument, 1 if pin.argument == "num_channels" else 0) if node is not None else None
    return None if argument is None or isinstance(argument, ast.Constant) else ast.unparse(argument)
