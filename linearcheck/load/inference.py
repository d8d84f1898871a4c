"""What goes into `forward` when `--input-shape` is not given, each input with its reason.

In this order: a comment at the model, what the model declares, what the file passes to it, shapes given to its constructor, the data set
that the file loads; and last what the model's own layers need, with sizes that make the rest fit (`solving.py`).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from linearcheck.job import CheckOptions
from linearcheck.load.dataset_evidence import SampleEvidence, dataset_samples
from linearcheck.load.evidence import Evidence, called_inputs, commented_shapes, constructed_shapes, declared_inputs
from linearcheck.load.grammar import written
from linearcheck.load.records import InputPlan, InputSpec, LoadedModel, LoadError
from linearcheck.load.scopes import places_in
from linearcheck.load.shapes import has_batch_axis, in_signature_order, parse_literals, plan_inputs, required_arguments
from linearcheck.sizes import BATCH

if TYPE_CHECKING:
    from linearcheck.load.solving import Draft, Solver

_PLAIN_TYPES = (bool, int, float, str)
_LABELS = re.compile(r"^(labels?|targets?|y|y_true|classes|class_labels?|tgt_labels?|actions?_taken)$")
_LENGTHS = re.compile(r"^(\w*_)?(lengths?|lens|seq_lens?)$")
_MASKS = re.compile(r"mask")
_STEPS = re.compile(r"^(t|time|times|timesteps?|steps?|sigma|noise_level)$")
_LENGTH_ARGUMENTS = re.compile(
    r"^(seq|sequence|context|ctx|window|input|time|n|num|block|max_seq|max)?_?(len|length|size|steps|timesteps|frames|window|lookback)$"
)


def infer_inputs(loaded: LoadedModel, module: Any, forward_signature: inspect.Signature, options: CheckOptions) -> InputPlan:
    """The inputs of a built model, with where each comes from.

    Raises:
        LoadError: LC902, where nothing tells; with the option to add.
    """
    commented = commented_shapes(loaded)
    if commented is not None:
        texts, line = commented
        plan = plan_inputs(texts, forward_signature, options)
        specs = tuple(replace(spec, source="declared", why=f"comment at line {line}") for spec in plan.inputs)
        return replace(plan, inputs=specs)
    return _Inference(loaded, module, forward_signature, options).plan()


class _Inference:
    def __init__(self, loaded: LoadedModel, module: Any, signature: inspect.Signature, options: CheckOptions) -> None:
        self.loaded, self.module, self.signature, self.options = loaded, module, signature, options
        self.literals = parse_literals(options.arguments, signature)
        self.space = loaded.program.main().space
        self.notes: list[str] = []

    def plan(self) -> InputPlan:
        names = self._names()
        if not names:
            return InputPlan((), self.literals, dict(self.options.sizes), has_batch=False)
        self._refuse_plain_arguments(names)
        told = self._told(names)
        names = [*names, *(name for name in told if name not in names)]
        drafts = [self._draft(name, told.get(name), index) for index, name in enumerate(names)]
        if any(not draft.settled for draft in drafts):
            self._solve(drafts)
        return self._finished(drafts)

    # ---- which arguments

    def _names(self) -> list[str]:
        """Arguments of `forward` that are tensors to be made: the required ones, or the first where none is required but nothing runs."""
        names = [name for name in required_arguments(self.signature) if name not in self.literals]
        if names or self.literals:
            return names
        parameters = self.signature.parameters.values()
        if not parameters:
            return []
        first = next(iter(parameters))
        if first.kind is first.VAR_POSITIONAL:
            return [f"{first.name}.0"]
        if first.kind is first.VAR_KEYWORD or self._runs_without_inputs():
            return []
        return [first.name]

    def _runs_without_inputs(self) -> bool:
        from linearcheck.load.probing import Prober

        return Prober(self.module).run({}, lambda tensors: ((), {}), 5, listen=False).completed

    def _refuse_plain_arguments(self, names: Sequence[str]) -> None:
        for name in names:
            parameter = self.signature.parameters.get(name)
            annotation = parameter.annotation if parameter is not None else None
            if annotation in _PLAIN_TYPES or annotation in ("bool", "int", "float", "str"):
                kind = annotation if isinstance(annotation, str) else annotation.__name__  # type: ignore[union-attr]
                raise LoadError(
                    "LC902", f"the argument `{name}` of `forward` is of type `{kind}`, and its value is not known",
                    str(self.loaded.path), self._line(), f"add `--arg {name}=...`",
                )  # fmt: skip

    # ---- what the file tells

    def _told(self, names: Sequence[str]) -> dict[str, Evidence]:
        for found in (declared_inputs(self.loaded, self.module, self.signature), called_inputs(self.loaded, self.module, self.signature)):
            if found:
                return {name: evidence for evidence in found if (name := self._argument(evidence.argument, names)) is not None}
        return {}

    def _argument(self, argument: str | int, names: Sequence[str]) -> str | None:
        if isinstance(argument, str):
            return argument if argument in self.signature.parameters else None
        positional = [p.name for p in self.signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if argument < len(positional):
            return positional[argument] if positional[argument] not in self.literals else None
        variadic = next((p.name for p in self.signature.parameters.values() if p.kind is p.VAR_POSITIONAL), None)
        return f"{variadic}.{argument - len(positional)}" if variadic is not None else None

    def _draft(self, name: str, evidence: Evidence | None, index: int) -> Draft:
        from linearcheck.load.solving import Draft

        if evidence is None:
            return self._unknown(name, index)
        axes: list[int | str | None] = list(evidence.sizes)
        if evidence.batched and axes and axes[0] != BATCH and BATCH not in axes:
            axes[0] = BATCH
        settled = None not in axes
        return Draft(
            name, axes, evidence.dtype, settled, evidence.fill, "declared" if evidence.source == "declared" else "inferred", evidence.why
        )

    def _unknown(self, name: str, index: int) -> Draft:
        """A draft for an input of which only the name and the kind of the model's first layer are known."""
        from linearcheck.load.solving import Draft

        axes, dtype = first_layer_axes(self.module)
        annotation = str(self.signature.parameters[name].annotation) if name in self.signature.parameters else ""
        if "LongTensor" in annotation or "IntTensor" in annotation or name in ("input_ids", "token_ids", "tokens", "ids"):
            return Draft(name, [BATCH, None], "int64")
        if "BoolTensor" in annotation:
            return Draft(name, [BATCH, None], "bool")
        if index and _LABELS.match(name):
            return Draft(name, [BATCH], "int64")
        if _LENGTHS.match(name):
            return Draft(name, [BATCH], "int64")
        if index and _STEPS.match(name):
            return Draft(name, [BATCH])
        if index and _MASKS.search(name):
            return Draft(name, [BATCH, None], "bool")
        if name in ("edge_index",):
            return Draft(name, [2, None], "int64")
        return Draft(name, list(axes), dtype)

    # ---- what the model tells

    def _solve(self, drafts: list[Draft]) -> None:
        from linearcheck.load.solving import Solver

        solver = Solver(self.module, self.signature, drafts, self.literals)
        outcome = solver.enter()
        if outcome.error is not None and not any(draft.needs or draft.settled for draft in drafts):
            outcome = self._try_other_ranks(solver, drafts)
        if not outcome.completed and not any(draft.needs or draft.settled for draft in drafts):
            raise self._unknown_input(drafts, outcome.error)
        for draft in drafts:
            if not draft.settled:
                self._fill_from_evidence(draft)
        _, note = solver.fit(self._lengths(), self._sides())
        if note == "nothing fits":
            raise self._unknown_input(drafts, outcome.error, "no common image size makes its layers fit")
        if note:
            self.notes.append(note)

    def _try_other_ranks(self, solver: Solver, drafts: list[Draft]) -> Any:
        """Starts again with other numbers of axes for the first input that nothing is known of, and keeps the one that comes furthest."""
        draft = next(draft for draft in drafts if not draft.settled)
        best: tuple[tuple[bool, int, int], list[int | str | None], Any] | None = None
        kept = [(d, list(d.axes), d.dtype) for d in drafts]
        for rank in (2, 4, 3, 1):
            for other, axes, dtype in kept:
                other.axes, other.dtype, other.needs = list(axes), dtype, []
            draft.axes = [BATCH, *([None] * (rank - 1))]
            outcome = solver.enter()
            score = (outcome.completed, len(draft.needs), outcome.steps)
            if best is None or score > best[0]:
                best = (score, list(draft.axes), outcome)
            if outcome.completed:
                return outcome
        assert best is not None
        draft.axes = best[1]
        return solver.enter()

    def _fill_from_evidence(self, draft: Draft) -> None:
        """Puts in the sizes that the file tells, where they agree with what the first layers need."""
        for shape, why in constructed_shapes(self.loaded):
            if self._take_sample(draft, shape, f"inferred: {why}"):
                return
        if draft.dtype is not None and draft.dtype != "float32":
            return
        for sample in dataset_samples(self.space):
            if self._take_dataset(draft, sample):
                return

    def _take_dataset(self, draft: Draft, sample: SampleEvidence) -> bool:
        if self._flattens_outside() and len(draft.axes) == 2 and None not in sample.shape:
            return False
        return self._take_sample(draft, sample.shape, f"inferred: {sample.why}")

    def _take_sample(self, draft: Draft, sample: tuple[int | None, ...], why: str) -> bool:
        """Whether one sample of this shape goes with the draft; if so its sizes are taken over."""
        if draft.sizes_told:
            return True
        axes = draft.axes
        if BATCH not in axes:
            return False
        rest = [size for size in axes if size != BATCH]
        if len(sample) == 1 and len(rest) >= 3:  # `img_size=224`: height and width
            if rest[-1] is not None or rest[-2] is not None:
                return False
            axes[-1] = axes[-2] = sample[0]
        elif len(sample) == len(rest):
            if any(have is not None and told is not None and have != told for have, told in zip(rest[1:], sample[1:], strict=True)):
                return False
            channels_differ = rest[0] is not None and sample[0] is not None and rest[0] != sample[0]
            if channels_differ and len(rest) < 3:
                return False
            places = [axis for axis, size in enumerate(axes) if size != BATCH]
            for axis, size in list(zip(places, sample, strict=True))[1 if channels_differ else 0 :]:
                axes[axis] = size if size is not None else axes[axis]
        elif len(rest) == 1 and rest[0] is not None and None not in sample and _product(sample) == rest[0]:
            if self._flattens_outside():
                return False
            draft.axes = [BATCH, *sample]
        else:
            return False
        draft.source, draft.why, draft.sizes_told = "inferred", why, True
        return True

    def _flattens_outside(self) -> bool:
        """Whether the file flattens a batch outside of `forward`: `images.view(images.size(0), -1)` in the training loop."""
        for place in places_in(self.space):
            call = place.node
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and not any(d.name == "forward" for d in place.around):
                arguments = [ast.unparse(argument) for argument in call.args]
                if call.func.attr in ("view", "reshape") and len(arguments) == 2 and (arguments[1] == "-1" or arguments[0] in ("-1",)):
                    return True
                if call.func.attr == "flatten" and ("1" in arguments or "start_dim=1" in ast.unparse(call)):
                    return True
        return False

    def _lengths(self) -> tuple[int, ...]:
        """Sequence lengths among the constructor's arguments: `seq_len=24`."""
        found = []
        for value in self.loaded.init:
            if (
                _LENGTH_ARGUMENTS.match(value.name)
                and value.value.isdigit()
                and "batch" not in value.name
                and value.name not in ("input_size", "n_size")
            ):
                length = int(value.value)
                found.append(length if not value.name.startswith(("max", "block", "context", "ctx")) else min(length, 16))
        return tuple(size for size in found if 1 < size <= 4096)

    def _sides(self) -> tuple[int, ...]:
        return tuple(shape[0] for shape, _ in constructed_shapes(self.loaded) if len(shape) == 1)

    # ---- the result

    def _finished(self, drafts: list[Draft]) -> InputPlan:
        specs = []
        readings = []
        for draft in drafts:
            axes = tuple(size if size is not None else 1 for size in draft.axes)
            why = draft.why or self._solved_why(draft)
            fill = draft.fill
            if _LENGTHS.match(draft.name) and draft.dtype == "int64" and fill is None:
                fill = float(next((d.axes[1] for d in drafts if len(d.axes) > 1 and isinstance(d.axes[1], int)), 1))
            specs.append(InputSpec(draft.name, axes, draft.dtype, fill, draft.source, why))
            word = {"declared": "declared", "inferred": "inferred", "solved": "a guess"}[draft.source]
            readings.append(f"{draft.name}: {written(axes)}, {why if why.startswith(word) else f'{word}: {why}'}")
        specs = in_signature_order(specs, self.signature)
        batched = self.options.batch and has_batch_axis(specs)
        return InputPlan(tuple(specs), self.literals, dict(self.options.sizes), batched, tuple([*readings, *self.notes]))

    def _solved_why(self, draft: Draft) -> str:
        needs = list(dict.fromkeys(draft.needs))
        return f"{needs[0]}, other sizes guessed" if needs else "sizes guessed"

    def _unknown_input(self, drafts: Sequence[Draft], error: BaseException | None, reason: str = "") -> LoadError:
        names = [draft.name for draft in drafts if not draft.settled]
        quoted = ", ".join(f"`{name}`" for name in names)
        text = f"the shape{'s' if len(names) > 1 else ''} of {quoted} {'are' if len(names) > 1 else 'is'} not known"
        text += f": {reason}" if reason else ": neither the file nor the model's first layers tell"
        advice = "add " + " ".join(f"`--input-shape {name}=...`" if len(names) > 1 else "`--input-shape ...`" for name in names)
        return LoadError("LC902", text, str(self.loaded.path), self._line(), advice)

    def _line(self) -> int | None:
        leaf = next((leaf for leaf in self.space.body.leaves if self.loaded.name in leaf.defines), None)
        return leaf.line if leaf is not None else None


def first_layer_axes(module: Any) -> tuple[list[int | str | None], str | None]:
    """Axes to start with, after the first layer of the model that tells a number of axes; and the dtype that it takes."""
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
            return [BATCH, None], "int64"
        if isinstance(layer, nn.modules.conv._ConvNd):
            return [BATCH, None, *([None] * len(layer.kernel_size))], None
        if isinstance(layer, nn.RNNBase | nn.MultiheadAttention | nn.TransformerEncoderLayer | nn.LayerNorm):
            return [BATCH, None, None], None
        if isinstance(layer, nn.BatchNorm2d | nn.MaxPool2d):
            return [BATCH, None, None, None], None
        if isinstance(layer, nn.Linear | nn.Flatten | nn.BatchNorm1d):
            return [BATCH, None], None
    return [BATCH, None], None


def _product(sizes: Sequence[int | None]) -> int:
    result = 1
    for size in sizes:
        result *= size or 1
    return result
