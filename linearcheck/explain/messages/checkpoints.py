"""Messages about checkpoints."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message
from linearcheck.explain.products import checkpoint
from linearcheck.explain.records import Message

CHECKPOINTS: tuple[Message, ...] = (
    message(
        "checkpoint",
        r"(?:Error\(s\) in loading state_dict for (?P<model>[\w.]+).*"
        r"|size mismatch for \S+: copying a param with shape .*|(?:Missing|Unexpected) key\(s\) in state_dict: .*)",
        checkpoint,
    ),
)
