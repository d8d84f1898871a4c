"""What a trace records of a right model: shapes with names, places, layers."""

from __future__ import annotations

from torch import nn

from linearcheck.sizes import N, NamedSize, shape_text
from tests.trace.models import line_of, trace

LENET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(864, 10),  # the head
        )

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.net(x)
"""


def test_sizes_have_names_and_layers_have_places() -> None:
    found = trace(LENET, ("N", 1, 28, 28))
    conv = next(call for call in found.calls if call.kind == "module" and call.layer == "conv1")
    assert conv.input is not None and conv.input.sizes == (N, 1, 28, 28)
    assert conv.output is not None and conv.output.sizes == (N, 6, 24, 24)
    assert conv.site is not None and conv.site.line == line_of(LENET, "self.conv1(x)")
    assert not found.failures
    assert [shape_text(tensor.sizes) for tensor in found.outputs] == ["(N, 10)"]


def test_a_layer_inside_a_sequential_has_its_own_line_and_is_called_by_torch() -> None:
    found = trace(LENET, ("N", 1, 28, 28))
    head = found.layer("net.1")
    assert head is not None and head.definition is not None
    assert head.definition.line == line_of(LENET, "# the head")
    assert head.caller_type == "torch" and head.declared["in_features"] == 864


def test_columns_count_characters_behind_other_scripts() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.größe = nn.Linear(4, 2)

        def forward(self, x):
            é = "é"; y = self.größe(x)
            return y
    """
    found = trace(source, ("N", 4))
    call = next(call for call in found.calls if call.layer == "größe")
    assert call.site is not None
    assert call.site.column == '        é = "é"; y = self.größe(x)'.index("self") + 1
    assert call.site.end_column - call.site.column == len("self.größe(x)")


def test_one_more_size_decides_what_two_leave_open() -> None:
    source = """
    class Net(nn.Module):
        def forward(self, x):
            left, _ = x.chunk(2)
            token = torch.cat([x[:1], x])
            pairs = x[:, 0][:, None] * x[:, 0][None]
            return left, token, pairs, pairs.flatten()
    """
    left, token, pairs, flat = (tensor.sizes for tensor in trace(source, ("N", 6)).outputs)
    assert str(left[0]) == "N/2" and str(token[0]) == "N+1"
    assert pairs == (N, N) and flat == (NamedSize(("N", "N")),)


def test_every_letter_of_a_shape_gets_its_name() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(9, 5)

        def forward(self, x):
            out, _ = self.rnn(x)
            return out, out.reshape(-1, 5)
    """
    out, rows = (shape_text(tensor.sizes) for tensor in trace(source, ("T", "N", 9)).outputs)
    assert out == "(T, N, 5)" and rows == "(N*T, 5)"


def test_integers_follow_their_first_consumer() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(2, 8)
            self.head = nn.Linear(8, 3)

        def forward(self, ids, target):
            return F.cross_entropy(self.head(self.embed(ids).mean(1)), target)
    """
    found = trace(source, ("N", 12), ("N",))
    assert [tensor.dtype for tensor in found.inputs] == ["int64", "int64"]
    assert not found.failures and found.outputs[0].sizes == ()


def test_state_kept_between_calls_is_put_back_between_traces() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(3, 7)
            self.hidden = None

        def forward(self, x):
            self.hidden = self.cell(x, self.hidden)
            return self.hidden
    """
    found = trace(source, ("N", 3))
    assert not found.failures and found.outputs[0].sizes == (N, 7)


def test_a_replaced_weight_knows_where() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 1, bias=False)
            self.b = nn.Linear(3, 5)
            self.a.weight.data = torch.tensor([1.0, 2.0, 3.0])  # through data
            self.b.weight = nn.Parameter(torch.randn(3, 5))  # assigned

        def forward(self, x):
            return self.a(x), self.b(x)
    """
    found = trace(source, ("N", 3))
    a, b = found.layer("a"), found.layer("b")
    assert a is not None and b is not None
    assert a.replaced["weight"].line == line_of(source, "# through data") and a.parameters["weight"].shape == (3,)
    assert b.replaced["weight"].line == line_of(source, "# assigned")
    assert [call.layer for call in found.failures] == ["b"]


def test_cuda_that_is_not_there() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4).cuda()
            self.shift = torch.zeros(4, device="cuda:0")

        def forward(self, x):
            x = x.cuda().to("cuda", non_blocking=True).to(torch.device("cuda"))
            noise = torch.randn(x.shape, device="cuda")
            return self.fc(x + noise.cuda(0)) + self.shift.to(0)
    """
    assert not trace(source, ("N", 4)).failures


def test_a_layer_called_by_its_forward_is_known_as_the_layer() -> None:
    source = """
    class Scaled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.lstm = nn.LSTM(8, 5)
            self.head = Scaled(5, 2)

        def forward(self, x):
            x = self.conv.forward(x).flatten(2).permute(2, 0, 1)
            x, _ = self.lstm.forward(x)
            return self.head.forward(x[-1])
    """
    found = trace(source, ("N", 3, 8, 8))
    assert not found.failures
    assert [call.layer for call in found.calls if call.kind == "module"] == ["", "conv", "lstm", "head"]
    wrong = trace(source.replace("LSTM(8, 5)", "LSTM(7, 5)"), ("N", 3, 8, 8))
    assert [call.layer for call in wrong.failures] == ["lstm"]
    assert [shape_text(tensor.sizes) for tensor in wrong.outputs] == ["(N, 2)"]
    assert not hasattr(nn.Conv2d.forward, "__wrapped__")
