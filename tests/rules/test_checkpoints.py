"""LC601 and LC602 on traces written by hand, beside what a checkpoint holds."""

from __future__ import annotations

from typing import Any

import pytest

from linearcheck.findings import Diagnostic, SetArgument, Severity
from linearcheck.rules.registry import diagnose
from linearcheck.sizes import N
from linearcheck.trace.records import Checkpoint, StateEntry, Trace
from tests.rules.traces import TraceBuilder

Shapes = dict[str, tuple[int, ...]]

SOURCE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).mean((2, 3)))
"""

NET: Shapes = {
    "conv.weight": (8, 3, 3, 3),
    "conv.bias": (8,),
    "norm.weight": (8,),
    "norm.bias": (8,),
    "norm.num_batches_tracked": (),
    "fc.weight": (10, 8),
    "fc.bias": (10,),
}


def entries(shapes: Shapes, tied: dict[str, str] | None = None) -> tuple[StateEntry, ...]:
    return tuple(StateEntry(name, shape, "float32", (tied or {}).get(name, "")) for name, shape in shapes.items())


def net(saved: Shapes, source: str = SOURCE, **further: Any) -> Trace:
    b = TraceBuilder(source)
    b.layer("conv", "Conv2d", 5, in_channels=3, out_channels=8, kernel_size=(3, 3))
    b.layer("norm", "BatchNorm2d", 6, num_features=8)
    b.layer("fc", "Linear", 7, in_features=8, out_features=10)
    x = b.use("conv", b.input((N, 3, 8, 8)), out=(N, 8, 6, 6), line=10)
    x = b.use("norm", x, out=(N, 8, 6, 6), line=10)
    x = b.call("mean", x, out=(N, 8), line=10, dim=(2, 3))
    b.use("fc", x, out=(N, 10), line=10)
    return b.trace(checkpoint=Checkpoint("net.pt", entries(saved), entries(NET), **further))


def found(trace: Trace, code: str = "LC6") -> list[Diagnostic]:
    return [diagnostic for diagnostic in diagnose(trace) if diagnostic.code.startswith(code)]


def only(trace: Trace, code: str) -> Diagnostic:
    (diagnostic,) = found(trace)
    assert diagnostic.code == code
    return diagnostic


def changed(**sizes: tuple[int, ...]) -> Shapes:
    return NET | {name.replace("__", "."): shape for name, shape in sizes.items()}


def test_the_same_state_is_no_finding() -> None:
    assert found(net(NET)) == []


def test_without_a_checkpoint_nothing_is_said() -> None:
    b = TraceBuilder()
    b.layer("fc", "Linear", 1, in_features=8, out_features=10)
    b.use("fc", b.input((N, 8)), out=(N, 10), line=2)
    assert found(b.trace()) == []


def test_weight_and_bias_of_the_last_layer_are_one_finding() -> None:
    diagnostic = only(net(changed(fc__weight=(1000, 8), fc__bias=(1000,))), "LC601")
    assert diagnostic.message == "the weight and bias of `fc` are (1000, 8) and (1000,) in `net.pt`, but (10, 8) and (10,) in the model"
    assert (diagnostic.layer, diagnostic.got, diagnostic.expected) == ("fc", (1000, 8), (10, 8))
    assert "1,000 classes" in diagnostic.explanation
    assert diagnostic.definition is not None and diagnostic.definition.line == 7
    assert [(p.kind, [(a.argument, a.value) for a in p.actions if isinstance(a, SetArgument)]) for p in diagnostic.proposals] == [
        ("set_out_features", [("out_features", 1000)])
    ]


def test_a_norm_follows_its_convolution() -> None:
    saved = changed(conv__weight=(4, 3, 3, 3), conv__bias=(4,), norm__weight=(4,), norm__bias=(4,), fc__weight=(10, 4))
    diagnostic = only(net(saved), "LC601")
    assert diagnostic.layer == "conv"
    actions = {(a.layer, a.argument, a.value) for a in diagnostic.proposals[0].actions if isinstance(a, SetArgument)}
    assert actions == {("conv", "out_channels", 4), ("norm", "num_features", 4), ("fc", "in_features", 4)}
    assert "`norm` and `fc` differ with it" in diagnostic.explanation


def test_channels_of_the_input() -> None:
    diagnostic = only(net(changed(conv__weight=(8, 1, 3, 3))), "LC601")
    assert "inputs of 1 channel" in diagnostic.explanation
    assert diagnostic.proposals[0].kind == "set_in_channels"


@pytest.mark.parametrize(
    ("name", "shape", "words", "help_words"),
    [
        ("fc.weight", (8, 10), "transposed", '`state["fc.weight"] = state["fc.weight"].t()`'),
        ("fc.weight", (10, 8, 1, 1), "a convolution of one pixel", "flatten(1)"),
        ("conv.weight", (3, 3, 3, 8), "transposed", "permute(3, 2, 0, 1)"),
        ("conv.weight", (8, 3, 5, 5), "kernel_size=5", "`kernel_size`"),
    ],
)
def test_weights_that_are_kept_otherwise(name: str, shape: tuple[int, ...], words: str, help_words: str) -> None:
    diagnostic = only(net(NET | {name: shape}), "LC601")
    assert words in diagnostic.explanation
    assert help_words in diagnostic.proposals[0].title


def test_a_prefix_does_not_hide_a_size() -> None:
    saved = {f"module.{name}": shape for name, shape in changed(fc__weight=(5, 8), fc__bias=(5,)).items()}
    codes = {diagnostic.code: diagnostic for diagnostic in found(net(saved))}
    assert set(codes) == {"LC601", "LC602"}
    assert codes["LC601"].layer == "fc"
    assert codes["LC602"].message == "every name in `net.pt` begins with `module.`, which the model's do not"
    assert '`state = {name.removeprefix("module."): value for name, value in state.items()}`' in codes["LC602"].proposals[0].title


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("model.", "Lightning"),
        ("_orig_mod.", "torch.compile"),
        ("backbone.", "holds this one as its `backbone`"),
        ("module._orig_mod.", "DistributedDataParallel"),
    ],
)
def test_prefixes(prefix: str, words: str) -> None:
    diagnostic = only(net({f"{prefix}{name}": shape for name, shape in NET.items()}), "LC602")
    assert f"begins with `{prefix}`" in diagnostic.message
    assert words in diagnostic.explanation


def test_a_prefix_of_some() -> None:
    saved = {f"net.{name}": shape for name, shape in NET.items()} | {"loss.weight": (3, 3)}
    diagnostic = only(net(saved), "LC602")
    assert diagnostic.message == "the model's tensors are those under `net.` in `net.pt` (7 of 8)"
    assert "`loss.weight`" in diagnostic.explanation or "`loss`" in diagnostic.explanation


def test_a_wrapper_inside_of_names() -> None:
    saved = {name.replace("conv.", "conv._orig_mod."): shape for name, shape in NET.items()}
    diagnostic = only(net(saved), "LC602")
    assert '.replace("_orig_mod.", "")' in diagnostic.proposals[0].title


def test_a_part_of_the_model() -> None:
    b = TraceBuilder()
    wanted = {f"backbone.{name}": shape for name, shape in NET.items()} | {"head.weight": (2, 10)}
    trace = b.trace(checkpoint=Checkpoint("net.pt", entries(NET), entries(wanted)))
    diagnostic = only(trace, "LC602")
    assert "the state of `backbone` alone" in diagnostic.message
    assert "`model.backbone.load_state_dict(state)`" in diagnostic.proposals[0].title
    assert "nothing for `head`" in diagnostic.explanation


def test_a_renamed_layer_is_known_by_its_shapes() -> None:
    saved = {name.replace("fc.", "classifier."): shape for name, shape in NET.items()}
    diagnostic = only(net(saved), "LC602")
    assert diagnostic.message == "`fc` is called `classifier` in `net.pt`"
    code = diagnostic.proposals[0].title.split("`")[1]
    scope: dict[str, Any] = {"re": __import__("re"), "state": dict(saved)}
    exec(code, scope)
    assert scope["state"] == NET


def test_the_same_part_renamed_in_every_block_is_said_once() -> None:
    wanted = {f"blocks.{n}.attn.{part}": (4, 4) for n in range(3) for part in ("weight",)} | {"out.weight": (2, 4)}
    saved = {name.replace(".attn.", ".attention."): shape for name, shape in wanted.items()}
    trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries(saved), entries(wanted)))
    diagnostic = only(trace, "LC602")
    assert diagnostic.message == "`attn` is called `attention` in `net.pt`"
    scope: dict[str, Any] = {"re": __import__("re"), "state": dict(saved)}
    exec(diagnostic.proposals[0].title.split("`")[1], scope)
    assert scope["state"] == wanted


def test_two_layers_of_one_shape_are_told_apart_by_order() -> None:
    wanted = {"first.weight": (4, 4), "second.weight": (4, 4), "third.weight": (4, 2)}
    saved = {"a.weight": (4, 4), "b.weight": (4, 4), "third.weight": (4, 2)}
    trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries(saved), entries(wanted)))
    assert only(trace, "LC602").message == "`first` is called `a` and `second` is called `b` in `net.pt`"


@pytest.mark.parametrize(("saved", "built"), [(6, 4), (2, 4)])
def test_another_depth(saved: int, built: int) -> None:
    def state(depth: int) -> Shapes:
        return {f"blocks.{n}.{part}": (4, 4) for n in range(depth) for part in ("up.weight", "down.weight")} | {"out.weight": (2, 4)}

    trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries(state(saved)), entries(state(built))))
    diagnostic = only(trace, "LC602")
    assert diagnostic.message == f"`blocks` has {saved} blocks in `net.pt`, but {built} in the model"
    assert "another depth" in diagnostic.explanation


def test_recurrent_layers_and_directions() -> None:
    one: Shapes = {"rnn.weight_ih_l0": (16, 8), "rnn.weight_hh_l0": (16, 4), "fc.weight": (2, 4)}
    two = one | {"rnn.weight_ih_l1": (16, 4), "rnn.weight_hh_l1": (16, 4)}
    both = one | {"rnn.weight_ih_l0_reverse": (16, 8), "rnn.weight_hh_l0_reverse": (16, 4)}
    for saved, words in ((two, "`rnn` has 2 layers in `net.pt`, but 1 in the model"), (both, "`rnn` is bidirectional in `net.pt`")):
        trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries(saved), entries(one)))
        assert words in only(trace, "LC602").message


def test_missing_and_unexpected_layers_are_named_whole() -> None:
    saved = {name: shape for name, shape in NET.items() if not name.startswith("fc")} | {"aux.w1": (3, 3), "aux.w2": (3, 4)}
    diagnostic = only(net(saved), "LC602")
    assert diagnostic.message == "`net.pt` has nothing for `fc` (2 tensors)"
    assert "`net.pt` holds `aux` (2 tensors), which the model does not have" in diagnostic.explanation
    assert "2 names missing and 2 names unexpected" in diagnostic.explanation


def test_a_layer_without_its_counter_is_named_whole() -> None:
    diagnostic = only(net({name: shape for name, shape in NET.items() if not name.startswith("norm")}), "LC602")
    assert diagnostic.message == "`net.pt` has nothing for `norm` (2 tensors)"


def test_a_checkpoint_of_another_model_has_no_sizes_to_tell() -> None:
    saved = {f"layer{n}.kernel": (n, n) for n in range(2, 30)} | {"fc.weight": (3, 3)}
    diagnostic = only(net(saved), "LC602")
    assert diagnostic.message.startswith("only 1 of the 29 names in `net.pt` is of")


def test_counters_do_no_harm() -> None:
    (note,) = found(net({name: shape for name, shape in NET.items() if "tracked" not in name}))
    assert (note.code, note.severity) == ("LC602", Severity.NOTE)


@pytest.mark.parametrize(("format", "severity"), [("torch", Severity.WARNING), ("safetensors", Severity.NOTE)])
def test_a_shared_tensor_is_loaded_once(format: Any, severity: Severity) -> None:
    wanted = entries({"tok.weight": (9, 4), "head.weight": (9, 4)}, {"head.weight": "tok.weight"})
    trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries({"tok.weight": (9, 4)}), wanted, format=format))
    (diagnostic,) = found(trace)
    assert (diagnostic.code, diagnostic.severity) == ("LC602", severity)


def test_a_shared_tensor_is_one_finding() -> None:
    wanted = entries({"tok.weight": (9, 4), "head.weight": (9, 4)}, {"head.weight": "tok.weight"})
    trace = TraceBuilder().trace(checkpoint=Checkpoint("net.pt", entries({"tok.weight": (12, 4), "head.weight": (12, 4)}), wanted))
    assert only(trace, "LC601").layer == "tok"


def test_layers_that_rename_what_they_load_are_left_alone() -> None:
    saved = {name.replace("fc.", "old_fc."): shape for name, shape in NET.items()}
    assert [d.message for d in found(net({k: v for k, v in saved.items() if k.startswith(("conv", "norm"))}, adapting=("fc",)))] == []
    assert found(net(changed(fc__weight=(3, 8)), adapting=("",))) == []


def test_a_scalar_takes_one_value_and_a_lazy_layer_any_shape() -> None:
    wanted = (StateEntry("scale", ()), StateEntry("lazy.weight", None))
    saved = entries({"scale": (1,), "lazy.weight": (3, 4)})
    assert found(TraceBuilder().trace(checkpoint=Checkpoint("net.pt", saved, wanted))) == []


LOADING = SOURCE + '\nnet.load_state_dict(torch.load("net.pt"){})\n'
STRIPPING = SOURCE + '\nnet.load_state_dict({{key.replace("module.", ""): v for key, v in torch.load("net.pt").items()}})\n'
WRAPPING = SOURCE + '\nnet = nn.DataParallel(net)\nnet.load_state_dict(torch.load("net.pt"))\n'


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        (LOADING.format(""), Severity.ERROR),
        (LOADING.format(", strict=False"), Severity.WARNING),
        (STRIPPING.format(), Severity.NOTE),
        (WRAPPING, Severity.NOTE),
    ],
)
def test_what_the_file_does_when_it_loads_counts(source: str, severity: Severity) -> None:
    saved = {f"module.{name}": shape for name, shape in NET.items()}
    (diagnostic,) = found(net(saved, source))
    assert diagnostic.severity == severity
    assert diagnostic.span is not None and "load_state_dict" in source.splitlines()[diagnostic.span.line - 1]


def broken(saved: int) -> list[Diagnostic]:
    """A Linear that is built for 100 features and gets 50, beside a checkpoint in which it has so many."""
    b = TraceBuilder("\n" * 20)
    b.layer("a", "Linear", 3, in_features=20, out_features=50)
    b.layer("b", "Linear", 4, in_features=100, out_features=5)
    x = b.use("a", b.input((N, 20)), out=(N, 50), line=6)
    b.use("b", x, out=(N, 5), line=7, error="mat1 and mat2 shapes cannot be multiplied (12x50 and 100x5)")
    wanted = entries({"a.weight": (50, 20), "b.weight": (5, 100)})
    return list(diagnose(b.trace(checkpoint=Checkpoint("net.pt", entries({"a.weight": (50, 20), "b.weight": (5, saved)}), wanted))))


def test_a_layer_that_is_wrong_in_itself_is_one_finding() -> None:
    (diagnostic,) = broken(50)
    assert diagnostic.code == "LC101"
    assert "`net.pt` holds (5, 50) for `b`, which agrees with that." in diagnostic.explanation


def test_a_checkpoint_that_differs_otherwise_is_a_finding_of_its_own() -> None:
    assert {diagnostic.code for diagnostic in broken(70)} == {"LC101", "LC601"}


def test_a_weight_that_was_replaced_is_one_finding() -> None:
    b = TraceBuilder("\n" * 20)
    b.layer("fc", "Linear", 3, in_features=784, out_features=128, weight=(784, 128), replaced=4)
    b.use("fc", b.input((N, 784)), out=(N, 128), line=6, error="mat1 and mat2 shapes cannot be multiplied (12x784 and 128x784)")
    wanted, saved = entries({"fc.weight": (784, 128)}), entries({"fc.weight": (128, 784)})
    (diagnostic,) = diagnose(b.trace(checkpoint=Checkpoint("net.pt", saved, wanted)))
    assert diagnostic.code == "LC105"


def test_blocks_that_one_line_builds_are_one_finding() -> None:
    b = TraceBuilder("\n" * 20)
    x = b.input((N, 4))
    for number in range(4):
        b.layer(f"blocks.{number}", "Linear", 3, in_features=4, out_features=4)
        x = b.use(f"blocks.{number}", x, out=(N, 4), line=6)
    wanted = entries({f"blocks.{number}.bias": (4,) for number in range(4)} | {f"blocks.{number}.weight": (4, 4) for number in range(4)})
    saved = entries({f"blocks.{number}.bias": (4,) for number in range(4)} | {f"blocks.{number}.weight": (4, 4, 1) for number in range(4)})
    (diagnostic,) = found(b.trace(checkpoint=Checkpoint("net.pt", saved, wanted)))
    assert (diagnostic.code, diagnostic.times) == ("LC601", 4)
