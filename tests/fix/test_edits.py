"""Proposals written into sources: where the edit lands and how it reads."""

from __future__ import annotations

import textwrap

import pytest

from linearcheck.findings import Proposal, ReplaceSource, SetArgument, WrapInput
from linearcheck.fix.edits import edit_candidates, edits_for
from linearcheck.fix.text import apply_edits
from linearcheck.trace.records import Span

PATH = "model.py"


def span_of(text: str, part: str, occurrence: int = 0) -> Span:
    """Where a part of a text stands, as a trace would say it."""
    start = -1
    for _ in range(occurrence + 1):
        start = text.index(part, start + 1)
    before = text[:start]
    line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
    end = text[: start + len(part)]
    return Span(PATH, line, column, end.count("\n") + 1, len(part) + start - (end.rfind("\n") + 1) + 1)


def changed(text: str, *actions: object, which: int = 0) -> str:
    """The text after the likeliest edits (or the `which`-th) of a proposal with these actions."""
    found = edit_candidates(Proposal("other", "", actions=actions), {PATH: text})  # type: ignore[arg-type]
    assert len(found) > which, "no edits"
    return apply_edits(text, found[which])


def all_changed(text: str, *actions: object) -> list[str]:
    return [apply_edits(text, edits) for edits in edit_candidates(Proposal("other", "", actions=actions), {PATH: text})]  # type: ignore[arg-type]


def set_in_call(text: str, call: str, callee: str, argument: str, value: int | str, factors: tuple[int, ...] = (), which: int = 0) -> str:
    action = SetArgument(span_of(text, call), callee, argument, value, tuple((f, "") for f in factors))
    return changed(text, action, which=which)


@pytest.mark.parametrize(
    ("call", "callee", "argument", "value", "factors", "expected"),
    [
        ("nn.Linear(400, 120)", "Linear", "in_features", 256, (16, 4, 4), "nn.Linear(256, 120)"),
        ("nn.Linear(400, 120)", "Linear", "out_features", 84, (), "nn.Linear(400, 84)"),
        ("nn.Linear(in_features=400, out_features=120)", "Linear", "in_features", 256, (), "nn.Linear(in_features=256, out_features=120)"),
        ("nn.Linear(16 * 5 * 5, 120)", "Linear", "in_features", 256, (16, 4, 4), "nn.Linear(16 * 4 * 4, 120)"),
        ("nn.Linear(16*5*5, 120)", "Linear", "in_features", 256, (16, 4, 4), "nn.Linear(16*4*4, 120)"),
        ("nn.Linear(5 * 5 * 16, 120)", "Linear", "in_features", 256, (16, 4, 4), "nn.Linear(4 * 4 * 16, 120)"),
        ("nn.Linear(32 * 7, 64)", "Linear", "in_features", 1568, (32, 7, 7), "nn.Linear(32 * 7 * 7, 64)"),
        ("nn.Linear(32*7, 64)", "Linear", "in_features", 1568, (32, 7, 7), "nn.Linear(32*7*7, 64)"),
        ("nn.Linear(50 * 10, 64)", "Linear", "in_features", 384, (), "nn.Linear(384, 64)"),
        ("nn.Linear(1_024, 64)", "Linear", "in_features", 2048, (), "nn.Linear(2_048, 64)"),
        ("nn.Conv2d(8, 16, 5)", "Conv2d", "in_channels", 6, (), "nn.Conv2d(6, 16, 5)"),
        ("nn.Conv2d(8, 16, kernel_size=5)", "Conv2d", "kernel_size", 3, (), "nn.Conv2d(8, 16, kernel_size=3)"),
        ("nn.Conv2d(8, 16, (5, 5))", "Conv2d", "kernel_size", 3, (), "nn.Conv2d(8, 16, (3, 3))"),
        ("nn.Conv2d(8, 16, (5, 5))", "Conv2d", "kernel_size", "(3, 5)", (), "nn.Conv2d(8, 16, (3, 5))"),
        ("nn.Conv2d(8, 16, 3)", "Conv2d", "padding", 1, (), "nn.Conv2d(8, 16, 3, padding=1)"),
        ("nn.LSTM(5, 32, 2)", "LSTM", "batch_first", "True", (), "nn.LSTM(5, 32, 2, batch_first=True)"),
        ("nn.LSTM(5, 32, 2, batch_first=False)", "LSTM", "batch_first", "True", (), "nn.LSTM(5, 32, 2, batch_first=True)"),
        ("nn.LSTM(5, 32, 2,)", "LSTM", "batch_first", "True", (), "nn.LSTM(5, 32, 2, batch_first=True)"),
        ("nn.Softmax()", "Softmax", "dim", "1", (), "nn.Softmax(dim=1)"),
        ("nn.LayerNorm([32, 8, 8])", "LayerNorm", "normalized_shape", "(32, 4, 4)", (), "nn.LayerNorm([32, 4, 4])"),
        ("torch.softmax(x, 0)", "softmax", "dim", "1", (), "torch.softmax(x, 1)"),
        ("F.softmax(scores, dim=0)", "softmax", "dim", 1, (), "F.softmax(scores, dim=1)"),
        ("x.softmax(0)", "softmax", "dim", -1, (), "x.softmax(-1)"),
        ("x.mean(dim=1)", "mean", "keepdim", "True", (), "x.mean(dim=1, keepdim=True)"),
        ("torch.cat((a, b))", "cat", "dim", 1, (), "torch.cat((a, b), dim=1)"),
        ("x.squeeze()", "squeeze", "dim", 1, (), "x.squeeze(dim=1)"),
        ("torch.flatten(x, 2)", "flatten", "start_dim", 1, (), "torch.flatten(x, 1)"),
        ("x.view(-1, 128)", "view", "2", 256, (), "x.view(-1, 256)"),
        ("x.view(-1, 128)", "view", "size", "x.size(0), -1", (), "x.view(x.size(0), -1)"),
        ("x.view(-1, 128)", "view", "shape", "x.size(0), -1", (), "x.view(x.size(0), -1)"),
        ("torch.reshape(x, (-1, 128))", "reshape", "shape", "(x.size(0), -1)", (), "torch.reshape(x, (x.size(0), -1))"),
    ],
)  # fmt: skip
def test_one_argument(call: str, callee: str, argument: str, value: int | str, factors: tuple[int, ...], expected: str) -> None:
    text = f"import torch\nfrom torch import nn\nimport torch.nn.functional as F\ny = {call}  # kept\n"
    assert set_in_call(text, call, callee, argument, value, factors) == text.replace(call, expected)


