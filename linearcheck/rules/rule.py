"""What a rule is, and what it yields: the catalogue's entry for one code, and a finding with the calls it accounts for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from linearcheck.findings import Diagnostic, Severity
from linearcheck.trace.records import Trace


class FixAvailability(StrEnum):
    """Whether findings of a rule come with a repair."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rule:
    """One code of the catalogue. `documentation` is its page: the docstring of its file."""

    code: str
    name: str
    severity: Severity
    fix: FixAvailability
    documentation: str

    @property
    def summary(self) -> str:
        """The first line of the page, without code and name.

        >>> Rule("LC101", "in-features-mismatch", Severity.ERROR, FixAvailability.ALWAYS, "LC101 `in-features-mismatch`: too wide.").summary
        'too wide.'
        """
        return self.documentation.strip().partition("\n")[0].partition(": ")[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, and the failed calls (by index) that it accounts for: no other finding may speak about these.

    `unit` is the index of the outermost call of one of torch's own layers around the failed call: what fails later inside
    the same call of the same layer is a consequence. `behind` is the index of the last call before what stops between two calls.
    """

    diagnostic: Diagnostic
    accounts_for: tuple[int, ...] = ()
    unit: int | None = None
    behind: int | None = None


class RuleModule(Protocol):
    """A file `lc….py`: its entry in the catalogue, and what it finds in a trace, in order of calls."""

    RULE: Rule

    def check(self, trace: Trace) -> Iterable[Finding]: ...
