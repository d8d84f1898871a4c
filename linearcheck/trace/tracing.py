"""Builds a model under the recorder and traces its forward pass as often as names of sizes and honest findings need.

Real when small: a build of at most 100 MB and a forward pass of at most 15 GFLOP run with data. Otherwise the model is built and run on
`meta`, and where that meets a call that reads values, for real after all within the worker's limits.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from linearcheck.exception_text import text_of
from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.sizes import depends_on
from linearcheck.trace import constants
from linearcheck.trace.assemble import Assembler, Run, TensorName, is_lazy, layers
from linearcheck.trace.axes import choose_batch_sizes
from linearcheck.trace.divisions import built_all_the_same
from linearcheck.trace.inputs import SMALL_LETTER_SIZES, InputChoices, axis_size, letters_of, make_inputs
from linearcheck.trace.nests import tensors_of
from linearcheck.trace.patches import recording_modules
from linearcheck.trace.private import spare_dynamo
from linearcheck.trace.probe import Differences, compare_runs, merge_leaks, sizes_of_outputs
from linearcheck.trace.raw import Key, RawCall, RawDecision, Seen, guesses_of, seen_in
from linearcheck.trace.recorder import Recorder, RecorderOptions
from linearcheck.trace.records import BatchFailure, BatchOfOne, Call, Leak, Trace
from linearcheck.trace.signals import LosesValues, NeedsGrad, NeedsValues, RetryInput, TooLarge, TraceSignal
from linearcheck.trace.spans import Instruction, SpanTable

BUILD_BYTES = 1e8
BUILD_WORK = 1e9
FORWARD_WORK = 1.5e10
FORWARD_BYTES = 1.5e9
PROBE_BATCH = 4
PROBE_BYTES = 1.5e9
"""Values that the sample probe may keep; a model with more of them is probed with a batch of two, or else not at all."""
MOST_RETRIES = 12
MOST_GUESS_RUNS = 6
LONGEST_CHAIN = 12

Way = Literal["real", "meta"]


class ConstructionError(Exception):
    """The user's constructor raised. `instruction` is where in the user's own code, `what` says what was done to the model `{}`."""

    def __init__(self, error: BaseException, instruction: Instruction | None, what: str = "building `{}`") -> None:
        super().__init__(text_of(error))
        self.error, self.instruction, self.what = error, instruction, what


@dataclass
class Session:
    """One built model with its recorder; every forward pass of a check goes through here."""

    loaded: LoadedModel
    model: nn.Module
    recorder: Recorder
    way: Way
    train: bool = False
    grad: bool = False
    choices: InputChoices = field(default_factory=InputChoices)
    unlimited: bool = False
    too_large_to_build: bool = False

    @property
    def spans(self) -> SpanTable:
        if not hasattr(self, "_spans"):
            self._spans = SpanTable(self.loaded.source_of, self.loaded.display_path)
        return self._spans


@contextlib.contextmanager
def _quiet(way: Way) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "meta":
            spare_dynamo()
            with torch.device("meta"):
                yield
        else:
            yield


def build_session(loaded: LoadedModel, *, train: bool = False, way: Way | None = None) -> Session:
    """Build the model under a recorder: for real within limits, else on meta.

    Raises:
        ConstructionError: Where the user's constructor raises.
    """
    too_large = False
    for attempt in [way] if way else ["real", "meta"]:
        limited = way is None and attempt == "real"
        options = RecorderOptions(
            loaded.is_user_file,
            loaded.source_of,
            meta=attempt == "meta",
            work_limit=BUILD_WORK if limited else float("inf"),
            bytes_limit=BUILD_BYTES if limited else float("inf"),
        )
        recorder = Recorder(options)
        try:
            model = _build(loaded, recorder, attempt)  # type: ignore[arg-type]
        except TooLarge:
            too_large = True
            continue
        except NeedsValues:
            return build_session(loaded, train=train, way="real")
        if attempt == "real" and any(parameter.is_meta for parameter in model.parameters()):
            return build_session(loaded, train=train, way="meta")
        try:
            model.train(train)
        except Exception as error:  # the author's own `train`, or a module that contains itself
            what = f"`{'train' if train else 'eval'}()` of `{{}}`"
            raise ConstructionError(error, recorder.note_construction_error(error), what) from error
        if attempt == "meta":
            constants.move_to_meta(model, recorder.tensors.note_replacement)
        recorder.finish_building()
        return Session(loaded, model, recorder, attempt, train, unlimited=way == "real", too_large_to_build=too_large)  # type: ignore[arg-type]
    raise AssertionError("a build on meta is never too large")


def _build(loaded: LoadedModel, recorder: Recorder, way: Way) -> nn.Module:
    _seed()
    forgiving = built_all_the_same(recorder.births.note_indivisible, recorder.is_handled)
    with _quiet(way), recording_modules(recorder), forgiving, recorder:
        try:
            model: nn.Module = loaded.build()
            _ = [*model.parameters()]  # raises where a constructor has not called `super().__init__()`
        except TraceSignal:
            raise
        except Exception as error:
            raise ConstructionError(error, recorder.note_construction_error(error)) from error
    return model


def _seed() -> None:
    torch.manual_seed(0)
    random.seed(0)
    with contextlib.suppress(ImportError):
        import numpy

        numpy.random.seed(0)


class Restart(Exception):
    """The session has to be built anew, another way."""

    def __init__(self, way: Way) -> None:
        super().__init__(way)
        self.way = way


def run_forward(
    session: Session,
    plan: InputPlan,
    letters: Mapping[str, int],
    *,
    guesses: Mapping[Key, int] | None = None,
    keep_values: bool = False,
    changed_row: int | None = None,
    training: bool | None = None,
    double: bool = False,
    on_values: Callable[[Key, list[Tensor]], None] | None = None,
) -> Run:
    """One forward pass at the given sizes, on a copy of the model whose state is as built.

    Raises:
        Restart: Where the session's way of tracing cannot do it.
    """
    for _ in range(MOST_RETRIES):
        try:
            return _attempt(session, plan, letters, guesses or {}, keep_values, changed_row, training, double, on_values)
        except RetryInput as retry:
            if retry.dtype is not None:
                session.choices.dtypes[retry.name] = retry.dtype
            if retry.highest is not None:
                session.choices.highest[retry.name] = retry.highest
        except NeedsGrad:
            if session.grad:
                raise
            session.grad = True
        except TooLarge:
            raise Restart("meta") from None
        except LosesValues:
            session.recorder.options.constants = False
        except NeedsValues:
            raise Restart("real") from None
    raise RuntimeError("inputs could not be settled")


def _attempt(
    session: Session,
    plan: InputPlan,
    letters: Mapping[str, int],
    guesses: Mapping[Key, int],
    keep_values: bool,
    changed_row: int | None,
    training: bool | None,
    double: bool,
    on_values: Callable[[Key, list[Tensor]], None] | None,
) -> Run:
    recorder, way = session.recorder, session.way
    limited = way == "real" and not session.unlimited
    recorder.options.work_limit = FORWARD_WORK if limited else float("inf")
    recorder.options.bytes_limit = FORWARD_BYTES if limited else float("inf")
    recorder.options.keep_tensors, recorder.options.kept_limit = keep_values, PROBE_BYTES * (2 if double else 1)
    recorder.options.on_values = on_values
    model = _copy_of(session) if not double else copy.deepcopy(session.model).double()
    if training is not None:
        model.train(training)
    made = make_inputs(
        plan,
        letters,
        session.choices,
        model,
        meta=way == "meta",
        changed_row=changed_row,
        double=double,
        keep_integers=recorder.options.constants,
    )
    recorder.start_forward(model, guesses, has_constants=any(not tensor.is_meta for tensor in made.tensors.values()))
    names = _known_tensors(session, model)
    inputs = {name: recorder.tensors.see(tensor) for name, tensor in made.tensors.items()}
    for name, seen in inputs.items():
        names[seen.uid] = ("input", name)
    recorder.open_inputs = made.open
    raised: BaseException | None = None
    outputs: list[Seen] = []
    _seed()
    with _quiet(way), _default_dtype(double), torch.set_grad_enabled(session.grad), recording_modules(recorder, model.modules()), recorder:
        try:
            result = model(*made.args, **made.kwargs)
            outputs = [recorder.tensors.see(tensor) for tensor in tensors_of(result)]
        except TraceSignal:
            raise
        except Exception as error:
            raised = error
    return Run(
        recorder.calls,
        recorder.python_errors,
        recorder.decisions,
        names,
        inputs,
        outputs,
        recorder.called,
        dict(letters),
        raised,
        recorder.kept.unwritten(),
    )


@contextlib.contextmanager
def _default_dtype(double: bool) -> Iterator[None]:
    before = torch.get_default_dtype()
    if double:
        torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _copy_of(session: Session) -> nn.Module:
    """A copy of the model as built, sharing its parameters; the model itself where it cannot be copied."""
    parameters = {id(parameter): parameter for parameter in session.model.parameters()}
    try:
        copied = copy.deepcopy(session.model, dict(parameters))
    except Exception:
        return session.model
    originals = dict(session.model.named_buffers(remove_duplicate=False))
    for name, buffer in copied.named_buffers(remove_duplicate=False):
        if name in originals:
            session.recorder.tensors.adopt(buffer, originals[name])
    return copied


def _known_tensors(session: Session, model: nn.Module) -> dict[int, TensorName]:
    names: dict[int, TensorName] = {}
    originals = dict(session.model.named_buffers(remove_duplicate=False))
    for name, parameter in model.named_parameters(remove_duplicate=True):
        if not is_lazy(parameter):
            names[session.recorder.tensors.see(parameter).uid] = ("parameter", name)
    for name, buffer in model.named_buffers():
        if name in originals:
            session.recorder.tensors.adopt(buffer, originals[name])
        names[session.recorder.tensors.see(buffer).uid] = ("buffer", name)
    return names


def literal_numbers(sources: Mapping[str, str]) -> set[int]:
    """Every whole number that is written in the user's sources."""
    found: set[int] = set()
    for text in sources.values():
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        found.update(node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int)
    return found


