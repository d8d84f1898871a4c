"""Which sizes of its inputs a model accepts, found by running it: per axis the step, the smallest and the largest size, by halving."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.trace.assemble import Run
from linearcheck.trace.raw import Key
from linearcheck.trace.signals import FirstFailure
from linearcheck.trace.tracing import ConstructionError, Restart, Session, build_session, run_forward

LARGEST_BATCH = 64
LARGEST_SIDE = 1024
LARGEST_LENGTH = 4096
MOST_STEP = 256
MOST_SEGMENTS = 8
MOST_OUTSIDERS = 16
SECONDS_PER_MODEL = 20.0
LONG_RUN_SECONDS = 0.1
"""A model that takes longer with data is run without."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an input; `letter` where its size is named by one, so that it may stand in several places."""

    input: str
    axis: int
    letter: str = ""


@dataclass(frozen=True)
class Probe:
    """What one run came to: it was accepted, or `key` is the call that refused first, None where only the output was wrong.

    A run that was ended by that call is not kept.
    """

    size: int
    accepted: bool
    run: Run | None = None
    key: Key | None = None
    known: bool = True


@dataclass
class Sizes:
    """What was found about one axis, `step` apart from one accepted size to the next.

    `smallest` and `largest` are accepted; `is_open` says that nothing larger than `largest` was tried. `refused` are stretches of sizes
    that the same call refuses, with one run of each. `tied` are further axes that have to have the same size. `finished` is False where
    time ran out.
    """

    axis: Axis
    size: int
    step: int = 1
    smallest: int = 0
    largest: int = 0
    is_open: bool = False
    refused: list[tuple[int, int, Probe]] = field(default_factory=list)
    tied: tuple[Axis, ...] = ()
    finished: bool = True
    n_tried: int = 0
    exceptions: list[int] = field(default_factory=list)
    also: list[int] = field(default_factory=list)

    @property
    def is_fixed(self) -> bool:
        return self.smallest == self.largest == self.size


class Prober:
    """Runs one model at sizes other than those of its plan."""

    def __init__(self, loaded: LoadedModel, session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run) -> None:
        self.loaded, self.session, self.plan, self.letters = loaded, session, plan, dict(letters)
        self.rows = [[axis for axis, size in enumerate(seen.shape) if size == letters.get("N")] for seen in base.outputs]
        self.last = time.monotonic() + SECONDS_PER_MODEL
        self.ends = self.last

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.ends

    def share_time(self, n_axes: int) -> None:
        """Let the next axis have its part of the time that is left, with `n_axes` still to come, itself among them."""
        self.ends = time.monotonic() + max(0.0, self.last - time.monotonic()) / n_axes

    def prefer_speed(self) -> None:
        """Run without data from here on, where a run with data takes long and one without comes to the same."""
        began = time.monotonic()
        first = self.run(self.plan, self.letters)
        if self.session.way == "meta" or time.monotonic() - began < LONG_RUN_SECONDS or first is None:
            return
        kept = self.session
        try:
            self.session = build_session(self.loaded, train=kept.train, way="meta")
            self.session.choices = kept.choices
            other = run_forward(self.session, self.plan, self.letters)
        except (Restart, ConstructionError, RuntimeError):
            self.session = kept
            return
        if list(other.failed_keys) != list(first.failed_keys) or (other.raised is None) != (first.raised is None):
            self.session = kept

    def at(self, axes: Iterable[Axis], size: int) -> Probe:
        """One run with the axes at a size. Not `known` where the model can be run neither with data nor without at that size."""
        plan, letters = self.changed(axes, size)
        try:
            run = self.run(plan, letters, quickly=True)
        except FirstFailure as failure:
            return Probe(size, False, key=failure.key)  # type: ignore[arg-type]
        if run is None:
            return Probe(size, False, known=False)
        if run.raised is None and not run.failed_keys:
            return Probe(size, self._keeps_batch(run, letters), run)
        return Probe(size, False, run, next(iter(_in_order(run)), None))

    def changed(self, axes: Iterable[Axis], size: int) -> tuple[InputPlan, dict[str, int]]:
        letters, specs = dict(self.letters), {spec.name: spec for spec in self.plan.inputs}
        for place in axes:
            if place.letter:
                letters[place.letter] = size
            else:
                own = specs[place.input]
                specs[place.input] = replace(own, axes=(*own.axes[: place.axis], size, *own.axes[place.axis + 1 :]))
        return replace(self.plan, inputs=tuple(specs.values())), letters

    def run(self, plan: InputPlan, letters: Mapping[str, int], *, quickly: bool = False) -> Run | None:
        """One run; `quickly` ends it at its first failure, with a `FirstFailure`. None where it cannot be made."""
        for _ in range(3):
            self.session.recorder.options.stop_at_failure = quickly
            try:
                return run_forward(self.session, plan, letters)
            except Restart as restart:
                try:
                    unlimited = self.session.way == "meta" or restart.way == "real"
                    choices = self.session.choices
                    self.session = build_session(self.loaded, train=self.session.train, way=restart.way)
                    self.session.unlimited, self.session.choices = unlimited, choices
                except ConstructionError:
                    return None
            except (RuntimeError, MemoryError):  # inputs that cannot be made
                return None
        return None

    def _keeps_batch(self, run: Run, letters: Mapping[str, int]) -> bool:
        """Whether the outputs still have their batch axes: a view that folds other sizes into the rows raises nothing."""
        if "N" not in letters or len(run.outputs) != len(self.rows):
            return True
        shapes = [seen.shape for seen in run.outputs]
        return all(
            len(shape) > axis and shape[axis] == letters["N"] for shape, axes in zip(shapes, self.rows, strict=True) for axis in axes[:1]
        )


