"""Breaks working model files one place at a time, repairs them, and counts how many run again and how many are as they were.

    python tests/fix/mutation.py [--every N] [FILE ...]

A mutant counts where real PyTorch raises for it, or where a call was dropped and the shape is another one. It is repaired by the best tried
fix of every finding, as `--fix --unsafe-fixes` does, and judged by real PyTorch again.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linearcheck.fix.signatures import LAYERS
from linearcheck.fix.source import SourceFile, last_name, source_file
from linearcheck.fix.text import apply_edits

MODELS = Path(__file__).with_name("models")
SIZES = {
    "in_features", "out_features", "in_channels", "out_channels", "num_features", "normalized_shape", "num_channels", "input_size",
    "hidden_size", "embedding_dim", "embed_dim", "d_model",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    kind: str
    text: str
    line: int


def mutants(text: str) -> Iterator[Mutant]:
    """Every way to break a file that this test knows."""
    source = source_file("model.py", text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield from _sizes(source, node)
            yield from _dropped_calls(source, node)
    yield from _dropped_lines(text)


def _sizes(source: SourceFile, call: ast.Call) -> Iterator[Mutant]:
    callee = last_name(call.func)
    parameters = LAYERS.get(callee, ())
    given = [*zip(parameters, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    for name, value in given:
        if name in SIZES:
            numbers = [n for n in ast.walk(value) if isinstance(n, ast.Constant) and type(n.value) is int and n.value > 1]
            for number in numbers:
                new = number.value + 1 if number.value < 6 else number.value * 2  # type: ignore[operator]
                yield Mutant(f"{callee}.{name}", apply_edits(source.text, [source.replace(number, str(new))]), number.lineno)
            if isinstance(value, ast.Name):
                yield Mutant(f"{callee}.{name} name", apply_edits(source.text, [source.replace(value, f"{value.id} * 2")]), value.lineno)


def _dropped_calls(source: SourceFile, call: ast.Call) -> Iterator[Mutant]:
    """`x.flatten(1)` and its like without the call, keywords left out."""
    name = last_name(call.func)
    if name in ("flatten", "unsqueeze", "permute", "transpose", "squeeze") and isinstance(call.func, ast.Attribute):
        inner = call.args[0] if ast.unparse(call.func.value) == "torch" else call.func.value
        yield Mutant(f"no {name}", apply_edits(source.text, [source.replace(call, source.source_of(inner))]), call.lineno)
    if name in ("view", "reshape") and len(call.args) == 2 and isinstance(call.func, ast.Attribute):
        yield Mutant(f"no {name}", apply_edits(source.text, [source.replace(call, source.source_of(call.func.value))]), call.lineno)
    for keyword in call.keywords:
        if keyword.arg in ("keepdim", "bidirectional") or (keyword.arg == "dim" and name == "cat"):
            start, end = source.offsets(keyword)
            before = re.sub(r",\s*$", "", source.text[:start])
            yield Mutant(f"no {keyword.arg}", before + source.text[end:], call.lineno)


def _dropped_lines(text: str) -> Iterator[Mutant]:
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if re.match(r"\s*(nn\.Flatten\(\),|x = .*(flatten|view|permute|unsqueeze)\(.*\)|width = size|self\.in_planes = planes)\s*$", line):
            yield Mutant("no line", "".join(lines[:index] + lines[index + 1 :]), index + 1)


def shapes_of(text: str) -> list[str]:
    return re.findall(r"^# input: (\S+)$", text, re.M)


def run_for_real(text: str, batch: int = 4) -> Any:
    """The shape of what the model returns, None where PyTorch raises, "no Python" where the text makes no sense at all."""
    import torch

    import linearcheck.pipeline  # noqa: F401  # before the forks

    namespace: dict[str, Any] = {"__name__": "model"}
    sys.modules["model"] = type(sys)("model")
    sys.modules["model"].__dict__.update(namespace)
    try:
        exec(compile(text, "model.py", "exec"), sys.modules["model"].__dict__)
        models = [
            m
            for m in vars(sys.modules["model"]).values()
            if isinstance(m, type) and issubclass(m, torch.nn.Module) and m.__module__ == "model"
        ]
        net = models[-1]().eval()
        inputs = []
        for shape in shapes_of(text):
            sizes, _, dtype = shape.partition(":")
            full = [batch, *map(int, sizes.split(","))]
            inputs.append(torch.zeros(*full, dtype=torch.int64) if dtype else torch.randn(*full))
        with torch.no_grad():
            return tuple(net(*inputs).shape)
    except (NameError, SyntaxError):
        return "no Python"
    except Exception:
        return None


def repaired(text: str, name: str) -> tuple[str, list[str]]:
    """The text after `--fix --unsafe-fixes`, and the codes of what was found."""
    from linearcheck.findings import Report
    from linearcheck.fix.repairs import plan_repairs
    from linearcheck.job import CheckJob, CheckOptions, Target
    from linearcheck.load.records import LoadError
    from linearcheck.pipeline import check_model
    from linearcheck.worker.isolation import run_in_fork

    path = str((MODELS / f"{name}.py").absolute())
    last = [n.name for n in ast.parse(text).body if isinstance(n, ast.ClassDef)][-1]
    options = CheckOptions(input_shapes=tuple(shapes_of(text)))
    job = CheckJob(Target(f"{name}.py", last), options, overlay={path: text}, working_directory=str(MODELS))
    os.chdir(MODELS)
    try:
        model = check_model(job, run_in_fork)
    except LoadError as error:
        return text, [error.code]
    plan = plan_repairs(Report((model,), sources={f"{name}.py": text}), unsafe=True)
    return plan.texts.get(f"{name}.py", text), [d.code for d in model.diagnostics]


def main() -> None:
    import torch

    import linearcheck.pipeline  # noqa: F401  # before the forks
    from linearcheck.worker.isolation import run_in_fork

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    for file in arguments.files or sorted(MODELS.glob("*.py")):
        original = file.read_text()
        wanted = run_in_fork(lambda text=original: run_for_real(text)).value
        if wanted is None:
            print(f"{file.stem}: the original does not run")
            continue
        for mutant in list(dict.fromkeys(mutants(original)))[:: arguments.every]:
            broken = run_in_fork(lambda text=mutant.text: run_for_real(text)).value
            if broken in (wanted, "no Python") or (broken is not None and not mutant.kind.startswith("no ")):
                continue  # another number of outputs is another model, not a broken one
            counts["made"] += 1
            done = run_in_fork(lambda text=mutant.text, name=file.stem: repaired(text, name), 120)
            new, codes = done.value if done.returned else (mutant.text, [done.ending + str(done.text)])
            runs = run_in_fork(lambda text=new: run_for_real(text)).value == wanted
            counts["run"] += runs
            counts["same"] += new == original
            if new != original:
                print(f"{file.stem}:{mutant.line} {mutant.kind}: {'runs' if runs else 'BROKEN'} {','.join(codes)}", flush=True)
                for a, b, c in _differences(original, mutant.text, new):
                    print(f"      was {a!r}\n      now {b!r}\n      fix {c!r}", flush=True)
    print(f"{counts['made']} mutants, {counts['run']} run again, {counts['same']} as they were")


def _differences(original: str, mutant: str, new: str) -> Iterator[tuple[str, str, str]]:
    import difflib

    wrong = list(difflib.unified_diff(original.splitlines(), mutant.splitlines(), n=0, lineterm=""))[3:]
    fixed = list(difflib.unified_diff(mutant.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    yield "", " / ".join(" ".join(line.split()) for line in wrong), " / ".join(" ".join(line.split()) for line in fixed)


if __name__ == "__main__":
    main()
