"""In a process that runs the user's own code: an exception raised inside a forward pass carries an explanation."""

from linearcheck.live.hook import install, uninstall

__all__ = ["install", "uninstall"]
