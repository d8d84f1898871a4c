"""Signals that end a trace from inside the user's code.

They derive from `BaseException`, so that an `except Exception:` around a layer in the user's `forward` cannot swallow them.
"""

from __future__ import annotations


class TraceSignal(BaseException):
    """A trace ends here, for a reason of ours."""


class NeedsValues(TraceSignal):
    """A trace without data met a call that reads a value (`.item()`, `nonzero`): only a real run can go on."""


class LosesValues(NeedsValues):
    """What depends on data is written into a constant that had kept its values."""


class TooLarge(TraceSignal):
    """A real run would cost more work or memory than it may."""


class NeedsGrad(TraceSignal):
    """The forward pass differentiates, so that gradients must be on."""


class OutOfMemory(TraceSignal):
    """The machine cannot give the memory that the model asks for."""


class FirstFailure(TraceSignal):
    """A call failed, and only whether and where one does was asked for: `key` is the recorder's name for it."""

    def __init__(self, key: object) -> None:
        super().__init__(key)
        self.key = key


class RetryInput(TraceSignal):
    """An input whose dtype or range was left open is refused by its first consumer, which takes another one."""

    def __init__(self, name: str, dtype: str | None = None, highest: int | None = None) -> None:
        super().__init__(name)
        self.name, self.dtype, self.highest = name, dtype, highest
