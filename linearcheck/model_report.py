"""From a trace and its diagnostics to the report of one model: the table's rows, the inputs as they were read, the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from linearcheck.findings import CallShapes, Diagnostic, InputReport, LayerCall, LayerReport, Severity, TensorReport
from linearcheck.load.records import InputPlan
from linearcheck.sizes import Shape
from linearcheck.trace.records import Call, Layer, Span, Trace

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", ""})


def layer_rows(trace: Trace, diagnostics: Sequence[Diagnostic]) -> tuple[LayerReport, ...]:
    """One row for every layer of torch's own, in the order of their first calls; those never called come last."""
    calls: dict[str, list[Call]] = {}
    for call in trace.calls:
        if call.kind == "module":
            calls.setdefault(call.layer, []).append(call)
    rows = [(calls[layer.name][0].index if layer.name in calls else len(trace.calls), layer) for layer in trace.layers if _is_row(layer)]
    status = _statuses(diagnostics)
    return tuple(_row(layer, calls.get(layer.name, []), status.get(layer.name)) for _, layer in sorted(rows, key=lambda row: row[0]))


def _is_row(layer: Layer) -> bool:
    if ".parametrizations." in f".{layer.name}.":  # the weight that a parametrization makes is the layer's own
        return False
    if layer.torch_type:
        return layer.torch_type not in CONTAINERS and (not layer.children or bool(layer.parameters) or not layer.user_class)
    return bool(layer.parameters) and bool(layer.name)


def _statuses(diagnostics: Iterable[Diagnostic]) -> dict[str, str]:
    found: dict[str, str] = {}
    for diagnostic in diagnostics:
        if diagnostic.layer and found.get(diagnostic.layer) != "error" and diagnostic.severity is not Severity.NOTE:
            found[diagnostic.layer] = diagnostic.severity.value
    return found


def _row(layer: Layer, calls: Sequence[Call], status: str | None) -> LayerReport:
    weight, bias = layer.parameters.get("weight"), layer.parameters.get("bias")
    return LayerReport(
        name=layer.name,
        type=layer.type,
        line=layer.definition.line if layer.definition else None,
        weight=weight.shape if weight else None,
        bias=bias.shape if bias else None,
        params=layer.n_params,
        status=status or ("ok" if calls or _runs_inside_its_parent(layer) else "not called"),
        calls=tuple(_call(call) for call in calls),
        path=layer.definition.path if layer.definition else "",
    )


def _runs_inside_its_parent(layer: Layer) -> bool:
    """`MultiheadAttention.out_proj` is never called as a module."""
    return layer.type == "NonDynamicallyQuantizableLinear"


def _call(call: Call) -> LayerCall:
    given, made = call.input, call.output
    shapes = (given.sizes if given else None, made.sizes if made else None)
    return LayerCall(call.site.line if call.site else 0, *shapes, call.site.path if call.site else "")


def input_reports(plan: InputPlan, trace: Trace) -> tuple[InputReport, ...]:
    dtypes = {tensor.name: tensor.dtype for tensor in trace.inputs}
    return tuple(
        InputReport(spec.name, tuple(spec.axes), dtypes.get(spec.name, spec.dtype or "float32"), spec.source, spec.why, spec.fill)
        for spec in plan.inputs
    )


def output_reports(trace: Trace) -> tuple[TensorReport, ...]:
    return tuple(TensorReport(tensor.name if tensor.role != "activation" else "", tensor.sizes, tensor.dtype) for tensor in trace.outputs)


def call_shapes(trace: Trace) -> tuple[CallShapes, ...]:
    """The calls of each line that stand in no other call of that line, in the order of the source."""
    found: dict[Span, dict[tuple[Shape, ...], None]] = {}
    failed: set[Span] = set()
    for call in trace.calls:
        if call.site is None or not call.outputs:
            continue
        found.setdefault(call.site, {})[tuple(tensor.sizes for tensor in call.outputs)] = None
        if call.failed:
            failed.add(call.site)
    by_line: dict[tuple[str, int], list[Span]] = {}
    for span in found:
        by_line.setdefault((span.path, span.line), []).append(span)
    outermost = [span for spans in by_line.values() for span in spans if not any(_is_within(span, other) for other in spans)]
    in_order = sorted(outermost, key=lambda span: (span.path, span.line, span.column))
    return tuple(CallShapes(span, tuple(found[span]), failed=span in failed) for span in in_order)


def _is_within(span: Span, other: Span) -> bool:
    starts = (other.line, other.column) <= (span.line, span.column)
    ends = (span.end_line, span.end_column) <= (other.end_line, other.end_column)
    return starts and ends and span != other
