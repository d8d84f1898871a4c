"""What goes into a model when no shape is given, and why."""

import pytest

from linearcheck.load.records import LoadError

CNN = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, cin=1, features=16 * 4 * 4):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(cin, 6, 5), nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(features, 10)
    def forward(self, x):
        x = self.pool(self.c1(x))
        x = self.pool(self.c2(x))
        return self.fc(torch.flatten(x, 1))
"""
POOLED = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, cin=3):
        super().__init__()
        self.c = nn.Conv2d(cin, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)
    def forward(self, x):
        return self.fc(self.c(x).mean((2, 3)))
"""


def only(space, **options) -> tuple:
    plan = space.inputs("model.py:Net", **options)
    assert len(plan.inputs) == 1
    spec = plan.inputs[0]
    return spec.axes, spec.source, spec.why


@pytest.mark.parametrize(
    "place",
    ["# linearcheck: input-shape=3,40,40\nclass Net(nn.Module):", "class Net(nn.Module):  # linearcheck: input-shape=3,40,40",
     "class Net(nn.Module):\n    # linearcheck: input-shape=3,40,40", ("# a net\n"
"# linearcheck: input-shape=N,3,40,40\n"
"# of mine\n"
"class Net(nn.Module):")],
)  # fmt: skip
def test_a_comment_at_the_model(workspace, place: str) -> None:
    axes, source, why = only(workspace(POOLED.replace("class Net(nn.Module):", place)))
    assert (axes, source) == (("N", 3, 40, 40), "declared")
    assert why.startswith("comment at line ")


def test_several_shapes_in_a_comment(workspace) -> None:
    source = (
        "import torch.nn as nn\n"
        "# linearcheck: input-shape=N,3 input-shape=y=N,4:int64\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x, y): return x\n"
    )
    plan = workspace(source).inputs("model.py:Net")
    assert [(spec.name, spec.axes, spec.dtype) for spec in plan.inputs] == [("x", ("N", 3), None), ("y", ("N", 4), "int64")]


@pytest.mark.parametrize(
    "declaration",
    ["self.example_input_array = torch.zeros(2, 3, 40, 40)", "self.default_cfg = {'input_size': (3, 40, 40)}",
     "self.dummy_inputs = {'x': torch.zeros(2, 3, 40, 40)}"],
)  # fmt: skip
def test_what_the_model_declares(workspace, declaration: str) -> None:
    source = POOLED.replace("super().__init__()", f"super().__init__()\n        {declaration}")
    assert only(workspace(source))[:2] == (("N", 3, 40, 40), "declared")


def test_annotations_of_jaxtyping(workspace) -> None:
    source = POOLED.replace("def forward(self, x)", "def forward(self, x: 'Float[torch.Tensor, \"batch 3 h 40\"]')")
    assert only(workspace(source)) == (("N", 3, "h", 40), "declared", 'annotated "batch 3 h 40"')


