"""The text of an exception that the user's code has raised, whose own `__str__` may fail."""

from __future__ import annotations


def text_of(error: BaseException) -> str:
    """What the exception says; "" where it cannot say anything.

    >>> text_of(ValueError("too small"))
    'too small'
    """
    try:
        return str(error)
    except BaseException:
        return ""
