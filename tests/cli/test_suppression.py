"""Which findings an ignore comment silences, and which comments are findings themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linearcheck.cli.abstract import is_incomplete
from linearcheck.cli.exit_code import exit_code
from linearcheck.findings import ModelReport, Report
from linearcheck.job import CheckJob, Target
from linearcheck.rules.registry import is_selected
from linearcheck.suppression import Scope, ignore_comments, is_silenced, with_suppressions
from tests.cli.reports import built_at, finding, model, report, span

Run = Callable[..., Any]


def suppressed(found: Report, *, ignore: tuple[str, ...] = (), select: tuple[str, ...] = (), judged: bool = True) -> Report:
    scope = Scope(lambda code: is_selected(code, select, ignore), judged)
    return with_suppressions(found, [scope] * len(found.models), lambda path: None)


def codes(found: Report, *, is_suppressed: bool) -> list[str]:
    return [d.code for one in found.models for d in one.diagnostics if d.suppressed is is_suppressed]


def net(comment: str, line: int = 4) -> str:
    """A file of nine lines, with a comment behind one of them."""
    lines = ["x = 1"] * 9
    lines[line - 1] += f"  # {comment}"
    return "\n".join(lines) + "\n"


SILENCED = [
    "linearcheck: ignore[LC101]",
    "linearcheck: ignore",
    "linearcheck:ignore[LC1]",
    "LinearCheck: Ignore[lc101]",
    "linearcheck: ignore[LC402, LC101] because of the old checkpoint",
    "noqa: E501  # linearcheck: ignore[LC101]",
    "linearcheck: ignore-file",
    "linearcheck: ignore-file[LC101]",
]


@pytest.mark.parametrize("comment", SILENCED)
def test_comment_silences_the_finding_on_its_line(comment: str) -> None:
    result = suppressed(report(model(finding("LC101", 4)), text=net(comment)), judged=False)
    assert codes(result, is_suppressed=True) == ["LC101"]
    assert result.models[0].status == "ok"
    assert exit_code(result, []) == 0


NOT_SILENCED = [
    ("linearcheck: ignore[LC102]", 4),
    ("linearcheck: ignore[LC101]", 5),
    ("linearcheck: ignore-file[LC102]", 4),
    ("linearcheck: ignore LC101", 4),
    ("linearcheck: ignore[LC101", 4),
    ("linearcheck: ignore[]", 4),
    ("linearcheck: ignored", 4),
    ("type: ignore[LC101]", 4),
]


@pytest.mark.parametrize(("comment", "line"), NOT_SILENCED)
def test_comment_does_not_silence_what_it_does_not_name(comment: str, line: int) -> None:
    result = suppressed(report(model(finding("LC101", 4)), text=net(comment, line)), judged=False)
    assert codes(result, is_suppressed=False) == ["LC101"]
    assert exit_code(result, []) == 1


def test_comment_in_a_string_is_none() -> None:
    assert ignore_comments('x = "# linearcheck: ignore"\n') == []


def test_comments_before_a_syntax_error_count() -> None:
    (comment,) = ignore_comments("x = 1  # linearcheck: ignore\ny = (\n")
    assert comment.line == 1


def test_comment_counts_on_any_line_of_the_call() -> None:
    found = finding("LC101", None, span=span(3, end_line=5))
    assert codes(suppressed(report(model(found), text=net("linearcheck: ignore", 5))), is_suppressed=True) == ["LC101"]


def test_comment_counts_where_the_layer_is_built() -> None:
    found = finding("LC101", 8, definition=span(4))
    assert codes(suppressed(report(model(found), text=net("linearcheck: ignore[LC101]"))), is_suppressed=True) == ["LC101"]


def test_comment_counts_on_the_call_of_a_container() -> None:
    found = finding("LC101", 8, definition=span(8), related=(built_at(4),))
    assert codes(suppressed(report(model(found), text=net("linearcheck: ignore[LC101]"))), is_suppressed=True) == ["LC101"]


def test_comment_where_the_sizes_come_from_says_nothing_about_the_call() -> None:
    found = finding("LC404", 8, related=(built_at(4),))
    assert codes(suppressed(report(model(found), text=net("linearcheck: ignore[LC404]")), judged=False), is_suppressed=False) == ["LC404"]


def test_notes_are_silenced_too() -> None:
    result = suppressed(report(model(notes=(finding("LC104", 4),)), text=net("linearcheck: ignore[LC104]")))
    assert result.models[0].notes == ()


def test_whole_file_is_silent_about_models_that_cannot_be_checked() -> None:
    result = suppressed(report(model(finding("LC901", None)), text=net("linearcheck: ignore-file")))
    assert is_silenced(result.models[0])
    assert exit_code(result, [], strict=True) == 0


def test_configuration_silences_reasons_for_skips() -> None:
    assert is_silenced(suppressed(report(model(finding("LC902", None))), ignore=("LC9",)).models[0])
    assert not is_silenced(suppressed(report(model(finding("LC902", None))), ignore=("LC1",)).models[0])


UNUSED = {
    "linearcheck: ignore[LC102]": "`ignore[LC102]` silences nothing on this line",
    "linearcheck: ignore[LC101, LC102]": "`LC102` silences nothing on this line",
    "linearcheck: ignore[LC101, LC102, LC2]": "`LC102` and `LC2` silence nothing on this line",
    "linearcheck: ignore-file[LC2]": "`ignore-file[LC2]` silences nothing in this file",
    "linearcheck: ignore LC101": "the ignore comment silences nothing: codes stand in brackets: `ignore[LC101]`",
    "linearcheck: ignore[LC101": "the ignore comment silences nothing: its bracket is not closed",
    "linearcheck: ignore[E501]": "the ignore comment silences nothing: `E501` is not a rule's code",
}


@pytest.mark.parametrize("comment", UNUSED)
def test_comment_that_silences_nothing_is_a_warning(comment: str) -> None:
    result = suppressed(report(model(finding("LC101", 4)), text=net(comment)))
    (unused,) = [d for d in result.models[0].diagnostics if d.code == "LC001"]
    assert unused.message == UNUSED[comment]
    assert unused.span is not None
    marked = net(comment).splitlines()[unused.span.line - 1][unused.span.column - 1 : unused.span.end_column - 1]
    assert marked == f"# {comment}"
    assert not unused.suppressed


def test_used_comment_is_no_warning() -> None:
    for comment in ("linearcheck: ignore", "linearcheck: ignore[LC1]", "linearcheck: ignore-file"):
        assert codes(suppressed(report(model(finding("LC101", 4)), text=net(comment))), is_suppressed=False) == []


def test_right_model_with_an_unused_comment_has_a_finding() -> None:
    result = suppressed(report(model(), text=net("linearcheck: ignore")))
    assert (result.models[0].status, codes(result, is_suppressed=False)) == ("findings", ["LC001"])
    assert exit_code(result, []) == 0
    assert exit_code(result, [], strict=True) == 1


NOT_JUDGED: dict[str, tuple[list[ModelReport], dict[str, Any]]] = {
    "its code is not selected": ([model()], {"select": ("LC2",)}),
    "its code is ignored": ([model()], {"ignore": ("LC103",)}),
    "the warning is ignored": ([model()], {"ignore": ("LC001",)}),
    "one model of the file was named": ([model()], {"judged": False}),
    "another model of the file was skipped": ([model(), model(finding("LC902", None))], {}),
}


@pytest.mark.parametrize("case", NOT_JUDGED)
def test_comment_is_not_judged_where_not_all_was_looked_for(case: str) -> None:
    models, scope = NOT_JUDGED[case]
    result = suppressed(report(*models, text=net("linearcheck: ignore[LC103]")), **scope)
    assert "LC001" not in codes(result, is_suppressed=False)


def test_comment_used_by_one_model_is_used() -> None:
    result = suppressed(report(model(), model(finding("LC103", 4), name="Other"), text=net("linearcheck: ignore[LC103]")))
    assert codes(result, is_suppressed=False) == []


def test_suppressed_findings_are_not_fixed_and_stay_in_json(linearcheck: Run, project: Path) -> None:
    text = (project / "broken.py").read_text().replace("Linear(400, 10)", "Linear(400, 10)  # linearcheck: ignore[LC101]")
    (project / "broken.py").write_text(text)
    result = linearcheck("broken.py", "-s", "1,28,28", "--fix", "--unsafe-fixes", "--output-format", "json")
    assert (result.code, result.json["summary"]["errors"]) == (0, 0)
    (diagnostic,) = result.json["models"][0]["diagnostics"]
    assert diagnostic["suppressed"] is True
    assert (project / "broken.py").read_text() == text


STUB = "raise NotImplementedError"
ABSTRACT = {
    "forward is a stub": f"class Net(nn.Module):\n    def forward(self, x):\n        {STUB}\n",
    "forward calls a stub": f"class Net(nn.Module):\n    def f(self, x):\n        {STUB}\n    def forward(self, x):\n        return self.f(x)\n",  # noqa: E501
    "abstract method": "class Net(nn.Module, ABC):\n    @abc.abstractmethod\n    def f(self): ...\n    def forward(self, x):\n        return x\n",  # noqa: E501
    "abstract in a base": "class B(nn.Module, ABC):\n    @abstractmethod\n    def f(self): ...\nclass Net(B):\n    def forward(self, x):\n        return x\n",  # noqa: E501
    "stub in another file": "from base import Base\nclass Net(Base):\n    pass\n",
}
COMPLETE = {
    "stub that is not needed": f"class Net(nn.Module):\n    def g(self):\n        {STUB}\n    def forward(self, x):\n        return x\n",
    "stub is overridden": f"class B(nn.Module):\n    def f(self):\n        {STUB}\nclass Net(B):\n    def f(self):\n        return 1\n",
    "raises for one value only": f"class Net(nn.Module):\n    def forward(self, x):\n        if x is None:\n            {STUB}\n        return x\n",  # noqa: E501
}
HEAD = "import abc\nfrom abc import ABC, abstractmethod\nfrom torch import nn\n"


def incomplete(folder: Path, text: str, code: str = "LC903", message: str = "the forward pass raises NotImplementedError") -> bool:
    (folder / "net.py").write_text(HEAD + text)
    (folder / "base.py").write_text(f"{HEAD}class Base(nn.Module):\n    def forward(self, x):\n        {STUB}\n")
    job = CheckJob(Target(str(folder / "net.py"), "Net"), working_directory=str(folder))
    return is_incomplete(job, model(finding(code, None, message=message)))


@pytest.mark.parametrize("code", ["LC902", "LC903"])
@pytest.mark.parametrize("case", ABSTRACT)
def test_class_that_subclasses_complete_is_no_model(tmp_path: Path, case: str, code: str) -> None:
    assert incomplete(tmp_path, ABSTRACT[case], code)


@pytest.mark.parametrize("code", ["LC902", "LC903"])
@pytest.mark.parametrize("case", COMPLETE)
def test_class_that_stops_for_its_own_reasons_is_a_model(tmp_path: Path, case: str, code: str) -> None:
    assert not incomplete(tmp_path, COMPLETE[case], code)


def test_stub_that_was_not_what_stopped_the_model_is_no_excuse(tmp_path: Path) -> None:
    assert not incomplete(tmp_path, ABSTRACT["forward calls a stub"], "LC901", "building `Net` raises KeyError")


def test_checked_model_is_never_incomplete(tmp_path: Path) -> None:
    assert not is_incomplete(CheckJob(Target("net.py", "Net")), replace(model(), status="ok"))


def test_abstract_base_class_blocks_nothing_unless_it_is_named(linearcheck: Run, project: Path) -> None:
    (project / "base.py").write_text(HEAD + ABSTRACT["forward is a stub"])
    together = linearcheck("base.py", "good.py", "-s", "4", "--strict", "--output-format", "json")
    assert (together.code, [one["path"] for one in together.json["models"]]) == (0, ["good.py"])
    assert linearcheck("base.py:Net", "-s", "4").code == 2
