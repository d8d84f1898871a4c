"""Which tensor of a checkpoint is meant for which of the model: by name, behind a prefix, or renamed. Imports without torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from linearcheck.trace.records import StateEntry

WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module")
"""Attributes under which wrappers hold the model: DataParallel and DDP, `torch.compile`, FSDP, DeepSpeed, activation checkpoints."""
MOST_PREFIXES = 12
MOST_LAYERS_ALIGNED = 800

Entries = Mapping[str, StateEntry]


@dataclass(frozen=True)
class Correspondence:
    """Pairs by the model's names, and what is left on both sides.

    `removed` is a prefix of the checkpoint's names that the model's do not have, `added` one of the model's that the checkpoint's do not
    have, `wrappers` are the parts of names that wrappers put in. `renamed` maps names of the model's modules (or tensors) to the
    checkpoint's. `missing` and `unexpected` are left over.
    """

    pairs: Mapping[str, StateEntry]
    missing: tuple[StateEntry, ...]
    unexpected: tuple[StateEntry, ...]
    removed: str = ""
    added: str = ""
    wrappers: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    n_by_name: int = 0
    n_fitting: int = 0

    @property
    def is_unrelated(self) -> bool:
        """Whether hardly a name goes together and no shape does: the checkpoint is of another model."""
        size = min(len(self.pairs) + len(self.missing), len(self.pairs) + len(self.unexpected))
        return not self.pairs or (not self.n_fitting and not self.renamed and 4 * len(self.pairs) < size)

    @property
    def score(self) -> tuple[int, int, int]:
        return self.n_fitting, self.n_by_name, -len(self.unexpected)


def correspond(entries: Sequence[StateEntry], wanted: Sequence[StateEntry]) -> Correspondence:
    """The best way found in which the names of a checkpoint go together with the model's."""
    model = {entry.name: entry for entry in wanted}
    wrappers = _wrappers(entries, model)
    names = {_without(entry.name, wrappers): entry for entry in entries}
    best: tuple[tuple[int, int], str, str, dict[str, StateEntry]] = (-1, -1), "", "", {}
    for removed, added in [("", ""), *_prefixes(names, model)]:
        pairs = _pairs(names, model, removed, added)
        score = (sum(fits(pair, model[name]) for name, pair in pairs.items()), len(pairs))
        if score > best[0]:
            best = score, removed, added, pairs
    (n_fitting, n_by_name), removed, added, pairs = best
    used = {id(entry) for entry in pairs.values()}
    missing = [entry for entry in wanted if entry.name not in pairs]
    unexpected = [entry for entry in entries if id(entry) not in used]
    renamed = _renamed(missing, unexpected, _renaming(removed, added, wrappers))
    pairs |= {old.name: new for old, new in renamed}
    found = {id(new) for _, new in renamed}
    return Correspondence(
        pairs,
        tuple(entry for entry in missing if entry.name not in pairs),
        tuple(entry for entry in unexpected if id(entry) not in found),
        removed,
        added,
        wrappers,
        _module_renames(renamed, _renaming(removed, added, wrappers)),
        n_by_name,
        n_fitting,
    )


def fits(entry: StateEntry, wanted: StateEntry) -> bool:
    """Whether loading takes the entry: of the same shape, for a lazy layer, or one value for a scalar."""
    return wanted.shape is None or entry.shape == wanted.shape or (wanted.shape == () and entry.shape == (1,))


def _wrappers(entries: Sequence[StateEntry], model: Entries) -> tuple[str, ...]:
    """The wrappers whose words stand in names of the checkpoint and in none of the model."""
    of_model = {part for name in model for part in name.split(".")}
    there = {part for entry in entries for part in entry.name.split(".")}
    return tuple(word for word in WRAPPERS if word in there and word not in of_model)


def _without(name: str, wrappers: tuple[str, ...]) -> str:
    return ".".join(part for part in name.split(".") if part not in wrappers) if wrappers else name


