"""Released models with one, two or three sizes changed: each must be found on its layer, with nothing else.

A layer of the built model is replaced by one whose size differs. Eager PyTorch is the judge: a mutant counts where it refuses every one of
its changes by itself. Run as a script: `python -m tests.sweeps.mutants torchvision [--only SUBSTRING] [--per-kind N]`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from linearcheck.findings import Diagnostic, Severity
from linearcheck.load.devices import absent_devices
from linearcheck.rules.registry import diagnose
from linearcheck.worker.isolation import run_in_fork
from tests.sweeps.running import MEMORY_BYTES, SECONDS, run_eagerly, trace_specimen
from tests.sweeps.specimen import Specimen
from tests.sweeps.zoo import SHELVES

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
EAGER_BATCH = 2


@dataclass(frozen=True)
class Mutant:
    """Layers by name, each with the kind of size that is changed there."""

    changes: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> str:
        return self.changes[0][1] if len(self.changes) == 1 else f"{len(self.changes)} at once"

    def __str__(self) -> str:
        return ", ".join(f"{kind} of {name}" for name, kind in self.changes)


@dataclass(frozen=True)
class Verdict:
    """What the check said about one mutant: `ok`, `missed`, or `more` where it says other things too."""

    model: str
    kind: str
    mutant: str
    result: str
    found: tuple[str, ...]


def kind_of(layer: nn.Module) -> str | None:
    """The kind of size of a layer that a mutant can change, None where it is left alone."""
    if isinstance(layer, nn.Linear):
        return "in_features"
    if isinstance(layer, CONVOLUTIONS):
        return "in_channels" if layer.groups == 1 else None
    if isinstance(layer, BATCH_NORMS):
        return "norm"
    if isinstance(layer, nn.GroupNorm):
        return "norm"
    if isinstance(layer, nn.LayerNorm):
        return "norm" if layer.elementwise_affine and len(layer.normalized_shape) == 1 else None
    if isinstance(layer, nn.RNNBase):
        return "recurrent"
    return "embedding" if isinstance(layer, nn.Embedding) else None


def other_size(size: int, step: int = 1) -> int:
    """Another size that is neither a multiple nor a part of it, so that nothing fits by accident."""
    return size + step if size > 1 else size + 1 + step


def change(model: nn.Module, name: str, step: int = 1) -> None:
    """Give one layer, in place, parameters for another size of input (an embedding: of output), larger by `step` where that can be."""
    layer = model.get_submodule(name)
    if isinstance(layer, nn.Linear):
        layer.in_features = other_size(layer.in_features, step)
        layer.weight = like(layer.weight, (layer.out_features, layer.in_features))
    elif isinstance(layer, CONVOLUTIONS):
        axis = 0 if layer.transposed else 1
        layer.in_channels = other_size(layer.in_channels, step)
        layer.weight = like(layer.weight, tuple(layer.in_channels if i == axis else n for i, n in enumerate(layer.weight.shape)))
    elif isinstance(layer, BATCH_NORMS):
        layer.num_features = size = other_size(layer.num_features, step)
        for key in ("weight", "bias"):
            if getattr(layer, key) is not None:
                setattr(layer, key, like(getattr(layer, key), (size,)))
        for key in ("running_mean", "running_var"):
            if getattr(layer, key) is not None:
                setattr(layer, key, torch.ones(size))
    elif isinstance(layer, nn.GroupNorm):
        layer.num_channels = other_size(layer.num_channels, step * layer.num_groups)
        layer.weight, layer.bias = like(layer.weight, (layer.num_channels,)), like(layer.bias, (layer.num_channels,))
    elif isinstance(layer, nn.LayerNorm):
        layer.normalized_shape = (other_size(layer.normalized_shape[0], step),)
        layer.weight = like(layer.weight, layer.normalized_shape)
        if layer.bias is not None:
            layer.bias = like(layer.bias, layer.normalized_shape)
    elif isinstance(layer, nn.RNNBase):
        layer.input_size = other_size(layer.input_size, step)
        for key in [key for key, _ in layer.named_parameters() if key.startswith("weight_ih_l0")]:
            setattr(layer, key, like(getattr(layer, key), (getattr(layer, key).shape[0], layer.input_size)))
    else:
        assert isinstance(layer, nn.Embedding)
        layer.embedding_dim = other_size(layer.embedding_dim, step)
        layer.weight = like(layer.weight, (layer.num_embeddings, layer.embedding_dim))


def like(parameter: Tensor, shape: Iterable[int]) -> nn.Parameter:
    return nn.Parameter(torch.zeros(tuple(shape), dtype=parameter.dtype, device=parameter.device))


def mutated(specimen: Specimen, mutant: Mutant) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        model = specimen.build()
        for step, (name, _) in enumerate(mutant.changes, 1):  # unlike sizes, so that no two changes fit one another
            change(model, name, step)
        return model

    return build


class Judge:
    """Eager PyTorch, on one built model: which layers a forward pass calls, and whether it refuses a changed one."""

    def __init__(self, specimen: Specimen) -> None:
        self.specimen = specimen
        with absent_devices():
            self.model = specimen.build().eval()
        self.calls = self._called()

    def _run(self) -> None:
        run_eagerly(self.specimen, self.model, EAGER_BATCH)

    def _called(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        names = {module: name for name, module in self.model.named_modules()}
        handles = [module.register_forward_pre_hook(lambda module, _: counts.update([names[module]])) for module in names]
        self._run()
        for handle in handles:
            handle.remove()
        return counts

    def refuses(self, name: str) -> bool:
        layer = self.model.get_submodule(name)
        kept = {key: value for key, value in vars(layer).items() if key not in ("_parameters", "_buffers")}
        parameters, buffers = dict(layer._parameters), dict(layer._buffers)
        change(self.model, name)
        try:
            self._run()
        except Exception:
            return True
        finally:
            vars(layer).update(kept)
            layer._parameters.update(parameters)
            layer._buffers.update(buffers)
        return False


def mutants_of(judge: Judge, per_kind: int, seed: int) -> Iterator[Mutant]:
    """Mutants whose every change eager PyTorch refuses by itself: `per_kind` of each kind, then two and three at once."""
    chance = random.Random(f"{judge.specimen.name} {seed}")
    by_kind: dict[str, list[str]] = defaultdict(list)
    tied = Counter(id(parameter) for module in judge.model.modules() for parameter in module._parameters.values())
    for name, module in judge.model.named_modules():
        kind = kind_of(module)
        if kind is not None and judge.calls.get(name) and all(tied[id(p)] == 1 for p in module._parameters.values() if p is not None):
            by_kind[kind].append(name)
    refused: list[tuple[str, str]] = []
    for kind, names in by_kind.items():
        chance.shuffle(names)
        left = per_kind
        for name in names[: 3 * per_kind]:
            if left and judge.refuses(name):
                left -= 1
                refused.append((name, kind))
                yield Mutant(((name, kind),))
    for count in (2, 3):
        for _ in range(per_kind):
            if len(refused) >= count:
                yield Mutant(tuple(chance.sample(refused, count)))


def verdict_on(specimen: Specimen, mutant: Mutant) -> Verdict:
    try:
        traced = trace_specimen(specimen, build=mutated(specimen, mutant))
    except Exception as error:
        return Verdict(specimen.name, mutant.kind, str(mutant), "missed", (f"{type(error).__name__}: {error}",))
    found = [d for d in diagnose(traced.trace) if d.severity is not Severity.NOTE]
    wanted = [name for name, _ in mutant.changes]
    named = [name for name in wanted if any(is_on(d, name) for d in found)]
    more = [d for d in found if not any(is_on(d, name) for name in wanted)]
    result = "missed" if len(named) < len(wanted) else "more" if more or len(found) > len(wanted) else "ok"
    told = tuple(
        f"{d.code} {d.layer} {d.message} ({d.span.path.rpartition('site-packages/')[2]}:{d.span.line})"
        if d.span
        else f"{d.code} {d.layer} {d.message}"
        for d in found
    )
    return Verdict(specimen.name, mutant.kind, str(mutant), result, told)


def is_on(diagnostic: Diagnostic, name: str) -> bool:
    """Whether a finding is about a layer: about its call, or naming it as what made the size that does not fit, or as what to change."""
    texts = [operand.origin.message for operand in diagnostic.operands if operand.origin is not None]
    texts += [diagnostic.message, diagnostic.explanation, *(proposal.title for proposal in diagnostic.proposals)]
    return diagnostic.layer == name or any(text == name or f"`{name}`" in text for text in texts)


def judge_apart(specimen: Specimen, per_kind: int, seed: int = 0) -> list[Verdict]:
    """The verdicts on all mutants of one model, made and checked in a forked child."""

    def work() -> list[list[Any]]:
        deadline = time.monotonic() + SECONDS * 0.8
        torch.set_num_threads(1)
        verdicts = []
        for mutant in list(mutants_of(Judge(specimen), per_kind, seed)):
            if time.monotonic() < deadline:
                verdict = verdict_on(specimen, mutant)
                verdicts.append([verdict.model, verdict.kind, verdict.mutant, verdict.result, list(verdict.found)])
        return verdicts

    torch.set_num_threads(1)
    done = run_in_fork(work, SECONDS, MEMORY_BYTES)
    if not done.returned:
        return [Verdict(specimen.name, "not judged", "", "not judged", (f"{done.describe()} {done.where} {done.traceback[-500:]}",))]
    return [Verdict(model, kind, mutant, result, tuple(found)) for model, kind, mutant, result, found in done.value]


def table_of(verdicts: Iterable[Verdict]) -> str:
    """Found and made, per kind."""
    made: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for verdict in verdicts:
        made[verdict.kind] += 1
        right[verdict.kind] += verdict.result == "ok"
    return "\n".join(f"{kind:14} {right[kind]:4} of {made[kind]:4}" for kind in made)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shelf", choices=SHELVES)
    parser.add_argument("--only", default="")
    parser.add_argument("--names", default="")
    parser.add_argument("--per-kind", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    verdicts: list[Verdict] = []
    names = args.names.split(",") if args.names else None
    for specimen in SHELVES[args.shelf]():
        if args.only in specimen.name and (names is None or specimen.name in names):
            began = time.perf_counter()
            new = judge_apart(specimen, args.per_kind, args.seed)
            verdicts += new
            print(f"{specimen.name:40} {dict(Counter(v.result for v in new))} {time.perf_counter() - began:.0f} s", flush=True)
            for verdict in new:
                if verdict.result != "ok":
                    print(f"    {verdict.result}: {verdict.mutant}\n        " + "\n        ".join(verdict.found), flush=True)
    print(table_of(verdicts))
    return int(any(verdict.result != "ok" for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
