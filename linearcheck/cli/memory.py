"""What a run keeps for later ones: the result of each model, and what the whole run has shown, each with the states that it came from."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from linearcheck.cli.invocation import Invocation
from linearcheck.codec import CodecError, decode, encode
from linearcheck.dependencies import Dependency, States, World, as_triples, dependencies_of, digest, states_of, without_repetition
from linearcheck.findings import ModelReport
from linearcheck.job import CheckJob
from linearcheck.worker.client import VARIABLES_OF_THE_WORKER
from linearcheck.worker.pool import Checked
from linearcheck.worker.recording import Seen

_MAX_SHOWN = 16 << 20
_MAX_RENDERS = 8


@dataclass
class Memory:
    """Keeps nothing where `invocation` is None. `obstacle` is the first reason why the run as a whole is not kept."""

    invocation: Invocation | None
    python: str = sys.executable
    obstacle: str = ""
    torch_version: str = ""
    python_version: str = ""
    _states: States = field(default_factory=dict)
    _world: World = field(default_factory=World)

    def note_reading(self, seen: Seen) -> None:
        """Take down what the front itself has read to find the models."""
        self._take(dependencies_of(seen), seen.obstacle)

    def look_up(self, job: CheckJob) -> Checked | None:
        """The result of a model, if it is known and nothing that it came from has changed."""
        if self.invocation is None:
            return None
        entry = self.invocation.cache.get(self._key(job))
        try:
            if entry is None or not self._world.holds(entry["states"]):
                return None
            checked = Checked(decode(ModelReport, entry["report"]), decode(dict[str, str], entry["sources"]))
            self.torch_version, self.python_version = str(entry["torch"]), str(entry["python"])
            self._add({(kind, argument): state for kind, argument, state in entry["states"]})
        except (CodecError, KeyError, TypeError, ValueError, AttributeError):
            return None
        return checked

    def keep(self, job: CheckJob, checked: Checked, torch_version: str, python_version: str) -> None:
        """Keep the result of a model, unless it may depend on what is not known."""
        if self.invocation is None:
            return
        if checked.seen is None or checked.fault:
            self.obstacle = self.obstacle or f"`{checked.report.name}` did not come to its end"
            return
        states = self._take(self._dependencies(checked.seen), checked.seen.obstacle and f"`{checked.report.name}` {checked.seen.obstacle}")
        if states is None or job.overlay:
            return
        entry = {
            "states": as_triples(states),
            "report": encode(checked.report),
            "sources": checked.sources,
            "torch": torch_version,
            "python": python_version,
        }
        self.invocation.cache.put(self._key(job), entry)

    def depends_on(self, path: str) -> bool:
        """Whether a file was read or looked for, by anything that is kept."""
        return ("path", path) in self._states

    def keep_run(self, code: int, shown: Shown, files: Sequence[tuple[str, str]]) -> None:
        """Keep what the run has shown and written, if it can be known when that would be the same again."""
        invocation = self.invocation
        if invocation is None or self.obstacle:
            return
        stdout, stderr = shown.stdout.text, shown.stderr.text
        if sum(map(len, (stdout, stderr, *(text for _, text in files)))) > _MAX_SHOWN:
            return
        render = [code, stdout, stderr, [list(file) for file in files]]
        others = [(key, value) for key, value in invocation.renders.items() if key != invocation.render_key]
        renders = dict(others[-_MAX_RENDERS + 1 :]) | {invocation.render_key: render}
        invocation.cache.put(invocation.key, {"states": as_triples(without_repetition(self._states)), "renders": renders})
        invocation.cache.clear_away()

    def _dependencies(self, seen: Seen) -> dict[Dependency, bool | None]:
        found = dependencies_of(seen, VARIABLES_OF_THE_WORKER)
        if self.python != sys.executable:
            found |= {("interpreter", shutil.which(self.python) or self.python): None, ("variable", "PATH"): None}
        return found

    def _take(self, dependencies: dict[Dependency, bool | None], obstacle: str) -> States | None:
        """The states of what something came from, which are the run's as well; None where they cannot be told."""
        assert self.invocation is not None
        states = None if obstacle else states_of(dependencies.items(), self._world, self.invocation.started_ns)
        if states is None:
            self.obstacle = self.obstacle or obstacle or "a file changed while it was checked"
            return None
        self._add(states)
        return states

    def _add(self, states: States) -> None:
        if any(self._states.get(dependency, state) != state for dependency, state in states.items()):
            self.obstacle = self.obstacle or "a file changed while it was checked"
        self._states.update(states)

    def _key(self, job: CheckJob) -> str:
        assert self.invocation is not None
        return digest("model", self.invocation.surroundings, self.python, json.dumps(encode(job), sort_keys=True))


class Copied(io.TextIOBase):
    """A stream that remembers what is written to it, and otherwise is the one below."""

    def __init__(self, below: TextIO) -> None:
        self._below = below
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        self._parts.append(text)
        return self._below.write(text)

    def flush(self) -> None:
        self._below.flush()

    def isatty(self) -> bool:
        return self._below.isatty()

    def fileno(self) -> int:
        return self._below.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._below.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._below.errors

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)


@dataclass(frozen=True, slots=True)
class Shown:
    """What has been written to the two streams."""

    stdout: Copied
    stderr: Copied


@contextmanager
def copied_output() -> Iterator[Shown]:
    """While this is open, what is printed is remembered too."""
    shown = Shown(Copied(sys.stdout), Copied(sys.stderr))
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = shown.stdout, shown.stderr
    try:
        yield shown
    finally:
        sys.stdout, sys.stderr = before
