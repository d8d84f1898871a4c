"""Which models of a file are checked."""

import textwrap
from pathlib import Path

import pytest

from linearcheck.load.records import LoadError

NET = """
import torch.nn as nn
class {name}({base}):
    def __init__(self):
        super().__init__()
        {body}
    def forward(self, x):
        return x
"""


def model(name: str, body: str = "pass", base: str = "nn.Module") -> str:
    return NET.format(name=name, body=body, base=base)


def test_every_model_that_no_other_constructs(workspace) -> None:
    source = model("Block") + model("Generator", "self.b = Block()") + model("Discriminator")
    assert workspace(source).names() == ["Generator", "Discriminator"]


def test_all_of_them_where_each_constructs_another(workspace) -> None:
    source = model("A", "self.other = lambda: B()") + model("B", "self.other = lambda: A()")
    assert workspace(source).names() == ["A", "B"]


def test_a_loss_beside_a_model_is_no_model(workspace) -> None:
    net = model("Net", "self.l = nn.Linear(2, 2)")
    assert workspace(net + model("DiceLoss", "self.smooth = 1.0")).names() == ["Net"]
    assert workspace(net + model("Smoothed", "self.smooth = 1.0", "nn.CrossEntropyLoss")).names() == ["Net"]
    assert workspace(model("Weighted", "self.bce = nn.BCELoss()") + model("FocalLoss")).names() == ["Weighted"]
    assert workspace(model("DiceLoss", "self.smooth = 1.0")).names() == ["DiceLoss"]
    assert workspace(net + model("ArcFaceLoss", "self.w = nn.Parameter(torch.ones(4, 8))")).names() == ["Net", "ArcFaceLoss"]
    assert workspace(net + model("VggLoss", "self.conv = nn.Conv2d(3, 8, 3)")).names() == ["Net", "VggLoss"]


@pytest.mark.parametrize(
    "use",
    [
        "self.layers = nn.ModuleList(Block() for _ in range(3))",
        "self.layers = make(Block)",
        "self.layers = TABLE['block']()",
        "self.layers = helper()",
        "self.layers = LIST[0]()",
    ],
)
def test_parts_through_names_tables_and_functions(workspace, use: str) -> None:
    source = model("Block") + "TABLE = {'block': Block}\nLIST = [Block]\ndef helper(): return Block()\n" + model("Net", use)
    assert workspace(source).names() == ["Net"]


def test_parts_that_register_themselves(workspace) -> None:
    registry = """
    REGISTRY = {}
    def register(name):
        def wrap(cls):
            REGISTRY[name] = cls
            return cls
        return wrap
    """
    source = (
        textwrap.dedent(registry)
        + model("Block").replace("class Block", "@register('b')\nclass Block")
        + model("Net", "self.b = REGISTRY['b']()")
    )
    assert workspace(source).names() == ["Net"]


def test_modules_handed_to_a_constructor_are_its_parts(workspace) -> None:
    source = model("Encoder") + model("Decoder") + model("Seq2Seq") + "enc = Encoder().cuda()\nnet = Seq2Seq(enc, Decoder())\n"
    assert workspace(source).names() == ["Seq2Seq"]


def test_a_class_handed_to_a_constructor_is_its_part(workspace) -> None:
    source = model("BasicBlock") + model("ResNet") + "def resnet18(): return ResNet(BasicBlock, [2, 2])\n"
    assert workspace(source).names() == ["ResNet"]


def test_an_abstract_base_is_no_model_and_a_concrete_one_is(workspace) -> None:
    abstract = """
    import torch.nn as nn
    class Base(nn.Module):
        def forward(self, x):
            raise NotImplementedError
    class WithHead(nn.Module):
        def body(self):
            raise NotImplementedError
        def forward(self, x):
            return self.body()
    class Plain(nn.Module):
        def forward(self, x): return x
    class A(Base):
        def forward(self, x): return x
    class B(WithHead):
        def body(self): return 1
    class C(Plain): ...
    """
    assert workspace(abstract).names() == ["Plain", "A", "B", "C"]


