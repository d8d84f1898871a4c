"""The JSON contract: exactly these keys, valid against docs/schema.json, the same numbers as the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from linearcheck.report import render

from .written import REPORTS

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema.json").read_text())


def parsed(name: str) -> dict[str, Any]:
    return json.loads(render(REPORTS[name], "json"))


def closed(schema: Any) -> Any:
    """The schema with no further key allowed anywhere: schema 1 may gain fields, but not without a line in it."""
    if isinstance(schema, dict):
        shut = {key: closed(value) for key, value in schema.items()}
        return shut | {"additionalProperties": False} if "required" in schema else shut
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("name", REPORTS)
def test_valid_and_nothing_undocumented(name: str) -> None:
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(parsed(name))


def test_schema_refuses_a_changed_key() -> None:
    report = parsed("lenet")
    report["models"][0]["diagnostics"][0]["line_number"] = report["models"][0]["diagnostics"][0].pop("line")
    with pytest.raises(jsonschema.ValidationError, match="'line' is a required property"):
        jsonschema.Draft202012Validator(SCHEMA).validate(report)


def test_keys_stand_as_the_contract_lists_them() -> None:
    report = parsed("lenet")
    (model,) = report["models"]
    finding = model["diagnostics"][0]
    assert list(report) == ["schema", "linearcheck", "torch", "python", "summary", "errors", "files", "models"]
    assert (
        " ".join(model) == "path name status reason named traced batch_sizes seconds stood_in init inputs outputs layers diagnostics notes"
    )
    assert " ".join(finding) == (
        "code rule severity fingerprint message explanation path line column end_line end_column cell snippet layer definition "
        "got expected operands related times suppressed fixes"
    )
    assert list(finding["operands"][0]) == ["name", "shape", "dtype", "from"]
    assert list(finding["fixes"][0]["edits"][0]) == ["path", "start", "end", "text"]


def test_sizes_are_numbers_or_text() -> None:
    layer = parsed("lenet")["models"][0]["layers"][1]
    assert layer["calls"][0]["input"] == ["N", 6, 12, 12]
    assert layer["weight"] == [16, 8, 5, 5]


def test_proposals_that_nobody_tried_stand_among_the_fixes() -> None:
    fixes = parsed("lenet")["models"][0]["diagnostics"][1]["fixes"]
    assert [(fix["kind"], fix["tried"], fix["edits"]) for fix in fixes] == [("set_in_features", False, []), ("resize_input", False, [])]


def test_reasons_for_skips_and_suppressed_findings_do_not_count() -> None:
    assert parsed("several")["summary"] == {"files": 2, "models": 3, "ok": 1, "skipped": 1, "errors": 2, "warnings": 0, "fixable": 1}
    assert parsed("silent")["summary"] == {"files": 1, "models": 1, "ok": 0, "skipped": 0, "errors": 0, "warnings": 1, "fixable": 1}


def test_a_surrogate_in_a_name_is_still_json() -> None:
    from dataclasses import replace

    from .written import model, report

    text = render(report(replace(model(), name="N\udc80")), "json")
    assert json.loads(text.encode().decode())["models"][0]["name"] == "N\udc80"
