"""Only what the model needs is run: on demand, in order, and nothing that acts on the outside."""

import inspect
import sys
from pathlib import Path

import pytest
import torch

from linearcheck.load.records import LoadError
from linearcheck.load.signals import StandInUsed

NET = """
class Net(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.fc = nn.Linear(width, 10)
    def forward(self, x):
        return self.fc(x)
"""


def test_the_canary_stays_silent(workspace, tmp_path: Path, capfd, monkeypatch) -> None:
    """A file that does everything to the outside at module level is loaded, and nothing of it happens."""
    import time

    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    source = f"""
    import os, socket, subprocess, sys, time, torch, urllib.request
    import torch.nn as nn
    from pathlib import Path

    print("hello")
    HERE = {str(tmp_path)!r}
    open(HERE + "/written.txt", "w").write("x")
    with open(HERE + "/with.txt", "w") as handle:
        handle.write("x")
    Path(HERE, "path.txt").write_text("x")
    os.makedirs(HERE + "/folder")
    subprocess.run(["touch", HERE + "/process.txt"])
    os.system("touch " + HERE + "/system.txt")
    server = socket.socket(); server.connect(("127.0.0.1", 9))
    time.sleep(1000)
    torch.save({{}}, HERE + "/saved.pt")
    answer = input("? ")

    def log(message):
        with open(HERE + "/log.txt", "a") as handle:
            handle.write(message)
        return 64

    def three():
        return 3

    WIDTH = three()
    UNUSED = log("called")
    while True:
        WIDTH += 1
    for epoch in range(3):
        print(epoch)
        loss = torch.zeros(1, requires_grad=True).sum()
        loss.backward()
    sys.exit(1)
    {NET.replace(chr(10), chr(10) + "    ")}
    model = Net()
    torch.save(model.state_dict(), HERE + "/model.pt")
    if __name__ == "__main__":
        Path(HERE, "main.txt").write_text("x")
    """
    space = workspace(source)
    model = space.build("model.py:Net")
    assert model.fc.in_features == 3
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    assert slept == []
    assert capfd.readouterr() == ("", "")


def test_a_value_that_is_made_by_writing_a_file_is_asked_for_and_nothing_is_written(workspace, tmp_path: Path) -> None:
    source = f"""
    import torch.nn as nn
    from pathlib import Path
    def width():
        Path({str(tmp_path)!r}, "hidden.txt").write_text("x")
        return 64
    WIDTH = width()
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, WIDTH)
            self.norm = nn.LayerNorm(WIDTH)
        def forward(self, x): return self.norm(self.fc(x))
    """
    with pytest.raises(LoadError, match="line 7 writes a file, so it is not run") as caught:
        workspace(source).build("model.py:Net")
    assert "--set WIDTH=..." in caught.value.advice
    assert not (tmp_path / "hidden.txt").exists()
    assert workspace(source).build("model.py:Net", values={"WIDTH": "7"}).fc.out_features == 7


def test_the_whole_file_runs_when_it_is_asked_for(workspace, tmp_path: Path) -> None:
    source = f"import torch.nn as nn\nfrom pathlib import Path\nPath({str(tmp_path)!r}, 'ran').touch()\nWIDTH = 3\n{NET}"
    workspace(source).build("model.py:Net", import_mode="full")
    assert (tmp_path / "ran").exists()


def test_a_failure_of_the_whole_file_is_told_with_its_line(workspace) -> None:
    with pytest.raises(LoadError, match="line 3 raises ZeroDivisionError"):
        workspace(f"import torch.nn as nn\nWIDTH = 3\nx = 1 / 0\n{NET}").build("model.py:Net", import_mode="full")


