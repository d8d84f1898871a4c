"""Released models with one bug that PyTorch does not report, put in by patching one call or one layer of the built model.

Real values are the judge: a mutant counts where it runs, and its output differs from the original's; whether samples depend on one
another is told too. Run as a script: `python -m tests.sweeps.silent_mutants torchvision [--only SUBSTRING] [--per-kind N]`.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearcheck.findings import Severity
from linearcheck.load.devices import absent_devices
from linearcheck.rules.registry import diagnose
from linearcheck.trace.nests import tensors_of
from linearcheck.worker.isolation import run_in_fork
from tests.sweeps.running import MEMORY_BYTES, SECONDS, loaded_from, run_eagerly, trace_specimen
from tests.sweeps.specimen import Specimen
from tests.sweeps.zoo import SHELVES

JUDGED_BATCH = 6  # no size of a released model's axes, so that an axis of this size is the batch
ROW = 2

Change = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    """A call in the package's own code: which of the patched functions, at which instruction."""

    name: str
    code: CodeType
    offset: int
    line: int


@dataclass(frozen=True)
class Mutant:
    kind: str
    where: str
    place: Place | None = None
    layer: str = ""
    width: int = 0


@dataclass(frozen=True)
class Verdict:
    model: str
    kind: str
    where: str
    effect: str
    found: tuple[str, ...]
    probed: bool


# Each change takes the original function and the arguments of the call, and returns what the mutant returns.


def softmax_over_batch(original: Change, *args: Any, **kwargs: Any) -> Any:
    if "dim" in kwargs:
        return original(*args, **{**kwargs, "dim": 0})
    return original(args[0], 0, *args[2:], **kwargs)


def viewed_instead_of_permuted(original: Change, *args: Any, **kwargs: Any) -> Any:
    return args[0].reshape(original(*args, **kwargs).shape)


def batch_folded(original: Change, *args: Any, **kwargs: Any) -> Any:
    right = original(*args, **kwargs)
    return right.reshape(right.shape[1], right.shape[0], *right.shape[2:]).transpose(0, 1)


def rolled(original: Change, *args: Any, **kwargs: Any) -> Any:
    return original(*args, **kwargs).roll(1, 0)


def left_as_map(original: Change, *args: Any, **kwargs: Any) -> Any:
    return args[0]


def has_batch_first(tensor: Any, rank: int = 1) -> bool:
    return isinstance(tensor, Tensor) and tensor.dim() >= rank and tensor.shape[0] == JUDGED_BATCH


def fits_softmax(result: Tensor, args: tuple[Any, ...]) -> bool:
    return has_batch_first(result, 2) and result.shape[-1] > 1


def fits_permute(result: Tensor, args: tuple[Any, ...]) -> bool:
    """A turn of two axes of one sample, neither of size 1."""
    given = args[0]
    return has_batch_first(result, 3) and has_batch_first(given) and result.shape != given.shape and 1 not in result.shape[1:3]


def fits_fold(result: Tensor, args: tuple[Any, ...]) -> bool:
    return has_batch_first(result, 3) and has_batch_first(args[0]) and result.shape[1] > 1


def fits_roll(result: Tensor, args: tuple[Any, ...]) -> bool:
    return has_batch_first(result, 2)


def fits_flatten(result: Tensor, args: tuple[Any, ...]) -> bool:
    """A feature map that becomes a vector."""
    return has_batch_first(result) and result.dim() == 2 and has_batch_first(args[0], 4) and args[0].shape[-1] > 1


Fits = Callable[[Tensor, tuple[Any, ...]], bool]

FLATTENS = (torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape)
PATCHES: dict[str, tuple[Fits, Change, tuple[Any, ...]]] = {
    "softmax over the batch": (fits_softmax, softmax_over_batch, (F.softmax, Tensor.softmax, torch.softmax)),
    "permute as view": (fits_permute, viewed_instead_of_permuted, (Tensor.permute, Tensor.transpose, torch.permute, torch.transpose)),
    "view that folds": (fits_fold, batch_folded, (Tensor.view, Tensor.reshape, Tensor.flatten, torch.reshape, torch.flatten)),
    "flatten dropped": (fits_flatten, left_as_map, FLATTENS),
    "samples rolled": (fits_roll, rolled, (torch.cat, F.gelu, F.silu, F.relu, Tensor.mean, F.adaptive_avg_pool2d, F.dropout, Tensor.add)),
}