def _prefixes(names: Iterable[str], model: Iterable[str]) -> list[tuple[str, str]]:
    """Prefixes that may have to be taken from the checkpoint's names, or put in front of them."""
    return [(prefix, "") for prefix in _common_prefixes(names)] + [("", prefix) for prefix in _common_prefixes(model)]


def _common_prefixes(names: Iterable[str]) -> list[str]:
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        counts.update(".".join(parts[:length]) + "." for length in range(1, min(len(parts), 4)))
    return [prefix for prefix, _ in counts.most_common(MOST_PREFIXES)]


def _pairs(names: Entries, model: Entries, removed: str, added: str) -> dict[str, StateEntry]:
    pairs: dict[str, StateEntry] = {}
    for name, entry in names.items():
        if removed and not name.startswith(removed):
            continue
        new = added + name[len(removed) :]
        if new in model:
            pairs[new] = entry
    return pairs


def _renaming(removed: str, added: str, wrappers: tuple[str, ...]) -> Callable[[str], str]:
    return lambda name: added + _without(name, wrappers).removeprefix(removed)


def _renamed(
    missing: Sequence[StateEntry], unexpected: Sequence[StateEntry], rename: Callable[[str], str]
) -> list[tuple[StateEntry, StateEntry]]:
    """Tensors that differ in their name alone, told by the shapes of their layers and the order of these."""
    found = _aligned(_by_layer(missing, str), _by_layer(unexpected, rename), with_names=True)
    seen = {id(entry) for pair in found for entry in pair}
    rest = [[entry for entry in entries if id(entry) not in seen] for entries in (missing, unexpected)]
    return found + _aligned(_by_layer(rest[0], str), _by_layer(rest[1], rename), with_names=False)


def _by_layer(entries: Iterable[StateEntry], rename: Callable[[str], str]) -> list[list[StateEntry]]:
    groups: dict[str, list[StateEntry]] = {}
    for entry in entries:
        if entry.shape is not None:
            groups.setdefault(rename(entry.name).rpartition(".")[0], []).append(entry)
    return list(groups.values())


def _aligned(ours: list[list[StateEntry]], theirs: list[list[StateEntry]], *, with_names: bool) -> list[tuple[StateEntry, StateEntry]]:
    if not ours or not theirs or max(len(ours), len(theirs)) > MOST_LAYERS_ALIGNED:
        return []

    def signature(layer: list[StateEntry]) -> tuple[object, ...]:
        return tuple((entry.name.rpartition(".")[2] if with_names else "", entry.shape) for entry in layer)

    first, second = [signature(layer) for layer in ours], [signature(layer) for layer in theirs]
    blocks: list[tuple[int, int, int]] = [(0, 0, len(first))]
    if first != second:
        found_blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
        blocks = [(block.a, block.b, block.size) for block in found_blocks]
    found: list[tuple[StateEntry, StateEntry]] = []
    for i, j, size in blocks:
        for one, other in zip(ours[i : i + size], theirs[j : j + size], strict=True):
            if any(entry.shape for entry in one):  # counters alone are alike everywhere
                found += zip(one, other, strict=True)
    return found


def _module_renames(pairs: Iterable[tuple[StateEntry, StateEntry]], rename: Callable[[str], str]) -> dict[str, str]:
    """What the renamed names have not in common, from the end: `features.0.weight` for `backbone.0.weight` is `features` for `backbone`.

    Where the same part has another name in several places (`attn` in every block), it stands there once, with a dot before it.
    """
    found: dict[str, str] = {}
    cores: dict[tuple[str, str], list[str]] = {}
    for ours, theirs in pairs:
        one, other = ours.name.split("."), rename(theirs.name).split(".")
        while len(one) > 1 and len(other) > 1 and one[-1] == other[-1]:
            one.pop()
            other.pop()
        shared = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        name = ".".join(one)
        if name not in found:
            cores.setdefault((".".join(one[shared:]), ".".join(other[shared:])), []).append(name)
        found[name] = ".".join(other)
    for (ours_part, theirs_part), names in cores.items():
        if len(names) > 1 and ours_part and theirs_part:
            for name in names:
                del found[name]
            found[f".{ours_part}"] = f".{theirs_part}"
    return found
