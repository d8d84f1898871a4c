"""Where reports go, and that nothing is written twice or by halves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linearcheck.cli import output
from linearcheck.cli.main import run


def test_fault_in_one_format_leaves_one_json_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.py").write_text("")
    monkeypatch.chdir(tmp_path)
    real = output.render

    def faulty(report: object, fmt: str) -> str:
        if fmt == "sarif":
            raise AssertionError("a fault of our own")
        return real(report, fmt)  # type: ignore[arg-type]

    monkeypatch.setattr(output, "render", faulty)
    formats = ["html=out.html", "json", "sarif=out.sarif", "junit=out.xml"]
    assert run(["empty.py", *(f"--output-format={fmt}" for fmt in formats)]) == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["kind"] == "internal"
    assert not (tmp_path / "out.html").exists()
