"""How the inputs of a model were read, in sentences: the head of a report."""

from __future__ import annotations

from collections.abc import Iterator

from linearcheck.findings import InputReport, ModelReport
from linearcheck.report.wording import shape_or_dash


def input_sentences(model: ModelReport) -> Iterator[str]:
    """How each input was read, then everything else that the head of the report says."""
    remarks = list(model.remarks)
    for given in model.inputs:
        reading = next((remark for remark in remarks if remark.startswith(f"{given.name}: ")), "")
        if reading:
            remarks.remove(reading)
        if reading and given.source == "given":  # it says where the shape comes from, and lacks the dtype alone
            yield f"{reading}, {given.dtype}"
        else:
            yield _input_sentence(given)
    yield from remarks


def _input_sentence(given: InputReport) -> str:
    reason = given.why if given.why.startswith(given.source) else f"{given.source}: {given.why}" if given.why else given.source
    return f"{given.name}: {shape_or_dash(given.shape)} {given.dtype}, {reason}"