class Calls(TorchFunctionMode):
    """Sees the calls of one kind that the package's own code makes, and may return something else. On inside the model's forward pass."""

    def __init__(self, kind: str, own: Callable[[str], bool], mutant: Mutant | None = None) -> None:
        super().__init__()
        self._fits, self._change, self._functions = PATCHES[kind]
        self._own, self._mutant = own, mutant
        self.given: dict[Place, tuple[int, ...]] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if func not in self._functions:
            return func(*args, **kwargs)
        place = self._place(func.__name__)
        if self._mutant is not None:
            return self._change(func, *args, **kwargs) if place == self._mutant.place else func(*args, **kwargs)
        result = func(*args, **kwargs)
        if place is not None and isinstance(result, Tensor) and self._fits(result, args):
            self.given[place] = tuple(args[0].shape) if isinstance(args[0], Tensor) else ()
        return result

    def _place(self, name: str) -> Place | None:
        frame = sys._getframe(2)
        while frame is not None and not self._own(frame.f_code.co_filename):
            frame = frame.f_back
        return Place(name, frame.f_code, frame.f_lasti, frame.f_lineno) if frame is not None else None


def patch(model: nn.Module, mode: Callable[[], Calls]) -> Callable[[], None]:
    """Have every forward pass of a model, and of its copies, run under a mode; returns what takes it away again."""
    kind = type(model)

    @functools.wraps(kind.forward)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with mode():
            return kind.forward(self, *args, **kwargs)

    model.__class__ = type(kind.__name__, (kind,), {"forward": forward, "__module__": kind.__module__, "__qualname__": kind.__qualname__})

    def undo() -> None:
        model.__class__ = kind

    return undo


def put_in(model: nn.Module, mutant: Mutant, own: Callable[[str], bool]) -> Callable[[], None]:
    """Put the mutant's bug into a model; returns what takes it out again."""
    undone = patch(model, lambda: Calls(mutant.kind, own, mutant)) if mutant.place is not None else (lambda: None)
    if not mutant.layer:
        return undone
    layer = model.get_submodule(mutant.layer)
    if mutant.kind == "batch_first flipped":
        layer.batch_first = not layer.batch_first
        return lambda: setattr(layer, "batch_first", not layer.batch_first)
    assert isinstance(layer, nn.Linear)  # the classifier takes the width of the map that is no longer flattened
    kept = layer.weight
    layer.in_features, layer.weight = mutant.width, nn.Parameter(kept.detach()[:, : mutant.width].clone())

    def undo() -> None:
        layer.in_features, layer.weight = kept.shape[1], kept
        undone()

    return undo


class Judge:
    """The original and its mutants on real values: a batch, and the same batch with one sample changed."""

    def __init__(self, specimen: Specimen) -> None:
        self.specimen = specimen
        with absent_devices():
            self.model = specimen.build().eval()
        self.own = loaded_from(specimen).is_user_file
        self.right = self.outputs(None)

    def outputs(self, row: int | None) -> list[Tensor]:
        return tensors_of(run_eagerly(self.specimen, self.model, JUDGED_BATCH, row))

    def effect_of(self, mutant: Mutant) -> str:
        """`refused`, `none`, `leak` (a sample's output depends on another one) or `differs`."""
        with applied(self.model, mutant, self.own):
            try:
                wrong, other = self.outputs(None), self.outputs(ROW)
            except Exception:
                wrong = other = None
        if wrong is None or other is None:
            return "refused"
        if [t.shape for t in wrong] == [t.shape for t in self.right] and not any(map(differ, wrong, self.right)):
            return "none"
        rest = [index for index in range(JUDGED_BATCH) if index != ROW]
        batched = [(a, b) for a, b in zip(wrong, other, strict=True) if has_batch_first(a) and a.shape == b.shape]
        return "leak" if any(differ(a[rest], b[rest]) for a, b in batched) else "differs"

    def places(self, kind: str) -> dict[Place, tuple[int, ...]]:
        """Where calls of a kind are, with the shape of what they are given."""
        watching = Calls(kind, self.own)
        remove = patch(self.model, lambda: watching)
        self.outputs(None)
        remove()
        return watching.given


