"""What is kept from one run to the next, and every way in which a kept result may no longer hold."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from linearcheck.cache import Cache, cache_folder, own_digest
from linearcheck.cli import early, invocation, main, workers
from linearcheck.cli.output import Output, write_report
from linearcheck.findings import ModelReport, Report
from linearcheck.job import CheckJob, Target
from linearcheck.load.mentions import mentions
from linearcheck.load.project import open_project
from linearcheck.load.records import LoadError
from linearcheck.report import FORMATS
from linearcheck.worker import recording
from linearcheck.worker.outcome import Outcome
from tests.cli.fake_worker import FakePool

SETTLED = 0.06
"""Seconds until a file that was just written is no longer taken for one that changes while it is checked."""
TARGET = "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"


@dataclass
class Front:
    """The command with a model that does what the test says, in a project of the test's."""

    folder: Path
    pool: FakePool
    capsys: pytest.CaptureFixture[str]
    model: Callable[[Path], object] = lambda folder: "fine"
    reasons: str = ""
    """Why the last run was not kept, in the failure of a test."""

    def check(self, job: CheckJob, run_trial: Any) -> ModelReport:
        Path(job.target.place).read_text()
        return ModelReport("net.py", job.target.name or "", "ok", remarks=(str(self.model(self.folder)),))

    def run(self, *words: str) -> str:
        """What is shown: the report with the model's own words in it."""
        time.sleep(SETTLED)
        assert main.run([*(words or ("net.py",)), "--verbose"]) == 0
        out, self.reasons = self.capsys.readouterr()
        return out

    def n_checks(self, *words: str) -> int:
        """How many models one more run really checks."""
        before = len(self.pool.checked)
        self.run(*words)
        return len(self.pool.checked) - before


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Front:
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "sub").mkdir()
    for name in ("data.txt", "helper.py", "pkg/__init__.py", "other.txt"):
        (folder / name).write_text("one")
    (folder / "net.py").write_text(TARGET)
    (folder / "current").symlink_to("data.txt")
    monkeypatch.chdir(folder)
    front = Front(folder, FakePool(lambda job, trial: front.check(job, trial)), capsys)
    monkeypatch.setattr(workers, "Pool", front.pool)
    monkeypatch.setattr(early, "start_worker_early", lambda words: None)
    monkeypatch.setattr(invocation, "own_digest", lambda: "this version")
    monkeypatch.setattr(recording, "_known_modules", {})
    monkeypatch.setattr(recording, "_known", recording._Modules())
    recording.note_imported_modules()
    return front


def test_unchanged_model_is_checked_once(front: Front) -> None:
    assert front.n_checks() == 1
    assert [front.n_checks() for _ in range(3)] == [0, 0, 0]