@pytest.mark.parametrize(
    ("before", "width"),
    [
        ("WIDTH = 4", 4),
        ("WIDTH = 4\nWIDTH += 3", 7),
        ("SIZES = {}\nSIZES['w'] = 5\nWIDTH = SIZES['w']", 5),
        ("SIZES = []\nSIZES.append(6)\nWIDTH = SIZES[0]", 6),
        ("class C: w = 1\nC.w = 8\nWIDTH = C.w", 8),
        ("def put(d, v): d['w'] = v\nD = {}\nput(D, 9)\nWIDTH = D['w']", 9),
        ("W = 1\ndef grow():\n    global W\n    W = 11\ngrow()\nWIDTH = W", 11),
        ("R = {}\ndef register(f):\n    R['w'] = f()\n    return f\n@register\ndef w(): return 12\nWIDTH = R['w']", 12),
        ("if sys.maxsize > 2:\n    WIDTH = 13\nelse:\n    WIDTH = 1", 13),
        ("if sys.maxsize < 2:\n    WIDTH = 1\nelif True:\n    WIDTH = 14\n    print('x')", 14),
        ("try:\n    import no_such_package\n    WIDTH = 1\nexcept ImportError:\n    WIDTH = 15", 15),
        ("for i in range(3):\n    WIDTH = 16 + i\n    print(i)", 18),
        ("with open(__file__) as f:\n    WIDTH = 17 if f.read() else 1", 17),
        ("a, *b = (1, 2, 19)\nWIDTH = b[-1]", 19),
        ("WIDTH = (n := 20)", 20),
        ("WIDTH = [w for w in range(22)][-1]", 21),
        ("CONFIG = dict(w=22)\nCONFIG.update(w=23)\nWIDTH = CONFIG['w']", 23),
        ("from collections import namedtuple\nC = namedtuple('C', 'w')\nWIDTH = C(24).w", 24),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--w', default=25)\nargs = p.parse_args()\nWIDTH = args.w", 25),
        ("import argparse as a\np = a.ArgumentParser()\np.add_argument('-w', type=int, default='26')\nn = p.parse_args()\nWIDTH = n.w", 26),
        ("match 3:\n    case 3:\n        WIDTH = 27", 27),
        ("class max:\n    w = 28\nWIDTH = max.w", 28),
        ("WIDTH = int(os.environ.get('NO_SUCH', 29))", 29),
        ("f = lambda: HIDDEN\nHIDDEN = 30\nWIDTH = f()", 30),
        ("x = 1\ndef f(): return x\nWIDTH = f() + 30\nx = 500", 31),
    ],
)  # fmt: skip
def test_what_defines_or_changes_a_name_is_run(workspace, before: str, width: int) -> None:
    assert workspace(f"import os, sys\nimport torch.nn as nn\n{before}\n{NET}").build("model.py:Net").fc.in_features == width


def test_what_changes_the_class_later_is_run(workspace) -> None:
    source = "import torch.nn as nn\nWIDTH = 3\n" + NET + "Net.forward = lambda self, x: x\nNet.extra = 5\n"
    model = workspace(source).build("model.py:Net")
    assert type(model).extra == 5


def test_a_setting_of_the_process_is_run_before_the_model(workspace) -> None:
    import torch

    source = "import torch\nimport torch.nn as nn\ntorch.set_default_dtype(torch.float64)\nWIDTH = 3\n" + NET
    try:
        assert workspace(source).build("model.py:Net").fc.weight.dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_only_training_needs_is_never_run(workspace) -> None:
    source = (
        "import torch.nn as nn\nimport no_such_package as pd\nWIDTH = 3\ndata = pd.read_csv('x.csv')\n"
        + NET
        + "    def fit(self):\n        return len(data)\n"
    )
    loaded = workspace(source).load("model.py:Net")
    assert loaded.stood_in == ()
    loaded.build()
    assert "data" not in loaded.namespace


def test_annotations_do_not_import_packages(workspace) -> None:
    source = "import torch.nn as nn\nimport no_such_package as pd\nWIDTH = 3\n" + NET.replace(
        "forward(self, x)", "forward(self, x: pd.Frame)"
    )
    assert workspace(source).load("model.py:Net").stood_in == ()


def test_positions_are_those_of_the_file(workspace) -> None:
    source = "import torch.nn as nn\nWIDTH = 3\n" + NET + "net = Net()\n"
    model = workspace(source).build("model.py:Net")
    code = type(model).forward.__code__
    assert code.co_filename.endswith("model.py")
    assert code.co_firstlineno == 8
    assert inspect.getsource(type(model)).startswith("class Net")


