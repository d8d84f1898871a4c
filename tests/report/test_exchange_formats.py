"""SARIF against the published schema, GitLab's report, JUnit read by a parser, Markdown and HTML that obey nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from linearcheck.findings import Edit
from linearcheck.report import render
from linearcheck.report.excerpt import edited, source_lines

from .written import LENET, REPORTS

SARIF_SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())


def sarif_run(name: str) -> dict[str, Any]:
    return json.loads(render(REPORTS[name], "sarif"))["runs"][0]


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid(name: str) -> None:
    jsonschema.Draft4Validator(SARIF_SCHEMA).validate(json.loads(render(REPORTS[name], "sarif")))


def test_sarif_results_point_at_their_rules() -> None:
    run = sarif_run("lenet")
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"]
        assert rule["shortDescription"]["text"]


def test_sarif_columns_and_edits_are_characters_of_the_source() -> None:
    result = sarif_run("lenet")["results"][0]
    region = result["locations"][0]["physicalLocation"]["region"]
    line = source_lines(LENET)[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "self.conv2(x)"
    (change,) = result["fixes"][0]["artifactChanges"]
    edits = [
        Edit(
            "model.py",
            (r["deletedRegion"]["startLine"], r["deletedRegion"]["startColumn"]),
            (r["deletedRegion"]["endLine"], r["deletedRegion"]["endColumn"]),
            r["insertedContent"]["text"],
        )
        for r in change["replacements"]
    ]
    assert edited(source_lines(LENET), edits)[9].strip() == "self.conv2 = nn.Conv2d(6, 16, 5)"


def test_sarif_keeps_suppressed_findings_as_such() -> None:
    assert [bool(result.get("suppressions")) for result in sarif_run("silent")["results"]] == [False, True]


def test_sarif_reports_a_failed_run() -> None:
    (invocation,) = sarif_run("usage")["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["level"] == "error"


def test_sarif_paths_are_uris() -> None:
    location = sarif_run("hostile")["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "a%2Cb%3A%25%5Bred%5D%3Ci%3E.py"


@pytest.mark.parametrize("name", REPORTS)
def test_gitlab_has_what_gitlab_requires(name: str) -> None:
    entries = json.loads(render(REPORTS[name], "gitlab"))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["lines"]["begin"] >= 1


@pytest.mark.parametrize("name", REPORTS)
def test_junit_counts_are_those_of_its_cases(name: str) -> None:
    root = ElementTree.fromstring(render(REPORTS[name], "junit").encode())
    (suite,) = root
    cases = suite.findall("testcase")
    assert int(suite.get("tests", -1)) == len(cases) == len(REPORTS[name].models) + len(REPORTS[name].errors)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute, -1)) == sum(case.find(tag) is not None for case in cases)


def test_junit_failure_names_every_error() -> None:
    (failure,) = ElementTree.fromstring(render(REPORTS["lenet"], "junit")).iter("failure")
    assert failure.get("type") == "LC201, LC101"
    assert failure.text is not None
    assert "model.py:16:33: LC201" in failure.text
    assert "model.py:18:20: LC101" in failure.text


class Tags(HTMLParser):
    """Collects tags, attributes and what stands between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", REPORTS)
def test_html_has_our_tags_alone(name: str) -> None:
    page = Tags(render(REPORTS[name], "html"))
    assert page.open == []
    assert not page.tags & {"script", "i", "b", "img", "iframe"}
    assert page.attributes <= {"class", "lang", "charset"}


def test_html_shows_hostile_names_as_text() -> None:
    page = Tags(render(REPORTS["hostile"], "html"))
    assert "<script>alert('&\"')</script>" in page.text
    assert "\x1b" not in page.text


def markdown_tokens(name: str) -> list[Token]:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(render(REPORTS[name], "markdown"))
    return [one for token in tokens for one in (token, *(token.children or []))]


@pytest.mark.parametrize("name", REPORTS)
def test_markdown_is_prose_and_code_alone(name: str) -> None:
    kinds = {token.type for token in markdown_tokens(name)}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "hr", "blockquote_open"}
    assert "\x1b" not in render(REPORTS[name], "markdown")


def test_markdown_table_has_a_row_a_finding_and_four_cells_each() -> None:
    for name, findings in (("hostile", 1), ("lenet", 2)):
        kinds = [token.type for token in markdown_tokens(name)]
        assert kinds.count("tr_open") == findings + 1
        assert kinds.count("td_open") == 4 * findings
