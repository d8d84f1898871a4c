"""Code that harms the process it runs in, and names that try to be markup, escapes, commands or tags, through the whole command."""

from __future__ import annotations

import contextlib
import html.parser
import json
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linearcheck.report import FORMATS
from linearcheck.worker.forking import can_fork

resource = pytest.importorskip("resource")

Run = Callable[..., Any]

MODEL = """
import atexit, builtins, ctypes, json, os, random, signal, sys, threading, time
import torch
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(9, 2)
        {init}
    def forward(self, x):
        {forward}
        return self.b(self.a(x))
"""
ENDS = {
    "os_exit": "os._exit(3)",
    "abort": "os.abort()",
    "segfault": "ctypes.string_at(0)",
    "sys_exit": "sys.exit(0)",
    "keyboard_interrupt": "raise KeyboardInterrupt",
    "kills_itself": "os.kill(os.getpid(), signal.SIGTERM)",
    "kills_its_group": "os.killpg(os.getpgid(0), signal.SIGKILL)",
    "hangs": "time.sleep(600)",
    "spins": "while True: pass",
    "hangs_deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
    "recursion": "return self.forward(x) if not self.training else x",
    "memory_bit_by_bit": "self.kept = [bytearray(10**8) for _ in range(10**5)]",
    "system_error": "raise SystemError('x')",
    "generator_exit": "raise GeneratorExit",
    "base_exception": "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})()",
    "raises_without_text": "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0, '__repr__': None})()",
    "no_sorted": "builtins.sorted = builtins.isinstance = None",
    "no_import": "builtins.__import__ = None",
    "no_modules": "sys.modules.clear()",
    "closes_everything": "os.closerange(0, 256)",
}
"""What ends a model before its finding can be told."""
SURVIVED = {
    "prints": "print('noise'); sys.stderr.write('noise'); os.write(1, b'noise'); os.write(2, b'noise')",
    "prints_much": "print('noise' * 10**6)",
    "forks": "os.fork() or os._exit(0)",
    "forks_and_goes_on": "os.fork()",
    "thread": "threading.Thread(target=time.sleep, args=(600,)).start()",
    "thread_prints": "threading.Thread(target=lambda: [print('noise') for _ in iter(int, 1)], daemon=True).start()",
    "stdout_closed": "sys.stdout.close(); sys.stderr.close()",
    "stdout_gone": "sys.stdout = sys.stderr = None",
    "memory": "torch.ones(10**13)",
    "chdir": "os.chdir('/')",
    "environment": "os.environ.clear()",
    "folder_gone": "import tempfile; folder = tempfile.mkdtemp(); os.chdir(folder); os.rmdir(folder)",
    "finders": "sys.meta_path.clear(); sys.path_hooks.clear()",
    "atexit": "atexit.register(os._exit, 7)",
    "handlers": "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]",
    "alarm": "signal.alarm(3600)",
    "json": "json.dumps = json.loads = None; json.JSONEncoder.encode = None",
    "builtins": "builtins.print = builtins.open = None",
    "settrace": "sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
    "excepthook": "sys.excepthook = threading.excepthook = None",
    "default_dtype": "torch.set_default_dtype(torch.float64); x = x.double().float()",
    "manual_seed": "torch.manual_seed(1); random.seed(1)",
    "no_grad": "torch.set_grad_enabled(False)",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "threads": "torch.set_num_threads(8)",
    "recursion_limit": "sys.setrecursionlimit(len(__import__('inspect').stack(0)) + 60)",
    "os_functions": "os._exit = os.getpid = os.fork = os.write = None",
    "time_functions": "time.monotonic = time.perf_counter = lambda: 0.0",
    "modules": "[sys.modules.pop(name) for name in ('json', 'inspect', 'traceback', 'linecache', 'ast', 're')]",
    "path": "sys.path.clear(); sys.path_importer_cache.clear()",
    "exception_ring": "e = ValueError(); e.__cause__ = e.__context__ = e; sys.exc_info = lambda: (type(e), e, None)",
    "gc": "__import__('gc').disable()",
    "repr": "type(self).__repr__ = None; type(self).__str__ = None",
    "class_name": "type(self).__name__ = '<b>'",
    "version": "torch.__version__ = None",
    "lost_attributes": "del sys.argv",
}
"""What harms the process, after which the model's one mistake is found all the same."""


