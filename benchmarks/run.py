"""Measures linearcheck against PyTorch itself, in the same run: `python benchmarks/run.py [--runs 5]`.

Every row is a whole process or a call in a warm one, with a baseline that is run in turn with it. The ratio is the median of the
ratios of the pairs; absolute seconds of a noisy machine say little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from measure import Paired, paired_processes, peak_bytes
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "docs" / "examples"
IMPORT_TORCH = [sys.executable, "-c", "import torch"]


def check_command(target: str, shape: str) -> list[str]:
    return [sys.executable, "-m", "linearcheck", "check", target, "--input-shape", shape, "--no-cache"]


def warm_resnet(runs: int) -> Paired:
    """A second check of ResNet-152 beside its forward pass, in one process of its own."""
    done = subprocess.run([sys.executable, str(HERE / "warm.py"), str(runs)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Paired.of([(check, forward) for check, forward in json.loads(done.stdout)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="pairs that are counted")
    runs = parser.parse_args().runs

    lenet = check_command(str(EXAMPLES / "lenet.py"), "1,28,28")
    stack = check_command(str(HERE / "models" / "linears_7b.py") + ":Stack", "4096")
    rows = [
        ("check LeNet", "python -c 'import torch'", paired_processes(lenet, IMPORT_TORCH, runs), "0.90", peak_bytes(lenet)),
        ("second check of ResNet-152", "its forward pass, batch 2", warm_resnet(runs), "0.30", None),
        ("check 7 billion parameters", "python -c 'import torch'", paired_processes(stack, IMPORT_TORCH, runs), "2.00", peak_bytes(stack)),
    ]
    table = Table("what", "against", "seconds", "baseline", "ratio", "of pairs", "aim", "peak memory", box=None)
    for what, against, paired, aim, peak in rows:
        spread = f"{min(paired.ratios):.2f} to {max(paired.ratios):.2f}"
        memory = "" if peak is None else f"{peak / 1e6:,.0f} MB"
        table.add_row(what, against, f"{paired.seconds:.2f}", f"{paired.baseline_seconds:.2f}", f"{paired.ratio:.2f}", spread, aim, memory)
    Console(width=140).print(table)
    print(
        f"Medians of {runs} pairs. Memory: the front, the worker and its children together, shared pages once (aim for 7 billion: 500 MB)."
    )


if __name__ == "__main__":
    main()