@pytest.mark.parametrize(
    "call",
    [
        "Net()(torch.randn(1, 3, 40, 40))",
        "net = Net()\nnet(torch.randn(1, 3, 40, 40))",
        "net = Net().cuda()\nx = torch.rand((8, 3, 40, 40), device='cuda')\ny = net(x)",
        "B, S = 8, (3, 40, 40)\nnet = Net()\nx = torch.zeros(B, *S)\nnet(x.to('cuda'))",
        "net = Net()\nnet(torch.randn(3, 40, 40).unsqueeze(0))",
        "net = Net()\nnet(torch.ones(3, 40, 40)[None])",
        "net = Net()\nnet(torch.empty(3, 40, 40).repeat_interleave(1).view(-1, 3, 40, 40))",
        "import numpy as np\nnet = Net()\nnet(torch.from_numpy(np.zeros((5, 3, 40, 40))).float())",
        "if __name__ == '__main__':\n    size = 40\n    model = Net()\n    print(model(torch.randn(2, 3, size, size)).shape)",
        "def test():\n    net = Net()\n    y = net(torch.randn(1, 3, 40, 40))\n    assert y.shape == (1, 10)",
        "def train(model, loader):\n    for x, y in loader:\n        model(x.reshape(-1, 3, 40, 40))",
        ("class Agent:\n"
"    def __init__(self):\n"
"        self.net = Net()\n"
"    def act(self):\n"
"        return self.net(torch.zeros(1, 3, 40, 40))"),
        "from torchsummary import summary\nsummary(Net().cuda(), (3, 40, 40))",
        "from torchsummary import summary\nnet = Net()\nsummary(net, input_size=(3, 40, 40), device='cpu')",
        "from torchinfo import summary\nnet = Net()\nsummary(net, input_size=(16, 3, 40, 40))",
        "from torchinfo import summary\nnet = Net()\nsummary(net, input_data=torch.zeros(16, 3, 40, 40))",
        "from fvcore.nn import FlopCountAnalysis\nFlopCountAnalysis(Net(), torch.zeros(1, 3, 40, 40))",
        "from thop import profile\nnet = Net()\nprofile(net, inputs=(torch.randn(1, 3, 40, 40),))",
        "from ptflops import get_model_complexity_info\nget_model_complexity_info(Net(), (3, 40, 40))",
        "net = Net()\ntorch.onnx.export(net, torch.randn(1, 3, 40, 40), 'x.onnx')",
        "net = Net()\ntraced = torch.jit.trace(net, torch.randn(1, 3, 40, 40))",
        "def build(): return Net()\nm = build()\nm(torch.rand(2, 3, 40, 40) * 255)",
    ],
)  # fmt: skip
def test_what_the_file_passes_to_it(workspace, call: str) -> None:
    axes, source, why = only(workspace(f"{POOLED}\n{call}\n"))
    assert (axes, source) == (("N", 3, 40, 40), "inferred")
    assert "line" in why


TRANSFORMS = "from torchvision import datasets as D, transforms as T\n"


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ("from torchvision import datasets\ndatasets.MNIST('.')", (1, 28, 28)),
        ("import torchvision.datasets as dset\ndset.CIFAR100('.')", (3, 32, 32)),
        ("from torchvision.datasets import STL10\nSTL10('.')", (3, 96, 96)),
        (TRANSFORMS + "D.ImageFolder('.', T.Compose([T.Resize(256), T.CenterCrop(200)]))", (3, 200, 200)),
        (TRANSFORMS + "tf = T.Compose([T.Resize((48, 64)), T.ToTensor()])\nD.Flowers102('.', transform=tf)", (3, 48, 64)),
        (TRANSFORMS + "S = 20\nt = {'train': T.Compose([T.RandomResizedCrop(S)])}\nD.CIFAR10('.', transform=t['train'])", (3, 20, 20)),
        (TRANSFORMS + "D.CIFAR10('.', transform=T.Compose([T.Grayscale(), T.Pad(2), T.ToTensor()]))", (1, 36, 36)),
        ("class D:\n    def __init__(self, df):\n        self.x = df.values.reshape(-1, 1, 30, 30)", (1, 30, 30)),
    ],
)  # fmt: skip
def test_samples_of_the_data_set(workspace, data: str, shape: tuple) -> None:
    axes, source, why = only(workspace(POOLED.replace("cin=3", f"cin={shape[0]}") + data + "\n"))
    assert (axes, source) == (("N", *shape), "inferred")
    assert " at line " in why


def test_a_data_set_of_another_number_of_channels_tells_the_sizes_alone(workspace) -> None:
    assert only(workspace(POOLED + "from torchvision import datasets\ndatasets.MNIST('.')\n"))[0] == ("N", 3, 28, 28)


def test_a_data_set_is_not_for_a_model_that_takes_noise(workspace) -> None:
    source = """
    import torch.nn as nn
    from torchvision import datasets
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(64, 784)
        def forward(self, z):
            return self.fc(z).view(-1, 1, 28, 28)
    data = datasets.MNIST(".")
    """
    assert workspace(source).shapes("model.py:Net") == {"z": ("N", 64)}


