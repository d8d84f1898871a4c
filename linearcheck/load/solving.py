"""Sizes of inputs that nothing in the file tells, from the model alone: what its first layers need, then sizes that make the rest fit."""

from __future__ import annotations

import inspect
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from linearcheck.exception_text import text_of
from linearcheck.load.probing import Need, Outcome, Prober, rank_from_error

BATCH = "N"
SMALL_PRIMES = (11, 13, 17, 19)
MIDDLE_PRIMES = (127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181)
LARGE_PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049)
PRIMES = (23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113)
ROUND_SIZES = (112, 176, 208, 272, 304, 368, 464)
MOST_RUNS = 40
MOST_VALUES = 10_000_000
SECONDS = 4.0  # of this thread, so that a busy machine finds the same

COLOUR_SIDES = (64, 32, 96, 224, 128, 28, 256, 299, 84, 112, 48, 227, 160, 192, 384, 512)
GREY_SIDES = (28, 32, 64, 128, 256, 96, 48, 224, 84, 16, 512, 112)
STACK_SIDES = (84, 64, 32, 128, 96, 224, 48, 256, 28, 16)
LENGTHS = (16, 32, 64, 128, 10, 20, 50, 100, 24, 12, 48, 30, 60, 256, 8, 512, 1024, 1000, 96, 4, 2)
SIGNALS = (128, 64, 256, 100, 1024, 512, 1000, 2048, 4096, 16000, 50, 150, 187, 32, 16)
VOLUME_SIDES = (16, 32, 24, 64, 48, 96)
ASPECTS = ((2, 1), (1, 2), (4, 3), (3, 4), (3, 2), (2, 3), (4, 1), (1, 4), (16, 9), (9, 16))
LARGEST_SIDE = 320


@dataclass
class Draft:
    """One input as far as it is known. An axis is a size, "N", or None for free; `needs` says which layers told what."""

    name: str
    axes: list[int | str | None]
    dtype: str | None = None
    settled: bool = False
    fill: float | None = None
    source: Literal["declared", "inferred", "solved"] = "solved"
    why: str = ""
    needs: list[str] = field(default_factory=list)
    guessed: list[int] = field(default_factory=list)
    swapped: bool = False
    sizes_told: bool = False

    def free(self) -> list[int]:
        return [axis for axis, size in enumerate(self.axes) if size is None]


