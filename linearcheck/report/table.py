"""The default format, `table`: how inputs were read, the layers, each finding, and one line that sums up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from linearcheck.findings import Diagnostic, ModelReport, Report
from linearcheck.report.finding import finding_lines
from linearcheck.report.layers_table import layers_table
from linearcheck.report.page import Page
from linearcheck.report.readings import input_sentences
from linearcheck.report.summary import checked_how, closing_line, fix_hint, summarise
from linearcheck.report.wording import listed, model_title
from linearcheck.sizes import shape_text

_MOST_GOOD_LINES = 20


def print_report(report: Report, console: Console, *, verbose: bool = False, quiet: bool = False) -> None:
    """Write the report to a console, in its width, its colours and its characters.

    Args:
        verbose: Also every row of long tables, models without findings, notes, suppressed findings and what the user's code printed.
        quiet: Findings alone.
    """
    page = Page.of(console)
    alone = len(report.models) == 1
    listing = False  # whether the line above is one of a list of good models
    for model in report.models:
        found = _shown(model, verbose=verbose)
        if not (alone or verbose or found):
            if not quiet and len(report.models) <= _MOST_GOOD_LINES:
                _print_lines(console, [_good(page, model)])
                listing = True
            continue
        if listing:
            console.print()
            listing = False
        if not quiet:
            _print_lines(console, _head(page, model, verbose=verbose))
            _print_layers(console, page, model, verbose=verbose)
        for diagnostic in found:
            _print_lines(console, finding_lines(page, diagnostic, report.sources, verbose=verbose))
            console.print()
        if verbose and model.left_out and not quiet:
            _print_lines(console, _left_out(page, model))
        if verbose and model.printed and not quiet:
            _print_lines(console, _printed(page, model))
    if not quiet:
        if listing:
            console.print()
        _print_lines(console, _closing(page, report))


def _left_out(page: Page, model: ModelReport) -> Iterator[Text]:
    yield Text("not run, because the model does not need it:", style="dim")
    for sentence in model.left_out:
        yield Text(f"  {page.clean(sentence)}", style="dim")
    yield Text("")


def _good(page: Page, model: ModelReport) -> Text:
    """One line for a model without findings, among several: what goes in and what comes out."""
    into, out = (", ".join(shape_text(tensor.shape) for tensor in tensors) for tensors in (model.inputs, model.outputs))
    arrow = " -> ".join(filter(None, (into, out)))
    return Text.assemble((page.clean(model_title(model)), "bold"), ": ok", f", {page.clean(arrow)}" if arrow else "")


def _print_lines(console: Console, lines: Iterable[Text]) -> None:
    # Each line is laid out for the page already: rich must neither wrap it nor look for markup or numbers in it.
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _print_layers(console: Console, page: Page, model: ModelReport, *, verbose: bool) -> None:
    table = layers_table(page, model, every=verbose)
    if table is None:
        return
    for segments in console.render_lines(table, pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
        line.rstrip()  # rich pads the last column, and a pipe should not see that
        _print_lines(console, [line])
    console.print()


def _shown(model: ModelReport, *, verbose: bool) -> list[Diagnostic]:
    shown = [diagnostic for diagnostic in model.diagnostics if verbose or not diagnostic.suppressed]
    return [*shown, *model.notes] if verbose else shown


def _head(page: Page, model: ModelReport, *, verbose: bool) -> Iterator[Text]:
    """The model's name, what it was built with, and how each of its inputs was read."""
    yield Text(page.clean(model_title(model)), style="bold")
    built = [f"{value.name}={value.value} ({value.why or value.source})" for value in model.init if verbose or value.source != "default"]
    if built:
        yield from _sentence(page, f"built with {listed(built)}")
    for sentence in input_sentences(model):
        yield from _sentence(page, sentence)
    if verbose and model.traced:
        yield from _sentence(page, f"traced {_WAYS[model.traced]}{checked_how(model)} in {model.seconds:.2f} s")
    if verbose and model.outputs:
        outputs = [f"{output.name} {shape_text(output.shape)} {output.dtype}".strip() for output in model.outputs]
        yield from _sentence(page, f"returns {listed(outputs)}")
    yield Text("")


_WAYS = {
    "real": "with real data",
    "meta": "without data",
    "fake": "without data (fake tensors)",
    "mixed": "partly without data",
}


def _sentence(page: Page, text: str) -> Iterator[Text]:
    for number, line in enumerate(page.wrap(text, indent=4, first=2)):
        yield Text(f"{'  ' if number == 0 else '    '}{line}")


def _printed(page: Page, model: ModelReport) -> Iterator[Text]:
    yield Text(f"{page.clean(model_title(model))} printed:", style="dim")
    for line in model.printed.splitlines():
        yield Text(f"  {page.clean(line)}", style="dim")
    yield Text("")


def _closing(page: Page, report: Report) -> Iterator[Text]:
    counts = summarise(report)
    style = "bold red" if counts.errors else "bold yellow" if counts.warnings or not counts.models or counts.skipped else "bold green"
    hint = fix_hint(report)
    if hint:
        yield from (Text(line, style="dim") for line in page.wrap(hint))
    yield from (Text(line, style=style) for line in page.wrap(closing_line(report)))