def test_repeated_run_shows_and_writes_the_same(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["net.py", "--output-format", "json=out/a.json", "--output-format", "concise=b.txt", "--statistics"]
    shown = []
    for _ in range(2):
        (front.folder / "out" / "a.json").unlink(missing_ok=True)
        time.sleep(SETTLED)
        code = main.run(words)
        shown.append((code, *capsys.readouterr(), (front.folder / "out" / "a.json").read_text(), (front.folder / "b.txt").read_text()))
    assert shown[0] == shown[1]
    assert len(front.pool.checked) == 1


@pytest.mark.parametrize("words", [["--output-format", "json"], ["--quiet"], ["--strict"], ["--statistics"], ["--jobs", "2"]])
def test_another_way_of_showing_needs_no_check(front: Front, words: list[str]) -> None:
    front.run()
    assert front.n_checks("net.py", *words) == 0
    assert front.n_checks("net.py", *words) == 0


def test_terminal_of_another_width_gets_another_report(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.model = lambda folder: "word " * 40
    monkeypatch.setenv("COLUMNS", "80")
    narrow = front.run()
    monkeypatch.setenv("COLUMNS", "160")
    assert front.run() != narrow
    monkeypatch.setenv("COLUMNS", "80")
    assert front.run() == narrow
    assert len(front.pool.checked) == 1


def test_drawing_a_report_reads_no_other_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A variable that changes how rich draws has to be in the key of what was shown."""
    recorder = recording.Recorder()
    with recorder.recording():
        for fmt in FORMATS:
            write_report(Report(models=(ModelReport("net.py", "Net", "ok"),)), [Output(fmt)], verbose=True, quiet=False)
    seen = set(recorder.seen().variables)
    assert "COLUMNS" in seen
    assert seen <= {*invocation.RENDER_VARIABLES}


# ---- staleness: what the model reads, what then changes, and whether the result may still be used


def read_data(folder: Path) -> str:
    return (folder / "data.txt").read_text()


def read_if_there(folder: Path) -> str:
    return read_data(folder) if os.path.exists(folder / "switch") else "off"


def open_if_there(folder: Path) -> str:
    try:
        with open(folder / "sub" / "new.txt") as file:
            return file.read()
    except OSError:
        return "none"


def list_folder(folder: Path) -> str:
    return str(sorted(os.listdir(folder / "sub")))


def read_link(folder: Path) -> str:
    return (folder / "current").resolve().read_text()


def read_by_descriptor(folder: Path) -> str:
    descriptor = os.open(folder / "data.txt", os.O_RDONLY)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


def import_package(folder: Path) -> str:
    spec = importlib.util.spec_from_file_location("pkg", folder / "pkg" / "__init__.py", submodule_search_locations=[str(folder / "pkg")])
    assert spec is not None
    assert spec.loader is not None
    spec.loader.get_data(str(folder / "pkg" / "__init__.py"))  # type: ignore[attr-defined]
    return (folder / "pkg" / "__init__.py").read_text()


def look_for_module(folder: Path) -> str:
    return str(importlib.util.find_spec("surely_not_installed") is not None)


def search_for_a_name(folder: Path) -> object:
    try:
        return mentions(open_project(Target("net.py"), {}, str(folder)), folder / "helper.py", "Net")
    except LoadError:
        return None


def write(name: str, text: str = "two") -> Callable[[Front, pytest.MonkeyPatch], None]:
    def change(front: Front, patch: pytest.MonkeyPatch) -> None:
        (front.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (front.folder / name).write_text(text)

    return change


def retarget(front: Front, patch: pytest.MonkeyPatch) -> None:
    (front.folder / "other.txt").write_text("two")
    (front.folder / "current").unlink()
    (front.folder / "current").symlink_to("other.txt")


def remove(name: str) -> Callable[[Front, pytest.MonkeyPatch], None]:
    return lambda front, patch: (front.folder / name).unlink()


def set_variable(name: str, value: str = "two") -> Callable[[Front, pytest.MonkeyPatch], None]:
    return lambda front, patch: patch.setenv(name, value)


def replace_keeping_times(front: Front, patch: pytest.MonkeyPatch) -> None:
    path = front.folder / "data.txt"
    before = path.stat()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def fine(folder: Path) -> str:
    return "fine"


Change = Callable[[Front, pytest.MonkeyPatch], object]
STALE: dict[str, tuple[Callable[[Path], object], Change]] = {
    "the target": (fine, write("net.py", TARGET + "# two\n")),
    "a helper that the model imports": (lambda folder: (folder / "helper.py").read_text(), write("helper.py")),
    "the parent package's __init__": (import_package, write("pkg/__init__.py")),
    "a data file": (read_data, write("data.txt")),
    "a data file of the same size and time": (read_data, replace_keeping_times),
    "a data file read by its descriptor": (read_by_descriptor, write("data.txt")),
    "a data file that is gone": (open_if_there, remove("sub/new.txt")),
    "a file that did not exist, when opened": (open_if_there, write("sub/new.txt")),
    "a file that did not exist, when looked for": (read_if_there, write("switch")),
    "a folder that gains a file": (list_folder, write("sub/new.txt")),
    "a link that leads elsewhere": (read_link, retarget),
    "a file that a checked path ends at": (lambda folder: os.path.getsize(folder / "data.txt"), write("data.txt", "longer")),
    "a variable": (lambda folder: os.environ.get("WIDTH"), set_variable("WIDTH")),
    "a variable asked for by os.getenv": (lambda folder: os.getenv("WIDTH", "8"), set_variable("WIDTH")),
    "a variable that is only looked for": (lambda folder: "WIDTH" in os.environ, set_variable("WIDTH")),
    "all variables": (lambda folder: sum(name.startswith("WIDTH") for name in os.environ), set_variable("WIDTH_2")),
    "a variable that torch reads": (fine, set_variable("PYTORCH_ENABLE_MPS_FALLBACK", "1")),
    "a file beside the model that names it now": (search_for_a_name, write("helper.py", "Net()\n")),
    "a file beside the model that is gone": (search_for_a_name, remove("helper.py")),
    "a configuration where there was none": (fine, write("linearcheck.toml", "train = true\n")),
    "a configuration further up": (fine, write("../linearcheck.toml", "train = true\n")),
    "linearcheck itself": (fine, lambda front, patch: patch.setattr(invocation, "own_digest", lambda: "another")),
    "an installed module where there was none": (look_for_module, write("../lib/site-packages/surely_not_installed.py", "")),
}


@pytest.fixture
def site_packages(front: Front, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, with one of each kind in it."""
    folder = front.folder.parent / "lib" / "site-packages"
    for path, text in {
        "fakelib/__init__.py": "version = 1\n",
        "fakelib-1.0.dist-info/METADATA": "Name: fakelib\nVersion: 1.0\n",
        "fakelib-1.0.dist-info/RECORD": "fakelib/__init__.py,sha256=1,12\n",
        "othername/__init__.py": "",
        "PyOther-1.0.dist-info/RECORD": "othername/__init__.py,,\n",
        "byhand.py": "",
        "Listed-1.0.dist-info/RECORD": "x",
        "Listed-1.0.dist-info/top_level.txt": "toplevel\n_toplevel\n",
        "toplevel.py": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def forgotten() -> Iterator[None]:
    yield
    for name in ("fakelib", "othername", "byhand", "toplevel"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("case", STALE)
def test_result_is_not_used_after_a_change(front: Front, site_packages: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    front.model, change = STALE[case]
    if case == "a data file that is gone":
        (front.folder / "sub" / "new.txt").write_text("one")
    front.run()
    assert front.n_checks() == 0, "the change below would prove nothing"
    change(front, monkeypatch)
    assert front.n_checks() == 1


def test_result_is_not_used_with_other_options(front: Front) -> None:
    options = [[], ["-s", "4"], ["-s", "5"], ["--train"], ["--init", "a=1"], ["--select", "LC1"], ["--size", "N=64"], ["--timeout", "9"]]
    assert [front.n_checks("net.py", *words) for words in options] == [1] * len(options)


def test_result_is_not_used_in_another_directory(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.run()
    monkeypatch.chdir(front.folder.parent)
    assert front.n_checks("project/net.py") == 1


def import_by_name(name: str) -> Callable[[Path], object]:
    def model(folder: Path) -> str:
        sys.modules.pop(name, None)
        __import__(name)
        return "imported"

    return model


def rename(folder: Path, old: str, new: str) -> None:
    (folder / old).rename(folder / new)


PACKAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "another version": ("fakelib", lambda folder: rename(folder, "fakelib-1.0.dist-info", "fakelib-2.0.dist-info")),
    "the same version built anew": ("fakelib", lambda folder: (folder / "fakelib-1.0.dist-info" / "RECORD").write_text("other")),
    "a distribution of another name": ("othername", lambda folder: rename(folder, "PyOther-1.0.dist-info", "PyOther-2.0.dist-info")),
    "a distribution that lists what is its": ("toplevel", lambda folder: (folder / "Listed-1.0.dist-info" / "RECORD").write_text("y")),
    "a module put there by hand": ("byhand", lambda folder: (folder / "byhand.py").write_text("x = 1\n")),
    "a path file": ("fakelib", lambda folder: (folder / "more.pth").write_text("/somewhere\n")),
}


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("case", PACKAGES)
def test_result_is_not_used_after_a_change_of_a_package(front: Front, site_packages: Path, case: str) -> None:
    name, change = PACKAGES[case]
    front.model = import_by_name(name)
    front.run()
    assert front.n_checks() == 0
    change(site_packages)
    assert front.n_checks() == 1


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("name", ["fakelib", "toplevel"])
def test_a_package_that_was_not_imported_may_change(front: Front, site_packages: Path, name: str) -> None:
    front.model = import_by_name(name)
    front.run()
    rename(site_packages, "PyOther-1.0.dist-info", "PyOther-2.0.dist-info")
    assert front.n_checks() == 0


HOLDS: dict[str, tuple[Callable[[Path], object], Change]] = {
    "a file saved without a change": (read_data, write("data.txt", "one")),
    "a file that nobody reads": (read_data, write("other.txt")),
    "a file beside the model that names it no more than before": (search_for_a_name, write("helper.py", "changed\n")),
    "a variable that nobody reads": (read_data, set_variable("WIDTH")),
}


@pytest.mark.parametrize("case", HOLDS)
def test_result_is_used_after_a_change_of_what_it_does_not_come_from(front: Front, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    front.model, change = HOLDS[case]
    front.run()
    change(front, monkeypatch)
    assert front.n_checks() == 0


def test_variable_that_the_model_sets_itself_is_no_dependency(front: Front) -> None:
    def model(folder: Path) -> str:
        os.environ["OF_THE_MODEL"] = "1"
        value = os.environ["OF_THE_MODEL"]
        del os.environ["OF_THE_MODEL"]
        return value

    front.model = model
    front.run()
    assert front.n_checks() == 0


def test_file_that_the_model_writes_itself_is_no_dependency(front: Front) -> None:
    def model(folder: Path) -> str:
        (folder / "scratch").write_text(os.urandom(8).hex())
        return str(len((folder / "scratch").read_text()))

    front.model = model
    front.run()
    assert front.n_checks() == 0


def opens_socket(folder: Path) -> str:
    socket.socket().close()
    return "online"


def starts_process(folder: Path) -> str:
    return subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True).stdout


def asks_the_shell(folder: Path) -> str:
    return str(os.system("exit 3"))


@pytest.mark.parametrize("model", [opens_socket, starts_process, asks_the_shell])
def test_what_acts_outside_is_not_kept(front: Front, model: Callable[[Path], object]) -> None:
    front.model = model
    assert [front.n_checks(), front.n_checks()] == [1, 1]


@pytest.mark.parametrize(("head", "n_checks"), [("import h5py\n", 1), ("", 0)])
def test_what_reads_without_pythons_knowledge_is_not_kept(front: Front, monkeypatch: pytest.MonkeyPatch, head: str, n_checks: int) -> None:
    """A package that opens files in C is loaded; whether it is for the model's sake is seen from what the model's files say."""
    (front.folder / "net.py").write_text(head + TARGET)
    monkeypatch.setitem(sys.modules, "h5py", ModuleType("h5py"))
    front.run()
    assert front.n_checks() == n_checks


def test_file_that_changes_during_the_check_is_not_kept(front: Front) -> None:
    def model(folder: Path) -> str:
        text = read_data(folder)
        descriptor = os.open(folder / "data.txt", os.O_RDWR)
        os.write(descriptor, b"two")
        os.close(descriptor)
        return text

    front.model = model
    assert "one" in front.run()
    assert "two" in front.run()


def test_trial_that_ran_out_of_time_is_not_kept(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(job: CheckJob, run_trial: Any) -> ModelReport:
        run_trial(lambda: None, timeout_seconds=1.0)
        return ModelReport("net.py", "Net", "ok")

    front.pool.model = check
    monkeypatch.setattr("tests.cli.fake_worker.run_in_process", lambda function, timeout_seconds: Outcome("timed out", seconds=1.0))
    assert [front.n_checks(), front.n_checks()] == [1, 1]


def test_what_a_trial_reads_counts(front: Front) -> None:
    def check(job: CheckJob, run_trial: Any) -> ModelReport:
        outcome = run_trial(lambda: read_data(front.folder))
        return ModelReport("net.py", "Net", "ok", remarks=(outcome.value,))

    front.pool.model = check
    front.run()
    assert front.n_checks() == 0
    write("data.txt")(front, pytest.MonkeyPatch())
    assert front.n_checks() == 1


@pytest.mark.parametrize("words", [["--no-cache"], ["--write-baseline", "known.json"]])
def test_some_runs_are_always_made(front: Front, words: list[str]) -> None:
    front.run("net.py", *words)
    assert front.n_checks("net.py", *words) == 1


# ---- several files


def test_only_what_changed_is_checked_again(front: Front) -> None:
    for name in "abc":
        (front.folder / "sub" / f"{name}.py").write_text(TARGET)
    assert front.n_checks("sub") == 3
    assert front.n_checks("sub") == 0
    (front.folder / "sub" / "b.py").write_text(TARGET + "# changed\n")
    assert front.n_checks("sub") == 1
    assert front.pool.checked[-1] == "b.py:Net"


IN_A_FOLDER: dict[str, tuple[Change, int]] = {
    "a new file": (write("sub/d.py", TARGET), 1),
    "a new folder": (write("sub/more/d.py", TARGET), 1),
    "a file that is no longer ignored": (write(".gitignore", ""), 1),
    "a new file that is no source": (write("sub/notes.txt"), 0),
}


@pytest.mark.parametrize("case", IN_A_FOLDER)
def test_a_folder_is_searched_again_when_it_changes(front: Front, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    (front.folder / ".git").mkdir()
    (front.folder / ".gitignore").write_text("hidden.py\n")
    for name in ("a", "hidden"):
        (front.folder / "sub" / f"{name}.py").write_text(TARGET)
    assert front.n_checks("sub") == 1
    change, n_more = IN_A_FOLDER[case]
    change(front, monkeypatch)
    assert front.n_checks("sub") == n_more


def test_models_known_from_another_run_are_not_checked_again(front: Front) -> None:
    (front.folder / "more.py").write_text(TARGET)
    front.run("net.py")
    assert front.n_checks("net.py", "more.py") == 1


def test_entry_of_a_run_says_each_thing_once(front: Front, own_cache: Path) -> None:
    """Each of many models is looked for in many files, which are models too: what stands in these follows from their content."""
    for name in "abcd":
        (front.folder / "sub" / f"{name}.py").write_text(TARGET)
    front.model = lambda folder: [mentions(open_project(Target("net.py"), {}, "."), path, "Net") for path in (folder / "sub").glob("*.py")]
    front.run("sub")
    found = [Cache(own_cache).get(path.parent.name + path.stem) for path in entries(own_cache)]
    kinds = [[kind for kind, _, _ in entry["states"]] for entry in found if "renders" in entry]
    assert [("path" in of_run, "word" in of_run) for of_run in kinds] == [(True, False)]
    assert any("word" in [kind for kind, _, _ in entry["states"]] for entry in found if "renders" not in entry)


def test_baseline_that_changes_is_read_again(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    front.run("net.py", "--write-baseline", "known.json")
    front.run("net.py", "--baseline", "known.json")
    (front.folder / "known.json").write_text("{}")
    assert main.run(["net.py", "--baseline", "known.json", "--verbose"]) == 2
    assert "is not a baseline" in capsys.readouterr().err


# ---- the folder


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("??/*.json"))


def garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def make_folder_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "garbage": lambda path: path.write_bytes(os.urandom(300)),
    "one bit wrong": garble,
    "a folder": make_folder_of,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_entry_only_costs_time(front: Front, own_cache: Path, case: str) -> None:
    shown = front.run()
    for path in entries(own_cache):
        DAMAGE[case](path)
    assert front.run() == shown
    assert len(front.pool.checked) == 2


@pytest.mark.parametrize(
    "value", [None, [], {"states": 1, "renders": {}}, {"states": [[1]], "renders": {"a": 1}}, {"states": [], "renders": []}]
)
def test_entry_of_another_form_only_costs_time(front: Front, own_cache: Path, value: object) -> None:
    front.run()
    for path in entries(own_cache):
        Cache(own_cache).put(path.parent.name + path.stem, value)
    assert front.n_checks() == 1


def test_render_of_another_form_only_costs_time(front: Front, own_cache: Path) -> None:
    front.run()
    cache = Cache(own_cache)
    for path in entries(own_cache):
        key = path.parent.name + path.stem
        if "renders" in (entry := cache.get(key)):
            cache.put(key, entry | {"renders": {name: [1, 2] for name in entry["renders"]}})
    assert front.n_checks() == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind")
def test_read_only_folder_only_costs_time(front: Front, own_cache: Path) -> None:
    own_cache.mkdir()
    own_cache.chmod(0o500)
    assert [front.n_checks(), front.n_checks()] == [1, 1]


@pytest.mark.parametrize("place", ["/dev/null", "/proc/linearcheck", "a\nb"])
def test_folder_that_cannot_be_only_costs_time(front: Front, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("LINEARCHECK_CACHE_DIR", place)
    monkeypatch.chdir(front.folder)
    assert front.n_checks() == 1
    assert front.n_checks() <= 1


@pytest.mark.skipif(os.name != "posix", reason="owners")
def test_folder_of_somebody_else_is_not_trusted(front: Front, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front.run()
    own_cache.chmod(0o777)
    assert front.n_checks() == 1
    own_cache.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: own_cache.stat().st_uid + 1)
    assert front.n_checks() == 1


def test_what_is_read_while_it_is_written_is_whole(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    values = [[number] * 5000 for number in range(4)]
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            if (found := cache.get("ab" * 16)) is not None and found not in values:
                wrong.append(found)

    def write(value: object) -> None:
        for _ in range(30):
            assert cache.put("ab" * 16, value)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=[value]) for value in values]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    assert cache.get("ab" * 16) in values
    assert [path.suffix for path in (tmp_path / "cache" / "ab").iterdir()] == [".json"]


def test_old_entries_are_cleared_away(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in ("aa1", "bb2", "cc3"):
        cache.put(name, name)
    month_ago = (tmp_path / "aa" / "1.json").stat().st_mtime - 32 * 24 * 3600
    os.utime(tmp_path / "aa" / "1.json", (month_ago, month_ago))
    os.utime(tmp_path / "bb" / "2.json", (month_ago + 30 * 24 * 3600,) * 2)
    assert cache.get("bb2") == "bb2"  # which keeps it from growing old
    cache.clear_away()
    assert [path.name for path in entries(tmp_path)] == ["2.json", "3.json"]


@pytest.mark.parametrize("base", ["/x/caches", "", "relative"])
def test_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    import platformdirs

    monkeypatch.delenv("LINEARCHECK_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    if base != "relative":  # which the specification says to pass over
        assert str(cache_folder()) == platformdirs.user_cache_dir("linearcheck", appauthor=False)
    assert cache_folder().is_absolute()


def test_own_digest_is_of_the_version_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows above put a constant in the digest's place, so this is asked of the digest itself."""
    before = own_digest(str(tmp_path))
    monkeypatch.setattr(sys, "version", "3.99.0 (tomorrow)")
    assert own_digest(str(tmp_path)) != before


def test_own_digest_is_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = own_digest(str(tmp_path))
    (tmp_path / "a.py").write_text("x = 2")
    second = own_digest(str(tmp_path))
    (tmp_path / "b.py").write_text("")
    assert len({first, second, own_digest(str(tmp_path))}) == 3


# ---- the real worker

PROBE = """
import sys
from linearcheck.cli.main import run
code = run(sys.argv[1:])
loaded = [name for name in ("torch", "typer", "rich", "subprocess", "linearcheck.worker.client") if name in sys.modules]
print(code, *loaded, file=sys.stderr)
"""


def probe(*words: str) -> tuple[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, timeout=100, check=True)
    return done.stdout, done.stderr.splitlines()[-1].split()


def test_cached_run_imports_next_to_nothing_and_is_never_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "sizes.py").write_text("import json, pathlib\nWIDTH = json.loads(pathlib.Path('width.json').read_text())\n")
    net = "from torch import nn\nfrom .sizes import WIDTH\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n"
    (tmp_path / "pkg" / "net.py").write_text(net + "        super().__init__(nn.Linear(4, WIDTH), nn.Linear(8, 2))\n")
    (tmp_path / "width.json").write_text("8")
    monkeypatch.chdir(tmp_path)
    words = ("pkg/net.py", "-s", "4", "--output-format", "concise")
    assert probe(*words)[1][0] == "0"
    assert probe(*words)[1] == ["0"]
    (tmp_path / "width.json").write_text("9")
    output, (code, *_) = probe(*words)
    assert (code, "LC101" in output) == ("1", True)
    assert probe(*words) == (output, ["1"])
    (tmp_path / "pkg" / "sizes.py").write_text("WIDTH = 8\n")
    assert probe(*words)[1][0] == "0"