def _taken_sizes(session: Session, plan: InputPlan) -> set[int]:
    taken = literal_numbers({str(session.loaded.path): session.loaded.source_of(str(session.loaded.path))})
    for parameter in session.model.parameters():
        if not is_lazy(parameter):
            taken.update(parameter.shape)
    for spec in plan.inputs:
        taken.update(axis for axis in spec.axes if isinstance(axis, int))
    return taken


def choose_letters(session: Session, plan: InputPlan) -> tuple[dict[str, int], dict[str, int]]:
    """Base sizes of all letters, and the larger size of each that is free to vary."""
    taken = _taken_sizes(session, plan)
    small, large = choose_batch_sizes(taken)
    base: dict[str, int] = {}
    larger: dict[str, int] = {}
    free = (size for size in SMALL_LETTER_SIZES if size not in {small, large})
    for letter in letters_of(plan) if plan.make_arguments is None else ("N",) if plan.has_batch else ():
        if letter == "N":
            base[letter], larger[letter] = small, large
        elif letter in plan.letters:
            base[letter] = plan.letters[letter]
        else:
            base[letter] = next(free, 29)
            larger[letter] = 2 * base[letter]
    return base, larger


@dataclass
class Traced:
    """A trace, with the session that made it, for what wants to run the model again (probes, inference of inputs)."""

    trace: Trace
    session: Session
    base: Run
    varied: dict[str, Run]
    plan: InputPlan
    raised: BaseException | None
    raised_at: Instruction | None


