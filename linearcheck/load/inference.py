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
from linearcheck.load.described import described_samples
from linearcheck.load.evidence import Evidence, called_inputs, commented_shapes, constructed_shapes, declared_inputs
from linearcheck.load.feeding import fed_sample
from linearcheck.load.grammar import written
from linearcheck.load.records import InputPlan, InputSpec, LoadedModel, LoadError
from linearcheck.load.scopes import places_in
from linearcheck.load.shapes import has_batch_axis, in_signature_order, parse_literals, plan_inputs, required_arguments
from linearcheck.load.signals import Unavailable
from linearcheck.sizes import BATCH

if TYPE_CHECKING:
    from linearcheck.load.probing import Outcome
    from linearcheck.load.solving import Draft, Solver

LARGEST_SIZE = 1 << 31
"""Of what a file tells: a larger one is no size that anybody has."""
_OTHER_RANKS = ((3, None), (2, None), (4, None), (1, None), (1, "int64"), (2, "bool"), (2, "int64"))
_PLAIN_TYPES = (bool, int, float, str)
_LABELS = re.compile(r"^(labels?|targets?|y|y_true|classes|class_labels?|tgt_labels?|actions?)$")
_LENGTHS = re.compile(r"^(\w*_)?(lengths?|lens|seq_lens?)$")
_MASKS = re.compile(r"mask")
_STEPS = re.compile(r"^(t|time|times|timesteps?|steps?|sigma|noise_level)$")
_ADJACENCY = re.compile(r"^(adj|adjacency|adj_matrix|adjacency_matrix|a_hat|laplacian)$")
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
        self.fed: tuple[SampleEvidence | None] | None = None

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
                kind = annotation if isinstance(annotation, str) else annotation.__name__
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
        axes: list[int | str | None] = [None if isinstance(size, int) and not 0 < size < LARGEST_SIZE else size for size in evidence.sizes]
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
        if _ADJACENCY.match(name):
            return Draft(name, [None, None])
        if name in ("edge_index",):
            return Draft(name, [2, None], "int64")
        return Draft(name, [BATCH] if index else list(axes), None if index else dtype)

    # ---- what the model tells

    def _solve(self, drafts: list[Draft]) -> None:
        from linearcheck.load.solving import Solver

        solver = Solver(self.module, self.signature, drafts, self.literals)
        is_graph = self._tie_graph(drafts, solver)
        outcome = solver.enter()
        if outcome.error is not None and not is_graph:
            outcome = self._try_other_ranks(solver, drafts, outcome)
        if isinstance(outcome.error, Unavailable):
            raise outcome.error.as_load_error(self.loaded.name)
        if not outcome.completed and not outcome.met and not any(draft.needs or draft.settled for draft in drafts):
            raise self._unknown_input(drafts)
        drafts[:] = solver.drafts
        if not outcome.completed:
            for draft in drafts[1:]:  # the run ended before anything took it
                unknown = not draft.settled and not draft.needs and draft.dtype is None and draft.axes == [BATCH]
                if unknown and _are_siblings(drafts[0].name, draft.name):
                    solver.imitate(drafts[0].name, draft.name)
        for draft in drafts:
            if not draft.settled:
                self._fill_from_evidence(draft, solver)
        for draft in drafts:
            draft.guessed = draft.free()
        outcome, note = solver.fit(self._lengths(), self._sides())
        if note == "nothing fits" and self._take_named_widths(drafts):
            outcome, note = solver.run(listen=False), ""
        if note == "nothing fits":
            raise self._unknown_input(drafts, "no common image size makes its layers fit")
        if solver.rests_on_guess(outcome):
            raise self._unknown_input(drafts, "a view in it fits some sizes only, and none of the common ones")
        if note:
            self.notes.append(note)

    def _take_named_widths(self, drafts: list[Draft]) -> bool:
        """Widths that the constructor's arguments name, `action_dim=6` for `action`; only where no size makes the model run."""
        arguments = {value.name.lower(): value.value for value in self.loaded.init if value.value.isdigit() and int(value.value)}
        taken = False
        for draft in drafts:
            if draft.settled or draft.sizes_told or draft.guessed != [1] or len(draft.axes) != 2:
                continue
            name = draft.name.lower()
            singular = name.removesuffix("s")
            words = [f"{stem}_{word}" for stem in (name, singular) for word in ("dim", "dims", "size", "features")]
            named = next((word for word in (*words, f"n_{singular}s", f"num_{singular}s") if word in arguments), None)
            if named is not None:
                draft.axes[1], draft.dtype, draft.source, draft.why = (
                    int(arguments[named]),
                    None,
                    "inferred",
                    f"`{named}` of the constructor",
                )
                draft.guessed, draft.sizes_told, taken = [], True, True
        return taken

    def _tie_graph(self, drafts: list[Draft], solver: Solver) -> bool:
        """An adjacency matrix has the nodes on both axes, and the other inputs have them where a batch would be."""
        graph = next((draft for draft in drafts if _ADJACENCY.match(draft.name) and not draft.settled), None)
        if graph is None:
            return False
        for draft in drafts:
            if not draft.settled and draft.axes and draft.axes[0] in (BATCH, None):
                draft.axes = [None, *draft.axes[1:]]
                if draft is not graph:
                    solver.tie((draft.name, 0), (graph.name, 0))
        solver.tie((graph.name, 1), (graph.name, 0))
        return True

    def _try_other_ranks(self, solver: Solver, drafts: list[Draft], outcome: Outcome) -> Outcome:
        """Gives inputs of which no layer has told the number of axes other numbers, one after the other, and keeps what comes furthest."""
        for draft in reversed(drafts):
            if draft.settled or outcome.error is None or any("takes" in need for need in draft.needs if draft is not drafts[0]):
                continue
            kept = [(d, list(d.axes), d.dtype, list(d.needs)) for d in drafts]
            best = (_progress(outcome), [(d, list(d.axes), d.dtype, list(d.needs)) for d in drafts], outcome)
            first = draft is drafts[0]
            for rank, dtype in _OTHER_RANKS[:3] if first else _OTHER_RANKS:
                if first and (rank == len(draft.axes) or draft.dtype == "int64" or len(kept[0][1]) >= 4):
                    continue
                _restore(kept)
                draft.axes, draft.dtype, draft.needs = [BATCH, *([None] * (rank - 1))], dtype, []
                again = solver.enter()
                # What a layer has told stands, unless the whole model runs otherwise: its mistakes are not to be explained away.
                if _progress(again) > best[0] and (again.completed or not any(needs for d, _, _, needs in kept if d is draft)):
                    best = (_progress(again), [(d, list(d.axes), d.dtype, list(d.needs)) for d in drafts], again)
                if again.completed or solver.is_out_of_time():
                    break
            _restore(best[1])
            outcome = best[2]
        return outcome

    def _fill_from_evidence(self, draft: Draft, solver: Solver) -> None:
        """Puts in the sizes that the file tells, where they agree with what the first layers need."""
        for shape, why in constructed_shapes(self.loaded):
            if len(shape) == 1 and len(draft.axes) < 4:
                continue
            if self._take_sample(draft, shape, why):
                return
        if draft.dtype is not None and draft.dtype != "float32":
            return
        for sample in dataset_samples(self.space):
            if self._take_dataset(draft, sample, solver):
                return
        for sizes, where in described_samples(self.loaded, self.module, draft.name, draft is solver.drafts[0]):
            if len(sizes) == len(draft.axes) - 1 and self._take_sample(draft, sizes, where):
                return

    def _take_dataset(self, draft: Draft, sample: SampleEvidence, solver: Solver) -> bool:
        why = sample.why
        if any(size is not None and not 0 < size < LARGEST_SIZE for size in sample.shape):
            return False
        if draft is solver.drafts[0] and BATCH in draft.axes and self._is_fed(sample):
            draft.axes, draft.source, draft.why, draft.sizes_told = [BATCH, *sample.shape], "inferred", f"{why}, passed on as loaded", True
            return True
        if self._flattens_outside() and len(draft.axes) == 2 and None not in sample.shape:
            return False
        if self._take_sample(draft, sample.shape, why):
            return True
        if None in sample.shape or BATCH not in draft.axes:
            return False
        whole = [BATCH, *sample.shape]  # `forward` may bring the sample into another shape itself: `img.squeeze(1)`
        if not solver.run({**{d.name: d.axes for d in solver.drafts}, draft.name: whole}, listen=False).completed:
            return False
        draft.axes, draft.source, draft.why, draft.sizes_told = whole, "inferred", why, True
        return True

    def _is_fed(self, sample: SampleEvidence) -> bool:
        """Whether the file passes samples of this data set to the model as they are loaded."""
        if self.fed is None:
            self.fed = (fed_sample(self.loaded, self.module),)
        fed = self.fed[0]
        return fed is not None and fed.shape == sample.shape

    def _take_sample(self, draft: Draft, sample: tuple[int | None, ...], why: str) -> bool:
        """Whether one sample of this shape goes with the draft; if so its sizes are taken over."""
        if draft.sizes_told:
            return True
        axes = draft.axes
        if BATCH not in axes or any(size is not None and not 0 < size < LARGEST_SIZE for size in sample):
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
            readings.append(f"{draft.name}: {written(axes)}, {draft.source}: {why}")
        specs = in_signature_order(specs, self.signature)
        batched = self.options.batch and has_batch_axis(specs)
        return InputPlan(tuple(specs), self.literals, dict(self.options.sizes), batched, (*readings, *self.notes))

    def _solved_why(self, draft: Draft) -> str:
        needs = list(dict.fromkeys(draft.needs))
        guessed = [str(draft.axes[axis]) for axis in draft.guessed]
        guess = f"{'x'.join(guessed)} is a guess" if guessed else ""
        return "; ".join([*needs[:2], *([guess] if guess else [])]) or "nothing told of it"

    def _unknown_input(self, drafts: Sequence[Draft], reason: str = "") -> LoadError:
        names = [draft.name for draft in drafts if not draft.settled]
        quoted = ", ".join(f"`{name}`" for name in names)
        text = f"the shape{'s' if len(names) > 1 else ''} of {quoted} {'are' if len(names) > 1 else 'is'} not known"
        text += f": {reason}" if reason else ": neither the file nor the model's first layers tell"
        advice = "add " + " ".join(f"`--input-shape {name}=...`" if len(names) > 1 else "`--input-shape ...`" for name in names)
        return LoadError("LC902", text, str(self.loaded.path), self._line(), advice)

    def _line(self) -> int | None:
        leaf = next((leaf for leaf in self.space.body.leaves if self.loaded.name in leaf.defines), None)
        return leaf.line if leaf is not None else None


