"""LC204 `batch-read-as-one-sample`: an input that is one axis short is silently read as a single sample, the batch as its time.

## What it catches
`nn.LSTM`, `nn.GRU`, `nn.RNN`, `nn.MultiheadAttention` and transformer layers that get (N, features).

## Why it matters
These layers accept an input without a batch axis. A batch of rows then becomes one sequence of N steps: what is returned for one sample
depends on the others, and every shape is right.

## Example
    self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, batch_first=True), 2)
    h = self.encoder(self.embed(x))         # (N, 64)

## Fix
    h = self.encoder(self.embed(x).unsqueeze(1))    # (N, 1, 64)
Unsafe: what the steps of a sample are is for the author to say.

## PyTorch says
Nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from linearcheck.findings import Proposal, ReplaceSource, Safety, Severity, WrapInput
from linearcheck.rules.observations import observed
from linearcheck.rules.rule import Finding, FixAvailability, Rule
from linearcheck.rules.sequences import RECURRENT_LAYERS, SequenceCall, sequence_calls
from linearcheck.rules.source import argument_node, call_at, operand_node, span_of
from linearcheck.rules.suggestions import combined, ranked
from linearcheck.rules.wording import shape
from linearcheck.sizes import shape_text
from linearcheck.trace.records import Trace

RULE = Rule("LC204", "batch-read-as-one-sample", Severity.ERROR, FixAvailability.SOMETIMES, __doc__)


def check(trace: Trace) -> Iterator[Finding]:
    for found in sequence_calls(trace):
        short = found.input.rank == 2 and found.runs_over_batch and not trace.inferred_inputs
        if short and found.is_seen and not found.reach.fails and (found.mixes or not trace.probed):
            yield _finding(trace, found)


def _finding(trace: Trace, found: SequenceCall) -> Finding:
    name, sizes = found.name, found.input.sizes
    wanted = (sizes[0], "T", sizes[1]) if found.batch_first else ("T", *sizes)
    verb = "runs" if found.layer.torch_type in RECURRENT_LAYERS else "attends"
    return observed(
        RULE, trace, found.call,
        f"{name} reads the batch {shape(found.input)} as one sample of N steps, and expects {shape_text(wanted)}",
        f"Two axes mean an input without a batch axis: (steps, features). So {name} {verb} over the samples of the batch, and what it "
        "returns for one sample depends on the others.",
        got=sizes,
        expected=wanted,
        layer=found.layer,
        proposals=ranked(combined(_unsqueeze(found), _squeezed(trace, found)), _unsqueeze(found)),
        accounts_for=found.leaks,
    )  # fmt: skip


def _unsqueeze(found: SequenceCall) -> Proposal | None:
    """One step per sample."""
    axis, site = (1 if found.batch_first else 0), found.call.site
    if site is None:
        return None
    layer = found.layer
    by_torch = layer.caller_type == "torch" and layer.definition is not None  # a copy inside an encoder is called where that is
    place = (layer.name, layer.definition) if by_torch else ("", None)
    action = WrapInput(site, "unsqueeze", (axis,), layer=place[0], definition=place[1])
    return Proposal("unsqueeze", f"give each sample one step: insert axis {axis} into the input of {found.name}", Safety.UNSAFE, (action,))


def _squeezed(trace: Trace, found: SequenceCall) -> Proposal | None:
    """What comes out without the axis of one step again, where the next call takes it by a name of its own."""
    whole = next((call for call in trace.calls if call.kind == "module" and call.layer == found.layer.name), found.call)
    output, axis = whole.output, 1 if found.batch_first else 0
    takers = (
        [call for call in trace.consumers(output) if call.site is not None and call.site != found.call.site] if output is not None else []
    )
    if not takers:
        return None
    taker = takers[0]  # in evaluation mode what a dropout returns is what it takes, so that others may follow
    node = call_at(trace, taker.site)
    operand = argument_node(node, "input", 0) if node is not None and taker.kind == "module" else operand_node(trace, taker.site, 0)
    if taker.site is None or not isinstance(operand, ast.Name):
        return None
    edit = ReplaceSource(span_of(trace, taker.site.path, operand), f"{operand.id}.squeeze({axis})")
    return Proposal("squeeze", f"take it out of `{operand.id}` again", Safety.UNSAFE, (edit,))
