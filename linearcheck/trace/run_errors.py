"""Exceptions that say nothing about the model, only that it has to be run another way; torch tells them by their words alone."""

from __future__ import annotations

import torch

from linearcheck.trace.signals import NeedsGrad, OutOfMemory

_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad alloc")
_VALUES = ("meta tensor", "on meta", "Meta tensor", "device meta", "data-dependent", "is on the meta device")


def ask_for_another_run(text: str, error: Exception) -> None:
    """
    Raises:
        OutOfMemory: If the machine has not what was asked for.
        NeedsGrad: If the model differentiates, and gradients are off.
    """
    if any(words in text for words in _MEMORY):
        raise OutOfMemory(text) from error
    if "does not require grad" in text and not torch.is_grad_enabled():
        raise NeedsGrad(text) from error


def wants_values(text: str) -> bool:
    """Whether a call on tensors without data was refused because it reads values."""
    return any(words in text for words in _VALUES)