def test_the_overlay_stands_in_for_the_file(workspace, tmp_path: Path) -> None:
    from linearcheck.load.building import load_model

    space = workspace("import torch.nn as nn\nWIDTH = 3\nfrom layers import *\n" + NET, layers="x = 1\n")
    overlay = {
        str(tmp_path / "model.py"): "import torch.nn as nn\nfrom layers import WIDTH\n" + NET,
        str(tmp_path / "layers.py"): "WIDTH = 77\n",
    }
    loaded = load_model(space.job("model.py:Net", overlay=overlay))
    assert loaded.build().fc.in_features == 77
    assert loaded.source_of(str(tmp_path / "layers.py")) == "WIDTH = 77\n"
    assert space.build("model.py:Net").fc.in_features == 3


def test_a_build_can_be_repeated(workspace) -> None:
    loaded = workspace("import torch.nn as nn\nmodel = nn.Linear(3, 4)\nmodel.bias = None\n").load("model.py:model")
    first, second = loaded.build(), loaded.build()
    assert first is not second
    assert first.bias is None
    assert second.bias is None


# ---- imports


def test_packages_with_relative_imports(workspace) -> None:
    space = workspace("").put("pkg/__init__.py", "from pkg.models import build\nimport no_such_package\n1 / 0\n")
    space.put("pkg/layers/__init__.py", "from .conv import *\nfrom .head import Head as TheHead\n")
    space.put("pkg/layers/conv.py", "import torch.nn as nn\nclass Conv(nn.Module):\n    size = 3\n")
    space.put("pkg/layers/head.py", "import torch.nn as nn\nfrom . import conv\nclass Head(nn.Linear):\n    size = conv.Conv.size\n")
    space.put("pkg/models/__init__.py", "from .net import Net, build\n")
    source = """
    from torch import nn
    from .. import layers
    from ..layers import Conv
    from ..layers.head import Head
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = layers.TheHead(Conv.size, Head.size)
        def forward(self, x): return self.head(x)
    def build(): return Net()
    """
    space.put("pkg/models/net.py", source)
    for target in (
        "pkg/models/net.py:Net",
        "pkg/models/net.py:build",
        "pkg.models.net:Net",
        "pkg.models:build",
        "pkg/models/__init__.py:Net",
    ):
        assert space.build(target).head.in_features == 3


def test_circular_imports(workspace) -> None:
    space = workspace(
        "from b import B\n"
        "import torch.nn as nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.b = B()\n"
    )
    space.put(
        "b.py",
        (
            "import torch.nn as nn\n"
            "from model import Net\n"
            "class B(nn.Linear):\n"
            "    def __init__(self):\n"
            "        super().__init__(2, 3)\n"
            "        self.owner = Net.__name__\n"
        ),
    )
    assert space.build("model.py:Net").b.owner == "Net"


def test_a_project_file_with_the_name_of_a_module_of_pythons_own(workspace) -> None:
    space = workspace("import random\nfrom types import WIDTH\nimport torch.nn as nn\n" + NET, types="WIDTH = 5\n", random="x = 1\n")
    space.put("cuda.py", "1 / 0\n")
    assert space.build("model.py:Net").fc.in_features == 5
    assert sys.modules["random"].__name__ == "random"
    assert hasattr(sys.modules["random"], "shuffle")


def test_imports_from_the_root_of_the_repository(workspace) -> None:
    space = workspace("").put("pyproject.toml", "").put("common/sizes.py", "WIDTH = 6\n")
    space.put("training/run.py", "import sys\nsys.path.append('..')\nimport torch.nn as nn\nfrom common.sizes import WIDTH\n" + NET)
    assert space.build("training/run.py:Net").fc.in_features == 6


