"""Words that findings and reports share."""

from __future__ import annotations

from collections.abc import Sequence


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as an enumeration in a sentence.

    >>> listed(["32", "64", "128"])
    '32, 64 and 128'
    """
    if len(words) < 2:
        return words[0] if words else "nothing"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
