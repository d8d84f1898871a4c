"""`linearcheck explain` as users and scripts see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from linearcheck.cli.main import run

LENET = Path(__file__).parents[2] / "docs" / "examples" / "lenet_broken.py"
MESSAGE = "mat1 and mat2 shapes cannot be multiplied (64x256 and 400x120)"
Explain = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def explain(tmp_path: Path) -> Explain:
    def run_it(*words: str, stdin: str = "", cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "linearcheck", "explain", *words]
        return subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)

    return run_it


def test_message_as_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", MESSAGE]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"PyTorch says: {MESSAGE}")
    assert "LC101 in-features-mismatch" in shown
    assert "16 * 4 * 4" in shown
    assert "    linearcheck model.py\n" in shown


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", *MESSAGE.split()]) == 0
    assert "LC101" in capsys.readouterr().out


def test_standard_input_and_a_file(explain: Explain, tmp_path: Path) -> None:
    text = f'  File "{tmp_path}/net.py", line 12, in forward\n    return self.fc1(x)\nRuntimeError: {MESSAGE}\n'
    (tmp_path / "error.txt").write_text(text)
    shown = [done.stdout for done in (explain(stdin=text), explain("-", stdin=text), explain("error.txt"))]
    assert shown[0] == shown[1] == shown[2]
    assert f"  --> {tmp_path}/net.py:12, in forward\n        return self.fc1(x)" in shown[0]
    assert "    linearcheck net.py\n" in shown[0]


def test_unknown_message_is_exit_code_1(explain: Explain) -> None:
    done = explain("it does not work")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no message" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--model"],
        ["-s", "1,28,28", MESSAGE],
        ["--output-format", "sarif", MESSAGE],
        ["--nonsense"],
        ["--model", "nowhere.py", MESSAGE],
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_2(explain: Explain, words: list[str]) -> None:
    done = explain(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_json(explain: Explain) -> None:
    found = json.loads(explain("--output-format", "json", MESSAGE).stdout)
    assert found["codes"][0] == {"code": "LC101", "rule": "in-features-mismatch"}
    assert [number["text"] for number in found["numbers"]] == ["64", "256", "400", "120"]
    assert (found["command"], found["frame"], found["findings"]) == ("linearcheck model.py", None, None)
    unknown = explain("--output-format", "json", "hello")
    assert unknown.returncode == 1
    assert json.loads(unknown.stdout)["kind"] is None


def test_the_finding_that_fits_the_message(explain: Explain) -> None:
    done = explain("--model", str(LENET), "-s", "1,28,28", "--output-format", "json", MESSAGE)
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["code"], finding["layer"]) == ("LC101", "fc1")


def test_the_finding_that_fits_the_line(explain: Explain) -> None:
    """The numbers of `fc2` differ, for the batch and the input were others; the line tells."""
    frame = f'  File "/elsewhere/{LENET.name}", line 19, in forward\n    return self.fc2(x)'
    text = f"{frame}\nmat1 and mat2 shapes cannot be multiplied (7x9 and 84x10)"
    done = explain("--model", str(LENET), "-s", "1,28,28", "--output-format", "json", stdin=text)
    assert [finding["layer"] for finding in json.loads(done.stdout)["findings"]] == ["fc2"]


def test_a_check_that_finds_nothing_of_it_says_so(explain: Explain) -> None:
    done = explain("--model", str(LENET), "-s", "1,28,28", "running_mean should contain 32 elements not 17")
    assert done.returncode == 0
    assert "the check finds nothing of it" in done.stdout
    assert "error[" not in done.stdout


def test_nothing_of_the_text_is_obeyed_by_a_terminal(explain: Explain) -> None:
    text = f'  File "\x1b]0;x\x07a\x9bb.py", line 3, in f\n    x\u202e = 1\nRuntimeError: {MESSAGE}'
    shown = explain(stdin=text).stdout
    assert "LC101" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_neither_typer_nor_rich_nor_torch_is_imported_for_a_message() -> None:
    script = (
        "import sys; from linearcheck.cli.main import run; run(['explain', *sys.argv[1:]]);"
        "print(*(name for name in ('torch', 'typer', 'rich.console') if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, MESSAGE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == ""