class Solver:
    """Finds out what the inputs of one model must be, by running it. Its drafts are changed in place."""

    def __init__(self, module: nn.Module, signature: inspect.Signature, drafts: list[Draft], literals: Mapping[str, Any]) -> None:
        self.prober = Prober(module)
        self.signature, self.drafts, self.literals = signature, drafts, dict(literals)
        self.ends = time.thread_time() + SECONDS
        settled = [tensor for tensor in (*module.parameters(), *module.buffers()) if not torch.nn.parameter.is_lazy(tensor)]
        taken = {size for tensor in settled for size in tensor.shape} | {1}
        self.primes = self._undivided(PRIMES, taken) or list(PRIMES)
        self.channel_primes = self.primes
        self.small_primes = [*self._undivided(SMALL_PRIMES, taken), *self.primes]
        self.batch = self._batch_size(taken)
        self.sizes_of_model = taken - {1}
        self.overheard: set[str] = set()
        self.doubted: dict[tuple[str, int], None] = {}
        self.same: dict[tuple[str, int], tuple[str, int]] = {}
        self.runs = 0

    def _undivided(self, primes: Sequence[int], taken: set[int]) -> list[int]:
        return [prime for prime in primes if not any(size % prime == 0 for size in taken)]

    def _batch_size(self, taken: set[int]) -> int:
        return next((size for size in (3, 5, 7, 11, 13, 17, 19) if size not in taken), 19)

    # ---- running

    def run(self, axes: Mapping[str, Sequence[int | str | None]] | None = None, *, listen: bool = True) -> Outcome:
        """One run at the drafts' sizes, or at those given instead; free axes get their primes."""
        self.runs += 1
        chosen = axes or {draft.name: draft.axes for draft in self.drafts}
        if any(math.prod(self._number(d, axis, size) for axis, size in enumerate(chosen[d.name])) > MOST_VALUES for d in self.drafts):
            return Outcome(error=MemoryError("too large to try"))
        tensors = {draft.name: self._tensor(draft, chosen[draft.name]) for draft in self.drafts}
        overheard = frozenset(self.overheard) if listen else frozenset()
        return self.prober.run(tensors, self._arrange, self.batch, listen=listen, overheard=overheard)

    def _tensor(self, draft: Draft, axes: Sequence[int | str | None]) -> Tensor:
        shape = [self._number(draft, axis, size) for axis, size in enumerate(axes)]
        dtype = getattr(torch, draft.dtype) if draft.dtype else torch.float32
        device = self.prober.device
        if device.type == "meta":
            return torch.empty(shape, dtype=dtype, device=device)
        if draft.fill is not None:
            return torch.full(shape, draft.fill, dtype=dtype)
        if dtype.is_floating_point or dtype.is_complex:
            generator = torch.Generator().manual_seed(0)
            return torch.randn(shape, generator=generator).to(dtype)
        return torch.ones(shape, dtype=dtype)

    def _number(self, draft: Draft, axis: int, size: int | str | None) -> int:
        if size == BATCH:
            return self.batch
        return size if isinstance(size, int) else self.prime(draft.name, axis)

    def prime(self, name: str, axis: int) -> int:
        key = self._root((name, axis))
        keys = list(dict.fromkeys(self._root((d.name, a)) for d in self.drafts for a in range(6)))
        is_volume = any(len(draft.axes) > 4 for draft in self.drafts)  # large soon enough
        is_channels = axis == 1 and any(draft.name == name and len(draft.axes) > 3 for draft in self.drafts)
        primes = self.small_primes if is_volume else self.channel_primes if is_channels else self.primes
        return primes[(keys.index(key) if key in keys else axis) % len(primes)]

    def _root(self, key: tuple[str, int]) -> tuple[str, int]:
        while key in self.same:
            key = self.same[key]
        return key

    def _arrange(self, tensors: Mapping[str, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return arranged({**tensors, **self.literals}, self.signature)

    def tie(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Two axes of inputs, by input and position, that are of one size."""
        if self._root(one) != self._root(other):
            self.same[self._root(one)] = self._root(other)

    def imitate(self, one: str, other: str) -> None:
        """Lets an input of which nothing is known be as another one, axis by axis."""
        first, second = (next(draft for draft in self.drafts if draft.name == name) for name in (one, other))
        second.axes, second.dtype = list(first.axes), first.dtype
        second.needs.append(f"like `{one}`")
        for axis in first.free():
            self.tie((other, axis), (one, axis))

    def is_out_of_time(self) -> bool:
        return time.thread_time() > self.ends

    # ---- first layers

    def enter(self) -> Outcome:
        """Changes the drafts until the first layers take them, or until nothing more can be learned. The last outcome."""
        seen: set[str] = set()
        outcome = self.run()
        while self.runs < MOST_RUNS and time.thread_time() < self.ends:
            state = repr([(d.axes, d.dtype) for d in self.drafts]) + repr((self.same, sorted(self.overheard), self.primes[0]))
            if state in seen:
                break
            seen.add(state)
            before, doubted = drafts_copy(self.drafts), len(self.doubted)
            changed = self._apply(outcome.need) if outcome.need is not None else self._learn(outcome.error, outcome.operands)
            optional = outcome.need is not None and (outcome.need.size is not None or outcome.need.preference)
            if not changed and optional and outcome.need is not None and outcome.need.layer not in self.overheard:
                self.overheard.add(
                    outcome.need.layer
                )  # the mistake of a later layer, or a size still to be found: other inputs come after it
                changed = True
            if not changed:
                break
            steps, outcome = outcome.steps, self.run()
            if len(self.doubted) > doubted and outcome.need is None and outcome.error is not None and outcome.steps <= steps:
                for draft, kept in zip(self.drafts, before, strict=True):  # it was no size of the model's that the axis clashed with
                    draft.axes, draft.needs = kept.axes, kept.needs
        return self._with_steps(outcome) if self.overheard or outcome.need is not None or outcome.error is not None else outcome

    def _with_steps(self, outcome: Outcome) -> Outcome:
        """Rows of features that the model does not take are sequences of them, if it runs with these: `fc(x).mean(1)`."""
        rows = [d for d in self.drafts if not d.settled and d.dtype != "int64" and len(d.axes) == 2 and d.axes[0] == BATCH and d.needs]
        if len(rows) != 1 or not isinstance(rows[0].axes[1], int):
            return outcome
        overheard, self.overheard = self.overheard, set()
        rows[0].axes.insert(1, None)
        longer = self.run()
        if longer.need is None and longer.error is None:
            return longer
        del rows[0].axes[1]
        self.overheard = overheard
        return outcome

    def _apply(self, need: Need) -> bool:
        draft = self._draft_of(need)
        if draft is None or draft.settled:
            return False
        if need.dtype:
            draft.dtype = need.dtype
            if need.dtype == "int64" and len(draft.axes) > 2 and not draft.needs:
                draft.axes = [BATCH, None]
            elif need.dtype == "int64" and len(draft.axes) == 1 and any(d.dtype == "int64" and len(d.axes) == 2 for d in self.drafts):
                draft.axes = [BATCH, None]  # two texts, for one embedding
            draft.needs.append(f"`{need.layer}` takes {'whole numbers' if need.dtype == 'int64' else need.dtype}")
            return True
        if need.rank is not None:
            return self._change_rank(draft, need.rank - len(need.shape))
        if need.swap:
            return self._swap(draft)
        if need.product is not None:
            return self._is_rearranged(draft, need) and self._set_product(draft, draft.free(), need.product, need, whole=True)
        if need.size is None or (draft.needs and not self._is_rearranged(draft, need)):
            return False
        return self._set_size(draft, need)

    def _is_rearranged(self, draft: Draft, need: Need) -> bool:
        """Whether the tensor still holds the input's own values, so that a second layer may tell its axes too (a norm, then a convolution).

        Behind a layer that changes their number, an axis that does not fit is more likely a mistake in the model than news of its input.
        """
        own = math.prod(self._number(draft, axis, size) for axis, size in enumerate(draft.axes))
        return need.is_added or math.prod(need.shape) == own

    def _draft_of(self, need: Need) -> Draft | None:
        if need.is_input is not None:
            return next(d for d in self.drafts if d.name == need.is_input)
        if need.preference:  # rows of features, or single words
            return next((d for d in self.drafts if d.axes[:1] == [BATCH] and len(d.axes) == (1 if d.dtype == "int64" else 2)), None)
        best: tuple[int, Draft | None] = (0, None)
        for draft in self.drafts:
            count = sum(any(size % self.prime(draft.name, axis) == 0 for size in need.shape) for axis in draft.free())
            if count > best[0]:
                best = (count, draft)
        if best[1] is None and (need.swap or need.rank is not None):
            return next((d for d in self.drafts if d.dtype == "int64" or not d.needs), None)
        return best[1]

    def _change_rank(self, draft: Draft, by: int) -> bool:
        if by > 0 and len(draft.axes) > 1 and draft.needs and "feature" in draft.needs[-1]:
            draft.axes[-1:-1] = [None] * by  # features stay last
        elif by > 0:
            draft.axes += [None] * by
        else:
            for _ in range(-by):
                free = [axis for axis in draft.free() if axis > 0]
                if not free:
                    return False
                del draft.axes[free[-1]]
        return len(draft.axes) <= 6

    def _swap(self, draft: Draft) -> bool:
        if draft.swapped or len(draft.axes) < 2 or draft.axes[0] != BATCH:
            return False
        draft.axes[0], draft.axes[1] = draft.axes[1], draft.axes[0]
        draft.swapped = True
        return True

    def _set_size(self, draft: Draft, need: Need) -> bool:
        if not -len(need.shape) <= need.axis < len(need.shape) or need.size is None:
            return False
        seen = need.shape[need.axis]
        axes = [axis for axis in draft.free() if seen % self.prime(draft.name, axis) == 0]
        rest = seen // math.prod(self.prime(draft.name, axis) for axis in axes) if axes else seen
        if not axes:
            return self._make_first_size(draft, need)
        if not rest or need.size % rest:  # an axis without elements tells nothing
            return False
        return self._set_product(draft, axes, need.size // rest, need, whole=False)

    def _make_first_size(self, draft: Draft, need: Need) -> bool:
        """A layer that sees the batch where it wants features: the input has no batch axis in front of it, or one axis too few."""
        if need.is_input is not None and need.shape and need.shape[need.axis] == self.batch and len(draft.axes) < 5:
            draft.axes.insert(1, None)
            return True
        return False

    def _set_product(self, draft: Draft, axes: list[int], product: int, need: Need, whole: bool) -> bool:
        if whole:
            known = math.prod(size for size in draft.axes if isinstance(size, int))
            if not axes or product % known:
                return False
            product //= known
        sizes = shape_of_product(product, len(axes))
        if sizes is None:
            draft.axes = [BATCH, product]
            draft.needs.append(f"`{need.layer}` takes {product} {need.unit}s")
            return True
        for axis, size in zip(axes, sizes, strict=True):
            self._assign(draft, axis, size)
        draft.needs.append(f"`{need.layer}` takes {product} {need.unit}{'' if product == 1 else 's'}")
        return True

    def _assign(self, draft: Draft, axis: int, size: int) -> None:
        """Gives an axis its size, and those of other inputs that have to be equal."""
        root = self._root((draft.name, axis))
        for other in self.drafts:
            for place in other.free():
                if self._root((other.name, place)) == root:
                    other.axes[place] = size
                    if other is not draft:
                        other.needs.append(f"like `{draft.name}`")

    def _learn(self, error: BaseException | None, operands: Sequence[tuple[int, ...]] = ()) -> bool:
        """What an exception of the user's own code, or of torch, tells about ranks, dtypes and equal sizes."""
        if error is None:
            return False
        open_drafts = [d for d in self.drafts if not d.settled]
        fresh = [d for d in open_drafts if not d.needs] or open_drafts
        text = text_of(error)
        if (pair := _two_sizes(text)) is not None and self._equate(*pair, operands):
            return True
        if self._kernel_over_whole_axis(text) or self._pooled_away(text) or self._channels(text) or self._hidden_state(text):
            return True
        if (ranks := _TWO_RANKS.search(text)) is not None:
            lower = [d for d in open_drafts if len(d.axes) == min(int(ranks[1]), int(ranks[2]))]
            return bool(lower) and self._change_rank(lower[-1], abs(int(ranks[1]) - int(ranks[2])))
        if (ranks := _EINSUM_RANKS.search(text)) is not None:
            wanted, had, operand = map(int, ranks.groups())
            lower = [d for d in open_drafts if len(d.axes) == had]
            return bool(lower) and self._change_rank(lower[min(operand, len(lower) - 1)], wanted - had)
        if "is invalid for input of size" in text and self._make_divisible():
            return True
        rank = rank_from_error(error)
        if rank is not None and fresh:
            by = rank - len(fresh[0].axes) if isinstance(rank, int) else 1
            return by != 0 and self._change_rank(fresh[0], by)
        if (dtype := _wanted_dtype(text)) is not None:
            for draft in reversed(fresh):
                if draft.dtype != dtype and (dtype != "float32" or draft.dtype is not None):
                    draft.dtype = dtype
                    return True
        return False

    def _kernel_over_whole_axis(self, text: str) -> bool:
        """A kernel that is larger than what stood for a free axis spans all of it."""
        if (found := _KERNEL.search(text)) is None:
            return False
        sizes, kernel = ([int(part) for part in found[group].split(" x ")] for group in (1, 2))
        if len(set(kernel)) == 1:  # a long kernel, or the last of many: the input is larger than what stood for it
            return min(sizes) < kernel[0] and self._enlarge(len(kernel), kernel[0])
        for draft in self.drafts:
            for axis in draft.free():
                for size, wanted in zip(sizes, kernel, strict=True):
                    if size == self.prime(draft.name, axis) and wanted > size:
                        draft.axes[axis] = wanted
                        draft.needs.append(f"a kernel of {wanted}")
                        return True
        return False

    def _pooled_away(self, text: str) -> bool:
        found = _TOO_SMALL.search(text)
        return found is not None and self._enlarge(found[1].count("x"))

    def _enlarge(self, spatial: int, kernel: int = 1) -> bool:
        """Larger numbers for the free axes, once: what stood for them was too small for the layers."""
        larger = LARGE_PRIMES if spatial == 1 else MIDDLE_PRIMES
        if spatial > 2 or not self.primes[0] < larger[0] or kernel >= larger[0]:
            return False
        self.primes = list(larger)
        return True

    def _make_divisible(self) -> bool:
        """Numbers for the free axes that can be halved and quartered, once: `x.view(n, c, h // 2, 2, w // 2, 2)`."""
        round_sizes = self._undivided(ROUND_SIZES, self.sizes_of_model)
        if self.primes[0] in ROUND_SIZES or len(round_sizes) < 3 or any(len(draft.axes) > 4 for draft in self.drafts):
            return False
        self.primes = round_sizes
        return True

    def _hidden_state(self, text: str) -> bool:
        """The hidden state of a recurrent layer: `(layers, N, hidden_size)`, and two of them for an LSTM."""
        draft = next((d for d in reversed(self.drafts) if not d.settled and not d.needs), None)
        if draft is None:
            return False
        if "hx and cx should also be" in text and "." not in draft.name:
            at = self.drafts.index(draft)
            self.drafts[at : at + 1] = [replace(draft, name=f"{draft.name}.{i}", axes=[None, BATCH, None], needs=[]) for i in (0, 1)]
            return True
        if "hx should also be" in text:
            draft.axes = [None, BATCH, None]
            return True
        if (found := _HIDDEN.search(text)) is None:
            return False
        sizes = [int(size) for size in found[1].split(",")]
        draft.axes = [BATCH if size == self.batch else size for size in sizes]
        draft.needs.append("the state of a recurrent layer")
        return True

    def _channels(self, text: str) -> bool:
        """Channels that a convolution got and wants, where the batch is folded into them."""
        if (found := _CHANNELS.search(text)) is None:
            return False
        wanted, got = int(found[1]), int(found[2])
        for draft in self.drafts:
            for axis in draft.free():
                rest, left = divmod(got, self.prime(draft.name, axis))
                if not left and rest and wanted % rest == 0 and not draft.settled:
                    self._assign(draft, axis, wanted // rest)
                    draft.needs.append(f"a convolution takes {wanted // rest} channels")
                    return True
        return False

    def _equate(self, one: int, other: int, operands: Sequence[tuple[int, ...]] = ()) -> bool:
        """Two sizes that have to be equal: two free axes, or a free axis and a size of the model.

        Where the tensor with the model's size has the free axis as well, its axes stand in another order than those of the other one
        (a bias of (1, T, T, heads)): no size of the input is told.
        """
        found = [(d, axis) for size in (one, other) for d in self.drafts for axis in d.free() if size == self.prime(d.name, axis)]
        if len(found) >= 2 and found[0] != found[-1]:
            first, last = (found[0][0].name, found[0][1]), (found[-1][0].name, found[-1][1])
            if self._root(first) == self._root(last):
                return False
            self.tie(last, first)
            return True
        if len(found) == 1 and not found[0][0].settled:
            draft, axis = found[0]
            size = other if one == self.prime(draft.name, axis) else one
            known = self.sizes_of_model | {s for d in self.drafts if d is not draft for s in d.axes if isinstance(s, int)}
            if size not in known or (draft.name, axis) in self.doubted:
                return False
            prime = self.prime(draft.name, axis)
            if len(operands) == 2 and all(prime in shape for shape in operands):
                return False
            self._assign(draft, axis, size)
            self.doubted[draft.name, axis] = None
            draft.needs.append(f"the model has {size} there")
            return True
        return False

    # ---- sizes that make the rest fit

    def fit(self, lengths: Sequence[int] = (), sides: Sequence[int] = ()) -> tuple[Outcome, str]:
        """Gives every free axis a size, common ones first, so that as much as possible of the model runs. Says what was tried."""
        groups = self._groups(lengths, sides)
        outcome, note = self.run(listen=False) if not groups else Outcome(), ""
        for members, candidates in groups:
            outcome, note = self._fit_group(members, candidates)
        return outcome, note

    def rests_on_guess(self, outcome: Outcome) -> bool:
        """Whether a view that ends the run refuses another number of values at other guessed sizes: the guess may be what is wrong."""
        view = _refused_view(outcome)
        if (outcome.misfit is not None and not outcome.folds) or view is None or not any(d.guessed for d in self.drafts):
            return False
        larger = {d.name: [2 * n if axis in d.guessed and isinstance(n, int) else n for axis, n in enumerate(d.axes)] for d in self.drafts}
        again = _refused_view(self.run(larger, listen=False))
        # Where both numbers grow alike, no size fits: heads that do not divide the width, whatever the number of steps.
        return again is not None and view[0] * again[1] != view[1] * again[0]

    def _groups(self, lengths: Sequence[int], sides: Sequence[int]) -> list[tuple[list[tuple[Draft, int]], Sequence[int]]]:
        """Free axes that get one size together (height and width, and equal ones of several inputs), with the sizes to try."""
        found: dict[str, tuple[list[tuple[Draft, int]], Sequence[int]]] = {}
        for draft in self.drafts:
            free = draft.free()
            spatial = free[-max(len(draft.axes) - 2, 2) :] if len(draft.axes) >= 3 and len(free) > 1 else []
            for axis in free:
                if axis in spatial:
                    key, candidates = f"side of rank {len(draft.axes)}", _sides(draft)
                    candidates = (*sides, *candidates)
                elif len(draft.axes) == 3 and axis == 2:
                    key, candidates = "signal", (*lengths, *SIGNALS)
                else:
                    key, candidates = f"length {self._root((draft.name, axis))}" if len(self.drafts) > 2 else "length", (*lengths, *LENGTHS)
                found.setdefault(key, ([], tuple(dict.fromkeys(candidates))))[0].append((draft, axis))
        return sorted(found.values(), key=lambda group: len(group[0]), reverse=True)

    def _fit_group(self, members: list[tuple[Draft, int]], candidates: Sequence[int]) -> tuple[Outcome, str]:
        tried: dict[int, Outcome] = {}
        best: tuple[tuple[bool, bool, bool, int], int] | None = None
        low, high = 1, LARGEST_SIDE if len(members) > 1 else 20_000
        for size in candidates:
            if not low <= size <= high or time.thread_time() > self.ends:
                continue
            began = time.thread_time()
            outcome = tried[size] = self._run_at(members, size)
            score = (outcome.completed and not outcome.folds, outcome.completed, outcome.fits, outcome.steps)
            if best is None or score > best[0]:
                best = (score, size)
            if score[0] or outcome.fits or _passes(outcome, tried):
                break
            if outcome.misfit is not None and len(tried) > 1 and _depends_on_size(tried):
                # Features grow with the size, so a Linear that got too few rules out all smaller sizes.
                low, high = (max(low, size + 1), high) if outcome.misfit[0] < outcome.misfit[1] else (low, min(high, size - 1))
            if len(tried) >= 3 and _is_hopeless(tried):
                break
            if time.thread_time() - began > SECONDS / 4:
                high = min(high, size)  # larger ones take longer still
        if best is None:
            best = ((False, False, False, 0), candidates[0])
            tried[candidates[0]] = Outcome()
        outcome, note = tried[best[1]], ""
        if (not outcome.completed or outcome.folds) and not outcome.fits and not _passes(outcome, tried):
            odd = self._search(members, tried)
            if odd is not None:
                note = f"no common size fits; {odd} does"
                best = (best[0], odd)
            elif (pair := self._search_oblong(members, tried)) is not None:
                for (draft, axis), size in zip(members, pair, strict=True):
                    draft.axes[axis] = size
                return self.run(listen=False), f"no square fits; {pair[0]}x{pair[1]} does"
            elif _depends_on_size(tried) and not _never_fits(tried) and not any(o.on_other_axis for o in tried.values()):
                note = "nothing fits"
        for draft, axis in members:
            draft.axes[axis] = best[1]
        return outcome, note

    def _run_at(self, members: list[tuple[Draft, int]], size: int | Mapping[int, int]) -> Outcome:
        axes = {draft.name: list(draft.axes) for draft in self.drafts}
        for index, (draft, axis) in enumerate(members):
            axes[draft.name][axis] = size if isinstance(size, int) else size[index]
        return self.run(axes, listen=False)

    def _search(self, members: list[tuple[Draft, int]], tried: Mapping[int, Outcome]) -> int | None:
        """A size at which the first Linear that refuses its input takes it; features grow with the size, so halving finds it."""
        if not _depends_on_size(tried) or any(outcome.on_other_axis for outcome in tried.values()):
            return None
        low, high = 1, LARGEST_SIDE
        while low <= high and time.thread_time() < self.ends:
            middle = (low + high) // 2
            outcome = self._run_at(members, middle)
            if _passes(outcome, tried):
                return middle
            if outcome.misfit is None and not outcome.completed:
                low = middle + 1  # too small for the layers before it
            elif outcome.misfit is None or outcome.fits:
                return middle
            elif outcome.misfit[0] < outcome.misfit[1]:
                low = middle + 1
            else:
                high = middle - 1
        return None

    def _search_oblong(self, members: list[tuple[Draft, int]], tried: Mapping[int, Outcome]) -> tuple[int, int] | None:
        if len(members) != 2 or not _depends_on_size(tried):
            return None
        for tall, wide in ASPECTS:
            for unit in (16, 32, 64, 8, 4, 128):
                if time.thread_time() > self.ends:
                    return None
                if max(tall, wide) * unit > 640:
                    continue
                outcome = self._run_at(members, {0: tall * unit, 1: wide * unit})
                if outcome.completed and not outcome.folds:
                    return tall * unit, wide * unit
        return None


def _sides(draft: Draft) -> Sequence[int]:
    if len(draft.axes) == 5:
        return VOLUME_SIDES
    known = [size for size in draft.axes if isinstance(size, int)]
    if len(draft.axes) == 3 or known == [1]:
        return GREY_SIDES
    return COLOUR_SIDES if known in ([], [3]) else STACK_SIDES


def _is_hopeless(tried: Mapping[int, Outcome]) -> bool:
    """Whether every size ends at the same call, which is no Linear, and not for being too small: the reason is not the size."""
    if any("too small" in str(outcome.error) or "Kernel size" in str(outcome.error) for outcome in tried.values()):
        return False
    return len({outcome.steps for outcome in tried.values()}) == 1 and not any(outcome.misfit for outcome in tried.values())


def _passes(outcome: Outcome, tried: Mapping[int, Outcome]) -> bool:
    """Whether a run gets past the Linear that refuses at other sizes: what ends it further on is a mistake that no size mends."""
    refused = [other.steps for other in tried.values() if other.misfit is not None and not other.folds]
    return bool(refused) and not outcome.folds and outcome.steps > min(refused)


def _depends_on_size(tried: Mapping[int, Outcome]) -> bool:
    """Whether the Linear that refuses sees other features at other sizes."""
    return len({outcome.misfit[0] for outcome in tried.values() if outcome.misfit is not None}) > 1


def _never_fits(tried: Mapping[int, Outcome]) -> bool:
    """Whether no size could fit: the features that the Linear sees have a common factor that its own features lack."""
    seen = [outcome.misfit for outcome in tried.values() if outcome.misfit is not None]
    return bool(seen) and seen[0][1] % math.gcd(*(got for got, _ in seen)) != 0


def shape_of_product(product: int, count: int) -> tuple[int, ...] | None:
    """A product as sizes of so many axes: a number, a square, or an image of 1 or 3 channels; None where there is no such shape.

    >>> shape_of_product(784, 3), shape_of_product(3072, 3), shape_of_product(784, 2), shape_of_product(50, 2)
    ((1, 28, 28), (3, 32, 32), (28, 28), None)
    """
    if count == 1:
        return (product,)
    for channels in (1, 3) if count == 3 else (1,):
        side = math.isqrt(product // channels)
        if channels * side * side == product:
            return (channels, side, side) if count == 3 else (side, side) if count == 2 else None
    return None


def _refused_view(outcome: Outcome) -> tuple[int, int] | None:
    """The number of values that a view asks for, an axis to be worked out aside, and the number that there are."""
    found = _VIEW.search(str(outcome.error)) if outcome.error is not None else None
    if found is None:
        return None
    asked = math.prod(size for part in found[1].split(",") if (size := int(part)) != -1)
    return asked, int(found[2])


_VIEW = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")
_HIDDEN = re.compile(r"Expected hidden(?:\[\d\])? size [(\[]([\d, ]+)[)\]], got")
_CHANNELS = re.compile(r"to have (\d+) channels, but got (\d+) channels")
_EINSUM_RANKS = re.compile(r"subscripts in the equation \((\d+)\) does not match the number of dimensions \((\d+)\) for operand (\d+)")
_TWO_RANKS = re.compile(r"must have same number of dimensions: got (\d+) and (\d+)")
_KERNEL = re.compile(r"Calculated padded input size per channel: \(([\d x]+)\)\. Kernel size: \(([\d x]+)\)")
_TOO_SMALL = re.compile(r"Given input size: \(([\dx]+)\)\. Calculated output size: .* Output size is too small")
_TWO_SIZES = (
    re.compile(r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"),
    re.compile(r"Expected size (\d+) but got size (\d+)"),
    re.compile(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)"),
    re.compile(r"Expected size for first two dimensions of batch2 tensor to be: \[\d+, (\d+)\] but got: \[\d+, (\d+)\]"),
    re.compile(r"The expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)"),
    re.compile(r"size mismatch, got input \(\d+\), mat \(\d+x(\d+)\), vec \((\d+)\)"),
)


def _two_sizes(text: str) -> tuple[int, int] | None:
    for pattern in _TWO_SIZES:
        if found := pattern.search(text):
            return int(found[1]), int(found[2])
    return None


def _wanted_dtype(text: str) -> str | None:
    lowered = text.lower()
    if ("mask" in lowered and "bool" in lowered) or ("bitwise" in lowered and "not implemented for 'float'" in lowered):
        return "bool"
    if (
        "must be long" in lowered
        or ("expected tensor for argument" in lowered and "long" in lowered)
        or ("int64" in lowered and "expected" in lowered)
    ):
        return "int64"
    if "used as indices must be" in lowered:
        return "int64"
    if "to have the same dtype" in lowered and "float" in lowered and ("long" in lowered or "int" in lowered):
        return "float32"
    return None


def arranged(values: Mapping[str, Any], signature: inspect.Signature) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Values as the positional and keyword arguments of `forward`; `h.0` and `batch.image` are put into tuples and dicts."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        head, _, path = name.partition(".")
        if path:
            nested.setdefault(head, {})[path] = value
        else:
            nested[head] = value
    nested = {
        name: _nest(value) if isinstance(value, dict) and any(k.startswith(f"{name}.") for k in values) else value
        for name, value in nested.items()
    }
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name not in nested:
            continue
        value = nested.pop(name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += list(value)
        elif parameter.kind is parameter.POSITIONAL_ONLY or (parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not named):
            if len(positional) < _position(signature, name):
                named[name] = value
            else:
                positional.append(value)
        else:
            named[name] = value
    return tuple(positional), {**named, **nested}


def _position(signature: inspect.Signature, name: str) -> int:
    return list(signature.parameters).index(name)


def _nest(items: Mapping[str, Any]) -> Any:
    inner: dict[str, Any] = {}
    for path, value in items.items():
        head, _, rest = path.partition(".")
        if rest:
            inner.setdefault(head, {})[rest] = value
        else:
            inner[head] = value
    made = {key: _nest(value) if isinstance(value, dict) else value for key, value in inner.items()}
    if all(key.isdigit() for key in made):
        return tuple(made[key] for key in sorted(made, key=int))
    return made


def drafts_copy(drafts: Iterable[Draft]) -> list[Draft]:
    return [replace(draft, axes=list(draft.axes), needs=list(draft.needs)) for draft in drafts]