def test_argument_of_super_init() -> None:
    text = "class Head(nn.Linear):\n    def __init__(self):\n        super().__init__(400, 10)\n"
    assert "super().__init__(256, 10)" in set_in_call(text, "super().__init__(400, 10)", "Linear", "in_features", 256)


def test_keyword_goes_on_its_own_line_where_the_others_stand_so() -> None:
    call = "nn.LSTM(\n    5,\n    32,  # hidden\n)"
    text = f"rnn = {call}\n"
    assert set_in_call(text, call, "LSTM", "batch_first", "True") == "rnn = nn.LSTM(\n    5,\n    32,\n    batch_first=True,  # hidden\n)\n"


def test_constant_is_changed_where_it_is_defined() -> None:
    text = "FLAT = 400\n\nfc = nn.Linear(FLAT, 120)\n"
    assert set_in_call(text, "nn.Linear(FLAT, 120)", "Linear", "in_features", 256) == text.replace("400", "256")


def test_constant_of_a_map_is_multiplied_by_the_factor_it_lacks() -> None:
    text = "FMAP = 8 * 8\n\nfc = nn.Linear(FMAP, 128)\ny = FMAP\n"
    assert "nn.Linear(96 * FMAP, 128)" in set_in_call(text, "nn.Linear(FMAP, 128)", "Linear", "in_features", 6144, (96, 8, 8))


def test_expression_of_names_keeps_its_names() -> None:
    text = textwrap.dedent("""
        COLORS = 3

        class Net(nn.Module):
            def __init__(self, scale=4, feats=32):
                super().__init__()
                self.up = nn.Conv2d(feats, COLORS * scale, 3)
                self.shuffle = nn.PixelShuffle(scale)
    """)
    new = set_in_call(text, "nn.Conv2d(feats, COLORS * scale, 3)", "Conv2d", "out_channels", 48)
    assert "nn.Conv2d(feats, COLORS * scale**2, 3)" in new


def test_coefficient_is_changed_before_the_name() -> None:
    text = "def build(base=16):\n    a = nn.Conv2d(3, base, 3)\n    norm = nn.GroupNorm(8, base * 2)\n"
    assert "nn.GroupNorm(8, base * 4)" in set_in_call(text, "nn.GroupNorm(8, base * 2)", "GroupNorm", "num_channels", 64)


