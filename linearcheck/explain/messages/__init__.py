"""The table: one record for each kind of message that PyTorch raises about shapes and dtypes, of this version and of older ones.

A record is the words, with their numbers as named groups, and what they mean: a summary, each number with its meaning, what to change.
The words stand here as PyTorch writes them, on one line. Of two records that know a text at the same place the first counts.
"""

from __future__ import annotations

from linearcheck.explain.messages.checkpoints import CHECKPOINTS
from linearcheck.explain.messages.convolutions import CONVOLUTIONS
from linearcheck.explain.messages.dtypes import DTYPES
from linearcheck.explain.messages.linear import LINEAR
from linearcheck.explain.messages.losses import LOSSES
from linearcheck.explain.messages.norms import NORMS
from linearcheck.explain.messages.others import NOT_ABOUT_SHAPES
from linearcheck.explain.messages.reshapes import RESHAPES
from linearcheck.explain.messages.sequences import SEQUENCES
from linearcheck.explain.messages.several import SEVERAL_TENSORS
from linearcheck.explain.records import Message

MESSAGES: tuple[Message, ...] = (
    *LINEAR,
    *CONVOLUTIONS,
    *NORMS,
    *SEQUENCES,
    *RESHAPES,
    *SEVERAL_TENSORS,
    *LOSSES,
    *DTYPES,
    *CHECKPOINTS,
    *NOT_ABOUT_SHAPES,
)