def trace_model(loaded: LoadedModel, plan_for: Callable[[nn.Module], InputPlan], *, train: bool = False) -> Traced:
    """Trace one model as often as needed and put the result together.

    Args:
        plan_for: Given the built model, what goes into its `forward`.

    Raises:
        ConstructionError: Where the user's constructor raises.
    """
    session = build_session(loaded, train=train)
    for _ in range(4):
        plan = plan_for(session.model)
        try:
            return _trace(session, plan)
        except Restart as restart:
            unlimited = session.way == "meta" or restart.way == "real"
            choices = session.choices
            session = build_session(loaded, train=train, way=restart.way)
            # Asked for without data, built with it: the constructor reads values, and no other way is left.
            session.unlimited, session.choices = unlimited or session.way != restart.way, choices
    raise RuntimeError("no way of tracing this model was found")


def _trace(session: Session, plan: InputPlan) -> Traced:
    letters, larger = choose_letters(session, plan)
    base = run_forward(session, plan, letters)
    dropped = _findings_behind_guesses(session, plan, letters, base)
    varied = _vary(session, plan, letters, larger, base)
    batch_failures, explained = _batch_failures(session, plan, letters, base, varied, dropped)
    assembler = Assembler(base, varied, session.spans, dropped | explained)
    calls = assembler.calls()
    if assembler.doubtful and "N" in varied:
        third = run_forward(session, plan, {**letters, "N": 3 * letters["N"]}, guesses={decision.key: 0 for decision in base.decisions})
        assembler = Assembler(base, varied, session.spans, dropped | explained, third)
        calls = assembler.calls()
    leaks, probed = _probe(session, plan, letters, base, varied)
    trace = Trace(
        calls=calls,
        layers=layers(session.model, session.recorder, base, assembler),
        inputs=assembler.inputs(),
        outputs=assembler.outputs(),
        batch_sizes=tuple(dict.fromkeys(run.letters["N"] for run in (base, *varied.values()) if "N" in run.letters))
        if plan.has_batch
        else (),
        traced=session.way,
        training=session.train,
        has_batch=plan.has_batch,
        decisions=assembler.decisions(),
        python_errors=assembler.python_errors(),
        batch_failures=batch_failures,
        leaks=leaks,
        probed=probed,
        batch_of_one=_batch_of_one(session, plan, letters, base, calls),
        sources=session.spans.sources,
        inferred_inputs=frozenset(spec.name for spec in plan.inputs if spec.source in ("inferred", "solved")),
        given_values=frozenset(
            base.inputs if plan.make_arguments is not None else (spec.name for spec in plan.inputs if spec.fill is not None)
        ),
        building_calls=Assembler(base, {}, session.spans).calls(session.recorder.built_calls),
    )
    return Traced(trace, session, base, varied, plan, base.raised, None)


