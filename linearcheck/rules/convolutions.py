"""What the rules about convolutions share: channels, rank and layout of one failed convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.rules.failures import Failure, failures
from linearcheck.rules.layers import CONVOLUTIONS, declared_int, int_argument, window_rank
from linearcheck.sizes import is_batch
from linearcheck.trace.records import TensorInfo, Trace


@dataclass(frozen=True)
class Convolution:
    """A failed convolution: its input, the channels it expects and the number of its spatial axes."""

    failure: Failure
    input: TensorInfo
    channels: int
    spatial: int

    @property
    def channel_axis(self) -> int:
        return max(self.input.rank - self.spatial - 1, 0)

    @property
    def has_right_rank(self) -> bool:
        return self.input.rank in (self.spatial + 1, self.spatial + 2)

    @property
    def is_read_unbatched(self) -> bool:
        """Whether torch reads the input as one sample although its first axis is the batch."""
        return self.input.rank == self.spatial + 1 and is_batch(self.input.sizes[0])


def failed_convolutions(trace: Trace) -> Iterator[Convolution]:
    for failure in failures(trace, *CONVOLUTIONS):
        spatial, x = window_rank(failure.operation), failure.input
        channels = expected_channels(failure)
        if spatial is not None and x is not None and channels is not None:
            yield Convolution(failure, x, channels, spatial)


def expected_channels(failure: Failure) -> int | None:
    """`in_channels` of the layer, or for `F.conv2d` what weight and groups take."""
    declared = declared_int(failure.layer, "in_channels")
    weight = failure.weight
    if declared is not None or weight is None or weight.rank < 3:
        return declared
    return weight.shape[0] if "transpose" in failure.operation else weight.shape[1] * (int_argument(failure.call, "groups", 1) or 1)
