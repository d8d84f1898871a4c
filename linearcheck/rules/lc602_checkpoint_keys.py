"""LC602 `checkpoint-keys`: names of the checkpoint and of the model do not agree.

## What it catches
With `--weights FILE`: keys that are missing or unexpected, as one finding that names the likely cause. A prefix (`module.` of
`nn.DataParallel` and DDP, `_orig_mod.` of `torch.compile`, `model.` of Lightning), a layer under another name (recognised by its shapes and
their order), the state of a part of the model, another number of blocks, or another model.

## Why it matters
`load_state_dict` raises; with `strict=False` it says nothing and leaves the layers as they were made, with random weights.

## Example
    torch.save(nn.DataParallel(net).state_dict(), "net.pt")
    ...
    net.load_state_dict(torch.load("net.pt"))

## Fix
    state = {name.removeprefix("module."): value for name, value in state.items()}
    net.load_state_dict(state)

## PyTorch says
    Missing key(s) in state_dict: "conv1.weight", "conv1.bias", ... Unexpected key(s) in state_dict: "module.conv1.weight", ...

## Known problems
Nothing is said about layers whose own code renames what they load. What does no harm (a tensor that is shared with another, a buffer that
the model makes itself) is a warning, since loading raises all the same, and a note where it does not (a counter of batches). A prefix that
the file itself takes off is a note. Where every `load_state_dict` of the file says `strict=False`, the rule only warns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from linearcheck.findings import Diagnostic, Proposal, Severity
from linearcheck.rules.checkpoints import built_at, class_place, correspondence, grouped, is_adapting, loading_call
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.wording import counted, listed, quoted
from linearcheck.trace.records import Checkpoint, StateEntry, Trace
from linearcheck.trace.state_names import Correspondence

RULE = Rule("LC602", "checkpoint-keys", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

_SAVED_BY = {
    "module": "`nn.DataParallel` and `DistributedDataParallel` hold the model as their `module`",
    "_orig_mod": "`torch.compile` holds the model as its `_orig_mod`",
    "_fsdp_wrapped_module": "FSDP holds the model as its `_fsdp_wrapped_module`",
    "_forward_module": "Lightning Fabric and DeepSpeed hold the model as their `_forward_module`",
    "_checkpoint_wrapped_module": "activation checkpointing holds a layer as its `_checkpoint_wrapped_module`",
}
_OFTEN = {
    "model.": "a LightningModule, or a class that holds the network as its `model`, was saved",
    "net.": "a class that holds the network as its `net` was saved",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why names differ, in a clause for the message, a sentence, and what to do about it."""

    message: str
    sentence: str = ""
    proposals: tuple[Proposal, ...] = ()
    is_handled: bool = False


def check(trace: Trace) -> Iterator[Finding]:
    checkpoint = trace.checkpoint
    if checkpoint is None:
        return
    found = correspondence(checkpoint)
    missing = [entry for entry in found.missing if not is_adapting(checkpoint, entry.name)]
    unexpected = [entry for entry in found.unexpected if not is_adapting(checkpoint, _as_model(found, entry.name))]
    harmless = [e for e in missing if _loads_anyway(found, e)] + [e for e in unexpected if _is_made_anyway(trace, found, e)]
    lost = [entry for entry in missing if entry not in harmless]
    extra = [entry for entry in unexpected if entry not in harmless]
    causes = list(_causes(trace, checkpoint, found, lost, extra))
    if causes:
        yield _finding(trace, checkpoint, causes, lost, extra)
    elif harmless:
        yield _harmless(trace, checkpoint, harmless, [entry for entry in harmless if entry not in missing or not _is_counter(entry)])


def _is_counter(entry: StateEntry) -> bool:
    return entry.name.endswith("num_batches_tracked")


def _loads_anyway(found: Correspondence, entry: StateEntry) -> bool:
    return entry.name.endswith("num_batches_tracked") or (bool(entry.tied_to) and entry.tied_to in found.pairs)