@contextlib.contextmanager
def memory_limited() -> Iterator[None]:
    """For processes that are started meanwhile: a model that takes all it can get must not take it from other tests."""
    real = subprocess.Popen

    def limited(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **options, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", limited)
        yield


def projects(project: Path, kinds: dict[str, str], place: str) -> list[str]:
    for path in project.glob("*.py"):
        path.unlink()
    for name, statement in kinds.items():
        parts = {"top": "", "init": "pass", "forward": "pass", place: statement}
        (project / f"m_{name}.py").write_text(MODEL.format(**parts))
    (project / "zz_last.py").write_text(MODEL.format(top="", init="pass", forward="pass"))
    return [*(f"m_{name}.py" for name in kinds), "zz_last.py"]


@pytest.mark.skipif(not can_fork(), reason="without a fork the worker is started anew for each")
@pytest.mark.parametrize("place", ["init", "forward"])
def test_what_ends_a_model_is_told_and_the_others_go_on(linearcheck: Run, project: Path, place: str) -> None:
    kinds = {name: text for name, text in ENDS.items() if place == "forward" or name != "recursion"}
    targets = projects(project, kinds, place)
    with memory_limited():
        result = linearcheck(*targets, "-s", "4", "--timeout", "4", "--no-cache", "--output-format", "json")
    assert result.code == 1
    assert result.stderr == ""
    assert result.json["errors"] == []
    *models, last = result.json["models"]
    assert [(model["path"][2:].removesuffix(".py"), model["status"]) for model in models] == [(name, "skipped") for name in kinds]
    for model in models:
        assert "linearcheck itself" not in model["reason"]
    assert [found["code"] for found in last["diagnostics"]] == ["LC101"]


@pytest.mark.parametrize("place", ["init", "forward"])
def test_what_harms_the_process_loses_no_finding(linearcheck: Run, project: Path, place: str) -> None:
    kinds = {name: text.replace("x = x.double().float()", "pass") if place == "init" else text for name, text in SURVIVED.items()}
    targets = projects(project, kinds, place)
    result = linearcheck(*targets, "-s", "4", "--timeout", "20", "--no-cache", "--output-format", "json")
    assert result.stderr == ""
    assert result.json["errors"] == []
    found = {model["path"][2:].removesuffix(".py"): [one["code"] for one in model["diagnostics"]] for model in result.json["models"]}
    assert found == {name: ["LC101"] for name in (*kinds, "_last")}
    assert "noise" not in result.stdout


EVIL = "[bold red]x[/]\x1b[31m\n::error file=a,line=1::<script>alert(1)</script>\u202e%0A|`##[add-matcher]"
NAMES = """
import torch
from torch import nn
EVIL = {evil!r}
class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self._modules[EVIL] = nn.Linear(5, 4)
        self.add_module("<img src=x onerror=alert(1)>[red]", nn.Linear(4, 2))
    def forward(self, x):
        return self._modules["<img src=x onerror=alert(1)>[red]"](self._modules[EVIL](x))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.evil = type(EVIL, (Inner,), {{}})()
    def forward(self, x):
        return self.evil(x)
class Raises(nn.Module):
    def forward(self, x):
        raise type(EVIL, (RuntimeError,), {{}})(EVIL)
class Asserts(nn.Module):
    def forward(self, x):
        assert x.shape[1] == 4, EVIL
        return x
class Prints(nn.Module):
    def forward(self, x):
        print(EVIL)
        return x
class Fails(nn.Module):
    def __init__(self):
        raise ValueError(EVIL)
    def forward(self, x):
        return x
"""
PATH = "a\x1b[31m[red]b\u202e::error::<i>.py"
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each format prints of models with such names in a file with such a name."""
    folder = tmp_path_factory.mktemp("names")
    (folder / PATH).write_text(NAMES.format(evil=EVIL))
    (folder / "out").mkdir()
    outputs = [word for name in FORMATS if name != "table" for word in ("--output-format", f"{name}=out/{name}")]
    command = [sys.executable, "-m", "linearcheck", PATH, "-s", "N,3", "--no-cache", "--verbose", *outputs]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    texts = {path.name: path.read_bytes().decode() for path in (folder / "out").iterdir()}
    for name in ("concise", "markdown", "html"):
        again = subprocess.run([*command[:7], "--output-format", name], cwd=folder, capture_output=True, check=False)
        texts[f"{name} on stdout"] = again.stdout.decode()
    return {**texts, "table": done.stdout.decode()}


def test_nothing_reaches_a_terminal(shown: dict[str, str]) -> None:
    for name, text in shown.items():
        hidden = {character for character in text if unicodedata.category(character) in ("Cc", "Cf") and character != "\n"}
        assert hidden <= ({"\t"} if name in ("html", "junit") else set()), name


def test_nothing_is_a_command_of_a_log(shown: dict[str, str]) -> None:
    for name in ("table", "concise on stdout", "markdown on stdout", "html on stdout"):
        assert not COMMAND.search(shown[name]), name
    for line in shown["github"].splitlines():
        assert re.match(r"::(error|warning|notice) file=", line)
        assert line.count("::", 2) >= 1
        properties = line[2:].split("::", 1)[0]
        assert set(re.findall(r"[ ,](\w+)=", properties)) <= {"file", "line", "endLine", "col", "endColumn", "title"}


def test_nothing_is_a_tag(shown: dict[str, str]) -> None:
    tags = Tags()
    tags.feed(shown["html"])
    assert not tags.tags & {"script", "img", "i", "b"}
    ElementTree.fromstring(shown["junit"])
    assert not re.search(
        r"(?<!\\)<(script|img)", re.sub(r"`[^`\n]*`|^ {4}.*$|```.*?```", "", shown["markdown"], flags=re.DOTALL | re.MULTILINE)
    )


def test_formats_for_machines_are_whole(shown: dict[str, str]) -> None:
    for name in ("json", "sarif", "gitlab"):
        json.loads(shown[name])
    names = [layer["name"] for model in json.loads(shown["json"])["models"] for layer in model["layers"]]
    assert f"evil.{EVIL}" in names


def test_rich_markup_is_text(shown: dict[str, str]) -> None:
    assert "[bold red]x[/]" in shown["table"]
    assert "[red]b" in shown["table"]
