"""How a model is built: given arguments, arguments that the project itself uses, configurations, defaults."""

import pytest

from linearcheck.load.records import LoadError

NET = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, width, depth=2, act=nn.ReLU):
        super().__init__()
        self.width, self.depth, self.act = width, depth, act
        self.fc = nn.Linear(width, 10)
    def forward(self, x):
        return self.fc(x)
"""


def built(space, target: str = "model.py:Net", **options) -> tuple:
    model = space.build(target, **options)
    return model.width, model.depth


@pytest.mark.parametrize(
    "target",
    ["model.py:Net(8)", "model.py:Net(width=8)", "model.py:Net(width=SIZE)", "model.py:Net(2 * SIZE - 8)", "model.py:Net(Config.width)"],
)
def test_arguments_of_the_target(workspace, target: str) -> None:
    assert built(workspace("SIZE = 8\nclass Config: width = 8\n" + NET), target) == (8, 2)


def test_arguments_of_the_target_win_over_init(workspace) -> None:
    assert built(workspace(NET), "model.py:Net(width=8)", init={"width": "3", "depth": "5"}) == (8, 5)


def test_a_given_text_is_a_literal_a_name_of_the_file_or_a_string(workspace) -> None:
    space = workspace(NET + "class Swish(nn.Module): ...\n")
    assert space.build("model.py:Net(1)", init={"act": "Swish"}).act.__name__ == "Swish"
    assert space.build("model.py:Net(1)", init={"act": "nn.GELU"}).act.__name__ == "GELU"
    assert space.build("model.py:Net(1)", init={"act": "[1, 2]"}).act == [1, 2]
    assert space.build("model.py:Net(1)", init={"act": "gelu"}).act == "gelu"


@pytest.mark.parametrize(
    "site",
    [
        "model = Net(8, depth=3).cuda()",
        "W = 8\nmodel = nn.DataParallel(Net(W, 3))",
        "if __name__ == '__main__':\n    W = 8\n    Net(W, 3)",
        "def main():\n    w = 8\n    d = w - 5\n    net = Net(w, depth=d)\n    net.train()",
        "def build(width=8, depth=3, **kw):\n    return Net(width=width, depth=depth, **kw)",
        "def build(width, depth=3):\n    return Net(width, depth)\nbuild(width=8)",
        "def build(cfg):\n    return Net(**cfg)\nbuild(dict(width=8, depth=3))",
        "def build(cfg):\n    return Net(*cfg)\nbuild((8, 3))",
        ("from dataclasses import dataclass\n"
"@dataclass\n"
"class Cfg:\n"
"    w: int = 8\n"
"    d: int = 3\n"
"def run(cfg: Cfg):\n"
"    Net(cfg.w, cfg.d)"),
        "class Trainer:\n    depth = 3\n    def __init__(self, w=8):\n        self.w = w\n        self.net = Net(self.w, self.depth)",
        ("class Trainer:\n"
"    def __init__(self, a):\n"
"        self.a = a\n"
"    def go(self):\n"
"        return Net(self.a.w, 3)\n"
"class A: w = 8\n"
"Trainer(A)"),
        ("class Big(nn.Module):\n"
"    def __init__(self, w=8):\n"
"        super().__init__()\n"
"        self.part = Net(w, 3)\n"
"    def forward(self, x): ..."),
        "CONFIGS = {'s': dict(width=8, depth=3)}\ndef make(kind='s'):\n    cfg = CONFIGS[kind]\n    print(kind)\n    return Net(**cfg)",
        "import json\nfrom pathlib import Path\nHERE = Path(__file__).parent\nNet(**json.loads((HERE / 'cfg.json').read_text()))",
        "import json\nwith open('cfg.json') as f:\n    cfg = json.load(f)\nNet(**cfg)",
        "def pick():\n    for i in range(2):\n        w = 8\n    return Net(w, 3)",
    ],
)  # fmt: skip
def test_arguments_that_the_file_builds_it_with(workspace, site: str) -> None:
    space = workspace(f"{NET}\n{site}\n").put("cfg.json", '{"width": 8, "depth": 3}')
    assert built(space) == (8, 3)
    assert next(value for value in space.load("model.py:Net").init if value.name == "width").source == "inferred"


def test_the_script_wins_over_a_factory_and_a_factory_over_a_part(workspace) -> None:
    part = (
        "class Big(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.part = Net(1, 1)\n"
        "    def forward(self, x): ...\n"
    )
    factory = "def small():\n    return Net(2, 2)\n"
    script = "if __name__ == '__main__':\n    Net(3, 3)\n"
    assert built(workspace(NET + part + factory + script)) == (3, 3)
    assert built(workspace(NET + part + factory)) == (2, 2)
    assert built(workspace(NET + part)) == (1, 1)


def test_an_argument_that_cannot_be_known_leaves_the_default(workspace) -> None:
    space = workspace(NET + "import sys\nNet(8, depth=int(sys.argv[1]))\n")
    assert built(space) == (8, 2)


def test_arguments_from_another_file(workspace) -> None:
    space = workspace(NET).put(
        "train.py", ("from model import Net\nimport no_such_package\nWIDTH = 9\ndef main():\n    Net(WIDTH, depth=1)\n")
    )
    assert built(space) == (9, 1)
    assert space.load("model.py:Net").init[0].why == "built so at train.py, line 5"


def test_missing_arguments_are_named_with_the_option(workspace) -> None:
    with pytest.raises(LoadError, match="`Net` needs the argument `width`, which has no default and is given nowhere") as caught:
        workspace(NET).load("model.py:Net")
    assert (caught.value.code, caught.value.line) == ("LC901", 3)
    assert caught.value.advice == "add `--init width=...`"


def test_unknown_and_too_many_arguments(workspace) -> None:
    with pytest.raises(LoadError, match="no argument `widht`; the nearest is `width`"):
        workspace(NET).load("model.py:Net(widht=3)")
    with pytest.raises(LoadError, match="takes 3 arguments, but 4 are given"):
        workspace(NET).load("model.py:Net(1, 2, 3, 4)")


def test_a_configuration_class_of_the_file(workspace) -> None:
    source = """
    import torch.nn as nn
    class NetConfig:
        def __init__(self, width=6): self.width = width
    class Net(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.fc = nn.Linear(config.width, 2)
    """
    space = workspace(source)
    assert space.build("model.py:Net").fc.in_features == 6
    assert space.load("model.py:Net").init[0].value == "NetConfig()"


def test_modules_among_the_arguments_are_built_anew_each_time(workspace) -> None:
    source = """
    import torch.nn as nn
    class Enc(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.fc = nn.Linear(n, 2)
    class Both(nn.Module):
        def __init__(self, enc, head):
            super().__init__()
            self.enc, self.head = enc, head
    enc = Enc(5)
    model = Both(enc, nn.Linear(2, 3))
    """
    loaded = workspace(source).load("model.py:Both")
    first, second = loaded.build(), loaded.build()
    assert first.enc.fc.in_features == 5
    assert first.enc is not second.enc


def test_constructors_may_change_their_arguments(workspace) -> None:
    source = """
    import torch.nn as nn
    class Net(nn.Module):
        def __init__(self, cfg):
            super().__init__()
            self.fc = nn.Linear(cfg.pop("width"), 2)
    net = Net({"width": 4})
    """
    loaded = workspace(source).load("model.py:Net")
    assert [loaded.build().fc.in_features for _ in range(2)] == [4, 4]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("model = nn.Sequential(nn.Linear(2, 3))", "Sequential"),
        ("model = nn.DataParallel(nn.Linear(2, 3).cuda()).eval()", "Linear"),
        ("model = torch.compile(nn.Linear(2, 3))", "Linear"),
        ("net = nn.Linear(2, 3)\nmodel = net.to('cuda')", "Linear"),
        ("model = nn.Linear(2, 3)\nmodel = train(model)", "Linear"),
        ("def model(): return nn.Linear(2, 3)", "Linear"),
        ("def model(n=3): return nn.Linear(2, n), 'optimizer'", "Linear"),
        ("model = lambda: nn.Linear(2, 3)", "Linear"),
        ("import functools\nmodel = functools.partial(nn.Linear, 2, 3)", "Linear"),
        ("class A(nn.Linear):\n    def __init__(self): super().__init__(2, 3)\nmodel = A", "A"),
    ],
)
def test_what_a_name_may_stand_for(workspace, source: str, kind: str) -> None:
    train = "def train(m):\n    while True: m.backward()\n"
    model = workspace(f"import torch\nimport torch.nn as nn\n{train}{source}\n").build("model.py:model")
    assert type(model).__name__ == kind


def test_layers_put_in_after_the_model_is_made(workspace) -> None:
    source = """
    import torch.nn as nn
    def freeze(m):
        for p in m.parameters():
            p.requires_grad = False
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    freeze(model)
    model[1] = nn.Linear(3, 7)
    model.add_module("last", nn.Linear(7, 5))
    """
    model = workspace(source).build("model.py:model")
    assert [layer.out_features for layer in model] == [3, 7, 5]
    assert not model[0].weight.requires_grad
    assert model[1].weight.requires_grad


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("model = 3", "of type `int`"),
        ("class model: ...", "not a subclass of `nn.Module`"),
        ("def model(): return {'a': 1}", "gives a `dict`, not an `nn.Module`"),
    ],
)
def test_what_is_no_model(workspace, source: str, words: str) -> None:
    with pytest.raises(LoadError, match=words):
        workspace(f"import torch.nn as nn\n{source}\n").build("model.py:model")


def test_several_models_and_no_name(workspace) -> None:
    two = "import torch.nn as nn\nclass A(nn.Linear): ...\nclass B(nn.Linear): ...\n"
    with pytest.raises(LoadError, match=r"defines 2 models \(A, B\)"):
        workspace(two).load("model.py")


def test_memory_that_runs_out_while_an_instance_is_made_stays_known_as_the_cause(workspace) -> None:
    source = (
        "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        raise MemoryError('all of it')\nmodel = Net()\n"
    )
    with pytest.raises(LoadError, match="line 5 raises MemoryError") as caught:
        workspace(source).build("model.py:model")
    assert isinstance(caught.value.__cause__, MemoryError)