def _is_made_anyway(trace: Trace, found: Correspondence, entry: StateEntry) -> bool:
    """A counter of batches, or a buffer that the model makes itself and no longer keeps in its state."""
    path, _, last = _as_model(found, entry.name).rpartition(".")
    layer = trace.layer(path)
    own = layer.parameters.get(last) if layer is not None else None
    return last == "num_batches_tracked" or (own is not None and own.role == "buffer")


def _as_model(found: Correspondence, name: str) -> str:
    plain = ".".join(part for part in name.split(".") if part not in found.wrappers)
    return found.added + plain.removeprefix(found.removed)


def _causes(
    trace: Trace, checkpoint: Checkpoint, found: Correspondence, lost: Sequence[StateEntry], extra: Sequence[StateEntry]
) -> Iterator[Cause]:
    path = quoted(checkpoint.path)
    if found.is_unrelated:
        model = trace.layer("")
        name = quoted(model.type) if model is not None else "the model"
        shown = listed([quoted(entry.name) for entry in checkpoint.entries[:3]])
        said = "none" if not found.pairs else f"only {len(found.pairs)}"
        message = f"{said} of the {len(checkpoint.entries)} names in {path} {'is' if len(found.pairs) < 2 else 'are'} of {name}"
        yield Cause(message, f"It holds the state of another model: {shown}.")
        return
    if found.wrappers:
        yield _wrapped(trace, checkpoint, found)
    if found.removed:
        yield _prefixed(trace, checkpoint, found)
    if found.added:
        yield _of_part(checkpoint, found)
    yield from _renamed(checkpoint, found)
    depth = list(_other_depth(checkpoint, found, lost, extra))
    yield from (cause for cause, _ in depth)
    explained = {name for _, names in depth for name in names}
    lost = [entry for entry in lost if entry.name not in explained]
    extra = [entry for entry in extra if _as_model(found, entry.name) not in explained]
    if lost:
        yield Cause(f"{path} has nothing for {_modules(lost, checkpoint.wanted)}", "They would keep the values that they were made with.")
    if extra:
        yield Cause(f"{path} holds {_modules(extra, checkpoint.entries)}, which the model does not have")


def _modules(entries: Sequence[StateEntry], everything: Sequence[StateEntry]) -> str:
    groups = grouped(entries, [entry for entry in everything if entry in entries or not _is_counter(entry)])
    shown = [f"{quoted(name)} ({count} tensors)" if count > 1 else quoted(name) for name, count in list(groups.items())[:4]]
    return listed(shown if len(groups) <= 4 else [*shown[:3], f"{len(groups) - 3} more"])


def _wrapped(trace: Trace, checkpoint: Checkpoint, found: Correspondence) -> Cause:
    words = found.wrappers
    sentence = "; ".join(_SAVED_BY[word] for word in words) + "."
    prefix = "".join(f"{word}." for word in takewhile(lambda part: part in words, checkpoint.entries[0].name.split(".")))
    rests = [entry.name.removeprefix(prefix).split(".") for entry in checkpoint.entries if entry.name.startswith(prefix)]
    if prefix and len(rests) == len(checkpoint.entries) and not any(word in rest for rest in rests for word in words):
        return Cause(
            f"every name in `{checkpoint.path}` begins with `{prefix}`, which the model's do not",
            sentence,
            (_strip(prefix),),
            _is_handled(trace, prefix),
        )
    names = listed([quoted(f"{word}.") for word in words])
    change = "".join(f'.replace("{word}.", "")' for word in words)
    title = f"take it out before loading: `state = {{name{change}: value for name, value in state.items()}}`"
    return Cause(f"names in `{checkpoint.path}` contain {names}, which the model's do not", sentence, (Proposal("other", title),))


