"""Writing a report to a file. Needs the standard library alone."""

from __future__ import annotations

import os


def write_file(path: str, text: str) -> str:
    """Write a text to a file, its folder made if need be; "" or the reason why that cannot be done."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        return str(getattr(error, "strerror", None) or error)
    return ""
