"""linearcheck finds shape mistakes in PyTorch models before they run.

>>> import linearcheck
>>> linearcheck.__version__
'0.1.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linearcheck.api import Report, ShapeError, check
    from linearcheck.live import install, uninstall

__version__ = "0.1.0"
__all__ = ["Report", "ShapeError", "__version__", "check", "install", "uninstall"]


def __getattr__(name: str) -> Any:
    """The API is imported on first use, so that the command line starts without it."""
    if name in {"Report", "ShapeError", "check"}:
        from linearcheck import api

        return getattr(api, name)
    if name in {"install", "uninstall"}:
        from linearcheck import live

        return getattr(live, name)
    raise AttributeError(f"module 'linearcheck' has no attribute {name!r}")