def test_other_names_of_the_function_are_tried() -> None:
    text = textwrap.dedent("""
        class Net(nn.Module):
            def __init__(self, embed=32, hidden=64, classes=5):
                self.rnn = nn.GRU(embed, hidden)
                self.fc = nn.Linear(embed, classes)
    """)
    action = SetArgument(span_of(text, "nn.Linear(embed, classes)"), "Linear", "in_features", 64)
    found = all_changed(text, action)
    assert any("nn.Linear(hidden, classes)" in new for new in found)
    assert any("nn.Linear(2 * embed, classes)" in new for new in found)


def test_number_of_classes_is_never_changed_where_it_is_defined() -> None:
    text = "class Net(nn.Module):\n    def __init__(self, num_classes=10):\n        self.fc = nn.Linear(num_classes, 4)\n"
    action = SetArgument(span_of(text, "nn.Linear(num_classes, 4)"), "Linear", "in_features", 64)
    assert all("num_classes=10" in new for new in all_changed(text, action))


def test_helper_is_mended_where_it_is_called() -> None:
    text = textwrap.dedent("""
        def dense(i, o):
            return nn.Sequential(nn.Linear(i, o), nn.ReLU())

        net = nn.Sequential(dense(784, 128), dense(64, 10))
    """)
    action = SetArgument(span_of(text, "nn.Linear(i, o)"), "Linear", "in_features", 128, old=64)
    assert any("dense(128, 10)" in new for new in all_changed(text, action))


def test_table_of_a_loop() -> None:
    text = "layers = []\nfor i, o in [(1, 6), (8, 16)]:\n    layers.append(nn.Conv2d(i, o, 3))\n"
    action = SetArgument(span_of(text, "nn.Conv2d(i, o, 3)"), "Conv2d", "in_channels", 6, old=8)
    assert any("[(1, 6), (6, 16)]" in new for new in all_changed(text, action))


def test_loop_that_never_moves_on() -> None:
    text = textwrap.dedent("""
        width = 30
        layers = []
        for size in (112, 56):
            layers.append(nn.Linear(width, size))
            layers.append(nn.ReLU())
    """)
    action = SetArgument(span_of(text, "nn.Linear(width, size)"), "Linear", "in_features", 112)
    assert any("    layers.append(nn.ReLU())\n    width = size\n" in new for new in all_changed(text, action))


def test_class_attribute_is_overridden_in_the_subclass() -> None:
    text = textwrap.dedent('''
        class Base(nn.Module):
            feature_dim = 256

            def __init__(self):
                self.fc = nn.Linear(self.feature_dim, 10)

        class Small(Base):
            """Small."""

            def build(self):
                return 1

        class Large(Base):
            pass
    ''')
    action = SetArgument(span_of(text, "nn.Linear(self.feature_dim, 10)"), "Linear", "in_features", 160)
    assert any('    """Small."""\n\n    feature_dim = 160\n\n    def build' in new for new in all_changed(text, action))


@pytest.mark.parametrize(
    ("definition", "use", "expected"),
    [
        ("@dataclass\nclass Config:\n    hidden: int = 32\n", "cfg.hidden", "hidden: int = 64"),
        ("cfg = Config(hidden=32)\n", "cfg.hidden", "Config(hidden=64)"),
        ('cfg = {"hidden": 32}\n', 'cfg["hidden"]', '{"hidden": 64}'),
        ("cfg = dict(hidden=32)\n", 'cfg["hidden"]', "dict(hidden=64)"),
        ('parser.add_argument("--hidden", type=int, default=32)\n', "args.hidden", "default=64"),
        ("HIDDEN, OUT = 32, 10\n", "HIDDEN", "HIDDEN, OUT = 64, 10"),
        ("dims = [32, 10]\n", "dims[0]", "dims = [64, 10]"),
    ],
)
def test_configuration_is_changed_where_it_is_written(definition: str, use: str, expected: str) -> None:
    text = f"{definition}\nfc = nn.Linear({use}, 10)\n"
    action = SetArgument(span_of(text, f"nn.Linear({use}, 10)"), "Linear", "in_features", 64, old=32)
    assert any(expected in new and f"nn.Linear({use}, 10)" in new for new in all_changed(text, action))