@pytest.mark.parametrize("flat", ["x.view(x.size(0), -1)", "x.reshape(-1, 784)", "x.flatten(1)", "torch.flatten(x, 1)"])
def test_a_data_set_that_the_training_loop_flattens(workspace, flat: str) -> None:
    source = f"""
    import torch, torch.nn as nn
    from torchvision import datasets
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(784, 10)
        def forward(self, x):
            return self.fc(x)
    net = Net()
    for x, y in loader(datasets.MNIST(".")):
        x = {flat}
        net(x).sum().backward()
    """
    assert workspace(source).shapes("model.py:Net") == {"x": ("N", 784)}


GREY = """
import torch, torch.nn as nn, torch.nn.functional as F
from torchvision import datasets, transforms
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.fc = nn.Conv2d(1, 8, 3), nn.Linear(8, 10)
    def forward(self, x):
        return self.fc(self.c(x).mean((2, 3)))
train_loader = torch.utils.data.DataLoader(datasets.CIFAR10(".", transform=TRANSFORM), 4)
net = Net()
LOOP
"""
TO_TENSOR = "transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])"
PASSED_ON = [
    "for x, y in train_loader:\n    net(x)",
    "for i, (x, y) in enumerate(train_loader, 0):\n    x, y = x.cuda(), y.cuda()\n    out = net(x)",
    "for i, data in enumerate(train_loader):\n    inputs, labels = data\n    F.cross_entropy(net(inputs.to('cuda')), labels)",
    "def train(model, device, loader):\n    for data, target in loader:\n        data = data.to(device)\n        model(data)",
]


@pytest.mark.parametrize("loop", PASSED_ON)
def test_what_the_training_loop_passes_on_is_what_goes_in(workspace, loop: str) -> None:
    """Three channels for a first layer that takes one: the mistake is the model's."""
    axes, source, why = only(workspace(GREY.replace("TRANSFORM", TO_TENSOR).replace("LOOP", loop)))
    assert (axes, source) == (("N", 3, 32, 32), "inferred")
    assert "passed on as loaded" in why


@pytest.mark.parametrize(
    ("transform", "loop"),
    [
        (TO_TENSOR, "for x, y in train_loader:\n    x = x.mean(1, keepdim=True)\n    net(x)"),
        (TO_TENSOR, "for x, y in train_loader:\n    net(x[:, :1])"),
        (TO_TENSOR, "for x, y in train_loader:\n    net(rgb_to_grey(x))"),
        (TO_TENSOR, "net(images)"),
        ("transforms.Compose([to_grey, transforms.ToTensor()])", PASSED_ON[0]),
        ("transforms.Lambda(lambda image: image.convert('L'))", PASSED_ON[0]),
        ("steps", PASSED_ON[0].replace("for", "steps = transforms.Compose(listed)\nfor")),
        (TO_TENSOR, PASSED_ON[0] + "\nclass Grey(torch.utils.data.Dataset):\n    pass"),
    ],
)
def test_what_may_be_changed_on_its_way_follows_the_first_layer(workspace, transform: str, loop: str) -> None:
    assert only(workspace(GREY.replace("TRANSFORM", transform).replace("LOOP", loop)))[0] == ("N", 1, 32, 32)


def test_a_data_set_that_forward_flattens(workspace) -> None:
    source = """
    import torch, torch.nn as nn
    from torchvision import datasets
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(784, 10)
        def forward(self, x):
            return self.fc(x.view(x.size(0), -1))
    datasets.FashionMNIST(".")
    """
    assert workspace(source).shapes("model.py:Net") == {"x": ("N", 1, 28, 28)}


