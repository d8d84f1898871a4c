"""Files as people have them: with nothing given, each model is found, built with the file's own arguments, and given its input.

The files stand in `messy/`, as text so that no tool takes them for ours. Their first lines say what is expected of each model:
`# expect Net: width=8; x=(N, 3, 32, 32) inferred`, the arguments that are not defaults, then the inputs with their source.
"""

from pathlib import Path

import pytest

from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.sizes import shape_text

FILES = sorted((Path(__file__).parent / "messy").glob("*.txt"))


def told(loaded: LoadedModel, plan: InputPlan) -> str:
    arguments = ", ".join(f"{value.name}={value.value}" for value in loaded.init if value.source != "default")
    inputs = ", ".join(f"{spec.name}={shape_text(spec.axes)} {spec.source}" for spec in plan.inputs)
    return f"{loaded.name}: {arguments}; {inputs}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_messy_file(workspace, tmp_path: Path, path: Path) -> None:
    text = path.read_text()
    expected = [line.removeprefix("# expect ") for line in text.splitlines() if line.startswith("# expect ")]
    space = workspace("").put("model.py", text)
    space.put("conf/config.yaml", "model:\n  width: 24\n")
    names = space.names()
    assert [told(space.load(f"model.py:{name}"), space.inputs(f"model.py:{name}")) for name in names] == expected
    assert sorted(p.name for p in tmp_path.iterdir()) == ["conf", "model.py"]


def test_there_are_messy_files() -> None:
    assert len(FILES) >= 15