def test_constant_of_another_file_is_changed_there() -> None:
    text = "from .sizes import FLAT\n\nfc = nn.Linear(FLAT, 10)\n"
    sources = {PATH: text, "sizes.py": "FLAT = 400\n"}
    action = SetArgument(span_of(text, "nn.Linear(FLAT, 10)"), "Linear", "in_features", 256)
    edits = edits_for(Proposal("set_in_features", "", actions=(action,)), sources)
    assert edits is not None
    assert apply_edits(sources["sizes.py"], edits) == "FLAT = 256\n"


def wrap(text: str, call: str, transform: str, **options: object) -> str:
    return changed(text, WrapInput(span_of(text, call), transform, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "transform", "options", "expected"),
    [
        ("self.fc(x)", "flatten", {}, "self.fc(torch.flatten(x, 1))"),
        ("self.fc(x + y)", "flatten", {}, "self.fc(torch.flatten(x + y, 1))"),
        ("self.conv(x)", "permute", {"axes": (0, 3, 1, 2)}, "self.conv(x.permute(0, 3, 1, 2))"),
        ("self.conv(x)", "transpose", {"axes": (1, 2)}, "self.conv(x.transpose(1, 2))"),
        ("self.conv(x)", "unsqueeze", {"axes": (1,)}, "self.conv(x.unsqueeze(1))"),
        ("self.conv(x / 255)", "unsqueeze", {"axes": (1,)}, "self.conv((x / 255).unsqueeze(1))"),
        ("self.fc(x)", "squeeze", {"axes": (1,)}, "self.fc(x.squeeze(1))"),
        ("self.fc(x)", "dtype", {"dtype": "float32"}, "self.fc(x.float())"),
        ("self.fc(x)", "dtype", {"dtype": "torch.int8"}, "self.fc(x.to(torch.int8))"),
        ("self.attn(q, k, value=v)", "unsqueeze", {"axes": (1,), "position": 1}, "self.attn(q, k.unsqueeze(1), value=v)"),
        ("self.attn(q, k, value=v)", "unsqueeze", {"axes": (1,), "argument": "value"}, "self.attn(q, k, value=v.unsqueeze(1))"),
        ("F.conv2d(x, w)", "unsqueeze", {"axes": (1,), "position": 1}, "F.conv2d(x, w.unsqueeze(1))"),
        ("a + b.mean(1)", "unsqueeze", {"axes": (1,), "position": 1}, "a + b.mean(1).unsqueeze(1)"),
        ("a @ b", "transpose", {"axes": (1, 2), "position": 0}, "a.transpose(1, 2) @ b"),
        ("x.matmul(w)", "unsqueeze", {"axes": (0,), "position": 0}, "x.unsqueeze(0).matmul(w)"),
        ("x.matmul(w)", "unsqueeze", {"axes": (0,), "position": 1}, "x.matmul(w.unsqueeze(0))"),
        ("self.fc(input=x)", "flatten", {}, "self.fc(input=torch.flatten(x, 1))"),
    ],
)
def test_wrapped_input(call: str, transform: str, options: dict[str, object], expected: str) -> None:
    text = f"import torch\nimport torch.nn.functional as F\ny = {call}\n"
    assert wrap(text, call, transform, **options) == text.replace(call, expected)


@pytest.mark.parametrize(
    ("elsewhere", "expected"),
    [
        ("import torch\nz = y.view(y.size(0), -1)", "x.view(x.size(0), -1)"),
        ("import torch\nz = y.reshape(y.shape[0], -1)", "x.reshape(x.shape[0], -1)"),
        ("import torch\nz = y.flatten(1)", "x.flatten(1)"),
        ("import torch as th", "th.flatten(x, 1)"),
        ("from torch import nn", "x.flatten(1)"),
    ],
)
def test_flatten_in_the_style_of_the_file(elsewhere: str, expected: str) -> None:
    text = f"{elsewhere}\nout = self.fc(x)\n"
    assert wrap(text, "self.fc(x)", "flatten") == text.replace("self.fc(x)", f"self.fc({expected})")


@pytest.mark.parametrize("call", ["self.fc(*parts)", "self.fc()", "self.fc(**named)"])
def test_no_plain_argument_no_edit(call: str) -> None:
    text = f"y = {call}\n"
    assert edits_for(Proposal("flatten", "", actions=(WrapInput(span_of(text, call), "flatten"),)), {PATH: text}) is None