_SIBLINGS = (
    {"left", "right"}, {"anchor", "positive", "negative", "pos", "neg"}, {"source", "target"}, {"src", "tgt"}, {"first", "second"},
    {"query", "key", "value"}, {"q", "k", "v"}, {"a", "b", "c"}, {"before", "after"}, {"prev", "next"}, {"premise", "hypothesis"},
)  # fmt: skip


def _are_siblings(one: str, other: str) -> bool:
    """Whether two arguments are named as two of a kind: `x1` and `x2`, `img_a` and `img_b`, `left` and `right`.

    >>> _are_siblings("x1", "x2"), _are_siblings("left_image", "right_image"), _are_siblings("image", "features")
    (True, True, False)
    """
    words = [[word for word in re.split(r"_|(?<=[a-zA-Z])(?=\d)", name.lower()) if word] for name in (one, other)]
    different = [(a, b) for a, b in zip(*words, strict=False) if a != b]
    if len(words[0]) != len(words[1]) or len(different) != 1:
        return False
    a, b = different[0]
    return (a.isdigit() and b.isdigit()) or (len(words[0]) > 1 and len(a) == len(b) == 1) or any({a, b} <= kind for kind in _SIBLINGS)


def _progress(outcome: Outcome) -> tuple[bool, int, int]:
    return outcome.completed, outcome.met, outcome.steps


def _restore(kept: Sequence[tuple[Draft, list[int | str | None], str | None, list[str]]]) -> None:
    for draft, axes, dtype, needs in kept:
        draft.axes, draft.dtype, draft.needs = list(axes), dtype, list(needs)


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
        if isinstance(layer, nn.BatchNorm2d | nn.MaxPool2d | nn.Flatten):
            return [BATCH, None, None, None], None
        if isinstance(layer, nn.Linear | nn.BatchNorm1d):
            return [BATCH, None], None
    return [BATCH, None], None


def _product(sizes: Sequence[int | None]) -> int:
    result = 1
    for size in sizes:
        result *= size or 1
    return result