@pytest.mark.parametrize(
    ("where", "text", "axes"),
    [
        ("class", "spec: (batch, 1, MELS, FRAMES) log-mel", ("N", 1, 40, 101)),
        ("forward", "Args:\n            x (Tensor): input of shape (N, 1, 40, 101)", ("N", 1, 40, 101)),
        ("comment", "x: [B, 1, 40, frames]", ("N", 1, 40, 1)),
        ("comment", "x is B x 1 x 40 x 101 (see below)", None),
        ("comment", "x: (1, 40, 101)", ("N", 1, 40, 101)),
        ("comment", "y: (B, 1, 40, 101)", None),
        ("comment", "x: (T, B, 40, 101)", None),
        ("comment", "x: (B, 40, 101)", None),
        ("later", "x: (B, 1, 40, 101)", None),
    ],
)
def test_shapes_in_the_models_own_words(workspace, where: str, text: str, axes: tuple | None) -> None:
    at = {place: text if place == where else "" for place in ("class", "forward", "comment", "later")}
    source = f"""
    import torch.nn as nn
    MELS, FRAMES = 40, 101
    class Net(nn.Module):
        \"\"\"{at["class"]}\"\"\"
        def __init__(self):
            super().__init__()
            self.c, self.fc = nn.Conv2d(1, 8, 3), nn.Linear(8, 10)
        def forward(self, {"spec" if where == "class" else "x"}):
            \"\"\"{at["forward"]}\"\"\"
            # {at["comment"]}
            x = self.c({"spec" if where == "class" else "x"})
            # {at["later"]}
            return self.fc(x.mean((2, 3)))
    """
    found, _, why = only(workspace(source))
    told = axes is not None
    assert ("described at line" in why) == told
    assert found[:3] == (axes[:3] if axes is not None else ("N", 1, 28))


def test_shapes_that_the_constructor_is_given(workspace) -> None:
    source = POOLED.replace("cin=3", "img_size=50, cin=3")
    assert only(workspace(source)) == (("N", 3, 50, 50), "inferred", "img_size=50")
    source = POOLED.replace("cin=3", "obs_shape=(3, 20, 30), cin=3")
    assert only(workspace(source)) == (("N", 3, 20, 30), "inferred", "obs_shape=(3, 20, 30)")


# ---- solved from the model's own layers


@pytest.mark.parametrize(
    ("cin", "features", "side"), [(1, 16 * 4 * 4, 28), (1, 400, 32), (3, 400, 32), (3, 16 * 13 * 13, 64), (3, 16 * 53 * 53, 224)]
)
def test_image_sizes_that_make_the_first_linear_fit(workspace, cin: int, features: int, side: int) -> None:
    axes, source, why = only(workspace(CNN), init={"cin": str(cin), "features": str(features)})
    assert (axes, source) == (("N", cin, side, side), "solved")
    assert f"{side}x{side} is a guess" in why
    assert "`c1` takes" in why


@pytest.mark.parametrize(("side", "features"), [(32, 16 * 5 * 5), (64, 16 * 13 * 13), (44, 16 * 8 * 8)])
@pytest.mark.parametrize("later", ["nn.Linear(100, 84)", "nn.BatchNorm1d(100)", "nn.Conv1d(3, 4, 1)"])
def test_a_mistake_behind_the_first_linear_does_not_hide_the_size(workspace, side: int, features: int, later: str) -> None:
    source = CNN.replace("cin=1, features=16 * 4 * 4", f"cin=3, features={features}").replace("features, 10)", "features, 120)")
    source = source.replace("        self.pool =", f"        self.later = {later}\n        self.pool =")
    source = source.replace("return self.fc(torch.flatten(x, 1))", "return self.later(self.fc(torch.flatten(x, 1)))")
    axes, _, _ = only(workspace(source))
    assert side <= axes[2] < side + 4
    assert axes[2] == axes[3]


def test_a_size_that_is_not_common_is_said(workspace) -> None:
    plan = workspace(CNN).inputs("model.py:Net", init={"features": str(16 * 6 * 6)})
    assert plan.inputs[0].axes[2] in range(36, 40)
    assert plan.readings[1].startswith("no common size fits")


def test_an_oblong_image(workspace) -> None:
    assert only(workspace(CNN), init={"features": str(16 * 13 * 5)})[0] == ("N", 1, 64, 32)


