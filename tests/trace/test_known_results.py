"""Results that are known without asking PyTorch are those that PyTorch gives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.trace.known_results import known_result

sizes = st.lists(st.integers(1, 5), min_size=2, max_size=5)


@torch.no_grad()
@given(sizes, st.booleans(), st.booleans())
def test_batch_norm_is_as_torch_says(shape: list[int], affine: bool, channels_last: bool) -> None:
    x = torch.empty(shape, device="meta")
    if channels_last and len(shape) == 4:
        x = x.to(memory_format=torch.channels_last)
    per_channel = torch.empty(shape[1], device="meta")
    args = (x, per_channel, per_channel, *((per_channel, per_channel) if affine else (None, None)), False)
    known, asked = known_result("batch_norm", args, {}), F.batch_norm(*args)
    assert known is not None
    assert (known.shape, known.dtype, known.stride(), known.device) == (asked.shape, asked.dtype, asked.stride(), asked.device)


@pytest.mark.parametrize(
    ("x", "channels", "training"),
    [
        (torch.empty(2, 3, 4), 4, False),
        (torch.empty(2, 3, 4, device="meta"), 4, False),
        (torch.empty(2, 3, 4, device="meta"), 3, True),
        (torch.empty(3, device="meta"), 3, False),
        (torch.empty(2, 3, dtype=torch.int64, device="meta"), 3, False),
        (torch.empty(2, 3, dtype=torch.float64, device="meta"), 3, False),
    ],
)
@torch.no_grad()
def test_what_only_the_call_can_tell_is_left_to_it(x: torch.Tensor, channels: int, training: bool) -> None:
    per_channel = torch.empty(channels, device=x.device)
    assert known_result("batch_norm", (x, per_channel, per_channel, None, None, training), {}) is None