def _is_clean(run: Run) -> bool:
    return run.raised is None and not run.failed_keys


def _probe(
    session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run, varied: Mapping[str, Run]
) -> tuple[tuple[Leak, ...], bool]:
    """The sample probe, where the model runs without a failure. Always in evaluation mode.

    Four samples are enough, whatever batch was traced. A model that is too large for that is probed with a batch of two, built once
    more for real where it was traced without data, as far as that is within the limits.
    """
    if not plan.has_batch or "N" not in letters or not _is_clean(base) or session.too_large_to_build:
        return (), False
    sizes: tuple[int, ...] = (PROBE_BATCH, letters["N"], 2)
    if session.way != "real":
        try:
            session = build_session(session.loaded, train=session.train)
        except ConstructionError:
            return (), False
        if session.way != "real":
            return (), False
        sizes = (2,)
    elif session.unlimited:
        sizes = (2,)
    for n in dict.fromkeys(sizes):
        rows = (n // 2, 0) if n > 2 else (0,)
        try:
            leaks = _probe_twice(session, plan, {**letters, "N": n}, base, varied, rows)
        except Restart:
            continue
        if leaks is not None:
            return leaks, True
    return (), False


def _probe_twice(
    session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run, varied: Mapping[str, Run], rows: tuple[int, ...]
) -> tuple[Leak, ...] | None:
    leaks = _probe_in(session, plan, letters, base, varied, rows, double=False)
    if leaks:
        again = _probe_in(session, plan, letters, base, varied, rows, double=True)
        leaks = leaks if again is None else again
    return leaks


def _probe_in(
    session: Session,
    plan: InputPlan,
    letters: Mapping[str, int],
    base: Run,
    varied: Mapping[str, Run],
    rows: tuple[int, ...],
    *,
    double: bool,
) -> tuple[Leak, ...] | None:
    """The leaks that changed samples show, or None where the model does not run this way."""
    n = letters["N"]
    kept = run_forward(session, plan, letters, keep_values=True, training=False, double=double)
    if not _is_clean(kept):
        return None
    comparisons = []
    calls = Assembler(base, varied, session.spans).calls()
    named = {raw.key: (index, calls[index]) for index, raw in enumerate(base.calls)}
    for row in rows:
        differences = Differences(kept, named, row)
        changed = run_forward(session, plan, letters, changed_row=row, training=False, double=double, on_values=differences.note)
        if not _is_clean(changed):
            return None
        comparisons.append(compare_runs(kept, differences, named, row, n))
    return merge_leaks(comparisons, kept, sizes_of_outputs(kept, named))


def _batch_of_one(session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run, calls: tuple[Call, ...]) -> BatchOfOne | None:
    """What one sample does, for models that squeeze an axis which may then be the batch. In evaluation mode, as BatchNorm needs it."""
    squeezes = [
        call for call in calls if call.name == "squeeze" and call.input is not None and any(depends_on(size) for size in call.input.sizes)
    ]
    if not squeezes or not _is_clean(base) or "N" not in letters:
        return None
    try:
        one = run_forward(session, plan, {**letters, "N": 1}, training=False)
    except Restart:
        return None
    assembler = Assembler(one, {}, session.spans)
    failed = next((assembler.call(index, raw) for index, raw in enumerate(one.calls) if raw.error is not None), None)
    dropped = []
    for call in squeezes:
        twin = one.by_key.get(base.calls[call.index].key)
        if twin is not None and twin.outputs and call.output is not None and len(twin.outputs[0].shape) < len(call.output.shape):
            dropped.append(call.index)
    return BatchOfOne(failed, tuple(dropped), tuple(seen.shape for seen in one.outputs) if one.raised is None else None)


def _vary(session: Session, plan: InputPlan, letters: Mapping[str, int], larger: Mapping[str, int], base: Run) -> dict[str, Run]:
    """One run for each letter, with that letter alone made larger; a letter that the model fixes has no run."""
    choices = {decision.key: 0 for decision in base.decisions}
    varied: dict[str, Run] = {}
    for letter, size in larger.items():
        run = run_forward(session, plan, {**letters, letter: size}, guesses=choices)
        if letter == "N" or (run.raised is None) == (base.raised is None):
            varied[letter] = run
    return varied


def _findings_behind_guesses(session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run) -> frozenset[Key]:
    """Failures that rest on a guess and are not there for every candidate of it."""
    behind: dict[Key, frozenset[int]] = {}
    for key, failed in base.failed_keys.items():
        guesses = _guesses_behind(failed)
        if guesses or getattr(failed, "after_open", False):
            behind[key] = guesses
    if not behind:
        return frozenset()
    dropped = {key for key, guesses in behind.items() if not guesses or any(base.decisions[index].open for index in guesses)}
    doubtful = set(behind) - dropped
    runs = 0
    for decisions in _decisions_by_call_site(base, {index for key in doubtful for index in behind[key]}):
        for candidate in range(1, max(len(decision.candidates) for decision in decisions.values())):
            if runs == MOST_GUESS_RUNS or not doubtful - dropped:
                return frozenset(dropped)
            runs += 1
            other = run_forward(session, plan, letters, guesses={decision.key: candidate for decision in decisions.values()})
            dropped |= {key for key in doubtful if behind[key] & decisions.keys() and key not in other.failed_keys}
    return frozenset(dropped)


def _decisions_by_call_site(base: Run, wanted: set[int]) -> list[dict[int, RawDecision]]:
    """The decisions with these indexes, in order, those of one call in a loop together: what one pass guesses all of them do."""
    groups: dict[Key, dict[int, RawDecision]] = {}
    for index, decision in enumerate(base.decisions):
        groups.setdefault(decision.key[:-1], {})[index] = decision
    return [decisions for decisions in groups.values() if wanted & decisions.keys()]


def _guesses_behind(failed: Any) -> frozenset[int]:
    if isinstance(failed, RawCall):
        return guesses_of(failed.args, failed.kwargs)
    return frozenset(failed.guesses)


def _batch_failures(
    session: Session, plan: InputPlan, letters: Mapping[str, int], base: Run, varied: Mapping[str, Run], dropped: frozenset[Key]
) -> tuple[tuple[BatchFailure, ...], frozenset[Key]]:
    """Calls that fail at some batch sizes only, and the failures of the base run that this explains."""
    if not plan.has_batch or "N" not in letters:
        return (), frozenset()
    found: list[BatchFailure] = []
    explained: set[Key] = set()
    failing = {key: failed for key, failed in base.failed_keys.items() if key not in dropped and isinstance(failed, RawCall)}
    larger = varied.get("N")
    if larger is not None:
        for key, failed in larger.failed_keys.items():
            if key not in base.failed_keys and isinstance(failed, RawCall) and not _guesses_behind(failed):
                assembler = Assembler(larger, {}, session.spans)
                found.append(BatchFailure(larger.letters["N"], (base.letters["N"],), assembler.call(larger.calls.index(failed), failed)))
                break
    if failing:
        sizes = _batch_sizes_written(base, failing) - {letters["N"]}
        for size in sorted(sizes)[:3]:
            run = run_forward(session, plan, {**letters, "N": size})
            gone = [key for key in failing if key not in run.failed_keys and key in run.by_key and key not in explained]
            if not gone or run.raised is not None or set(run.failed_keys) - set(base.failed_keys):
                continue
            explained.update(gone)
            if _scales(run, run_forward(session, plan, {**letters, "N": 2 * size}), gone):
                continue  # ways of an episode, members of an ensemble: the batch is a multiple of the number, not the number
            assembler = Assembler(base, varied, session.spans)
            first = min(gone, key=lambda key: base.calls.index(base.by_key[key]))
            found.append(BatchFailure(letters["N"], (size,), assembler.call(base.calls.index(base.by_key[first]), base.by_key[first])))
    return tuple(found), frozenset(explained)


def _scales(run: Run, twice: Run, gone: Sequence[Key]) -> bool:
    """Whether a run at twice the batch does as well and returns twice as many rows."""
    if twice.raised is not None or set(twice.failed_keys) - set(run.failed_keys) or any(key in twice.failed_keys for key in gone):
        return False
    pairs = [(one.shape, two.shape) for one, two in zip(run.outputs, twice.outputs, strict=False) if one.shape]
    return bool(pairs) and all(two == (2 * one[0], *one[1:]) for one, two in pairs)


def _batch_sizes_written(base: Run, failing: Mapping[Key, RawCall | Any]) -> set[int]:
    """Sizes that the failing calls take from a literal: a view's arguments, or the shape of a tensor made of nothing."""
    makers: dict[int, RawCall] = {}
    for raw in base.calls:
        for seen in raw.outputs:
            makers.setdefault(seen.uid, raw)
    known = {given.uid for given in base.inputs.values()} | set(base.names)
    sizes: set[int] = set()
    for failed in failing.values():
        for seen in seen_in(failed.args, failed.kwargs):
            root = seen
            for _ in range(LONGEST_CHAIN):
                maker = makers.get(root.uid)
                if maker is None:
                    if root.uid not in known:
                        sizes.update(size for size in root.shape[:2] if size > 1)
                    break
                bare = maker.name.bare if maker.name else ""
                if bare in {"view", "reshape", "expand"}:
                    sizes.update(_leading_number(maker))
                    break
                inner = next(seen_in(maker.args, maker.kwargs), None)
                if inner is None:
                    sizes.update(size for output in maker.outputs for size in output.shape[:2] if size > 1)
                if inner is None or inner.uid == root.uid:
                    break
                root = inner
        bare = failed.name.bare if failed.name else ""
        if bare in {"view", "reshape", "expand"}:
            sizes.update(_leading_number(failed))
    return sizes


def _leading_number(raw: RawCall) -> set[int]:
    """The first size that a view, reshape or expand asks for, where it is a number of rows."""
    first = next(_numbers(raw.args[1:]), 0)
    return {first} if first > 1 else set()


def _numbers(value: Any) -> Iterator[int]:
    if type(value) is int:
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)


__all__ = ["ConstructionError", "Session", "Tensor", "Traced", "axis_size", "build_session", "run_forward", "trace_model"]
