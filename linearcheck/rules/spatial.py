"""How two maps of different height or width can be made to fit: another padding or stride of a layer on the way to one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from linearcheck.findings import Action, Proposal, Safety, SetArgument
from linearcheck.rules.arithmetic import EmptyOutputError, same_padding
from linearcheck.rules.axes import Windowed, axis_source
from linearcheck.rules.evidence import set_argument
from linearcheck.rules.layers import torch_layer, window_rank
from linearcheck.rules.provenance import explain_size
from linearcheck.rules.windows import Window, axis_function, windows_of
from linearcheck.rules.wording import call_name
from linearcheck.trace.records import Call, TensorInfo, Trace


def spatial_path(trace: Trace, tensor: TensorInfo, axis: int) -> list[tuple[Call, int, int, int]]:
    """The calls that changed a spatial axis, latest first: each with its spatial axis number and the size before and after."""
    path: list[tuple[Call, int, int, int]] = []
    while True:
        origin = explain_size(trace, tensor, axis)
        source = axis_source(origin.call, origin.tensor, origin.axis) if origin.call is not None else None
        if origin.call is None or not isinstance(source, Windowed):
            return path
        first = origin.tensor.rank - (window_rank(origin.call.name) or origin.tensor.rank - 2)
        path.append((origin.call, origin.axis - first, source.tensor.shape[source.axis], origin.tensor.shape[origin.axis]))
        tensor, axis = source.tensor, source.axis


def make_equal(trace: Trace, tensor: TensorInfo, other: TensorInfo, axes: Sequence[int]) -> list[Proposal]:
    """Arguments of layers on the way to a map alone that would give its spatial axes the sizes of the other, the most natural first."""
    paths = [spatial_path(trace, tensor, axis) for axis in axes]
    wanted = [other.shape[axis] for axis in axes]
    shared = {call.index for axis in axes for call, *_ in spatial_path(trace, other, axis)}
    found: dict[tuple[Action, ...], tuple[tuple[int, int], Proposal]] = {}
    for number, (call, *_) in enumerate(paths[0] if paths else ()):
        if call.index in shared:
            break
        for weight, changed, argument in _changes(trace, call):
            if all(_gives(trace, path, number, changed, size) for path, size in zip(paths, wanted, strict=True)):
                proposal = _proposal(trace, call, argument, changed)
                if proposal is not None:
                    found.setdefault(proposal.actions, ((weight, number), proposal))
    return [proposal for _, proposal in sorted(found.values(), key=lambda entry: entry[0])]


def _changes(trace: Trace, call: Call) -> Iterator[tuple[int, Window, str]]:
    """Other arguments that one window could have, with how far-fetched each is."""
    windows = windows_of(trace, call)
    if windows is None or len(set(windows)) != 1 or windows[0].padding is None:
        return
    window = windows[0]
    padding = window.padding or 0
    natural = same_padding(window.kernel, window.dilation)
    if window.transposed:
        for extra in range(window.stride):
            if extra != window.output_padding:
                yield 1, replace(window, output_padding=extra), "output_padding"
        for kernel in range(max(1, window.kernel - 2), window.kernel + 3):
            if kernel != window.kernel:
                yield 2, replace(window, kernel=kernel), "kernel_size"
        return
    if natural is not None and natural != padding and not window.pooling:
        yield 0, replace(window, padding=natural), "padding"
    for stride in (1, 2):
        if stride != window.stride:
            yield (1 if stride == 1 else 2), replace(window, stride=stride), "stride"
    for other in range(window.reach // 2 + 1 if window.pooling else window.reach):
        if other not in (padding, natural):
            yield 3, replace(window, padding=other), "padding"
    if window.pooling:
        yield 4, replace(window, ceil_mode=not window.ceil_mode), "ceil_mode"


def _gives(trace: Trace, path: list[tuple[Call, int, int, int]], number: int, changed: Window, wanted: int) -> bool:
    if number >= len(path):
        return False
    size = path[number][2]
    try:
        size = changed.output_size(size)
        for call, spatial_axis, before, after in reversed(path[:number]):
            step = axis_function(trace, call, spatial_axis, before, after)
            if step is None:
                return False
            size = step(size)
    except EmptyOutputError:
        return False
    return size == wanted


def _proposal(trace: Trace, call: Call, argument: str, changed: Window) -> Proposal | None:
    value: int | str = str(changed.ceil_mode) if argument == "ceil_mode" else _number(changed, argument)
    owned = torch_layer(trace, call)
    title = f"set `{argument}` of {call_name(trace, call)} to {value}"
    if owned is not None:
        action = set_argument(owned[0], argument, value)
        return Proposal("pad_or_pool", title, Safety.UNSAFE, (action,)) if action is not None else None
    if call.site is None:
        return None
    return Proposal(
        "pad_or_pool", f"{title} on line {call.site.line}", Safety.UNSAFE, (SetArgument(call.site, call.name, argument, value),)
    )


def _number(window: Window, argument: str) -> int:
    return {
        "padding": window.padding or 0, "stride": window.stride, "output_padding": window.output_padding, "kernel_size": window.kernel,
    }[argument]  # fmt: skip