def _prefixed(trace: Trace, checkpoint: Checkpoint, found: Correspondence) -> Cause:
    prefix = found.removed
    inside = sum(entry.name.startswith(prefix) for entry in checkpoint.entries)
    why = _OFTEN.get(prefix, f"a model that holds this one as its `{prefix.removesuffix('.')}` was saved")
    if inside == len(checkpoint.entries):
        message = f"every name in `{checkpoint.path}` begins with `{prefix}`, which the model's do not"
        return Cause(message, f"Most likely {why}.", (_strip(prefix),), _is_handled(trace, prefix))
    message = f"the model's tensors are those under `{prefix}` in `{checkpoint.path}` ({inside} of {len(checkpoint.entries)})"
    taken = f'{{name.removeprefix("{prefix}"): value for name, value in state.items() if name.startswith("{prefix}")}}'
    title = f"take these alone: `state = {taken}`"
    return Cause(message, f"Most likely {why}.", (Proposal("other", title),), _is_handled(trace, prefix))


def _strip(prefix: str) -> Proposal:
    return Proposal(
        "other", f'take it off before loading: `state = {{name.removeprefix("{prefix}"): value for name, value in state.items()}}`'
    )


def _is_handled(trace: Trace, prefix: str) -> bool:
    """Whether the file that loads the state knows the prefix, or puts the wrapper around the model itself."""
    if loading_call(trace) is None:
        return False
    texts = "\n".join(trace.sources.values())
    wraps = {"module.": r"\b(?:DataParallel|DistributedDataParallel|DDP)\(", "_orig_mod.": r"\btorch\.compile\("}.get(prefix)
    quoted_prefix = re.search(rf"""["']{re.escape(prefix)}["']""", texts) is not None
    return quoted_prefix or (wraps is not None and re.search(wraps, texts) is not None)


def _of_part(checkpoint: Checkpoint, found: Correspondence) -> Cause:
    part = found.added.removesuffix(".")
    return Cause(
        f"`{checkpoint.path}` holds the state of `{part}` alone: the model's names begin with `{found.added}`",
        "",
        (Proposal("other", f"load it there: `model.{part}.load_state_dict(state)`"),),
    )


def _renamed(checkpoint: Checkpoint, found: Correspondence) -> Iterator[Cause]:
    if not found.renamed:
        return
    pairs = list(found.renamed.items())
    shown = [f"`{ours.removeprefix('.')}` is called `{theirs.removeprefix('.')}`" for ours, theirs in pairs[:3]]
    rest = f", and {len(pairs) - 3} more have other names" if len(pairs) > 3 else ""
    code = "name"
    for ours, theirs in pairs[:3]:
        start = "" if ours.startswith(".") else "^"  # a part of a name, wherever it stands, or its beginning
        old, new = start + re.escape(theirs), ours
        code = f're.sub(r"{old}\\b", "{new}", {code})'
    title = f"rename before loading: `state = {{{code}: value for name, value in state.items()}}`"
    yield Cause(
        f"{listed(shown)} in `{checkpoint.path}`{rest}",
        "Their shapes are the same, in the same order.",
        (Proposal("other", title),) if len(pairs) <= 3 else (),
    )


_NUMBERED = re.compile(r"^(.*?)\.(\d+)\.")
_RECURRENT = re.compile(r"^(?:(.*)\.)?(?:weight|bias)_(?:ih|hh|hr)_l(\d+)(_reverse)?$")


def _other_depth(
    checkpoint: Checkpoint, found: Correspondence, lost: Sequence[StateEntry], extra: Sequence[StateEntry]
) -> Iterator[tuple[Cause, list[str]]]:
    """Rows of blocks, or of recurrent layers, that are longer on one side, each with the names that this explains."""
    ours = _rows(entry.name for entry in checkpoint.wanted)
    theirs = _rows(_as_model(found, entry.name) for entry in checkpoint.entries)
    names = [*(entry.name for entry in lost), *(_as_model(found, entry.name) for entry in extra)]
    for row in dict.fromkeys(row for name in names for row, _ in _places(name)):
        mine, its = ours.get(row, set()), theirs.get(row, set())
        if not mine or not its or mine == its or not (mine < its or its < mine):
            continue
        explained = [name for name in names if any(place == row and number in mine ^ its for place, number in _places(name))]
        if not explained:
            continue
        owner, kind = row
        if kind == "directions":
            where = [f"in `{checkpoint.path}`", "in the model"]
            here, not_there = where if its > mine else where[::-1]
            yield Cause(f"{quoted(owner)} is bidirectional {here}, and not {not_there}"), explained
        else:
            last = " Those behind keep the values that they were made with." if mine > its else ""
            message = f"{quoted(owner)} has {len(its)} {kind} in `{checkpoint.path}`, but {len(mine)} in the model"
            yield Cause(message, f"The checkpoint was saved from a model of another depth.{last}"), explained