def _in_order(run: Run) -> Iterator[Key]:
    failed = run.failed_keys
    yield from (call.key for call in run.calls if call.key in failed)
    yield from failed


def axes_of(plan: InputPlan) -> list[Axis]:
    """Every axis of every input, a letter once."""
    found: list[Axis] = []
    letters: set[str] = set()
    for spec in plan.inputs:
        for index, size in enumerate(spec.axes):
            if isinstance(size, int):
                found.append(Axis(spec.name, index))
            elif size.isidentifier() and size not in letters:
                letters.add(size)
                found.append(Axis(spec.name, index, size))
    return found


def accepted_sizes(prober: Prober, axis: Axis) -> Sizes:
    """What the model accepts along one axis, the others as they are; where it refuses every other size, with equal axes beside it."""
    size = _size_of(prober, axis)
    found = _sizes(prober, (axis,), size)
    if found.is_fixed and not axis.letter:
        for tied in _partners(prober, axis, size):
            together = _sizes(prober, (axis, *tied), size)
            if not together.is_fixed:
                together.tied = tied
                return together
            if prober.out_of_time:
                break
    return found


def _size_of(prober: Prober, axis: Axis) -> int:
    if axis.letter:
        return prober.letters[axis.letter]
    size = next(spec for spec in prober.plan.inputs if spec.name == axis.input).axes[axis.axis]
    assert isinstance(size, int)
    return size


def _partners(prober: Prober, axis: Axis, size: int) -> Iterator[tuple[Axis, ...]]:
    """Axes of the same size that may have to change with this one: the same of other inputs, the other side of an image, all of them."""
    others = [other for other in axes_of(prober.plan) if other != axis and not other.letter and _size_of(prober, other) == size]
    same_place = tuple(other for other in others if other.axis == axis.axis)
    same_input = tuple(other for other in others if other.input == axis.input)
    choices = [same_place, same_input, tuple(others)]
    yield from dict.fromkeys(choice for choice in choices if choice)


def _limit(prober: Prober, axis: Axis, size: int) -> int:
    if axis.letter == "N":
        return max(LARGEST_BATCH, 2 * size)
    rank = len(next(spec for spec in prober.plan.inputs if spec.name == axis.input).axes)
    return max(LARGEST_SIDE, 2 * size) if rank > 3 else max(LARGEST_LENGTH, 2 * size)


def _sizes(prober: Prober, axes: tuple[Axis, ...], size: int) -> Sizes:
    found = Sizes(axes[0], size, smallest=size, largest=size)
    tried: dict[int, Probe] = {size: Probe(size, True)}

    def probe(wanted: int) -> Probe:
        if wanted not in tried:
            tried[wanted] = prober.at(axes, wanted)
        return tried[wanted]

    step = _step(probe, size, prober)
    if step is not None:
        found.step = step
        found.smallest = _last_accepted(probe, size, 1 + (size - 1) % step, step, prober)
        top = size + (_limit(prober, axes[0], size) - size) // step * step
        found.largest = _last_accepted(probe, size, top, step, prober)
        found.is_open = found.largest == top or not probe(found.largest + step).known
        found.exceptions = _exceptions(probe, found, prober)
        found.also = _outsiders(probe, found, prober)
    found.refused = _stretches(probe, found, prober)
    found.finished = not prober.out_of_time
    found.n_tried = len(tried) - 1
    return found


