"""LC601 `checkpoint-size-mismatch`: a tensor of the checkpoint has another shape than the layer that it is for.

## What it catches
With `--weights FILE`: another number of classes in the last layer, other channels of the input, a vocabulary with more rows, another
width, a weight that another framework keeps transposed, a Linear that was a convolution of one pixel. Names are compared as LC602
understands them, behind a prefix or renamed, so that all differences show in one run.

## Why it matters
`load_state_dict` raises, also with `strict=False`. It names shapes only, and not what the layer was built with.

## Example
    self.fc = nn.Linear(512, 10)         # the checkpoint holds (1000, 512)

## Fix
    self.fc = nn.Linear(512, 1000)
Unsafe: one may also want the other head, and leave this one out of the checkpoint.

## PyTorch says
    size mismatch for fc.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, the shape in current model is
    torch.Size([10, 512]).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from linearcheck.findings import Diagnostic, Proposal, Severity
from linearcheck.rules.checkpoints import Mismatch, built_at, class_place, mismatches
from linearcheck.rules.layers import declared_int
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.saved_sizes import Explained, all_turned, explain, saved_arguments, scales_with
from linearcheck.rules.suggestions import combined, ranked
from linearcheck.rules.wording import listed, quoted
from linearcheck.sizes import shape_text
from linearcheck.trace.records import BuildFrame, Checkpoint, Trace

RULE = Rule("LC601", "checkpoint-size-mismatch", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)

MANY = 6
"""From so many layers on, if they are most of the model's, it is one mistake: the model has another width."""


def check(trace: Trace) -> Iterator[Finding]:
    checkpoint = trace.checkpoint
    if checkpoint is None:
        return
    found = mismatches(trace, checkpoint)
    explained = {mismatch.path: explain(trace, mismatch) for mismatch in found}
    groups = _grouped(found, explained)
    n_layers = len({name.rpartition(".")[0] for name in (entry.name for entry in checkpoint.wanted)})
    if len(groups) >= MANY and 2 * len(found) > n_layers:
        yield _of_many(trace, checkpoint, found, [explained[mismatch.path] for mismatch in found])
        return
    for leader, *others in groups:
        yield _finding(trace, checkpoint, leader, others, explained)


def _grouped(found: Sequence[Mismatch], explained: Mapping[str, Explained]) -> list[list[Mismatch]]:
    """Mismatches of one mistake together, the leading one first: a norm behind a convolution, two ends of a vocabulary."""
    groups: list[list[Mismatch]] = []
    for mismatch in found:
        following = [group for group in groups if any(_leads(other, mismatch, explained) for other in group)]
        scaling = [group for group in groups if any(scales_with(mismatch, other) for other in group)]
        group = next(iter([*following, *scaling[-1:]]), None)  # the nearest channels before a flattened map are those that it holds
        if group is not None:
            group.append(mismatch)
        else:
            groups.append([mismatch])
    return groups


def _leads(leader: Mismatch, mismatch: Mismatch, explained: Mapping[str, Explained]) -> bool:
    """Whether building one layer as it was saved makes the other one so too, or has to go with it."""
    changes = saved_arguments(mismatch)
    follows = explained[leader.path].follows
    if changes and all(follows.get((mismatch.path, argument)) == size for argument, size in changes.items()):
        return True
    return bool(changes) and _share_a_name(leader, mismatch)


def _share_a_name(one: Mismatch, other: Mismatch) -> bool:
    """Whether two layers differ in the same size, and were built with it by one name of the user's, or as the ends of one vocabulary."""
    mine, its = _changes(one), _changes(other)
    if mine != its or len(mine) != 1:
        return False
    ((built, _),) = mine
    names = [{name for frame in _frames(mismatch) for name, value in frame.names.items() if value == built} for mismatch in (one, other)]
    ends = {tuple(saved_arguments(mismatch)) for mismatch in (one, other)}
    return bool(names[0] & names[1]) or ends == {("num_embeddings",), ("out_features",)}


def _changes(mismatch: Mismatch) -> set[tuple[int | None, int]]:
    return {(declared_int(mismatch.layer, argument), size) for argument, size in saved_arguments(mismatch).items()}


def _frames(mismatch: Mismatch) -> tuple[BuildFrame, ...]:
    return mismatch.layer.built if mismatch.layer is not None else ()