def flatten_before(text: str, definition: str, layer: str, call: str) -> list[str]:
    action = WrapInput(span_of(text, call), "flatten", layer=layer, definition=span_of(text, definition))
    return all_changed(text, action)


def test_flatten_on_its_own_line_of_a_sequential() -> None:
    text = textwrap.dedent("""
        import torch
        from torch import nn
        net = nn.Sequential(
            nn.Conv2d(1, 8, 3),
            nn.Linear(8, 10),  # head
        )
        y = net(x)
    """)
    expected = text.replace("    nn.Linear", "    nn.Flatten(),\n    nn.Linear")
    assert flatten_before(text, "nn.Linear(8, 10)", "net.1", "net(x)") == [expected]


def test_flatten_in_one_line_of_a_sequential() -> None:
    text = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Linear(8, 10))\ny = net(x)\n"
    assert flatten_before(text, "nn.Linear(8, 10)", "1", "net(x)") == [text.replace("nn.Linear", "nn.Flatten(), nn.Linear")]


def test_flatten_in_a_list_that_becomes_a_sequential() -> None:
    text = (
        "from torch import nn\nlayers = [nn.Conv2d(1, 8, 3)]\nlayers.append(nn.Linear(8, 10))\nnet = nn.Sequential(*layers)\ny = net(x)\n"
    )
    expected = text.replace("layers.append(nn.Linear", "layers.append(nn.Flatten())\nlayers.append(nn.Linear")
    assert flatten_before(text, "nn.Linear(8, 10)", "1", "net(x)") == [expected]


def test_flatten_with_a_name_in_an_ordered_dict() -> None:
    text = 'from torch import nn\nnet = nn.Sequential(OrderedDict([("c", nn.Conv2d(1, 8, 3)), ("fc", nn.Linear(8, 10))]))\ny = net(x)\n'
    assert '("flatten", nn.Flatten()), ("fc", nn.Linear(8, 10))' in flatten_before(text, "nn.Linear(8, 10)", "net.fc", "net(x)")[0]


def test_flatten_imported_by_name() -> None:
    text = "from torch.nn import Conv2d, Linear, Sequential\n\nnet = Sequential(Conv2d(1, 8, 3), Linear(8, 10))\ny = net(x)\n"
    new = flatten_before(text, "Linear(8, 10)", "1", "net(x)")[0]
    assert "Flatten(), Linear(8, 10)" in new
    assert "from torch.nn import Flatten\n" in new


def test_first_layer_of_a_sequential_is_flattened_in_forward() -> None:
    text = "import torch\nfrom torch import nn\nhead = nn.Sequential(nn.Linear(8, 10))\ny = head(x)\n"
    found = flatten_before(text, "nn.Linear(8, 10)", "head.0", "head(x)")
    assert "y = head(torch.flatten(x, 1))" in found[0]
    assert "nn.Sequential(nn.Flatten(), nn.Linear(8, 10))" in found[1]


def test_layer_inside_a_sequential_takes_no_permute_unless_it_is_first() -> None:
    text = "from torch import nn\nnet = nn.Sequential(nn.ReLU(), nn.Conv1d(8, 10, 3))\ny = net(x)\n"
    action = WrapInput(span_of(text, "net(x)"), "transpose", (1, 2), layer="net.1", definition=span_of(text, "nn.Conv1d(8, 10, 3)"))
    assert edits_for(Proposal("permute", "", actions=(action,)), {PATH: text}) is None


def test_needed_import_is_added() -> None:
    text = '"""Doc."""\n\nfrom torch import nn\n\ny = f(x)\n'
    new = changed(text, ReplaceSource(span_of(text, "f(x)"), "torch.flatten(x, 1)"))
    assert new == '"""Doc."""\n\nfrom torch import nn\nimport torch\n\ny = torch.flatten(x, 1)\n'


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffc = nn.Linear(400, 10)\r\n",
        "fc = nn.Linear(400, 10)\r\nx = 1\r\n",
        "µ = 'é'; fc = nn.Linear(400, 10)\n",
        "\tfc\t= nn.Linear(400, 10)\n".lstrip(),
    ],
)
def test_unusual_characters(text: str) -> None:
    plain = text.removeprefix("\ufeff")
    action = SetArgument(span_of(plain, "nn.Linear(400, 10)"), "Linear", "in_features", 256)
    assert changed(text, action) == text.replace("400", "256")
