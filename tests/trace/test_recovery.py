"""After a failure the trace goes on, and what follows from it is not reported."""

from __future__ import annotations

import pytest

from linearcheck.sizes import N
from tests.trace.models import line_of, trace


def failing_lines(source: str, *shapes: tuple[int | str, ...]) -> list[int]:
    return [call.site.line for call in trace(source, *shapes).failures if call.site]


def test_two_wrong_linears_are_two_failures() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(10, 20), nn.Linear(30, 40), nn.Linear(50, 60)

        def forward(self, x):
            x = self.a(x)
            x = self.b(x)  # first
            x = self.c(x)  # second
            return x
    """
    found = trace(source, ("N", 10))
    assert [call.layer for call in found.failures] == ["b", "c"]
    assert found.outputs[0].sizes == (N, 60)


CONSEQUENCES = {
    "residual of two widths": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem, self.block = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
                self.fc = nn.Linear(32, 10)

            def forward(self, x):
                x = self.stem(x)
                x = x + self.block(x)  # here
                return self.fc(x.mean((2, 3)))
        """,
        ("N", 3, 17, 17),
    ),
    "kernel larger than its map, then a pool": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.fc = nn.Conv2d(3, 8, 7), nn.Linear(8, 10)

            def forward(self, x):
                x = F.max_pool2d(self.conv(x), 2)  # here
                return self.fc(torch.flatten(x, 1))
        """,
        ("N", 3, 5, 5),
    ),
    "feature map reaches a Linear": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.a, self.b = nn.Conv2d(3, 8, 3), nn.Linear(8 * 14 * 14, 50), nn.Linear(50, 10)

            def forward(self, x):
                x = self.a(self.conv(x))  # here
                return self.b(F.relu(x))
        """,
        ("N", 3, 16, 16),
    ),
    "embedding of a wrong width into a recurrent layer": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.rnn, self.fc = nn.Linear(4, 30), nn.LSTM(31, 20, batch_first=True, bidirectional=True), nn.Linear(40, 3)

            def forward(self, x):
                out, (h, c) = self.rnn(self.embed(x))  # here
                return self.fc(torch.cat([h[-1], h[-2]], 1)), self.fc(out)
        """,
        ("N", 9, 4),
    ),
    "branches of different height in a concatenation": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(3, 16, 3, stride=2, padding=1)
                self.c = nn.Conv2d(32, 8, 1)

            def forward(self, x):
                x = torch.cat([self.a(x), self.b(x)], dim=1)  # here
                return self.c(x).mean((2, 3))
        """,
        ("N", 3, 32, 32),
    ),
    "attention of a wrong width": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.attn, self.norm = nn.MultiheadAttention(64, 4, batch_first=True), nn.LayerNorm(64)

            def forward(self, x):
                y, _ = self.attn(x, x, x)  # here
                return self.norm(y)
        """,
        ("N", 10, 60),
    ),
    "a shape that does not unpack in an inner module": (
        """
        class Inner(nn.Module):
            def forward(self, x):
                b, c, h, w = x.shape  # here
                return x.reshape(b, c, h * w)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.fc = Inner(), nn.Linear(49, 3)

            def forward(self, x):
                return self.fc(self.inner(x))
        """,
        ("N", 7, 7),
    ),
}


@pytest.mark.parametrize("name", CONSEQUENCES)
def test_consequences_of_a_guess_are_not_failures(name: str) -> None:
    source, shape = CONSEQUENCES[name]
    found = trace(source, shape)
    lines = {call.site.line for call in found.failures if call.site} | {error.site.line for error in found.python_errors if error.site}
    assert lines == {line_of(source, "# here")}


def test_independent_branches_are_all_reported() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(5, 2), nn.Conv1d(3, 4, 3), nn.BatchNorm1d(9)

        def forward(self, x, y, z):
            return self.a(x), self.b(y), self.c(z)
    """
    found = trace(source, ("N", 6), ("N", 5, 20), ("N", 8))
    assert [call.layer for call in found.failures] == ["a", "b", "c"]