def differ(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return True
    return not torch.allclose(one.double(), other.double(), rtol=1e-4, atol=1e-5, equal_nan=True)


@contextlib.contextmanager
def applied(model: nn.Module, mutant: Mutant, own: Callable[[str], bool]) -> Iterator[None]:
    """The mutant's bug, in the model, for a while."""
    undo = put_in(model, mutant, own)
    try:
        yield
    finally:
        undo()


def mutants_of(judge: Judge, per_kind: int, seed: int) -> Iterator[tuple[Mutant, str]]:
    """Mutants that run and change the output, with their effect; `per_kind` of each kind, at most four tried for each."""
    chance = random.Random(f"{judge.specimen.name} {seed}")
    candidates: dict[str, list[Mutant]] = defaultdict(list)
    for name, layer in judge.model.named_modules():
        if isinstance(layer, (nn.RNNBase, nn.MultiheadAttention)):
            candidates["batch_first flipped"].append(Mutant("batch_first flipped", name, layer=name))
    for kind in PATCHES:
        for place, given in judge.places(kind).items():
            where = f"{place.code.co_filename.rpartition('site-packages/')[2]}:{place.line} {place.code.co_qualname} {place.name}"
            if kind == "flatten dropped":
                takers = (n for n, m in judge.model.named_modules() if isinstance(m, nn.Linear) and m.in_features == math.prod(given[1:]))
                candidates[kind] += [Mutant(kind, where, place, name, given[-1]) for name in takers][:1]
            else:
                candidates[kind].append(Mutant(kind, where, place))
    for mutants in candidates.values():
        chance.shuffle(mutants)
        left = per_kind
        for mutant in mutants[: 4 * per_kind]:
            if left and (effect := judge.effect_of(mutant)) in ("leak", "differs"):
                left -= 1
                yield mutant, effect


def verdict_on(specimen: Specimen, mutant: Mutant, effect: str) -> Verdict:
    def build() -> nn.Module:
        model = specimen.build()
        put_in(model, mutant, own)
        return model

    own = loaded_from(specimen).is_user_file
    try:
        traced = trace_specimen(specimen, build=build)
    except Exception as error:
        return Verdict(specimen.name, mutant.kind, mutant.where, effect, (f"stopped: {type(error).__name__}: {error}",), False)
    findings = [d for d in diagnose(traced.trace) if d.severity is not Severity.NOTE]
    told = tuple(f"{d.code} {d.layer} {d.message} (line {d.span.line if d.span else 0})" for d in findings)
    return Verdict(specimen.name, mutant.kind, mutant.where, effect, told, traced.trace.probed)


def judge_apart(specimen: Specimen, per_kind: int, seed: int = 0) -> list[Verdict]:
    """The verdicts on all mutants of one model, made and checked in a forked child."""

    def work() -> list[list[Any]]:
        torch.set_num_threads(1)
        deadline = time.monotonic() + SECONDS * 0.8
        verdicts = []
        for mutant, effect in mutants_of(Judge(specimen), per_kind, seed):
            v = verdict_on(specimen, mutant, effect)
            verdicts.append([v.model, v.kind, v.where, v.effect, list(v.found), v.probed])
            if time.monotonic() > deadline:
                verdicts.append([v.model, "no time for more", "", "", [], False])
                break
        return verdicts

    torch.set_num_threads(1)
    done = run_in_fork(work, SECONDS, MEMORY_BYTES)
    if not done.returned:
        return [Verdict(specimen.name, "not judged", "", "", (f"{done.describe()} {done.traceback[-600:]}",), False)]
    return [Verdict(model, kind, where, effect, tuple(found), probed) for model, kind, where, effect, found, probed in done.value]


def table_of(verdicts: list[Verdict]) -> str:
    """Found and made, per kind and effect; found where the check says anything at all."""
    made: Counter[tuple[str, str, bool]] = Counter()
    found: Counter[tuple[str, str, bool]] = Counter()
    for verdict in verdicts:
        key = (verdict.kind, verdict.effect, verdict.probed)
        made[key] += 1
        found[key] += bool(verdict.found)
    lines = [f"{'kind':24} {'effect':8} {'probed':7} found"]
    lines += [
        f"{kind:24} {effect:8} {'yes' if probed else 'no':7} {found[kind, effect, probed]:4} of {made[kind, effect, probed]:4}"
        for kind, effect, probed in sorted(made)
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shelf", choices=SHELVES)
    parser.add_argument("--only", default="")
    parser.add_argument("--names", default="")
    parser.add_argument("--per-kind", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = args.names.split(",") if args.names else None
    verdicts: list[Verdict] = []
    for specimen in SHELVES[args.shelf]():
        if args.only in specimen.name and (names is None or specimen.name in names):
            new = judge_apart(specimen, args.per_kind, args.seed)
            verdicts += new
            for v in new:
                found = " | ".join(v.found)[:400] or "MISSED"
                print(f"{v.model:30} {v.kind:24} {v.effect:8} {'probed' if v.probed else '-':7} {v.where}\n      {found}", flush=True)
    print(table_of(verdicts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
