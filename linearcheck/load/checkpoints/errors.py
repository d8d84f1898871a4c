"""Why a checkpoint cannot be read."""

from __future__ import annotations


class CheckpointError(Exception):
    """A file that cannot be read as a checkpoint, in words that go behind its name: "is empty"."""
