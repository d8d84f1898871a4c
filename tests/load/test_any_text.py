"""Whatever a file holds, loading it ends in models or in words: mutated files, from real ones."""

import random
import re
from pathlib import Path

import pytest

from linearcheck.load.building import load_model
from linearcheck.load.discover import discover_models
from linearcheck.load.records import LoadError

FILES = sorted((Path(__file__).parent / "messy").glob("*.txt"))
PIECES = [
    "(",
    ")",
    ":",
    "[",
    "]",
    "self",
    "None",
    "0",
    "-1",
    "import",
    "*",
    "**kw",
    "return",
    "@",
    "=",
    "+=",
    "x",
    "nn",
    "torch",
    "'",
    "\\",
    "else:",
    "try:",
    "while",
    "1:",
    "{",
    "}",
    ":=",
    "yield",
    "raise",
    "global_x",
    "lambda_x:",
    "é",
    "\x0c",
    "class_A:",
    "from_.._import_x",
    "if_True:",
    "match_x:",
    "print",
    "exec('a=1')",
    "del_x",
]


def mutated(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        kind = chance.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, chance.choice(lines))
        elif kind == 2:
            lines[at] = f"    {lines[at]}" if chance.random() < 0.5 else lines[at].lstrip()
        elif kind == 3:
            words = re.split(r"(\W)", lines[at])
            words[chance.randrange(len(words))] = chance.choice(PIECES).replace("_", " ")
            lines[at] = "".join(words)
        elif kind == 4:
            lines = lines[:at]
        else:
            lines.insert(at, chance.choice(PIECES).replace("_", " "))
        lines = lines or [""]
    return "\n".join(lines)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_a_mutated_file_ends_in_models_or_in_words(workspace, tmp_path: Path, path: Path) -> None:
    chance = random.Random(path.stem)
    told: list[tuple[str, bool]] = []
    for _ in range(8):
        space = workspace("").put("model.py", mutated(path.read_text(), chance))
        try:
            for job in discover_models(space.job()):
                load_model(job)
        except LoadError as error:
            told.append((error.code, bool(error.message)))
    assert set(told) <= {("LC901", True)}
    assert [p.name for p in tmp_path.iterdir()] == ["model.py"]
