"""Broken files repaired by the whole pipeline and judged by real PyTorch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import linearcheck.pipeline  # noqa: F401  # before the forks, so that they need not import it
from linearcheck.worker.isolation import run_in_fork


def _sibling(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fix_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


mutation = _sibling("mutation")
torch.set_num_threads(1)


def repaired(name: str, old: str, new: str) -> tuple[str, str]:
    """A working file of `models/`, and what its repair makes of it with `old` replaced by `new`."""
    original = (mutation.MODELS / f"{name}.py").read_text()
    assert original.count(old) == 1, "the mutation must be one place"
    broken = original.replace(old, new)
    done = run_in_fork(lambda: mutation.repaired(broken, name), 60)
    assert done.returned, done
    text, _ = done.value
    assert run_in_fork(lambda: mutation.run_for_real(text)).value == run_in_fork(lambda: mutation.run_for_real(original)).value
    return original, text


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lenet", "16 * 4 * 4", "16 * 5 * 5"),
        ("lenet", "nn.Linear(84, 10)", "nn.Linear(100, 10)"),
        ("constants", "nn.Conv2d(WIDTH, WIDTH * 2,", "nn.Conv2d(WIDTH * 2, WIDTH * 2,"),
        ("constants", "WIDTH * 2 * (", "WIDTH * 3 * ("),
        ("dict_config", '"] * 11 * 27', '"] * 11 * 28'),
        ("table_loop", "(16, 32)", "(24, 32)"),
        ("helper", "conv_block(16, 32, stride=2)", "conv_block(24, 32, stride=2)"),
        ("unet", "DoubleConv(base * 4, base * 2)", "DoubleConv(base * 3, base * 2)"),
        ("loop_mlp", "            width = size\n", ""),
        ("stacked_lstm", "2 * hidden if i", "hidden if i"),
        ("resnet", "            self.in_planes = planes\n", ""),
        ("resnet", "            self.in_planes = planes\n", "        self.in_planes = planes\n"),
        ("stages", "        self.inplanes = planes * block.expansion\n", ""),
        ("skip_widths", "width += ENC[i - 1]", "width += ENC[i]"),
        ("pointer", "self.key(memory).transpose(1, 2)", "self.key(memory).transpose(0, 1)"),
        ("pointer", "self.loss(logits.transpose(1, 2), goal)", "self.loss(logits, goal)"),
        ("dilated", "x[:, :, -gated.size(2):]", "x"),
        ("multi_head_by_hand", "n_heads=4", "n_heads=5"),
        ("clips", "self.conv(frames.transpose(1, 2))", "self.conv(frames)"),
        ("stages", "nn.Conv2d(inplanes, planes, 3,", "nn.Conv2d(planes, planes, 3,"),
        ("base_class", "feature_dim = 32", "feature_dim = 64"),
        ("tabs_and_continuations", "12*12*12", "12*14*14"),
        ("width_lists", "[n_in, *hidden, code]", "[2 * n_in, *hidden, code]"),
        ("width_lists", "[code + n_in] + list", "[2 * code + n_in] + list"),
        ("pyramid", "size=below.shape[2:]", "scale_factor=2"),
        ("width_slices", "reversed(widths[:-1])", "reversed(widths[1:])"),
        ("captions", '"nihd,njhd->nhij"', '"nihd,nhjd->nhij"'),
        ("captions", "no_future(words.size(1))", "no_future(words.size(0))"),
        ("tokens", "nn.Linear(dim, 3 * dim)", "nn.Linear(dim, 2 * dim)"),
        ("tokens", "view(-1, 8, 6, 6)", "view(-1, 8, 7, 7)"),
        ("crnn_lines", "self.rnn(x.transpose(1, 2))", "self.rnn(x)"),
        ("boosted", "nn.Linear(width, lookback)", "nn.Linear(width, horizon)"),
        ("grouped_queries", "length // 4", "length // 8"),
        ("grouped_queries", "self.norm(x.transpose(1, 2)).transpose(1, 2)", "self.norm(x)"),
        ("point_net", "self.stn(points.transpose(1, 2))", "self.stn(points)"),
        ("seq2seq", ".unsqueeze(1), outputs).squeeze(1)", ".unsqueeze(1), outputs)"),
        ("seq2seq", "torch.bmm(weights.unsqueeze(1)", "torch.bmm(weights"),
        ("squeeze_excite", "nn.Conv2d(inp, oup, 3", "nn.Conv2d(inp, oup * 2, 3"),
    ],
)
def test_repair_restores_the_file(name: str, old: str, new: str) -> None:
    original, text = repaired(name, old, new)
    assert text == original


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("lenet", "        x = torch.flatten(x, 1)\n", "", "self.fc1(torch.flatten(x, 1))"),
        ("dueling", ".flatten(start_dim=1)", "", "h = self.conv(obs / 255.0).flatten(1)"),
        ("conv1d_ecg", "signal.unsqueeze(1)", "signal", ".unsqueeze(1)"),
        ("text_cnn", ".permute(0, 2, 1)", "", "x = self.embedding(text).transpose(1, 2)"),
        ("unet", "nn.Conv2d(out_ch, out_ch, 3", "nn.Conv2d(out_ch, out_ch * 2, 3", "nn.Conv2d(out_ch, out_ch, 3"),
        ("depthwise", "nn.Conv2d(3, width, 3", "nn.Conv2d(3, width * 2, 3", "Separable(width * 2, width * 2)"),
        ("pyramid", "        gain, shift = gain[:, :, None, None], shift[:, :, None, None]\n", "", "+ shift.unsqueeze(2).unsqueeze(3)"),
        ("boosted", "if n_in == n_out else", "if depth < 2 else", "nn.Identity() if depth < 2 and n_in == n_out else"),
        (
            "grouped_queries",
            "k = k.repeat_interleave(self.heads // self.groups, dim=1)",
            "k = k",
            "k.transpose(2, 3).repeat_interleave(3, dim=1)",
        ),
        ("grouped_queries", ".permute(2, 0, 1)[None]", "[None]", "+ bias.permute(0, 3, 1, 2)"),
        ("tokens", "        patches = patches.flatten(2).transpose(1, 2)\n", "", "patches.flatten(2).transpose(1, 2)], dim=1)"),
        (
            "skip_widths",
            "code.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3))",
            "code",
            "[x, planes.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3))]",
        ),
        ("dilated", "view(-1, 8 * self.width, 4)", "view(-1, 16 * self.width, 4)", "view(-1, 192, 4)"),
        ("densenet", "num_init + n_layers * growth", "num_init + 2 * growth", "num_features = num_init + 3 * growth"),
    ],
)
def test_repair_reads_like_the_author(name: str, old: str, new: str, expected: str) -> None:
    _, text = repaired(name, old, new)
    assert expected in text


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("squeeze_excite", "nn.Conv2d(inp, oup, 3", "nn.Conv2d(inp, oup * 2, 3", "LC301"),
        ("matrix_factorization", "self.item_mlp(item)], dim=-1)", "self.item_mlp(item)])", "LC101"),
        ("seq2seq", "outputs), dim=2)", "outputs))", "LC101"),
        ("skip_widths", "code.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3))", "code", "LC403"),
        ("seq2seq", ".unsqueeze(1), outputs).squeeze(1)", ".unsqueeze(1), outputs)", "LC403"),
    ],
)
def test_what_the_repair_of_one_finding_mends_as_well_was_its_consequence(name: str, old: str, new: str, code: str) -> None:
    original = (mutation.MODELS / f"{name}.py").read_text()
    assert original.count(old) == 1
    assert run_in_fork(lambda: mutation.repaired(original.replace(old, new), name), 60).value[1] == [code]


def test_second_repair_changes_nothing() -> None:
    _, text = repaired("unet", "DoubleConv(base * 4, base * 2)", "DoubleConv(base * 5, base * 2)")
    again = run_in_fork(lambda: mutation.repaired(text, "unet"), 60)
    assert again.value == [text, []]


@pytest.mark.parametrize("name", ["lenet", "resnet", "vit"])
def test_right_file_is_never_touched(name: str) -> None:
    text = (mutation.MODELS / f"{name}.py").read_text()
    assert run_in_fork(lambda: mutation.repaired(text, name), 60).value == [text, []]


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("siamese", ", dim=1)", ")", "torch.cat([self.embed(self.cnn(a)), self.embed(self.cnn(b))], dim=1)"),
        ("resnet", "nn.Conv2d(planes, planes, 3", "nn.Conv2d(planes, planes * 2, 3", "self.conv2 = nn.Conv2d(planes, planes, 3"),
        (
            "multi_head_by_hand",
            "q = q.view(B, T, self.n_heads, self.head_dim).transpose(1, 2)",
            "q = q.view(B, T, self.n_heads, self.head_dim)",
            "(q.transpose(1, 2) @ k.transpose(-2, -1))",
        ),
    ],
)
def test_other_side_of_the_clash_is_repaired(name: str, old: str, new: str, expected: str) -> None:
    _, text = repaired(name, old, new)
    assert expected in text
