"""A trace without a forward pass: what a model is built of, where it is not known how to run it."""

from __future__ import annotations

from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.trace.assemble import Assembler, Run, layers
from linearcheck.trace.records import Trace
from linearcheck.trace.tracing import Traced, build_session


def traced_without_forward(loaded: LoadedModel, *, train: bool = False) -> Traced:
    """The layers of a model whose `forward` is not called, for what can be said about them alone.

    Raises:
        ConstructionError: Where the user's constructor raises.
    """
    session = build_session(loaded, train=train)
    run = Run([], [], [], {}, {}, [], set(), {}, None, {})
    assembler = Assembler(run, {}, session.spans)
    built = layers(session.model, session.recorder, run, assembler)
    trace = Trace((), built, (), (), traced=session.way, training=train, sources=session.spans.sources)
    return Traced(trace, session, run, {}, InputPlan(()), None, None)