def test_a_literal_batch_size_is_no_failure_but_a_batch_failure() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(9, 3)

        def forward(self, x):
            noise = torch.randn(64, 3)
            return self.fc(x) + noise
    """
    found = trace(source, ("N", 9))
    assert not found.failures
    assert [failure.ran_sizes for failure in found.batch_failures] == [(64,)]


def test_a_batch_that_must_be_a_multiple_is_no_failure() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(9, 3)

        def forward(self, x):
            z = self.fc(x)
            prototypes = z.view(5, z.size(0) // 5, 3).mean(1)
            return z @ prototypes.t()
    """
    found = trace(source, ("N", 9))
    assert not found.failures
    assert not found.batch_failures


def test_rows_that_stay_as_many_whatever_the_batch_are_a_batch_failure() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(9, 64)

        def forward(self, x):
            return self.fc(x).view(50, -1)
    """
    found = trace(source, ("N", 9))
    assert [failure.ran_sizes for failure in found.batch_failures] == [(50,)]


def test_an_axis_that_happens_to_have_a_size_of_the_model_is_a_plain_failure() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.value, self.advantage = nn.Linear(9, 1), nn.Linear(9, 6)

        def forward(self, x):
            v, a = self.value(x), self.advantage(x)
            return v + a - a.mean(dim=1)
    """
    found = trace(source, ("N", 9))
    assert [call.name for call in found.failures] == ["sub"] and not found.batch_failures


CONSEQUENCES_OF_ORDER = {
    "scores of queries and keys that were not transposed": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.q, self.k, self.v = nn.Linear(9, 16), nn.Linear(9, 16), nn.Linear(9, 16)

            def forward(self, x):
                q, k, v = self.q(x), self.k(x), self.v(x)
                scores = (q @ k).softmax(-1)  # here
                return scores @ v
        """,
        ("N", 11, 9),
    ),
    "concatenation along the wrong axis": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.c = nn.Linear(9, 16), nn.Linear(9, 5), nn.Linear(21, 3)

            def forward(self, x):
                x = torch.cat([self.a(x), self.b(x)], dim=0)  # here
                return self.c(x)
        """,
        ("N", 9),
    ),
    "LayerNorm of channels that stand on axis 1": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm, self.fc = nn.Conv1d(9, 16, 3), nn.LayerNorm(16), nn.Linear(16, 3)

            def forward(self, x):
                x = self.norm(self.conv(x))  # here
                return self.fc(x)
        """,
        ("N", 9, 31),
    ),
    "a cell of a wrong input size": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell, self.fc = nn.LSTMCell(10, 16), nn.Linear(16, 3)

            def forward(self, x):
                h, c = self.cell(x)  # here
                return self.fc(h)
        """,
        ("N", 9),
    ),
}


@pytest.mark.parametrize("name", CONSEQUENCES_OF_ORDER)
def test_consequences_of_a_wrong_order_are_not_failures(name: str) -> None:
    source, shape = CONSEQUENCES_OF_ORDER[name]
    assert failing_lines(source, shape) == [line_of(source, "# here")]


def test_copies_of_a_layer_know_where_the_original_was_built() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4), 2)  # here

        def forward(self, x):
            return self.encoder(x)
    """
    layer = trace(source, ("T", "N", 16)).layer("encoder.layers.1.linear1")
    assert layer is not None and layer.definition is not None and layer.definition.line == line_of(source, "# here")


def test_a_weight_of_in_and_out_promises_out() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(10, 7))

        def forward(self, x):
            return F.linear(x, self.weight)
    """
    found = trace(source, ("N", 10))
    assert len(found.failures) == 1
    assert found.outputs[0].sizes == (N, 7)


HANDLER = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 10)

        def forward(self, x):
            x = self.conv(x)
            try:
                x = self.fc(x)  # here
            except {kind} as error:
                {handler}
            return x
