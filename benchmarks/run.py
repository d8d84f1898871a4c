"""Measures linearcheck against PyTorch itself, in the same run: `python benchmarks/run.py [--runs 5] [--only WORD]`.

Every row is a whole process or a call in a warm one, with a baseline that is run in turn with it. The ratio is the median of the
ratios of the pairs; absolute seconds of a noisy machine say little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Paired, paired_processes, peak_bytes
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
BROKEN = HERE.parent / "tests" / "cli" / "broken_models"
EXAMPLES = HERE.parent / "docs" / "examples"
IMPORT_TORCH = (sys.executable, "-c", "import torch")
LINEARCHECK = (sys.executable, "-m", "linearcheck")


@dataclass(frozen=True)
class Row:
    """`measure` gives the pairs of so many runs; `memory_of` is the command whose peak memory is told as well."""

    what: str
    against: str
    measure: Callable[[int], Paired]
    aim: float
    memory_of: Sequence[str] | None = None


def check_command(target: object, *options: str) -> tuple[str, ...]:
    return (*LINEARCHECK, "check", str(target), *options)


def processes(command: Sequence[str], baseline: Sequence[str] = IMPORT_TORCH) -> Callable[[int], Paired]:
    return lambda runs: paired_processes(command, baseline, runs)


def warm(measurement: str, target: str) -> Callable[[int], Paired]:
    """Pairs that are measured within one process of their own (`warm.py`)."""

    def measure(runs: int) -> Paired:
        command = [sys.executable, str(HERE / "warm.py"), measurement, str(MODELS / target), str(runs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return Paired.of([(ours, theirs) for ours, theirs in json.loads(done.stdout)])

    return measure


def rows(cache: str) -> list[Row]:
    cold = ("--no-cache",)
    lenet = check_command(EXAMPLES / "lenet.py", "--input-shape", "1,28,28")
    stack = check_command(f"{MODELS / 'linears_7b.py'}:Stack", "--input-shape", "4096", *cold)
    kept = ("env", f"XDG_CACHE_HOME={cache}", *lenet)
    fixes = ("--diff", "--unsafe-fixes", "--exit-zero", *cold)
    wrong, right = check_command(BROKEN / "three_errors.py", *fixes), check_command(MODELS / "no_errors.py", *fixes)
    torch = "python -c 'import torch'"
    return [
        Row("check LeNet", torch, processes((*lenet, *cold)), 0.90, (*lenet, *cold)),
        Row("check LeNet again, unchanged", torch, processes(kept), 0.15),
        Row("linearcheck --help", torch, processes((*LINEARCHECK, "--help")), 0.15),
        Row("check 7 billion parameters", torch, processes(stack), 2.00, stack),
        Row("check, fix and try three errors", "check the right file", processes(wrong, right), 1.20),
        Row("second check of ResNet-152", "its forward pass, batch 2", warm("forward", "resnets.py:ResNet152"), 0.30),
        Row("recorded pass of ResNet-152", "bare pass on meta", warm("recording", "resnets.py:ResNet152"), 1.50),
        Row("recorded pass of ViT-H", "bare pass on meta", warm("recording", "vision_transformers.py:VisionTransformer"), 1.50),
        Row("check of ResNet-50", "without probes", warm("silent", "resnets.py:ResNet50"), 2.00),
        Row("check of a small transformer", "without probes", warm("silent", "vision_transformers.py:SmallTransformer"), 2.00),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="pairs that are counted")
    parser.add_argument("--only", default="", help="only the rows whose name has this in it")
    given = parser.parse_args()

    table = Table("what", "against", "seconds", "baseline", "ratio", "of pairs", "aim", "peak memory", box=None)
    with tempfile.TemporaryDirectory() as cache:
        for row in rows(cache):
            if given.only not in row.what:
                continue
            paired = row.measure(given.runs)
            spread = f"{min(paired.ratios):.2f} to {max(paired.ratios):.2f}"
            peak = None if row.memory_of is None else peak_bytes(row.memory_of)
            memory = "" if peak is None else f"{peak / 1e6:,.0f} MB"
            numbers = (f"{paired.seconds:.2f}", f"{paired.baseline_seconds:.2f}", f"{paired.ratio:.2f}", spread, f"{row.aim:.2f}", memory)
            table.add_row(row.what, row.against, *numbers)
    Console(width=140).print(table)
    print(
        f"Medians of {given.runs} pairs. Memory: the front, the worker and its children together, shared pages once "
        "(aim for 7 billion: 500 MB)."
    )


if __name__ == "__main__":
    main()