def _finding(
    trace: Trace, checkpoint: Checkpoint, leader: Mismatch, others: Sequence[Mismatch], explained: Mapping[str, Explained]
) -> Finding:
    names = _some([quoted(other.path) for other in others])
    rest = f" {listed(names)} {'differs' if len(others) == 1 else 'differ'} with it." if others else ""
    first, *further = explained[leader.path].proposals or (None,)
    for other in others:
        own = explained[other.path].proposals
        if first is not None and own and own[0].actions and not set(own[0].actions) <= set(first.actions):
            fresh = tuple(action for action in own[0].actions if action not in first.actions)
            first = combined(first, replace(own[0], actions=fresh)) or first
    proposals = ranked(first, further)
    return _diagnosed(trace, leader, _message(checkpoint, leader), f"{explained[leader.path].text}{rest}", proposals)


def _message(checkpoint: Checkpoint, mismatch: Mismatch) -> str:
    parts = sorted(mismatch.parts, key=lambda part: (-len(part.saved), part.name.startswith("running")))
    if not mismatch.path or (len(parts) == 1 and mismatch.layer is not None and not mismatch.layer.torch_type):
        names = listed([quoted(f"{mismatch.path}.{part.name}".lstrip(".")) for part in parts])
    else:
        names = f"the {listed([part.name for part in parts])} of {quoted(mismatch.path)}"
    saved = listed(list(dict.fromkeys(shape_text(part.saved) for part in parts)))
    built = listed(list(dict.fromkeys(shape_text(part.built) for part in parts)))
    return f"{names} {'is' if len(parts) == 1 else 'are'} {saved} in `{checkpoint.path}`, but {built} in the model"


def _diagnosed(
    trace: Trace, mismatch: Mismatch, message: str, explanation: str, proposals: tuple[Proposal, ...], times: int = 1
) -> Finding:
    layer = mismatch.layer
    own = layer is not None and bool(layer.torch_type)
    part = max(mismatch.parts, key=lambda part: len(part.saved))
    definition = layer.definition if own and layer is not None else None
    place = (
        definition or built_at(trace, f"{mismatch.path}.{part.name}".lstrip(".")) or built_at(trace, mismatch.path) or class_place(trace)
    )
    return Finding(
        Diagnostic(
            code=RULE.code,
            rule=RULE.name,
            severity=RULE.severity,
            message=message,
            span=place,
            path=place.path if place is not None else next(iter(trace.sources), ""),
            explanation=explanation,
            layer=mismatch.path,
            definition=definition,
            got=part.saved,
            expected=part.built,
            proposals=proposals,
            times=times,
        )
    )


def _of_many(trace: Trace, checkpoint: Checkpoint, found: Sequence[Mismatch], explained: Sequence[Explained]) -> Finding:
    """A model of another width: every layer differs, for one reason."""
    first = next((mismatch for mismatch in found if saved_arguments(mismatch)), found[0])
    message = f"{_message(checkpoint, first)}; so are the shapes of {len(found) - 1} more layers"
    if all_turned(explained):
        return _diagnosed(trace, first, message, f"All of them are. {explained[0].text}", (_TURN_ALL,), len(found))
    others = listed(_some([quoted(mismatch.path or mismatch.parts[0].name) for mismatch in found if mismatch is not first]))
    name = _common_name(found)
    if name is None:
        text = f"The checkpoint was saved from a model of other sizes: {others} differ too. {explained[found.index(first)].text}"
        return _diagnosed(trace, first, message, text, (), len(found))
    word, built, saved = name
    text = f"It was saved from a model of another width: where {quoted(word)} is {built} here, it was {saved}; {others} differ too."
    return _diagnosed(trace, first, message, text, (Proposal("other", f"build the model with {quoted(word)} {saved}"),), len(found))


_TURN_ALL = Proposal("transpose_weight", 'turn them before loading: `state["NAME.weight"] = state["NAME.weight"].t()` for every Linear')


def _some(names: Sequence[str]) -> list[str]:
    return list(names) if len(names) <= 3 else [*names[:3], f"{len(names) - 3} more"]


def _common_name(found: Sequence[Mismatch]) -> tuple[str, int, int] | None:
    """A name of the user's code that has the present size where most of the layers are built."""
    votes: Counter[tuple[str, int, int]] = Counter()
    for mismatch in found:
        layer = mismatch.layer
        sizes = {(declared_int(layer, argument), size) for argument, size in saved_arguments(mismatch).items()}
        names = {(name, value) for frame in (layer.built if layer is not None else ()) for name, value in frame.names.items()}
        votes.update({(name, now, then) for now, then in sizes if now for name, value in names if value == now and type(value) is int})
    (best, count), *_ = [*votes.most_common(1), (None, 0)]
    return best if best is not None and 2 * count >= len(found) else None