def test_a_linear_that_no_size_fits_is_left_to_the_check(workspace) -> None:
    assert only(workspace(CNN), init={"features": "1001"})[0] == ("N", 1, 28, 28)


def test_a_size_that_could_be_anything_is_asked_for(workspace) -> None:
    with pytest.raises(LoadError) as caught:
        workspace(CNN).inputs("model.py:Net", init={"features": str(16 * 37 * 41)})
    assert caught.value.code == "LC902"
    assert caught.value.advice == "add `--input-shape ...`"


def model(init: str, forward: str, arguments: str = "x") -> str:
    lines = init.split("; ")
    body = "\n        ".join(lines)
    return (
        "import torch, torch.nn as nn, torch.nn.functional as F\n"
        f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        {body}\n"
        f"    def forward(self, {arguments}):\n        {forward}\n"
    )


@pytest.mark.parametrize(
    ("init", "forward", "expected"),
    [
        ("self.l = nn.Linear(7, 2)", "return self.l(x)", {"x": ("N", 7)}),
        ("self.l = nn.Bilinear(7, 7, 2); self.a = nn.Linear(7, 7)", "return self.l(self.a(x), x)", {"x": ("N", 7)}),
        ("self.e = nn.Embedding(50, 8)", "return self.e(x)", {"x": ("N", 16)}),
        ("self.c = nn.Conv1d(4, 8, 3)", "return self.c(x)", {"x": ("N", 4, 128)}),
        ("self.c = nn.Conv3d(2, 8, 3)", "return self.c(x)", {"x": ("N", 2, 16, 16, 16)}),
        ("self.c = nn.ConvTranspose2d(4, 8, 3)", "return self.c(x)", {"x": ("N", 4, 84, 84)}),
        ("self.c = nn.Conv2d(6, 8, 3, groups=2)", "return self.c(x)", {"x": ("N", 6, 84, 84)}),
        ("self.r = nn.LSTM(9, 8, batch_first=True)", "return self.r(x)[0]", {"x": ("N", 16, 9)}),
        ("self.r = nn.GRU(9, 8)", "return self.r(x)[0]", {"x": (16, "N", 9)}),
        ("self.r = nn.GRU(9, 8)", "return self.r(x.permute(1, 0, 2))[0]", {"x": ("N", 16, 9)}),
        ("self.r = nn.LSTM(9, 8, batch_first=True)", "return self.r(x.transpose(1, 2))[0]", {"x": ("N", 9, 128)}),
        ("self.t = nn.TransformerEncoderLayer(8, 2, batch_first=True)", "return self.t(x)", {"x": ("N", 16, 8)}),
        ("self.p = nn.Parameter(torch.zeros(1, 5, 8)); self.l = nn.Linear(8, 8)", "return self.l(x + self.p)", {"x": ("N", 5, 8)}),
        ("self.w = nn.Parameter(torch.zeros(6, 3))", "return x @ self.w", {"x": ("N", 6)}),
        ("self.b = nn.BatchNorm2d(5)", "return self.b(x)", {"x": ("N", 5, 84, 84)}),
        ("self.b = nn.BatchNorm1d(5); self.l = nn.Linear(5, 2)", "return self.l(self.b(x))", {"x": ("N", 5)}),
        ("self.c = nn.Conv2d(1, 8, 3)", "return self.c(x.unsqueeze(1))", {"x": ("N", 28, 28)}),
        ("self.c = nn.Conv2d(3, 8, 3)", "n, h, w, c = x.shape\n        return self.c(x.permute(0, 3, 1, 2))", {"x": ("N", 64, 64, 3)}),
        ("self.l = nn.Linear(12, 2)", "return self.l(x.view(-1, 12))", {"x": ("N", 12)}),
        ("self.l = nn.Linear(1, 2)", "return self.l(x)", {"x": ("N", 1)}),
        ("self.l = nn.Linear(12, 8); self.r = nn.LSTM(8, 4, batch_first=True)", "return self.r(self.l(x))[0]", {"x": ("N", 16, 12)}),
        (
            "self.l = nn.Linear(12, 8); self.t = nn.TransformerEncoderLayer(8, 2, batch_first=True); self.h = nn.Linear(8, 3)",
            "return self.h(self.t(self.l(x)).mean(1))",
            {"x": ("N", 16, 12)},
        ),
        ("self.l = nn.Linear(12, 8); self.r = nn.GRU(8, 4)", "return self.r(self.l(x)[None])[0]", {"x": ("N", 12)}),
        ("self.l = nn.Linear(12, 8); self.h = nn.Linear(8, 3)", "return self.h(self.l(x).mean(1))", {"x": ("N", 16, 12)}),
        ("self.l = nn.Linear(12, 8); self.h = nn.Linear(9, 3)", "return self.h(self.l(x))", {"x": ("N", 12)}),
        ("self.c = nn.Conv2d(1, 8, (20, 3))", "return self.c(x[:, None])", {"x": ("N", 20, 128)}),
    ],
)  # fmt: skip
def test_what_the_first_layer_takes(workspace, init: str, forward: str, expected: dict) -> None:
    plan = workspace(model(init, forward)).inputs("model.py:Net")
    assert {spec.name: spec.axes for spec in plan.inputs} == expected


