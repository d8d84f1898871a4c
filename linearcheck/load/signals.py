"""What stops a load or a trace because something is not there. These derive from BaseException, so that `except Exception:` in
the user's code cannot swallow them; whoever runs user code turns them into a LoadError with `as_load_error`."""

from __future__ import annotations

from linearcheck.load.records import LoadError


class Unavailable(BaseException):
    """Something that the model needs and that is not there."""

    def __init__(self, message: str, path: str = "", line: int | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.message, self.path, self.line, self.advice = message, path, line, advice

    def as_load_error(self, model: str = "") -> LoadError:
        message = f"`{model}` cannot be loaded: {self.message}" if model else self.message
        return LoadError("LC901", message, self.path, self.line, self.advice)


class OpenValue(Unavailable):
    """A name at module level whose value cannot be known, because the statement that defines it did not run."""

    def __init__(self, name: str, reason: str, path: str = "", line: int | None = None, advice: str = "") -> None:
        super().__init__(reason, path, line, advice)
        self.name = name


class StandInUsed(Unavailable):
    """A stand-in for a missing package that reached a place where the real thing is needed."""

    def __init__(self, package: str, dotted: str, use: str) -> None:
        super().__init__(
            f"the package `{package}` is not installed, and {use} `{dotted}`",
            advice=f"install `{package}`, or check with the Python that has it (`--python`)",
        )
        self.package, self.dotted = package, dotted


class OutsideEffect(BaseException):
    """A statement that is run for the names it defines was about to act on the outside; it is stopped before it does."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
