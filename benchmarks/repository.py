"""Measures linearcheck on a repository of many files: `python benchmarks/repository.py [--files 1000] [--wrong 20]`.

The files are made for it, each with one to three models of its own: stacks of convolutions, perceptrons, recurrent networks, transformers,
residual networks, with other widths and depths, some importing a helper that others import too. One in `--wrong` has a mistake in it.
Timed are a first run with one job and with two, a second run, one after one file has changed, and one after the shared helper has.
Each time stands beside that of `python -c "import torch"`, taken before and after.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from measure import occupied_bytes

IMPORT_TORCH = (sys.executable, "-c", "import torch")
PER_FOLDER = 50
_POLL_SECONDS = 0.2

HELPER = '''\
"""What several models of the repository share."""

from torch import nn


def activation():
    return nn.ReLU()


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.act = activation()

    def forward(self, x):
        return self.act(x + self.norm(self.conv(x)))
'''

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n{imports}\n\n"


def convolutions(name: str, rng: random.Random, off: int) -> str:
    width, depth, classes = rng.choice([4, 6, 8, 12, 16]), rng.randint(1, 3), rng.randint(2, 20)
    size = 32 >> depth
    layers = "".join(
        f"            nn.Conv2d({3 if i == 0 else width * i}, {width * (i + 1)}, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),\n"
        for i in range(depth)
    )
    return f"""class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
{layers}        )
        self.head = nn.Linear({width * depth} * {size} * {size} + {off}, {classes})

    def forward(self, x):
        return self.head(torch.flatten(self.features(x), 1))


def example_of_{name.lower()}():
    return {name}()(torch.randn(2, 3, 32, 32))
"""


def perceptron(name: str, rng: random.Random, off: int) -> str:
    widths = [rng.choice([16, 32, 48, 64, 96]) for _ in range(rng.randint(3, 6))]
    layers = "".join(f"        self.fc{i} = nn.Linear({a + (off if i == 1 else 0)}, {b})\n" for i, (a, b) in enumerate(pairwise(widths)))
    steps = "".join(f"        x = F.relu(self.fc{i}(x))\n" for i in range(len(widths) - 1))
    head = f"class {name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    return f"{head}{layers}\n    def forward(self, x):\n{steps}        return x\n"


def recurrent(name: str, rng: random.Random, off: int) -> str:
    kind, words, width, hidden = rng.choice(["LSTM", "GRU"]), rng.randint(50, 500), rng.choice([16, 24, 32]), rng.choice([20, 40, 64])
    return f"""class {name}(nn.Module):
    def __init__(self, vocabulary={words}, width={width}):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.rnn = nn.{kind}(width + {off}, {hidden}, batch_first=True)
        self.head = nn.Linear({hidden}, {rng.randint(2, 9)})

    def forward(self, ids):
        states, _ = self.rnn(self.embedding(ids))
        return self.head(states[:, -1])
"""


def transformer(name: str, rng: random.Random, off: int) -> str:
    heads, width = rng.choice([2, 4]), rng.choice([16, 32, 48])
    return f"""class {name}(nn.Module):
    def __init__(self, width={width}, depth={rng.randint(1, 2)}):
        super().__init__()
        self.embedding = nn.Linear({rng.choice([7, 12, 20])}, width)
        layer = nn.TransformerEncoderLayer(width, {heads}, dim_feedforward=2 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth)
        self.head = nn.Linear(width + {off}, {rng.randint(2, 9)})

    def forward(self, x):
        return self.head(self.encoder(self.embedding(x)).mean(1))
"""


def residual(name: str, rng: random.Random, off: int) -> str:
    channels = rng.choice([8, 12, 16])
    return f"""class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, {channels}, 3, padding=1)
        self.blocks = nn.Sequential(*(Residual({channels}) for _ in range({rng.randint(1, 4)})))
        self.head = nn.Linear({channels} + {off}, {rng.randint(2, 20)})

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))
"""


KINDS: tuple[Callable[[str, random.Random, int], str], ...] = (convolutions, perceptron, recurrent, transformer, residual)


def make_repository(folder: Path, n_files: int, wrong: int) -> int:
    """Write the files; how many of them have a mistake."""
    rng = random.Random(0)
    n_wrong = 0
    (folder / "shared_blocks.py").write_text(HELPER)
    for number in range(n_files):
        place = folder / f"part_{number // PER_FOLDER:03d}"
        place.mkdir(exist_ok=True)
        off = 1 if wrong and number % wrong == wrong - 1 else 0
        kinds = [rng.choice(KINDS) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        models = [kind(f"Model{number}{'ABC'[i]}", rng, off if i == 0 else 0) for i, kind in enumerate(kinds)]
        imports = "import sys\nsys.path.insert(0, '..')\nfrom shared_blocks import Residual\n" if residual in kinds else ""
        (place / f"model_{number:04d}.py").write_text(HEAD.format(imports=imports) + "\n\n".join(models))
        n_wrong += off
    return n_wrong


@dataclass(frozen=True)
class Timed:
    """A whole process: its seconds, the most that it and its descendants occupied together, and the last line that it printed."""

    seconds: float
    peak_bytes: int
    last_line: str


def timed(command: Sequence[str], folder: Path, cache: Path) -> Timed:
    environment = os.environ | {"LINEARCHECK_CACHE_DIR": str(cache), "COLUMNS": "200"}
    peak = 0
    with tempfile.TemporaryFile("w+") as output:
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True) as process:
            while True:
                try:
                    process.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    peak = max(peak, occupied_bytes(process.pid))
        seconds = time.perf_counter() - began
        output.seek(0)
        lines = output.read().splitlines() or [""]
    if process.returncode not in (0, 1) or "internal error" in lines[0]:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{lines[-1]}")
    return Timed(seconds, peak, lines[-1])


def import_seconds(folder: Path, cache: Path) -> float:
    return timed(IMPORT_TORCH, folder, cache).seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--wrong", type=int, default=20, help="one file in so many has a mistake; 0 for none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name) / "repository", Path(name) / "cache"
        folder.mkdir()
        n_wrong = make_repository(folder, options.files, options.wrong)
        print(f"{options.files} files, {n_wrong} with a mistake", flush=True)
        check = (sys.executable, "-m", "linearcheck", ".")

        def row(what: str, *words: str, in_cache: Path = cache) -> None:
            before = import_seconds(folder, cache)
            run = timed((*check, *words), folder, in_cache)
            torch = (before + import_seconds(folder, cache)) / 2
            memory = f"{run.peak_bytes / 2**20:6.0f} MB" if run.peak_bytes else "        -"
            print(f"{what:<28} {run.seconds:8.2f} s {run.seconds / torch:8.2f} x import torch {memory}  {run.last_line[:70]}", flush=True)

        row("first run, --jobs 1", "--jobs", "1")
        row("second run", "--jobs", "1")
        changed = folder / "part_000" / "model_0003.py"
        changed.write_text(changed.read_text() + "\n\nCHANGED = 1\n")
        row("one file changed", "--jobs", "1")
        helper = folder / "shared_blocks.py"
        helper.write_text(helper.read_text() + "\n\nCHANGED = 1\n")
        row("the shared helper changed", "--jobs", "1")
        row("first run, --jobs 2", "--jobs", "2", in_cache=Path(name) / "second cache")


if __name__ == "__main__":
    main()