def test_a_registry_filled_by_other_files(workspace) -> None:
    space = workspace(
        "import torch.nn as nn\n"
        "from registry import BUILDERS\n"
        "import blocks\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.b = BUILDERS['lin']()\n"
    )
    space.put("registry.py", "BUILDERS = {}\ndef register(cls):\n    BUILDERS[cls.name] = cls\n    return cls\n")
    space.put(
        "blocks.py",
        (
            "import torch.nn as nn\n"
            "from registry import register\n"
            "@register\n"
            "class Lin(nn.Linear):\n"
            "    name = 'lin'\n"
            "    def __init__(self):\n"
            "        super().__init__(2, 3)\n"
        ),
    )
    assert space.build("model.py:Net").b.out_features == 3


def test_names_found_by_text(workspace) -> None:
    source = """
    import sys
    import torch.nn as nn
    class Small(nn.Linear):
        def __init__(self): super().__init__(2, 3)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = globals()["Small"]()
            self.b = eval("Small")()
            self.c = getattr(sys.modules[__name__], "Small")()
    """
    model = workspace(source).build("model.py:Net")
    assert {type(child).__name__ for child in model.children()} == {"Small"}


def test_what_cannot_be_followed_is_said(workspace) -> None:
    loaded = workspace("import torch.nn as nn\nWIDTH = 3\nexec('y = 3')\n" + NET).load("model.py:Net")
    assert loaded.remarks == ("line 3: what `exec` does cannot be followed; `--import full` runs the whole file",)


# ---- packages that are not installed


def test_a_missing_package_that_the_model_does_not_use(workspace) -> None:
    source = (
        "import torch.nn as nn\n"
        "import no_such_package\n"
        "from no_such_package.sub import timed\n"
        "WIDTH = 3\n"
        "log = no_such_package.get_logger(__name__)\n"
    ) + NET.replace("    def forward", "    @timed\n    def forward").replace(
        "super().__init__()", "super().__init__()\n        self.log = log"
    )
    loaded = workspace(source).load("model.py:Net")
    model = loaded.build()
    assert loaded.stood_in == ("no_such_package",)
    import torch

    assert model(torch.zeros(2, 3)).shape == (2, 10)


@pytest.mark.parametrize(
    "use",
    ["self.fc = nn.Linear(missing.SIZE, 3)", "self.n = int(missing.SIZE)", "self.n = missing.SIZE + 1", "self.n = 2 if missing.FLAG else 3",
     "self.w = torch.zeros(missing.SIZE)", "self.l = [x for x in missing.things()]", "self.x = torch.add(torch.zeros(1), missing.y)"],
)  # fmt: skip
def test_a_missing_package_in_the_place_of_a_value(workspace, use: str) -> None:
    head = "import torch, torch.nn as nn\nimport missing\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    source = f"{head}        {use}\n"
    with pytest.raises(LoadError, match="the package `missing` is not installed") as caught:
        workspace(source).build("model.py:Net")
    assert caught.value.code == "LC901"
    assert "install `missing`" in caught.value.advice


@pytest.mark.parametrize("size", ["missing.make().action_space.n", "missing.make()[0].n", "missing.make()"])
def test_a_part_of_what_a_missing_package_made_is_no_value_for_an_argument_with_a_default(workspace, size: str) -> None:
    source = (
        "import torch.nn as nn\n"
        "import missing\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, n_actions=4):\n"
        "        super().__init__()\n"
        "        self.fc = nn.Linear(8, n_actions)\n"
        "if __name__ == '__main__':\n"
        f"    net = Net({size})\n"
    )
    assert workspace(source).build("model.py:Net").fc.out_features == 4


def test_a_missing_base_class(workspace) -> None:
    source = (
        "import torch.nn as nn\n"
        "import missing\n"
        "class Block(missing.Base): ...\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.b = Block()\n"
    )
    with pytest.raises(LoadError, match=r"a class is derived from `missing\.Base`"):
        workspace(source).build("model.py:Net")


def test_a_missing_layer_that_is_called(workspace) -> None:
    import torch

    source = (
        "import torch.nn as nn\n"
        "from missing import Mish\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.act = Mish()\n"
        "    def forward(self, x):\n"
        "        return self.act(x)\n"
    )
    model = workspace(source).build("model.py:Net")
    with pytest.raises(StandInUsed, match="a tensor is passed to"):
        model(torch.zeros(2))