@pytest.mark.parametrize(
    ("init", "arguments", "forward", "expected"),
    [
        ("self.c = nn.Conv2d(3, 8, 3); self.l = nn.Linear(5, 8)", "img, meta", "return self.c(img).mean((2, 3)) + self.l(meta)",
         {"img": ("N", 3, 64, 64), "meta": ("N", 5)}),
        ("self.e = nn.Embedding(9, 8)", "q, d", "return self.e(q).mean(1) * self.e(d).mean(1)", {"q": ("N", 16), "d": ("N", 16)}),
        ("self.l = nn.Linear(4, 2)", "x, target", "return F.cross_entropy(self.l(x), target)", {"x": ("N", 4), "target": ("N",)}),
        ("self.r = nn.GRU(4, 6, 2)", "x, h", "return self.r(x, h)[0]", {"x": (16, "N", 4), "h": (2, "N", 6)}),
        ("self.r = nn.LSTM(4, 6, batch_first=True)", "x, hidden", "return self.r(x, hidden)[0]",
         {"x": ("N", 16, 4), "hidden.0": (1, "N", 6), "hidden.1": (1, "N", 6)}),
        ("self.c = nn.Conv2d(3, 8, 3)", "a, b", "return self.c(torch.cat([a, b]))", {"a": ("N", 3, 64, 64), "b": ("N", 3, 64, 64)}),
        ("self.w = nn.Linear(5, 2)", "x, adj", "return adj @ self.w(x)", {"x": (16, 5), "adj": (16, 16)}),
        ("self.l = nn.Linear(4, 2)", "x, scale=None", "return self.l(x)", {"x": ("N", 4)}),
        ("self.l = nn.Linear(4, 2)", "*inputs", "return self.l(inputs[0])", {"inputs.0": ("N", 4)}),
        ("self.l = nn.Linear(4, 2)", "x=None", "return self.l(x)", {"x": ("N", 4)}),
        ("self.w = nn.Parameter(torch.zeros(3))", "", "return self.w * 2", {}),
    ],
)  # fmt: skip
def test_several_inputs(workspace, init: str, arguments: str, forward: str, expected: dict) -> None:
    source = model(init, forward, arguments).replace("(self, )", "(self)")
    plan = workspace(source).inputs("model.py:Net")
    assert {spec.name: spec.axes for spec in plan.inputs} == expected