def _step(probe: Callable[[int], Probe], size: int, prober: Prober) -> int | None:
    """The distance to the nearest other accepted size; None where every other size that was tried is refused."""
    steps: set[int] = {*range(1, 7), *(part for part in range(7, MOST_STEP + 1) if size % part == 0), 8, 16, 32, size}
    for step in sorted(steps):
        for other in (size + step, size - step):
            if other >= 1 and not prober.out_of_time and probe(other).accepted:
                return step
    return None


def _last_accepted(probe: Callable[[int], Probe], start: int, end: int, step: int, prober: Prober) -> int:
    """The accepted size nearest to `end`, from an accepted start, by halving the steps between them."""
    if start == end or probe(end).accepted:
        return end
    sign = 1 if end > start else -1
    good, bad = 0, abs(end - start) // step
    stride = 1
    while good + stride < bad and not prober.out_of_time:  # near sizes first: those far away take longer to run
        if not probe(start + sign * step * (good + stride)).accepted:
            bad = good + stride
            break
        good += stride
        stride *= 2
    while bad - good > 1 and not prober.out_of_time:
        middle = (good + bad) // 2
        if probe(start + sign * step * middle).accepted:
            good = middle
        else:
            bad = middle
    return start + sign * step * good


def _exceptions(probe: Callable[[int], Probe], found: Sizes, prober: Prober) -> list[int]:
    """Sizes of the pattern that are refused after all, among a few that are looked at."""
    count = (found.largest - found.smallest) // found.step
    places = sorted({count // 3, count // 2, count * 2 // 3} | {min(3, count), min(5, count)})
    sizes = [found.smallest + place * found.step for place in places]
    return [size for size in sizes if not prober.out_of_time and probe(size).known and not probe(size).accepted]


def _outsiders(probe: Callable[[int], Probe], found: Sizes, prober: Prober) -> list[int]:
    """Small sizes beside the pattern that are accepted: a map that has come down to one column broadcasts against any other."""
    small = range(1, min(found.smallest + found.step, MOST_OUTSIDERS)) if found.step > 1 else ()
    beside = [size for size in small if size < found.smallest or (size - found.smallest) % found.step]
    return [size for size in beside if not prober.out_of_time and probe(size).accepted]


def _stretches(probe: Callable[[int], Probe], found: Sizes, prober: Prober) -> list[tuple[int, int, Probe]]:
    """Stretches of refused sizes, each with the run that shows what refuses them."""
    stretches: list[tuple[int, int, Probe]] = []
    if found.smallest > 1:
        stretches += _divided(probe, 1, found.smallest - 1, prober)
    if found.step > 1 and found.largest > found.smallest:
        keys: set[Key | None] = set()
        for other in (found.smallest + 1, found.smallest + found.step // 2, found.size + 1):
            shown = probe(other) if not prober.out_of_time else Probe(other, False, known=False)
            if shown.known and not shown.accepted and shown.key not in keys:
                keys.add(shown.key)
                stretches.append((other, other, shown))
    if not found.is_open:
        after = probe(found.largest + 1) if found.step == 1 or found.is_fixed else probe(found.largest + found.step)
        if after.known and not after.accepted:
            stretches.append((after.size, 0, after))
    return stretches


def _divided(probe: Callable[[int], Probe], low: int, high: int, prober: Prober) -> list[tuple[int, int, Probe]]:
    """The sizes from `low` to `high`, all refused, divided by the call that refuses them, the largest stretch last."""
    parts: list[tuple[int, int, Probe]] = []
    while low <= high and len(parts) < MOST_SEGMENTS and not prober.out_of_time:
        last = probe(high)
        first, bad = low, high
        if probe(low).key != last.key:
            while bad - first > 1 and not prober.out_of_time:
                middle = (first + bad) // 2
                if probe(middle).key == last.key and not probe(middle).accepted:
                    bad = middle
                else:
                    first = middle
            low_end = bad
        else:
            low_end = low
        if last.known and not last.accepted:
            parts.append((low_end, high, last))
        high = low_end - 1
    return parts[::-1]
