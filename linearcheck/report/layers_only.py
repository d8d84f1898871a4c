"""The layers of each model without findings: as a table for a terminal, and as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from linearcheck.findings import ModelReport, Report
from linearcheck.report.json_format import report_object
from linearcheck.report.layers_table import layers_table
from linearcheck.report.page import Page
from linearcheck.report.readings import input_sentences
from linearcheck.report.wording import counted, model_title

_KEYS = ("path", "name", "status", "reason", "init", "inputs", "outputs", "layers")


def render_layers_json(report: Report) -> str:
    """The parts of the report's own object that tell the layers; what they hold is described in docs/json.md."""
    whole = report_object(report)
    kept = {key: whole[key] for key in ("schema", "linearcheck", "torch", "python", "errors")}
    kept["models"] = [{key: model[key] for key in _KEYS} for model in whole["models"]]
    return json.dumps(kept, indent=2) + "\n"


def print_layers(report: Report, console: Console) -> None:
    """A table for each model, every row of it, with the number of all parameters below."""
    page = Page.of(console)
    for number, model in enumerate(report.models):
        if number:
            console.print()
        for line in _head(page, model):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        table = layers_table(page, model, every=True)
        if table is None:
            continue
        for segments in console.render_lines(table, pad=False):
            text = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
            text.rstrip()
            console.print(text, soft_wrap=True, highlight=False, markup=False)
        n_params = sum(layer.params for layer in model.layers)
        console.print(Text(f"{counted(n_params, 'parameter')} in {counted(len(model.layers), 'layer')}"), soft_wrap=True, highlight=False)


def _head(page: Page, model: ModelReport) -> Iterator[Text]:
    yield Text(page.clean(model_title(model)), style="bold")
    sentences = [f"not traced: {model.reason}"] if model.status == "skipped" else list(input_sentences(model))
    for sentence in sentences:
        for number, line in enumerate(page.wrap(sentence, indent=4, first=2)):
            yield Text(f"{'  ' if number == 0 else '    '}{line}")
    yield Text("")
