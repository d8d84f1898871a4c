"""What recurrent layers return is known without asking PyTorch, and is what PyTorch would have said."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from linearcheck.trace.known_results import known_result

LAYERS: dict[str, tuple[type[nn.RNNBase], dict[str, Any]]] = {
    "lstm": (nn.LSTM, {}),
    "lstm of two layers, both ways": (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    "lstm with a projection": (nn.LSTM, {"proj_size": 3, "num_layers": 2}),
    "lstm without bias, batch first": (nn.LSTM, {"bias": False, "batch_first": True}),
    "gru": (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "rnn": (nn.RNN, {"nonlinearity": "relu"}),
}


def arguments(kind: type[nn.RNNBase], options: dict[str, Any], features: int = 7) -> tuple[str, tuple[Any, ...]]:
    with torch.device("meta"):
        layer = kind(7, 5, **options)
        x = torch.empty(4, 6, features)
    directions = layer.num_layers * (2 if layer.bidirectional else 1)
    samples = 4 if layer.batch_first else 6
    hidden = torch.empty(directions, samples, layer.proj_size or 5, device="meta")
    state: Any = (hidden, torch.empty(directions, samples, 5, device="meta")) if kind is nn.LSTM else hidden
    name = {"LSTM": "lstm", "GRU": "gru", "RNN_RELU": "rnn_relu", "RNN_TANH": "rnn_tanh"}[layer.mode]
    weights = list(layer.parameters())
    return name, (x, state, weights, layer.bias, layer.num_layers, 0.0, False, layer.bidirectional, layer.batch_first)


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers(name: str) -> None:
    function, args = arguments(*LAYERS[name])
    with torch.no_grad():
        known = known_result(function, args, {})
        said = getattr(torch._VF, function)(*args)
    assert known is not None
    assert [tuple(each.shape) for each in known] == [tuple(each.shape) for each in said]


@pytest.mark.parametrize("name", LAYERS)
def test_wrong_sizes_are_left_to_pytorch(name: str) -> None:
    function, args = arguments(*LAYERS[name], features=8)
    with torch.no_grad():
        assert known_result(function, args, {}) is None
        function, (x, state, weights, *rest) = arguments(*LAYERS[name])
        assert known_result(function, (x, state, weights[:-1], *rest), {}) is None
        other = tuple(each[:, :3] for each in state) if isinstance(state, tuple) else state[:, :3]
        assert known_result(function, (x, other, weights, *rest), {}) is None
        double = [each.double() for each in weights]
        assert known_result(function, (x, state, double, *rest), {}) is None
