"""A wrong size that several layers of one block take from one name is one finding; the same number written twice is two."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from linearcheck.findings import Diagnostic
from linearcheck.job import CheckJob, CheckOptions, Target
from linearcheck.pipeline import check_model

BLOCK = """
from torch import nn

class Block(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.norm = nn.GroupNorm(2, width)
        self.conv = nn.Conv2d(width, out, 3, padding=1)
        self.skip = nn.Conv2d(width, out, 1)

    def forward(self, x):
        return self.conv(self.norm(x)) + self.skip(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3)
        self.block = Block(16, 8)

    def forward(self, x):
        return self.block(self.stem(x))
"""


def found(source: str, folder: Path, shape: str = "3,10,10") -> tuple[Diagnostic, ...]:
    path = folder / "model.py"
    path.write_text(source)
    options = CheckOptions(input_shapes=(shape,), try_fixes=False)
    return check_model(CheckJob(Target(str(path), "Net"), options, working_directory=str(folder))).diagnostics


def test_one_name_is_one_finding(tmp_path: Path) -> None:
    (only,) = found(BLOCK, tmp_path)
    assert (only.code, only.layer) == ("LC301", "block.norm")
    assert [place.span.line for place in only.related] == [7, 8, 9]
    assert only.explanation.endswith("`block.conv` gets the same. `block.skip` gets the same.")


def test_numbers_of_their_own_are_findings_of_their_own(tmp_path: Path) -> None:
    source = BLOCK.replace("Conv2d(width, out, 1)", "Conv2d(16, out, 1)")
    assert [diagnostic.layer for diagnostic in found(source, tmp_path)] == ["block.norm", "block.skip"]


def test_another_clash_at_the_same_name_is_another_finding(tmp_path: Path) -> None:
    source = BLOCK.replace("self.skip(x)", "self.skip(x[:, :5])")
    assert [diagnostic.layer for diagnostic in found(source, tmp_path)] == ["block.norm", "block.skip"]


def test_what_the_layers_of_one_line_make_is_one_finding(tmp_path: Path) -> None:
    source = """
    from torch import nn

    class Up(nn.Module):
        def __init__(self, width, factor):
            super().__init__()
            self.conv = nn.Conv2d(width, width * factor, 3, padding=1)
            self.shuffle = nn.PixelShuffle(factor)

        def forward(self, x):
            return self.shuffle(self.conv(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Sequential(Up(16, 2), Up(16, 2), nn.Conv2d(16, 3, 3))

        def forward(self, x):
            return self.up(x)
    """
    (only,) = found(dedent(source), tmp_path, "16,10,10")
    assert (only.code, only.layer) == ("LC201", "up.1.conv")
    assert "`up.2` gets the same." in only.explanation
    assert ("set_out_channels", "set `out_channels` of `up.0.conv` to 64") in [(p.kind, p.title) for p in only.proposals]


def test_heads_on_one_layer_are_findings_of_their_own(tmp_path: Path) -> None:
    source = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(300, 32)
            self.a, self.b = nn.Linear(64, 2), nn.Linear(64, 3)

        def forward(self, x):
            x = self.body(x.flatten(1))
            return self.a(x), self.b(x)
    """
    assert [diagnostic.layer for diagnostic in found(dedent(source), tmp_path)] == ["a", "b"]
