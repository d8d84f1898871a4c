"""A script that does at module level all that a script can do to the outside: its model is checked, and nothing of it happens.

It stands in `canary.txt`, as text so that no tool takes it for ours.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

CANARY = Path(__file__).with_name("canary.txt")


@pytest.fixture
def calls() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who has connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        connected: list[Any] = []
        is_over = threading.Event()

        def listen() -> None:
            while not is_over.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                connected.append(address)
                connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        yield server.getsockname()[1], connected
        is_over.set()
        listener.join()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the canary writes."""
    return tmp_path_factory.mktemp("written")


@pytest.fixture
def canary(project: Path) -> Path:
    for path in project.iterdir():
        path.unlink()
    (project / "train.py").write_text(CANARY.read_text())
    return project


@pytest.mark.parametrize("no_fork", ["", "1"])
def test_nothing_of_it_happens(linearcheck: Run, canary: Path, folder: Path, calls: tuple[int, list[Any]], no_fork: str) -> None:
    port, connected = calls
    environment = {"CANARY_FOLDER": str(folder), "CANARY_PORT": str(port), "LINEARCHECK_NO_FORK": no_fork}
    result = linearcheck("train.py", "--verbose", "--output-format", "table", "--output-format", "json=../report.json", **environment)
    assert result.code == 0
    assert "no error in 1 model" in result.stdout
    assert "x: (N, 3, 32, 32) float32, inferred" in result.stdout
    assert result.stderr == ""
    assert [path.name for path in canary.iterdir()] == ["train.py"]
    assert list(folder.iterdir()) == []
    assert connected == []
    for printed in ("training starts", "written to", "bytes to", "continue?"):
        assert printed not in result.stdout
    for left_out in ("line 15 prints", "line 104 writes a file", "line 106 writes files", "line 151 trains"):
        assert left_out in result.stdout


def test_it_does_happen_where_the_whole_file_is_run(linearcheck: Run, canary: Path, folder: Path, calls: tuple[int, list[Any]]) -> None:
    environment = {"CANARY_FOLDER": str(folder), "CANARY_PORT": str(calls[0])}
    result = linearcheck("train.py", "--import", "full", "--verbose", **environment)
    assert result.code == 2
    assert "training starts" in result.stdout
    assert {"touched", "text.txt", "saved.pt", "train.log"} <= {path.name for path in folder.iterdir()}