def test_names_of_a_missing_package_that_all_names_are_taken_of(workspace) -> None:
    source = """
import torch.nn as nn
from nowhere.layers import *
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(3)
    def forward(self, x):
        return self.block(x)
"""
    with pytest.raises(StandInUsed, match=r"the package `nowhere` is not installed, and .* `nowhere.layers.Block"):
        workspace(source).build("model.py:Net")(torch.zeros(1, 3))


def test_an_import_that_the_author_guards_is_not_stood_in_for(workspace) -> None:
    source = (
        "import torch.nn as nn\ntry:\n    from missing import fast\n    WIDTH = 1\nexcept ImportError:\n    fast = None\n    WIDTH = 9\n"
        + NET
    )
    loaded = workspace(source).load("model.py:Net")
    assert loaded.build().fc.in_features == 9
    assert loaded.stood_in == ()


def test_lightning_without_lightning(workspace) -> None:
    import torch

    source = """
    import pytorch_lightning as pl
    import torch
    import torch.nn as nn
    import torchmetrics
    class Net(pl.LightningModule):
        def __init__(self, width: int = 8, lr: float = 1e-3):
            super().__init__()
            self.save_hyperparameters()
            self.example_input_array = torch.zeros(2, 5)
            self.fc = nn.Linear(5, self.hparams.width)
            self.acc = torchmetrics.Accuracy(task="multiclass", num_classes=3)
        def forward(self, x): return self.fc(x)
        def training_step(self, batch, i): self.log("loss", 1)
    """
    space = workspace(source)
    loaded = space.load("model.py:Net")
    model = loaded.build()
    assert isinstance(model, torch.nn.Module)
    assert model(torch.zeros(2, 5)).shape == (2, 8)
    assert loaded.stood_in == ("pytorch_lightning", "torchmetrics")
    assert space.shapes("model.py:Net") == {"x": ("N", 5)}


# ---- command lines


def test_a_required_option_is_asked_for_by_name(workspace) -> None:
    source = (
        "import argparse\n"
        "import torch.nn as nn\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--n-in', type=int, required=True)\n"
        "args = p.parse_args()\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.fc = nn.Linear(args.n_in, 2)\n"
    )
    with pytest.raises(LoadError, match="the command-line option `--n-in` is required") as caught:
        workspace(source).build("model.py:Net")
    assert "--set n_in=..." in caught.value.advice
    assert workspace(source).build("model.py:Net", values={"n_in": "4"}).fc.in_features == 4


def test_the_command_line_of_the_check_is_not_the_scripts(workspace, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["linearcheck", "model.py", "--width", "9"])
    source = "import sys\nimport torch.nn as nn\nWIDTH = len(sys.argv)\n" + NET
    assert workspace(source).build("model.py:Net").fc.in_features == 1
    assert sys.argv == ["linearcheck", "model.py", "--width", "9"]


# ---- values that cannot be known


def test_a_value_of_a_missing_file_that_any_value_can_stand_for(workspace) -> None:
    source = """
    import torch.nn as nn
    text = open("input.txt").read()
    vocab_size = len(set(text))
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(vocab_size, 8)
    """
    loaded = workspace(source).load("model.py:Net")
    guess = next(value for value in loaded.init if value.name == "vocab_size")
    assert loaded.build().embed.num_embeddings == int(guess.value)
    assert "any value does" in guess.why
    assert "there is no file `input.txt`" in guess.why
    assert workspace(source).build("model.py:Net", values={"vocab_size": "65"}).embed.num_embeddings == 65


def test_a_value_of_a_missing_file_that_matters_is_asked_for_with_the_option(workspace) -> None:
    source = """
    import torch.nn as nn
    width = len(open("sizes.txt").read())
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(8, width), nn.Linear(width, 3))
    """
    with pytest.raises(LoadError, match=r"there is no file `sizes\.txt`") as caught:
        workspace(source).build("model.py:Net")
    assert caught.value.advice == "add `--set width=...`"


def test_a_class_that_cannot_be_made_is_told_with_the_line(workspace) -> None:
    with pytest.raises(LoadError, match=r"line 2 raises AttributeError: module 'torch\.nn' has no attribute 'Modul'") as caught:
        workspace("import torch.nn as nn\nclass Net(nn.Modul):\n    def forward(self, x): return x\n").build("model.py:Net")
    assert caught.value.line == 2


