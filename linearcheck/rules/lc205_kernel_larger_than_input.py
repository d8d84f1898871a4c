"""LC205 `kernel-larger-than-input`: a convolution's or pooling's kernel does not fit its padded input.

## What it catches
A map that earlier convolutions and pools have made smaller than the next kernel.

## Why it matters
Each unpadded convolution and each pooling takes its share; after a few of them nothing is left to slide over.

## Example
    x = self.pool(self.conv2(x))            # (N, 16, 4, 4)
    return self.conv3(x)                    # nn.Conv2d(16, 32, 5)

## Fix
    self.conv3 = nn.Conv2d(16, 32, 3)
Unsafe: a smaller kernel, padding or a larger input would each do. The smallest input that fits is named.

## PyTorch says
    Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size
    Given input size: (16x1x1). Calculated output size: (16x0x0). Output size is too small
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from linearcheck.findings import Proposal, Safety, SetArgument, Severity
from linearcheck.rules.arithmetic import EmptyOutputError, same_padding
from linearcheck.rules.evidence import set_argument
from linearcheck.rules.failures import Failure, failures, report
from linearcheck.rules.layers import CONVOLUTIONS, POOLS, window_rank
from linearcheck.rules.provenance import size_history, size_steps
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.suggestions import ranked
from linearcheck.rules.windows import Window, size_function, windows_of
from linearcheck.rules.wording import shape
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Call, TensorInfo, Trace

RULE = Rule("LC205", "kernel-larger-than-input", Severity.ERROR, FixAvailability.ALWAYS, __doc__)

_WORDS = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def check(trace: Trace) -> Iterator[Finding]:
    for failure in failures(trace, *CONVOLUTIONS, *POOLS):
        windows, x, spatial = windows_of(trace, failure.call), failure.input, window_rank(failure.operation)
        if windows is None or x is None or spatial is None or x.rank not in (spatial + 1, spatial + 2):
            continue
        sizes = x.shape[-spatial:]
        misfits = [place for place in range(spatial) if not _fits(windows[place], sizes[place])]
        if not misfits:
            continue
        worst = misfits[0]
        axis = x.rank - spatial + worst
        yield report(
            RULE,
            failure,
            f"the kernel {_window_text(windows)} of {failure.name} is larger than its input {shape(x)}",
            _explanation(trace, x, axis, windows[worst], _WORDS[spatial][worst]),
            got=x.sizes,
            expected=(*x.sizes[:-spatial], *(window.reach - 2 * (window.padding or 0) for window in windows)),
            proposals=_proposals(failure, x, windows, axis),
        )


def _fits(window: Window, size: int) -> bool:
    try:
        return window.output_size(size) > 0
    except EmptyOutputError:
        return False


def _window_text(windows: tuple[Window, ...]) -> str:
    return "x".join(str(window.reach) for window in windows)


def _explanation(trace: Trace, x: TensorInfo, axis: int, window: Window, word: str) -> str:
    padded = x.shape[axis] + 2 * (window.padding or 0)
    dilated = f" ({window.kernel} with dilation {window.dilation})" if window.dilation > 1 else ""
    room = f"{padded} with padding" if window.padding else str(padded)
    return f"The kernel reaches over {window.reach}{dilated}, and the {word} is {room}. {size_history(trace, x, axis, word)}".strip()


def _proposals(failure: Failure, x: TensorInfo, windows: tuple[Window, ...], axis: int) -> tuple[Proposal, ...]:
    spatial = len(windows)
    sizes = [size + 2 * (window.padding or 0) for size, window in zip(x.shape[-spatial:], windows, strict=True)]
    room = min(sizes)
    kernel, dilation = windows[0].kernel, windows[0].dilation
    smaller = [size for size in range(kernel - 1, 0, -1) if dilation * (size - 1) + 1 <= room]
    odd = [size for size in smaller if size % 2] if kernel % 2 else smaller
    padding = same_padding(kernel, dilation)
    if windows[0].pooling:  # torch allows at most half the kernel
        padding = min(kernel // 2, -(-(windows[0].reach - min(x.shape[-spatial:])) // 2))
    return ranked(
        _change(failure, "kernel_size", odd[0], kernel) if odd else None,
        _change(failure, "padding", padding, windows[0].padding or 0) if padding else None,
        _padding_upstream(failure.trace, x, axis),
        _change(failure, "kernel_size", smaller[0], kernel) if smaller and smaller[0] != (odd or [0])[0] else None,
        _larger_input(failure, x, axis, windows),
    )


def _change(failure: Failure, argument: str, value: int, old: int) -> Proposal | None:
    title = f"set `{argument}` of {failure.name} to {value}"
    if failure.layer is not None:
        action = set_argument(failure.layer, argument, value)
        return Proposal("pad_or_pool", title, Safety.UNSAFE, (action,)) if action is not None else None
    site = failure.call.site
    return (
        Proposal("pad_or_pool", title, Safety.UNSAFE, (SetArgument(site, failure.call.name, argument, value, (), old),))
        if site is not None
        else None
    )


def _padding_upstream(trace: Trace, x: TensorInfo, axis: int) -> Proposal | None:
    """Let every unpadded convolution of stride 1 before keep its size."""
    actions: list[SetArgument] = []
    for _, call in size_steps(trace, x, axis):
        action = _padding_that_keeps(trace, call) if call is not None else None
        if action is not None and action not in actions:
            actions.append(action)
    if not actions:
        return None
    names = ", ".join(f"`{action.layer}`" for action in reversed(actions))
    return Proposal("pad_or_pool", f"pad {names} so that the size is kept", Safety.UNSAFE, tuple(actions))


def _padding_that_keeps(trace: Trace, call: Call) -> SetArgument | None:
    from linearcheck.rules.layers import torch_layer

    owned, windows = torch_layer(trace, call), windows_of(trace, call)
    if owned is None or windows is None or windows[0].pooling or windows[0].transposed or windows[0].stride != 1 or windows[0].padding != 0:
        return None
    padding = same_padding(windows[0].kernel, windows[0].dilation)
    return set_argument(owned[0], "padding", padding) if padding else None


def _larger_input(failure: Failure, x: TensorInfo, axis: int, windows: tuple[Window, ...]) -> Proposal | None:
    """The smallest input for which the kernel fits, as an advice."""
    sizes: dict[int, int] = {}
    shown: TensorInfo | None = None
    for place, window in enumerate(windows):
        found = size_function(failure.trace, x, x.rank - len(windows) + place)
        if found is None:
            return None
        output_of, shown, at = found
        smallest = _smallest(output_of, window, shown.shape[at])
        if smallest is None:
            return None
        sizes[at] = smallest
    if shown is None:
        return None
    at_least = tuple(sizes.get(at, size) for at, size in enumerate(shown.sizes))
    return Proposal("resize_input", f"{failure.name} fits inputs from {shape_text(at_least)} on")


def _smallest(output_of: Callable[[int], int], window: Window, present: int) -> int | None:
    for size in range(present, 8 * present + 64):
        try:
            if _fits(window, output_of(size)):
                return size
        except EmptyOutputError:
            continue
    return None
