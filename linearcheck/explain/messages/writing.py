"""How a record of the table is written: PyTorch's words as a pattern, and what its numbers are.

A record that needs no arithmetic is all text (`says`); what needs some is read by a function of `products` (`message`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from linearcheck.explain.products import sizes_in
from linearcheck.explain.records import Message, Number, Pasted, Reader, Reading
from linearcheck.sizes import shape_text

SHAPE = r"(?:torch\.Size\()?[\[(][-\d, ]*[\])]\)?"
_DTYPE = r"[\w.]+(?: (?:int|char|long|double|float))*"
TO_FLOAT = "convert the input with `.float()` before the layer, or the model with `.to(x.dtype)`"
LABELS = "labels of `cross_entropy` and `nll_loss` are whole numbers of classes: `target.long()`; those of `mse_loss` and `bce` are floats"
INDEX_DTYPE = "indices have to be int64: `x.long()`"


def message(name: str, pattern: str, read: Reader) -> Message:
    return Message(name, _compiled(pattern), read)


def says(
    name: str,
    codes: str,
    pattern: str,
    summary: str,
    numbers: Mapping[str, str] | None = None,
    changes: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
) -> Message:
    """A record that needs no arithmetic. `numbers` says what each named group is, and all texts may name groups in braces."""

    def read(groups: Mapping[str, str], pasted: Pasted) -> Reading:
        shown = {group: _shown(text) for group, text in groups.items()}
        meanings = tuple(Number(shown[group], text.format(**shown)) for group, text in (numbers or {}).items() if groups.get(group))
        sizes = tuple(size for group in numbers or {} if groups.get(group) for size in sizes_in(groups[group]))
        said = tuple(change.format(**shown) for change in changes)
        return Reading(summary.format(**shown), tuple(codes.split()), meanings, said, sizes, options)

    return Message(name, _compiled(pattern), read)


def _compiled(pattern: str) -> re.Pattern[str]:
    """`<name>` stands for a number, `<name:shape>` for a shape, `<name:dtype>` and `<name:word>` for what they say."""
    kinds = {"": r"-?\d+", "shape": SHAPE, "dtype": _DTYPE, "word": r"\S+?"}
    return re.compile(re.sub(r"(?<!\?P)<(\w+)(?::(\w+))?>", lambda m: f"(?P<{m[1]}>{kinds[m[2] or '']})", pattern), re.IGNORECASE)


def _shown(text: str | None) -> str:
    """A group as it is shown: shapes in one form, whatever PyTorch's."""
    if text is None:
        return ""
    return shape_text(sizes_in(text)) if re.fullmatch(SHAPE, text) else text
