"""Ways in which people build and call models that a recorder must see through: each once right, once with a layer of a wrong size."""

from __future__ import annotations

import pytest

from tests.trace.models import trace

# Each body uses {size} where 8 is right and 9 is wrong.
FEATURES = {
    "checkpoint": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            from torch.utils.checkpoint import checkpoint
            return checkpoint(lambda t: self.b(self.a(t)), x, use_reentrant=False)
    """,
    "functional_call": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            from torch.func import functional_call
            return functional_call(self.b, dict(self.b.named_parameters()), (self.a(x),))
    """,
    "weight_norm": """
        def __init__(self):
            super().__init__()
            from torch.nn.utils.parametrizations import weight_norm
            self.a, self.b = weight_norm(nn.Linear(6, 8)), weight_norm(nn.Linear({size}, 3))

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "old spectral_norm": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.utils.spectral_norm(nn.Linear(6, 8)), nn.utils.spectral_norm(nn.Linear({size}, 3))

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "subclass of Linear": """
        class Wide(nn.Linear):
            pass

        def __init__(self):
            super().__init__()
            self.a, self.b = self.Wide(6, 8), self.Wide({size}, 3)

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "low-rank wrapper": """
        class LoRA(nn.Linear):
            def __init__(self, *args):
                super().__init__(*args)
                self.down, self.up = nn.Linear(self.in_features, 2, bias=False), nn.Linear(2, self.out_features, bias=False)

            def forward(self, x):
                return F.linear(x, self.weight, self.bias) + self.up(self.down(x))

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "scripted part": """
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.jit.script(nn.Linear(6, 8)), nn.Linear({size}, 3)

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "hooks of the user's own": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)
            self.seen = []
            self.a.register_forward_hook(lambda module, args, out: self.seen.append(out.shape))
            self.b.register_forward_pre_hook(lambda module, args: (args[0] * 1,))

        def forward(self, x):
            return self.b(self.a(x))
    """,
    "dict and module dict": """
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({{"a": nn.Linear(6, 8), "b": nn.Linear({size}, 3)}})

        def forward(self, x):
            return {{"out": self.parts["b"](self.parts["a"](x)), "nested": [x]}}
    """,
    "forward called directly": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            return self.b.forward(self.a.forward(x))
    """,
    "vmap": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            return torch.vmap(lambda row: self.b(self.a(row)))(x)
    """,
    "gradient inside forward": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            x = x.requires_grad_(True)
            y = self.b(self.a(x))
            (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            return g.norm(dim=1)
    """,
    "values read in forward": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)

        def forward(self, x):
            k = int(x.abs().max().item()) + 1
            rows = torch.nonzero(x.sum(1) > -1e9).squeeze(1)
            y = self.a(x[rows])
            if y.sum() > 1e9:
                return y
            return self.b(y) * k
    """,
    "buffers and in-place operators": """
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear({size}, 3)
            self.register_buffer("mean", torch.zeros(8))

        def forward(self, x):
            y = self.a(x)
            y -= self.mean
            y *= 2
            y[:, 0] = 0
            return self.b(F.relu(y, inplace=True))
    """,
}


def source(name: str, size: int) -> str:
    return "\nclass Net(nn.Module):\n" + FEATURES[name].format(size=size)


@pytest.mark.parametrize("name", FEATURES)
def test_right_model_has_no_failure(name: str) -> None:
    found = trace(source(name, 8), ("N", 6))
    assert not found.failures and not found.python_errors and not found.batch_failures and not found.leaks
    assert found.outputs


@pytest.mark.parametrize("name", FEATURES)
def test_wrong_model_has_one_failure(name: str) -> None:
    found = trace(source(name, 9), ("N", 6))
    assert len(found.failures) == 1 and not found.python_errors
    assert found.failures[0].name in {"linear", "matmul"}