"""


@pytest.mark.parametrize(
    ("kind", "handler"),
    [
        ("RuntimeError", "x = self.fc(x.flatten(1))"),
        ("Exception", "return self.fc(x.flatten(1))"),
        ("(ValueError, RuntimeError)", "x = self.fc(x.flatten(1))"),
    ],
)
def test_failure_that_the_author_is_ready_for_is_none(kind: str, handler: str) -> None:
    found = trace(HANDLER.format(kind=kind, handler=handler), ("N", 3, 8, 8))
    assert not found.failures and not found.python_errors
    assert found.outputs[0].sizes == (N, 10)


@pytest.mark.parametrize(
    ("kind", "handler"),
    [
        ("RuntimeError", "print(x.shape); raise"),
        ("RuntimeError", "raise ValueError('bad') from error"),
        ("Exception", "print(error); exit(1)"),
        ("Exception", "print(error)"),
        ("Exception", "pass"),
        ("KeyError", "x = self.fc(x.flatten(1))"),
    ],
)
def test_failure_that_is_only_shown_or_hidden_is_one(kind: str, handler: str) -> None:
    source = HANDLER.format(kind=kind, handler=handler)
    assert failing_lines(source, ("N", 3, 8, 8)) == [line_of(source, "# here")]


def test_handler_of_who_calls_the_check_is_not_the_models() -> None:
    source = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(3, 4)\n\n"
    source += "    def forward(self, x):\n        return self.fc(x)\n"
    try:
        found = trace(source, ("N", 5))
    except RuntimeError:
        found = None
    assert found is not None and len(found.failures) == 1


DECODER = """
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn, self.v = nn.Linear(52, 26), nn.Linear(26, 1, bias=False)

        def forward(self, hidden, outputs):
            repeated = hidden.unsqueeze(1).repeat(1, outputs.shape[1], 1)
            energy = torch.tanh(self.attn(torch.cat((repeated, outputs), dim=2)))
            return torch.softmax(self.v(energy).squeeze(2), dim=1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.cell, self.out = Attention(), nn.GRUCell(18 + 26, 26), nn.Linear(18 + 52, 40)

        def forward(self, steps, hidden, outputs):
            logits = []
            for t in range(steps.shape[1]):
                weights = self.attention(hidden, outputs)
                context = torch.bmm(weights.unsqueeze(1), outputs).squeeze(1)
                hidden = self.cell(torch.cat((steps[:, t], context), dim=1), hidden)
                logits.append(self.out(torch.cat((hidden, context, steps[:, t]), dim=1)))
            return torch.stack(logits, dim=1)
"""


@pytest.mark.parametrize(
    ("right", "wrong", "places"),
    [
        (".squeeze(1)", "", ["self.cell(", "self.out(torch.cat"]),
        (".squeeze(2)", "", ["context = "]),
        (".unsqueeze(1).repeat", ".repeat", ["energy = "]),
        ("weights.unsqueeze(1)", "weights", ["context = "]),
    ],
)
def test_too_many_or_too_few_axes_are_one_mistake_in_a_decoder_that_loops(right: str, wrong: str, places: list[str]) -> None:
    assert DECODER.count(right) == 1
    source = DECODER.replace(right, wrong)
    found = set(failing_lines(source, ("N", 5, 18), ("N", 26), ("N", 11, 26)))
    assert found == {line_of(source, place) for place in places}


def test_the_decoder_itself_is_right() -> None:
    assert not trace(DECODER, ("N", 5, 18), ("N", 26), ("N", 11, 26)).failures


def test_as_many_positions_as_features_before_a_norm_of_another_size() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.norm = nn.Embedding(10, 65), nn.LayerNorm(64)
            self.heads, self.out = nn.Linear(64, 128), nn.Linear(64, 10)

        def forward(self, ids):
            h = self.heads(self.norm(self.table(ids)))
            n, t, _ = h.shape
            k, v = (part.reshape(n * 8, t, 8) for part in h.view(n, t, 8, 2, 8).transpose(1, 2).unbind(3))
            scores = torch.baddbmm(torch.zeros(n * 8, 1, 64), k, k.transpose(1, 2)).softmax(-1)
            return self.out((scores @ v).view(n, 8, t, 8).transpose(1, 2).reshape(n, t, 64))
    """
    found = trace(source, ("N", 64), dtypes={"ids": "int64"})
    assert [call.name for call in found.failures] == ["layer_norm"]
    assert found.batch_failures == ()
