"""Whether models can be checked in forked children here."""

from __future__ import annotations

import os
import sys

NO_FORK_VARIABLE = "LINEARCHECK_NO_FORK"


def can_fork() -> bool:
    """Not on Windows, which has no fork, nor on macOS, whose libraries do not survive it; nor where the variable says so."""
    return hasattr(os, "fork") and sys.platform != "darwin" and not os.environ.get(NO_FORK_VARIABLE)