SIAMESE = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 6, 10), nn.MaxPool2d(2), nn.Conv2d(6, 8, 7), nn.MaxPool2d(2), nn.Conv2d(8, 8, 4), nn.MaxPool2d(2),
            nn.Conv2d(CHANNELS, 16, 4),
        )
        self.fc, self.out = nn.Linear(16 * 6 * 6, 32), nn.Linear(OUT, 1)
    def one(self, x):
        return self.fc(self.conv(x).flatten(1))
    def forward(self, x1, x2):
        return self.out((self.one(x1) - self.one(x2)).abs())
"""


@pytest.mark.parametrize(("channels", "out"), [(8, 32), (8, 64), (12, 32)])
def test_both_images_of_a_siamese_network_are_alike(workspace, channels: int, out: int) -> None:
    """Deep enough that small images are pooled away; right, wrong behind both images, and wrong before the second one is taken."""
    plan = workspace(SIAMESE.replace("CHANNELS", str(channels)).replace("OUT", str(out))).inputs("model.py:Net")
    one, other = (spec.axes for spec in plan.inputs)
    assert one == other
    assert one[:2] == ("N", 1)


@pytest.mark.parametrize(
    ("init", "forward", "expected"),
    [
        ("self.l = nn.Linear(4, 6)", "return torch.einsum('nti,nsi->nts', self.l(x), self.l(x))", ("N", 16, 4)),
        ("self.l = nn.Linear(4, 6)", "return self.l(x).permute(0, 2, 1)", ("N", 16, 4)),
        ("self.c = nn.Conv2d(12, 8, 1)",
         "n, c, h, w = x.shape\n        x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)\n"
         "        return self.c(x.reshape(n, 4 * c, h // 2, w // 2))", ("N", 3, 64, 64)),
        ("self.e = nn.Embedding(9, 16)",
         "flat = x.permute(0, 2, 3, 1).reshape(-1, 16)\n        return self.e((flat @ self.e.weight.t()).argmax(1))", ("N", 1, 4, 4)),
        ("self.l = nn.Linear(16, 4)", "return self.l(x.view((-1, 1) + x.size()[-2:]).mean((1, 2)).view(-1, 16))", None),
    ],
)  # fmt: skip
def test_what_views_and_products_tell(workspace, init: str, forward: str, expected: tuple | None) -> None:
    space = workspace(model(init, forward))
    if expected is None:
        with pytest.raises(LoadError):
            space.inputs("model.py:Net")
    else:
        assert only(space)[0] == expected


def test_a_view_that_fits_some_sizes_only_asks_for_the_size(workspace) -> None:
    fixed = "x = self.c(x).permute(0, 3, 1, 2)\n        return self.l(x.reshape(x.size(0), 59, -1))"
    with pytest.raises(LoadError, match="a view in it fits some sizes only") as caught:
        workspace(model("self.c = nn.Conv2d(1, 4, 3); self.l = nn.GRU(8, 4)", fixed)).inputs("model.py:Net")
    assert caught.value.code == "LC902"


def test_a_view_that_no_input_could_fit_is_the_models_mistake(workspace) -> None:
    mistaken = "return self.l(self.c(x).mean((2, 3))).view(x.size(0), 8, 4, 4)"
    source = model("self.c = nn.Conv2d(3, 8, 3); self.l = nn.Linear(8, 72)", mistaken)
    assert workspace(source).shapes("model.py:Net") == {"x": ("N", 3, 64, 64)}


def test_a_view_that_fits_no_length_at_all_is_the_models_mistake(workspace) -> None:
    source = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(20, 48)
    def forward(self, ids):
        x = self.e(ids)
        n, t, d = x.shape
        return x.view(n, t, 5, d // 5).transpose(1, 2)
"""
    (spec,) = workspace(source).inputs().inputs
    assert (spec.axes, spec.dtype) == (("N", 16), "int64")


def test_whole_numbers_for_an_embedding(workspace) -> None:
    assert workspace(model("self.e = nn.Embedding(50, 8)", "return self.e(x)")).inputs("model.py:Net").inputs[0].dtype == "int64"


