"""Where edits are tried: applied to a copy of the sources in memory, traced, counted and remembered."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from linearcheck.findings import Edit
from linearcheck.fix.definitions import Project
from linearcheck.fix.judgement import PlaceOf, TrialOutcome, place_in
from linearcheck.fix.text import OverlappingEdits, apply_edits, digest
from linearcheck.source_text import BOM

Run = Callable[[Mapping[str, str]], TrialOutcome]


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """How much may be tried. The first fix of each finding is worth `seconds`, further ones only `trials_for_more` trials in all.

    Counts decide wherever they can, for what a loaded machine leaves out would differ from run to run.
    """

    fixes_per_finding: int = 3
    trials: int = 60
    seconds: float = 20.0
    trials_for_more: int = 2


@dataclass(frozen=True)
class State:
    """Repairs accepted so far and what a trace with them showed."""

    edits: tuple[Edit, ...]
    outcome: TrialOutcome
    place: PlaceOf


@dataclass
class Bench:
    """Applies edits, traces, counts and remembers."""

    sources: Mapping[str, str]
    run: Run
    limits: TrialLimits
    began: float = field(default_factory=time.monotonic)
    trials: int = 0
    known: dict[frozenset[Edit], TrialOutcome] = field(default_factory=dict)

    @cached_property
    def project(self) -> Project:
        """The sources without edits, parsed once for all proposals."""
        return Project(self.sources)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def is_exhausted(self) -> bool:
        return self.trials >= self.limits.trials or self.seconds > self.limits.seconds

    @property
    def is_slow(self) -> bool:
        """Whether half of the time is gone, so that what is merely welcome is left."""
        return self.seconds > self.limits.seconds / 2

    def edited(self, edits: Sequence[Edit]) -> dict[str, str] | None:
        """The texts after the edits, or None where they clash or leave no Python."""
        texts: dict[str, str] = {}
        try:
            for path in dict.fromkeys(edit.path for edit in edits):
                texts[path] = apply_edits(self.sources[path], [edit for edit in edits if edit.path == path])
                ast.parse(texts[path].removeprefix(BOM))
        except (OverlappingEdits, KeyError, ValueError, SyntaxError, RecursionError):
            return None
        return texts

    def digests(self, edits: Sequence[Edit]) -> tuple[tuple[str, str], ...]:
        return tuple((path, digest(self.sources[path])) for path in dict.fromkeys(edit.path for edit in edits))

    def outcome(self, edits: Sequence[Edit]) -> TrialOutcome:
        key = frozenset(edits)
        if key not in self.known:
            texts = self.edited(edits)
            if texts is None or all(texts[path] == self.sources[path] for path in texts):
                self.known[key] = TrialOutcome(loaded=False)
            else:
                self.trials += 1
                self.known[key] = self.run(texts)
        return self.known[key]

    def state(self, edits: tuple[Edit, ...]) -> State:
        outcome = self.outcome(edits)
        return State(edits, outcome, place_in(self.sources, edits if outcome.loaded else ()))
