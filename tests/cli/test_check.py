"""The command as users and scripts see it: what stands where, and the exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

TRACEBACK = "Traceback"


def test_right_model_is_clean(linearcheck: Run) -> None:
    result = linearcheck("good.py", "-s", "4")
    assert result.code == 0
    assert "no error in 1 model" in result.stdout
    assert result.stderr == ""


def test_wrong_model_is_found(linearcheck: Run) -> None:
    result = linearcheck("broken.py", "--input-shape", "1,28,28", "--output-format", "json")
    assert result.code == 1
    (model,) = result.json["models"]
    (diagnostic,) = model["diagnostics"]
    assert (diagnostic["code"], diagnostic["layer"], diagnostic["line"]) == ("LC101", "fc1", 13)
    assert diagnostic["fingerprint"]
    assert result.json["torch"]
    assert result.json["files"][0]["models"] == 1
    assert len(result.json["files"][0]["sha256"]) == 64


def test_check_may_be_written_out(linearcheck: Run) -> None:
    assert linearcheck("check", "good.py", "-s", "4").code == 0


def test_options_may_come_first(linearcheck: Run) -> None:
    assert linearcheck("--strict", "-s", "4", "good.py").code == 0


@pytest.mark.parametrize("no_fork", ["", "1"])
def test_one_target_does_not_stop_the_others(linearcheck: Run, project: Path, no_fork: str) -> None:
    (project / "leaves.py").write_text((project / "good.py").read_text().replace("return", "import os; os._exit(0); return"))
    result = linearcheck("leaves.py", "good.py", "broken.py", "-s", "1,28,4", "--output-format", "json", LINEARCHECK_NO_FORK=no_fork)
    assert [(model["name"], model["status"]) for model in result.json["models"]] == [
        ("Net", "skipped"),
        ("Net", "ok"),
        ("Broken", "findings"),
    ]
    assert result.code == 1


EXIT_CODES = {
    "named model that cannot be checked": (["good.py:Net", "-s", "ids=4"], 2),
    "unknown class": (["good.py:Nest", "-s", "4"], 2),
    "good file and missing file": (["good.py", "nowhere.py", "-s", "4"], 2),
    "broken file and missing file": (["broken.py", "nowhere.py", "-s", "1,28,28"], 1),
    "findings do not count": (["broken.py", "-s", "1,28,28", "--exit-zero"], 0),
    "findings are not asked for": (["broken.py", "-s", "1,28,28", "--ignore", "LC1,LC4"], 0),
    "file without models": (["empty.py"], 0),
    "directory without models": (["nothing"], 0),
    "syntax error": (["syntax.py"], 2),
    "skipped in a directory": (["folder"], 0),
    "skipped in a directory, strictly": (["folder", "--strict"], 1),
}


@pytest.mark.parametrize("name", EXIT_CODES)
def test_exit_code(linearcheck: Run, project: Path, name: str) -> None:
    (project / "empty.py").write_text("")
    (project / "syntax.py").write_text("class (")
    for folder in ("nothing", "folder"):
        (project / folder).mkdir()
    (project / "folder" / "syntax.py").write_text("class (")
    arguments, code = EXIT_CODES[name]
    result = linearcheck(*arguments)
    assert result.code == code, result
    assert TRACEBACK not in result.stderr


BAD_USAGE = {
    "unknown option": (["good.py", "--fixx"], "--fixx"),
    "no target": ([], "no target is given"),
    "missing file": (["god.py"], "the nearest in that folder is `good.py`"),
    "malformed target": (["good.py:Net(width="], "neither a name"),
    "malformed shape": (["good.py", "-s", "4,,4"], "empty size"),
    "negative size": (["good.py", "-s", "4,-4"], "negative"),
    "value without a name": (["good.py", "--init", "64"], "NAME=VALUE"),
    "size without a number": (["good.py", "--size", "T=x"], "whole number"),
    "unknown rule": (["good.py", "--select", "LC777"], "LC777"),
    "unknown format": (["good.py", "--output-format", "jsn"], "the nearest is `json`"),
    "two formats on stdout": (["good.py", "--output-format", "json", "--output-format", "github"], "cannot both go to stdout"),
    "time limit of nothing": (["good.py", "--timeout", "0"], "above 0"),
    "unknown import mode": (["good.py", "--import", "half"], "half"),
    "no such interpreter": (["good.py", "--python", "/no/such/python"], "cannot be started"),
    "file of the report in no folder": (["good.py", "-s", "4", "--output-file", "good.py/report.txt"], "cannot be written"),
    "null character": (["good\n.py"], "there is no file"),
    "very long name": (["x" * 5000 + ".py"], "ile name too long"),
}


@pytest.mark.parametrize("name", BAD_USAGE)
def test_bad_usage_is_told_on_stderr(linearcheck: Run, name: str) -> None:
    arguments, words = BAD_USAGE[name]
    result = linearcheck(*arguments)
    assert result.code == 2
    assert words in result.stderr
    assert TRACEBACK not in result.stderr


@pytest.mark.parametrize("arguments", [["--fixx"], ["nowhere.py"], ["good.py", "-s", "4,,4"], ["good.py", "--python", "/no/such"]])
def test_bad_usage_is_told_as_json_too(linearcheck: Run, arguments: list[str]) -> None:
    result = linearcheck(*arguments, "--output-format", "json")
    assert result.code == 2
    (error,) = result.json["errors"]
    assert error["kind"] == "usage"
    assert error["message"] in result.stderr


def test_select_leaves_the_rest_out(linearcheck: Run) -> None:
    result = linearcheck("broken.py", "-s", "1,28,28", "--select", "LC2", "--output-format", "json")
    assert (result.code, result.json["models"][0]["diagnostics"]) == (0, [])


def test_formats_go_to_their_files(linearcheck: Run, project: Path) -> None:
    result = linearcheck("broken.py", "-s", "1,28,28", "--output-format", "concise", "--output-format", "json=out/report.json")
    assert result.stdout.startswith("broken.py:13:")
    assert '"LC101"' in (project / "out" / "report.json").read_text()


def test_output_file_takes_what_would_be_on_stdout(linearcheck: Run, project: Path) -> None:
    result = linearcheck("broken.py", "-s", "1,28,28", "--output-file", "report.txt")
    assert (result.code, result.stdout) == (1, "")
    assert "LC101" in (project / "report.txt").read_text()


def test_statistics_count(linearcheck: Run) -> None:
    result = linearcheck("broken.py", "-s", "1,28,28", "--statistics")
    assert result.stdout.splitlines()[-1].split()[:2] == ["1", "LC101"]


def test_directory_heeds_gitignore(linearcheck: Run, project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("broken.py\n/build/\n")
    for folder in ("build", "sub", ".hidden", "venv"):
        (project / folder).mkdir()
        (project / folder / "model.py").write_text((project / "good.py").read_text())
    (project / "venv" / "pyvenv.cfg").write_text("")
    (project / "sub" / ".gitignore").write_text("other*\n!other_kept.py\n")
    (project / "sub" / "other.py").write_text((project / "good.py").read_text())
    (project / "sub" / "other_kept.py").write_text((project / "good.py").read_text())
    result = linearcheck(".", "-s", "4", "--output-format", "json")
    assert [file["path"] for file in result.json["files"]] == ["good.py", "sub/model.py", "sub/other_kept.py"]


def test_standard_input_is_a_file(linearcheck: Run, project: Path) -> None:
    text = (project / "broken.py").read_text()
    result = linearcheck("-", "--stdin-filename", "sub/edited.py", "-s", "1,28,28", "--output-format", "json", stdin=text)
    (model,) = result.json["models"]
    assert model["path"] == "sub/edited.py"
    assert model["diagnostics"][0]["line"] == 13


def test_one_file_twice_is_checked_once(linearcheck: Run) -> None:
    result = linearcheck("good.py", "./good.py", "-s", "4", "--output-format", "json")
    assert len(result.json["models"]) == 1


def test_what_the_model_prints_stays_out_of_the_report(linearcheck: Run, project: Path) -> None:
    text = (project / "good.py").read_text().replace("return", "print('[31mnoise'); return")
    (project / "noisy.py").write_text(text)
    assert linearcheck("noisy.py", "-s", "4", "--output-format", "json").json["models"][0]["status"] == "ok"
    assert "noise" not in linearcheck("noisy.py", "-s", "4").stdout
    verbose = linearcheck("noisy.py", "-s", "4", "--verbose").stdout
    assert "noise" in verbose
    assert "\x1b" not in verbose


def test_time_limit_is_a_skip(linearcheck: Run, project: Path) -> None:
    (project / "loop.py").write_text((project / "good.py").read_text().replace("return self", "while True: pass\n        return self"))
    result = linearcheck("loop.py", "-s", "4", "--timeout", "3", "--output-format", "json")
    assert result.code == 2
    assert result.json["models"][0]["diagnostics"][0]["code"] == "LC904"


def test_diff_changes_nothing_and_fix_does(linearcheck: Run, project: Path) -> None:
    before = (project / "broken.py").read_text()
    result = linearcheck("broken.py", "-s", "1,28,28", "--diff", "--unsafe-fixes")
    assert result.code == 1
    assert "-        self.fc1 = nn.Linear(400, 10)" in result.stdout
    assert (project / "broken.py").read_text() == before
    assert linearcheck("broken.py", "-s", "1,28,28", "--fix", "--unsafe-fixes").code == 0
    after = (project / "broken.py").read_text()
    assert after != before
    assert linearcheck("broken.py", "-s", "1,28,28", "--fix", "--unsafe-fixes").code == 0
    assert (project / "broken.py").read_text() == after


def test_files_beside_the_model_are_not_taken_for_libraries(linearcheck: Run, project: Path) -> None:
    for name in ("typer", "rich", "torch", "random", "cuda", "json", "types", "pathspec"):
        (project / f"{name}.py").write_text("raise SystemError('imported by mistake')")
    assert linearcheck("broken.py", "-s", "1,28,28").code == 1


def test_checking_writes_nothing(linearcheck: Run, project: Path) -> None:
    (project / "parts.py").write_text((project / "good.py").read_text())
    (project / "whole.py").write_text("from parts import Net\n\n\nclass Whole(Net):\n    pass\n")
    before = sorted(project.rglob("*"))
    assert linearcheck("whole.py", "-s", "4").code == 0
    assert sorted(project.rglob("*")) == before


def test_forward_that_raises_for_its_own_reasons_is_a_skip(linearcheck: Run, project: Path) -> None:
    (project / "raises.py").write_text((project / "good.py").read_text().replace("return", "raise KeyError('mine')\n        return"))
    result = linearcheck("raises.py", "-s", "4", "--output-format", "json")
    (model,) = result.json["models"]
    assert (result.code, model["status"], model["diagnostics"][0]["code"]) == (2, "skipped", "LC903")


def test_closed_stdout_is_no_traceback(project: Path) -> None:
    command = f"{sys.executable} -m linearcheck good.py broken.py -s 4 2>err | true; echo ${{PIPESTATUS[0]}}"
    subprocess.run(["bash", "-c", command], cwd=project, capture_output=True, timeout=120, check=True)
    assert TRACEBACK not in (project / "err").read_text()
    assert "BrokenPipe" not in (project / "err").read_text()


def test_nothing_is_downloaded_from_a_model_hub(linearcheck: Callable[..., Any], project: Path) -> None:
    text = (project / "good.py").read_text().replace("width)", "8 if os.environ['HF_HUB_OFFLINE'] == '1' else 9)")
    (project / "hub.py").write_text(f"import os\n{text}")
    assert "(N, 8)" in linearcheck("hub.py", "-s", "4").stdout


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("no_fork", ["", "1"])
def test_interrupt_ends_everything(project: Path, no_fork: str) -> None:
    text = (
        (project / "good.py")
        .read_text()
        .replace("return", "import os; open('pid', 'w').write(str(os.getpid()))\n        while True: pass\n        return")
    )
    (project / "loop.py").write_text(text)
    environment = {**os.environ, "LINEARCHECK_NO_FORK": no_fork}
    command = [sys.executable, "-m", "linearcheck", "loop.py", "-s", "4"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        pid = project / "pid"
        for _ in range(600):
            if process.poll() is not None or (pid.exists() and pid.read_text()):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, (pid.exists(), stdout.decode(), stderr.decode())
    assert TRACEBACK not in stderr.decode()
    assert "interrupted" in stderr.decode()
    for _ in range(50):
        if not Path(f"/proc/{pid.read_text()}/exe").exists():
            break
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize("command", ["check", "layers", "annotate", "sizes", "init"])
@pytest.mark.parametrize("seconds", ["-1", "0", "inf", "nan"])
def test_a_time_limit_is_a_number_of_seconds_above_0(linearcheck: Run, command: str, seconds: str) -> None:
    result = linearcheck(command, "good.py", "--timeout", seconds)
    assert result.code == 2
    assert f"`--timeout {seconds}`: a time limit is a number of seconds above 0" in result.stderr
    assert result.stdout == ""