def test_exit_at_import_ends_nothing(workspace) -> None:
    source = "import sys\nimport torch.nn as nn\nif len(sys.argv) < 2:\n    sys.exit('usage')\nWIDTH = 3\n" + NET
    assert workspace(source).build("model.py:Net").fc.in_features == 3


def test_dotted_values_are_set(workspace) -> None:
    source = "import torch.nn as nn\nclass C: width = 3\ncfg = C()\nD = {'a': {'b': 1}}\nWIDTH = cfg.width + D['a']['b']\n" + NET
    assert workspace(source).build("model.py:Net", values={"cfg.width": "10", "D.a.b": "5"}).fc.in_features == 15


@pytest.mark.parametrize(
    ("statement", "reason"),
    [("return 3", "'return' outside function"), ("def f(a, a): pass", "duplicate argument 'a' in function definition")],
)
def test_what_can_be_parsed_and_python_still_refuses(workspace, statement: str, reason: str) -> None:
    space = workspace("import torch.nn as nn\nWIDTH = 3\n" + NET + f"\n{statement}\n")
    with pytest.raises(LoadError, match=reason) as caught:
        space.load("model.py:Net")
    assert "is not valid Python: line" in str(caught.value)


def test_a_notebook(workspace) -> None:
    import json

    cells = [
        {"cell_type": "markdown", "source": ["# A model"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install torch\n", "import torch.nn as nn\n", "WIDTH = 4"]},
        {"cell_type": "code", "source": [line + "\n" for line in NET.strip().splitlines()]},
        {"cell_type": "code", "source": ["%%bash\n", "rm -rf nothing\n"]},
    ]
    space = workspace("").put("nb.ipynb", json.dumps({"cells": cells}))
    assert space.names("nb.ipynb") == ["Net"]
    loaded = space.load("nb.ipynb:Net")
    assert loaded.build().fc.in_features == 4
    source = loaded.program.project.source(loaded.path)
    assert [source.cell_of(line) for line in (2, 5, 7, 11)] == [2, 2, 3, 3]


@pytest.mark.parametrize(
    "statement",
    ["print('made')", "os.makedirs('runs')", "make()", "class Inner:\n        make()\n        width = 1", "for _ in range(2): print(1)"],
)
def test_a_class_is_made_without_what_acts_in_its_body(workspace, tmp_path: Path, capfd, statement: str) -> None:
    source = f"""
import os, torch.nn as nn
def make():
    os.mkdir('runs')
class Config:
    {statement}
    width = 24
{NET.replace("WIDTH", "Config.width")}
"""
    space = workspace(source)
    assert space.build("model.py:Net").fc.in_features == 24
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    assert capfd.readouterr() == ("", "")


def test_what_acts_in_a_class_body_is_listed_with_the_rest(workspace) -> None:
    source = (
        f"import torch.nn as nn\nprint(1)\nclass Config:\n    width = 3\n    print(width)\nprint(2)\n{NET.replace('WIDTH', 'Config.width')}"
    )
    loaded = workspace(source).load("model.py:Net")
    assert loaded.left_out == tuple(f"line {line} prints, so it is not run" for line in (2, 5, 6))


def test_all_of_a_block_runs_where_the_whole_file_is_run(workspace, capfd) -> None:
    workspace(f"import torch.nn as nn\nWIDTH = 3\nfor i in range(2):\n    print(i)\n{NET}").build("model.py:Net", import_mode="full")
    assert capfd.readouterr().out == "0\n1\n"


def test_the_value_that_is_missing_behind_another_is_asked_for(workspace) -> None:
    source = f"import os, torch.nn as nn\nSIZE = int(os.environ['NO_SUCH_VARIABLE'])\nclass Config:\n    width = SIZE\n{NET}"
    with pytest.raises(LoadError) as caught:
        workspace(source.replace("WIDTH", "Config.width")).build("model.py:Net")
    assert caught.value.advice == "add `--set SIZE=...`"