@pytest.mark.parametrize(
    "base", ["nn.Module", "torch.nn.Module", "nn.Sequential", "pl.LightningModule", "LightningModule", "Base", "layers.Deep", "Module"]
)
def test_bases_that_make_a_model(workspace, base: str) -> None:
    imports = """
import torch, torch.nn as nn, pytorch_lightning as pl
from pytorch_lightning import LightningModule
from torch.nn import *
from layers import Base
import layers
"""
    layers = "import torch.nn as nn\nclass Base(nn.Module):\n    def forward(self, x): return x\nclass Deep(Base): ...\n"
    assert workspace(imports + model("Net", base=base), layers=layers).names() == ["Net"]


@pytest.mark.parametrize("base", ["object", "Dataset", "torch.autograd.Function", "nn.ModuleList", "Unknown"])
def test_bases_that_do_not(workspace, base: str) -> None:
    source = f"import torch, torch.nn as nn\nfrom torch.utils.data import Dataset\nclass Net({base}):\n    x = 1\n"
    assert workspace(source).names() == []


def test_instances_where_there_is_no_class(workspace) -> None:
    source = """
    import torch.nn as nn
    features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
    model = nn.DataParallel(nn.Sequential(features, nn.Flatten())).cuda()
    criterion = nn.CrossEntropyLoss()
    """
    assert workspace(source).names() == ["model"]


def test_factories_where_there_is_no_instance(workspace) -> None:
    source = """
    import torch.nn as nn
    def block(cin, cout): return nn.Sequential(nn.Conv2d(cin, cout, 3), nn.ReLU())
    def build_model(width=8):
        net = nn.Sequential(block(1, width), nn.Flatten())
        return net
    """
    assert workspace(source).names() == ["build_model"]


def test_an_instance_of_a_model_of_another_file(workspace) -> None:
    assert workspace("from nets import Net\nnet = Net()\n", nets=model("Net")).names() == ["net"]


@pytest.mark.parametrize("source", ["", "x = 1\n", "import torch\nprint('hello')\n", "def f():\n    return 3\n"])
def test_a_file_without_models_is_no_error(workspace, source: str) -> None:
    assert workspace(source).names() == []


def test_a_name_that_is_not_there_is_told_with_the_nearest(workspace) -> None:
    with pytest.raises(LoadError, match=r"`model\.py` defines no `LeNett`; the nearest is `LeNet`"):
        workspace(model("LeNet")).names("model.py:LeNett")


def test_a_syntax_error_is_told_with_its_line(workspace) -> None:
    with pytest.raises(LoadError, match=r"`model\.py` is not valid Python: line 2") as caught:
        workspace("import torch\ndef f(:\n").names()
    assert caught.value.line == 2


def test_files_that_cannot_be_read(workspace, tmp_path: Path) -> None:
    space = workspace("")
    (tmp_path / "binary.py").write_bytes(b"\x7fELF\0\0\x01\x02")
    (tmp_path / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    (tmp_path / "folder.py").mkdir()
    for target, words in {
        "nowhere.py": "there is no file `nowhere.py`",
        "modle.py": "the nearest in that folder is `model.py`",
        "binary.py": "binary file",
        "latin.py": "not utf-8 text: line 1",
        "folder.py": "is a folder",
        "no.such.module:Net": "there is no module `no.such.module`",
    }.items():
        with pytest.raises(LoadError, match=words):
            space.names(target)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(workspace, tmp_path: Path, encoding: str, newline: str) -> None:
    space = workspace("")
    text = ("# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else "") + "# grün\n" + model("Net")
    (tmp_path / "model.py").write_bytes(text.replace("\n", newline).encode(encoding))
    assert space.names() == ["Net"]
