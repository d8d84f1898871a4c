"""Calls that this version of PyTorch refuses, so that a message that is worded anew is noticed. Values are what to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_t = torch.randn
_long = torch.long

REFUSED: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "linear": ("LC101", lambda: nn.Linear(400, 120)(_t(64, 1600))),
    "unflattened map": ("LC102", lambda: nn.Linear(256, 120)(_t(64, 16, 4, 4))),
    "linear on meta": ("LC101", lambda: nn.Linear(400, 120, device="meta")(_t(64, 1600, device="meta"))),
    "integers": ("LC409", lambda: nn.Linear(4, 5)(torch.ones(2, 4, dtype=_long))),
    "float64": ("LC409", lambda: nn.Conv2d(3, 5, 3)(torch.ones(2, 3, 8, 8, dtype=torch.double))),
    "channels": ("LC201", lambda: nn.Conv2d(3, 5, 3)(_t(4, 1, 28, 28))),
    "channels last": ("LC202", lambda: nn.Conv2d(3, 5, 3)(_t(4, 32, 32, 3))),
    "flat": ("LC203", lambda: nn.Conv2d(3, 5, 3)(_t(4, 784))),
    "kernel": ("LC205", lambda: nn.Conv2d(3, 5, 5)(_t(4, 3, 4, 4))),
    "pool": ("LC205", lambda: nn.MaxPool2d(2)(_t(4, 16, 1, 1))),
    "weight of another rank": ("LC206", lambda: F.conv2d(_t(4, 3, 8, 8), _t(5, 3, 3), stride=(2, 2))),
    "batch norm": ("LC301", lambda: nn.BatchNorm2d(16)(_t(4, 32, 8, 8))),
    "rank of batch norm": ("LC301", lambda: nn.BatchNorm2d(16)(_t(4, 16))),
    "batch of one": ("LC407", lambda: nn.BatchNorm1d(16)(_t(1, 16))),
    "group norm": ("LC301", lambda: nn.GroupNorm(8, 32)(_t(4, 30, 8, 8))),
    "layer norm": ("LC302", lambda: nn.LayerNorm(64)(_t(4, 64, 28, 28))),
    "embedding index": ("LC303", lambda: nn.Embedding(10, 4)(torch.tensor([10]))),
    "embedding of floats": ("LC303", lambda: nn.Embedding(10, 4)(_t(3))),
    "lstm": ("LC304", lambda: nn.LSTM(64, 128)(_t(5, 4, 50))),
    "rank of lstm": ("LC304", lambda: nn.LSTM(64, 128)(_t(5, 4, 5, 64))),
    "hidden state": ("LC304", lambda: nn.GRU(64, 128)(_t(5, 4, 64), _t(2, 4, 128))),
    "rank of hidden state": ("LC304", lambda: nn.LSTM(64, 128)(_t(5, 4, 64), (_t(1, 128), _t(1, 128)))),
    "cell": ("LC304", lambda: nn.LSTMCell(64, 128)(_t(4, 50))),
    "heads": ("LC306", lambda: nn.MultiheadAttention(10, 3)),
    "attention": ("LC306", lambda: nn.MultiheadAttention(64, 4)(_t(5, 4, 39), _t(5, 4, 39), _t(5, 4, 39))),
    "padding mask": (
        "LC306",
        lambda: nn.MultiheadAttention(64, 4)(*[_t(4, 7, 64)] * 3, key_padding_mask=torch.zeros(4, 7, dtype=torch.bool)),
    ),
    "attention mask": ("LC306", lambda: nn.MultiheadAttention(64, 4)(*[_t(7, 4, 64)] * 3, attn_mask=torch.zeros(6, 6))),
    "transformer": ("LC306", lambda: nn.Transformer(32, 4, 1, 1)(_t(7, 4, 16), _t(7, 4, 16))),
    "view": ("LC401", lambda: _t(4, 16, 4, 4).view(-1, 400)),
    "view of a transposed tensor": ("LC401", lambda: _t(4, 5, 6).transpose(1, 2).view(4, -1)),
    "unflatten": ("LC401", lambda: _t(4, 30).unflatten(1, (4, 8))),
    "cat": ("LC403", lambda: torch.cat([_t(4, 16, 32), _t(4, 16, 16)], 1)),
    "rank of cat": ("LC403", lambda: torch.cat([_t(4, 16), _t(4, 16, 3)], 1)),
    "stack": ("LC403", lambda: torch.stack([_t(4, 16), _t(4, 8)])),
    "add": ("LC404", lambda: _t(4, 6) + _t(4, 4)),
    "add in place": ("LC404", lambda: _t(4, 16).add_(_t(4, 4, 16))),
    "matmul": ("LC405", lambda: _t(64, 32) @ _t(64, 32)),
    "bmm": ("LC405", lambda: torch.bmm(_t(8, 32, 64), _t(8, 32, 64))),
    "rank of bmm": ("LC405", lambda: torch.bmm(_t(8, 32), _t(8, 32, 64))),
    "mv": ("LC405", lambda: torch.mv(_t(4, 3), _t(4))),
    "dot": ("LC405", lambda: torch.dot(_t(4), _t(5))),
    "einsum": ("LC405", lambda: torch.einsum("bnd,bmd->bnm", _t(4, 8, 32), _t(4, 8, 64))),
    "letters of einsum": ("LC405", lambda: torch.einsum("bnd,bmd->bnm", _t(4, 8, 32), _t(4, 8))),
    "axis": ("LC413", lambda: _t(4).sum(1)),
    "permute": ("LC413", lambda: _t(4, 5, 6).permute(0, 2, 1, 3)),
    "index": ("LC413", lambda: _t(4, 5)[:, 5]),
    "indices": ("LC413", lambda: _t(4, 5)[0, 0, 0]),
    "mask": ("LC413", lambda: _t(4, 5)[torch.ones(5, dtype=torch.bool)]),
    "split": ("LC415", lambda: _t(4, 64).split([32, 64], 1)),
    "expand": ("LC415", lambda: _t(4, 4).expand(4, 10)),
    "repeat": ("LC415", lambda: _t(4, 4, 2).repeat(2, 2)),
    "gather": ("LC415", lambda: torch.gather(_t(4, 10), 1, torch.zeros(8, 1, dtype=_long))),
    "narrow": ("LC415", lambda: _t(4, 5).narrow(1, 3, 4)),
    "binary cross entropy": ("LC307", lambda: F.binary_cross_entropy_with_logits(_t(4, 1), _t(4))),
    "batch of cross entropy": ("LC402", lambda: F.cross_entropy(_t(4, 10), torch.zeros(5, dtype=_long))),
    "target of cross entropy": ("LC307", lambda: F.cross_entropy(_t(4, 10), torch.zeros(4, 1, dtype=_long))),
    "float target": ("LC409", lambda: F.cross_entropy(_t(4, 10), torch.zeros(4))),
    "softmax of integers": ("LC409", lambda: F.softmax(torch.ones(2, 3, dtype=_long), -1)),
    "layer norm of float64": ("LC409", lambda: nn.LayerNorm(4)(torch.ones(2, 4, dtype=torch.double))),
    "lstm of float64": ("LC409", lambda: nn.LSTM(4, 4)(torch.ones(2, 1, 4, dtype=torch.double))),
    "checkpoint": ("LC601", lambda: nn.Sequential(nn.Linear(3, 4)).load_state_dict(nn.Sequential(nn.Linear(5, 4)).state_dict())),
    "keys of a checkpoint": ("LC602", lambda: nn.Sequential(nn.Linear(3, 4)).load_state_dict({"module.0.weight": _t(4, 3)})),
}