def test_a_plain_argument_is_asked_for_by_name(workspace) -> None:
    with pytest.raises(LoadError) as caught:
        workspace(model("self.l = nn.Linear(4, 2)", "return self.l(x)", "x, deep: bool")).inputs("model.py:Net")
    assert (caught.value.code, caught.value.advice) == ("LC902", "add `--arg deep=...`")


def test_a_literal_is_no_input(workspace) -> None:
    plan = workspace(model("self.l = nn.Linear(4, 2)", "return self.l(x)", "x, deep: bool")).inputs(
        "model.py:Net", arguments={"deep": "True"}
    )
    assert [spec.name for spec in plan.inputs] == ["x"]
    assert plan.literals == {"deep": True}


def test_a_model_of_which_nothing_tells(workspace) -> None:
    with pytest.raises(LoadError, match="neither the file nor the model's first layers tell") as caught:
        workspace(model("pass", "raise ValueError('no')")).inputs("model.py:Net")
    assert caught.value.code == "LC902"


def test_a_mistake_in_the_model_is_not_explained_away(workspace) -> None:
    """The input follows the first layer; a second one that does not fit it is what the check is for."""
    wrong_channels = model("self.a = nn.Conv2d(3, 16, 3); self.b = nn.Conv2d(8, 4, 3)", "return self.b(self.a(x))")
    assert workspace(wrong_channels).shapes("model.py:Net") == {"x": ("N", 3, 64, 64)}
    no_flatten = model("self.c = nn.Conv2d(3, 16, 3, padding=1); self.l = nn.Linear(16 * 32 * 32, 4)", "return self.l(self.c(x))")
    assert workspace(no_flatten).shapes("model.py:Net") == {"x": ("N", 3, 32, 32)}


def test_the_model_is_left_as_it_was(workspace) -> None:
    import inspect

    import torch

    from linearcheck.load.building import load_model
    from linearcheck.load.inference import infer_inputs

    source = model("self.b = nn.BatchNorm1d(4); self.kept = None", "self.kept = x\n        return self.b(x)")
    space = workspace(source)
    loaded = load_model(space.job("model.py:Net"))
    module = loaded.build()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    infer_inputs(loaded, module, inspect.signature(module.forward), space.job().options)
    assert module.kept is None
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


RELATIVE = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, heads=5, dim=20):
        super().__init__()
        self.words, self.near = nn.Embedding(90, dim), nn.Embedding(2000, heads)
        self.heads = heads
    def forward(self, ids):
        x = self.words(ids)
        n, t, d = x.shape
        x = x.view(n, t, self.heads, -1).transpose(1, 2)
        steps = torch.arange(t)
        bias = self.near((steps[None] - steps[:, None]).abs())
        return (x @ x.transpose(2, 3) + bias{turned}).sum(1)
"""


@pytest.mark.parametrize("turned", ["", ".permute(2, 0, 1)"])
def test_a_length_is_not_told_by_a_tensor_that_has_it_on_another_axis(workspace, turned: str) -> None:
    assert only(workspace(RELATIVE.replace("{turned}", turned)))[0] == ("N", 16)


CRITIC = """
import torch
import torch.nn as nn
class Critic(nn.Module):
    def __init__(self, action_dim=6, code=50):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4 * 15 * 15, code)
        self.trunk = nn.Linear({width}, 1)
    def forward(self, obs, action):
        h = self.fc(torch.relu(self.conv(obs)).flatten(1))
        return self.trunk(torch.cat([h, action], dim=1))
"""


def test_a_width_that_the_constructor_names_stands_where_no_size_fits(workspace) -> None:
    plan = workspace(CRITIC.replace("{width}", "code")).inputs("model.py:Critic")
    assert [spec.axes for spec in plan.inputs] == [("N", 3, 32, 32), ("N", 6)]
    assert plan.inputs[1].why == "`action_dim` of the constructor"


def test_a_width_that_fits_goes_before_one_that_is_named(workspace) -> None:
    plan = workspace(CRITIC.replace("{width}", "code + 9")).inputs("model.py:Critic")
    assert plan.inputs[1].axes == ("N", 9)