_Row = tuple[str, str]


def _places(name: str) -> list[tuple[_Row, int]]:
    """The rows that a name stands in, each with its place there: blocks by their number, recurrent layers and their directions."""
    if (match := _RECURRENT.match(name)) is not None:
        owner = match[1] or ""
        return [((owner, "layers"), int(match[2])), ((owner, "directions"), int(bool(match[3])))]
    match = _NUMBERED.match(name)
    return [((match[1], "blocks"), int(match[2]))] if match is not None else []


def _rows(names: Iterator[str]) -> dict[_Row, set[int]]:
    found: dict[_Row, set[int]] = {}
    for name in names:
        for row, number in _places(name):
            found.setdefault(row, set()).add(number)
    return found


def _finding(
    trace: Trace, checkpoint: Checkpoint, causes: Sequence[Cause], lost: Sequence[StateEntry], extra: Sequence[StateEntry]
) -> Finding:
    said = [cause for cause in causes if cause.message]
    first, *others = said
    sentences = [first.sentence, *(f"{_capital(cause.message)}. {cause.sentence}".strip() for cause in others)]
    loading = loading_call(trace)
    place = (
        loading[0] if loading is not None else (built_at(trace, lost[0].name.rpartition(".")[0]) if lost else None) or class_place(trace)
    )
    handled = all(cause.is_handled for cause in said)
    severity = Severity.NOTE if handled else Severity.WARNING if loading is not None and loading[1] else RULE.severity
    counts = [counted(len(lost), "name") + " missing" if lost else "", counted(len(extra), "name") + " unexpected" if extra else ""]
    if len(said) > 1 and any(counts):
        sentences.append(f"In all: {listed([count for count in counts if count])}.")
    return Finding(
        Diagnostic(
            code=RULE.code,
            rule=RULE.name,
            severity=severity,
            message=first.message,
            span=place,
            path=place.path if place is not None else next(iter(trace.sources), ""),
            explanation=" ".join(sentence for sentence in sentences if sentence),
            proposals=tuple(proposal for cause in said for proposal in cause.proposals),
        )
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _harmless(trace: Trace, checkpoint: Checkpoint, entries: Sequence[StateEntry], refused: Sequence[StateEntry]) -> Finding:
    """What loading can do without; `refused` are those that it raises for all the same, unless it is told not to."""
    loading = loading_call(trace)
    place = loading[0] if loading is not None else class_place(trace)
    shown = refused or entries
    names = listed([quoted(entry.name) for entry in shown[:3]] + ([f"{len(shown) - 3} more"] if len(shown) > 3 else []))
    are = "is" if len(shown) == 1 else "are"
    message = f"{names} {are} on one side only, of `{checkpoint.path}` and the model, which does no harm"
    text = "A counter of batches starts anew, a shared tensor is loaded once, and a buffer that the model makes itself is there."
    is_strict = bool(refused) and checkpoint.format == "torch" and not (loading is not None and loading[1])
    strict = (
        f" But `load_state_dict` raises for {'it' if len(shown) == 1 else 'them'} unless it is given `strict=False`." if is_strict else ""
    )
    return Finding(
        Diagnostic(
            code=RULE.code,
            rule=RULE.name,
            severity=Severity.WARNING if is_strict else Severity.NOTE,
            message=message,
            span=place,
            path=place.path if place is not None else next(iter(trace.sources), ""),
            explanation=f"{text}{strict}",
        )
    )
