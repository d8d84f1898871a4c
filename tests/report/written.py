"""Reports written by hand, as the rest of the program would hand them over."""

from __future__ import annotations

from dataclasses import replace

from linearcheck.findings import (
    Diagnostic,
    Edit,
    FileReport,
    Fix,
    InputReport,
    LayerCall,
    LayerReport,
    ModelReport,
    NamedValue,
    Operand,
    Proposal,
    Related,
    Report,
    RunError,
    Safety,
    Severity,
    TensorReport,
)
from linearcheck.report.fingerprint import with_fingerprints
from linearcheck.sizes import Shape, parse_size
from linearcheck.trace.records import Span

LENET = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return self.fc2(x)
"""


def span_of(source: str, path: str, code: str, skip: int = 0) -> Span:
    """Where a piece of code stands in a source."""
    at = -1
    for _ in range(skip + 1):
        at = source.index(code, at + 1)
    before = source[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    end_line = line + code.count("\n")
    end_column = column + len(code) if end_line == line else len(code) - code.rfind("\n")
    return Span(path, line, column, end_line, end_column)


def shape(*sizes: int | str) -> Shape:
    return tuple(parse_size(size) for size in sizes)


def replaced(span: Span, text: str) -> Edit:
    return Edit(span.path, (span.line, span.column), (span.end_line, span.end_column), text)


def layer(name: str, kind: str, line: int, into: Shape, out: Shape, weight=None, bias=None, params=0, status="ok", call=0) -> LayerReport:
    return LayerReport(name, kind, line, weight, bias, params, status, (LayerCall(call, into, out),))


def lenet_findings(path: str = "model.py") -> tuple[Diagnostic, ...]:
    channels = span_of(LENET, path, "self.conv2(x)")
    built = span_of(LENET, path, "nn.Conv2d(8, 16, 5)")
    features = span_of(LENET, path, "self.fc1(x)")
    linear = span_of(LENET, path, "nn.Linear(400, 120)")
    return (
        Diagnostic(
            code="LC201",
            rule="in-channels-mismatch",
            severity=Severity.ERROR,
            message="`conv2` expects 8 channels, but its input (N, 6, 12, 12) has 6",
            explanation="`conv1` on line 15 makes 6 channels of (N, 1, 28, 28); pooling by 2 leaves them as they are.",
            span=channels,
            path=path,
            layer="conv2",
            definition=built,
            got=shape("N", 6, 12, 12),
            expected=shape("N", 8, "?", "?"),
            operands=(Operand("input", shape("N", 6, 12, 12), "float32", Related(span_of(LENET, path, "F.max_pool2d"), "max_pool2d")),),
            related=(Related(built, "`conv2` is built here"),),
            snippet="x = F.max_pool2d(F.relu(self.conv2(x)), 2)",
            fixes=(
                Fix(
                    "set_in_channels",
                    "set `in_channels` of `conv2` to 6",
                    Safety.UNSAFE,
                    tried=True,
                    edits=(replaced(span_of(LENET, path, "8, 16"), "6, 16"),),
                ),
                Fix(
                    "set_out_channels",
                    "set `out_channels` of `conv1` to 8",
                    Safety.UNSAFE,
                    tried=True,
                    edits=(replaced(span_of(LENET, path, "1, 6"), "1, 8"),),
                ),
            ),
        ),
        Diagnostic(
            code="LC101",
            rule="in-features-mismatch",
            severity=Severity.ERROR,
            message="`fc1` expects 400 features, but its input (N, 256) has 256",
            explanation="`flatten` on line 17 turns (N, 16, 4, 4) into (N, 256), since 16 * 4 * 4 = 256.",
            span=features,
            path=path,
            layer="fc1",
            definition=linear,
            got=shape("N", 256),
            expected=("*", 400),
            operands=(Operand("input", shape("N", 256), "float32", Related(span_of(LENET, path, "torch.flatten(x, 1)"), "flatten")),),
            related=(Related(linear, "`fc1` is built here"),),
            snippet="x = F.relu(self.fc1(x))",
            proposals=(
                Proposal("set_in_features", "set `in_features` of `fc1` to `16 * 4 * 4`"),
                Proposal("resize_input", "give images of 32 x 32: (N, 1, 32, 32) fits `fc1`"),
            ),
        ),
    )


LENET_LAYERS = (
    layer("conv1", "Conv2d", 9, shape("N", 1, 28, 28), shape("N", 6, 24, 24), (6, 1, 5, 5), (6,), 156, call=15),
    layer("conv2", "Conv2d", 10, shape("N", 6, 12, 12), shape("N", 16, 8, 8), (16, 8, 5, 5), (16,), 3216, "error", call=16),
    layer("fc1", "Linear", 11, shape("N", 256), shape("N", 120), (120, 400), (120,), 48120, "error", call=18),
    layer("fc2", "Linear", 12, shape("N", 120), shape("N", 10), (10, 120), (10,), 1210, call=19),
)

IMAGE = InputReport("x", shape("N", 1, 28, 28), "float32", "given", "--input-shape")
READING = "x: `1,28,28` read as one sample, so (N, 1, 28, 28)"


def model(**changes: object) -> ModelReport:
    base = ModelReport(
        path="model.py",
        name="Net",
        status="findings",
        named=True,
        traced="real",
        batch_sizes=(4, 8),
        seconds=0.0213,
        inputs=(IMAGE,),
        outputs=(TensorReport("", shape("N", 10), "float32"),),
        layers=LENET_LAYERS,
        diagnostics=lenet_findings(),
        remarks=(READING,),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def report(*models: ModelReport, files: tuple[FileReport, ...] | None = None, **changes: object) -> Report:
    base = Report(
        models=models,
        files=tuple(FileReport(one.path, "0" * 64, 1) for one in models) if files is None else files,
        torch_version="2.13.0",
        python_version="3.11.7",
        sources={"model.py": LENET},
    )
    return with_fingerprints(replace(base, **changes))  # type: ignore[arg-type]


def skipped(name: str = "Decoder", code: str = "LC902", rule: str = "unknown-input") -> ModelReport:
    diagnostic = Diagnostic(
        code=code,
        rule=rule,
        severity=Severity.ERROR,
        message=f"the input of `{name}` is not known",
        span=Span("model.py", 6, 1, 6, 15),
        path="model.py",
        explanation="`forward` takes `x`, and nothing in the file says its shape.",
        snippet="class Net(nn.Module):",
        proposals=(Proposal("other", "give it: `--input-shape x=C,H,W`"),),
    )
    return ModelReport("model.py", name, "skipped", reason=diagnostic.message, diagnostics=(diagnostic,))


FOLD = """\
class Scorer(nn.Module):
    def forward(self, states):
        rows = states.view(
            -1,
            128,
        )
        return self.head(rows)
"""

_VIEW = "states.view(\n            -1,\n            128,\n        )"


def silent() -> Report:
    """A warning over several lines, with two operands, a note, a suppressed finding and something printed."""
    span = span_of(FOLD, "scorer.py", _VIEW)
    fold = Diagnostic(
        code="LC402",
        rule="batch-axis-folded",
        severity=Severity.WARNING,
        message="`view(-1, 128)` folds the batch axis: (N, 16, 4, 4) becomes (2*N, 128)",
        span=span,
        path="scorer.py",
        explanation="Each sample has 256 values and is cut into two rows, so outputs no longer match labels.",
        got=shape("2*N", 128),
        operands=(Operand("states", shape("N", 16, 4, 4), "float32"), Operand("output", shape("2*N", 128), "float32")),
        snippet="rows = states.view(",
        times=12,
        fixes=(
            Fix(
                "view_keep_batch",
                "keep the batch axis: `view(states.size(0), -1)`",
                Safety.SAFE,
                True,
                (replaced(span, "states.view(states.size(0), -1)"),),
            ),
        ),
    )
    hidden = replace(
        fold, code="LC411", rule="reshape-cuts-axes", span=span_of(FOLD, "scorer.py", "self.head(rows)"), suppressed=True, fixes=(), times=1
    )
    note = replace(
        hidden,
        code="LC502",
        rule="layer-never-called",
        severity=Severity.NOTE,
        suppressed=False,
        message="`pool` is built and never called",
    )
    layers = (
        LayerReport(
            "encoder",
            "LSTM",
            3,
            (512, 64),
            None,
            197_632,
            "ok",
            tuple(LayerCall(4, shape(t, "N", 64), shape(t, "N", 128)) for t in (5, 7, 5)),
        ),
        LayerReport("pool", "Linear", None, (1, 1), (1,), 2, "not called"),
    )
    one = model(
        path="scorer.py",
        name="Scorer",
        layers=layers,
        diagnostics=(fold, hidden),
        notes=(note,),
        init=(NamedValue("width", "64", "given"), NamedValue("depth", "2", "default")),
        stood_in=("wandb",),
        remarks=(
            READING,
            "`wandb` is not installed and was stood in for",
        ),
        printed="building\n\x1b[31mred\x1b[0m\n",
    )
    return report(one, sources={"scorer.py": FOLD})


HOSTILE_SOURCE = 'self.add_module("[red]x", nn.Linear(3, 4))  # \x1b[2J\u202e <script>\nx =\tself.größe(漢字, x)  # %0A::error::\n'


def hostile() -> Report:
    """Names and texts that try to be markup, escapes, commands or tags."""
    bad = "[bold red]x[/]\x1b[31m\n::error file=a,line=1::<script>alert('&\"')</script>\u202e%0A|`"
    span = span_of(HOSTILE_SOURCE, "a,b:%[red]<i>.py", "self.größe(漢字, x)")
    edit = replaced(span_of(HOSTILE_SOURCE, span.path, "nn.Linear(3, 4)"), "nn.Linear(3, '\x07')")
    diagnostic = Diagnostic(
        code="LC101",
        rule="in-features-mismatch",
        severity=Severity.ERROR,
        message=f"`{bad}` expects 3 features",
        explanation=f"It comes from `{bad}`.",
        span=span,
        path=span.path,
        layer=bad,
        definition=span_of(HOSTILE_SOURCE, span.path, "nn.Linear(3, 4)"),
        got=("N", bad),
        expected=("*", 3),
        snippet=HOSTILE_SOURCE.split("\n")[1],
        fixes=(Fix("other", f"change `{bad}`", Safety.SAFE, True, (edit,)),),
    )
    one = model(
        path=span.path,
        name=bad,
        layers=(layer(bad, "<b>Linear</b>", 1, shape("N", 5), shape("N", 4), (4, 3), (4,), 16, "error"),),
        inputs=(replace(IMAGE, name=bad, why=bad),),
        diagnostics=(diagnostic,),
        remarks=(bad,),
        printed=bad,
    )
    return report(one, sources={span.path: HOSTILE_SOURCE}, errors=(RunError("configuration", bad),))


def deep() -> Report:
    """Long names, wide shapes, and more layers than anyone wants to read."""
    names = [f"encoder.stages.{stage}.blocks.{block}.attention.output_projection" for stage in range(4) for block in range(25)]
    wide = shape("N", 1024, 128, 512)
    layers = tuple(layer(name, "NonDynamicallyQuantizableLinear", 3, wide, wide, (1024, 1024), (1024,), 1_049_600) for name in names)
    wrong = replace(layers[50], status="error")
    source = (
        "class Net(nn.Module):\n"
        + " " * 60
        + "self.output = self.encoder(self.embedding(tokens), self.positions(tokens)) + self.residual_connection(tokens)\n"
    )
    diagnostic = Diagnostic(
        code="LC404",
        rule="broadcast-mismatch",
        severity=Severity.ERROR,
        message="`+` gets (N, 1024, 128, 512) and (N, 1024, 64, 512), whose axes 2 have the sizes 128 and 64",
        explanation="Two axes broadcast only where they are equal or one of them is 1.",
        span=span_of(source, "net.py", source.split("self.output = ")[1].strip()),
        path="net.py",
        layer=wrong.name,
        got=shape("N", 1024, 64, 512),
        expected=wide,
        operands=(
            Operand("left", wide, "float32", Related(Span("net.py", 2, 75, 2, 80), "encoder")),
            Operand("right", shape("N", 1024, 64, 512), "float32", Related(Span("net.py", 2, 130, 2, 140), "residual_connection")),
        ),
    )
    one = model(path="net.py", layers=(*layers[:50], wrong, *layers[51:]), diagnostics=(diagnostic,))
    return report(one, sources={"net.py": source})


LONG = """\
class Net(nn.Module):
    def __init__(self, features: int = 30, widths: tuple[int, ...] = (112, 56, 20), dropout: float = 0.1):
        super().__init__()
        for width in widths:
            self.layers.append(nn.Linear(features, width))
"""


def edits() -> Report:
    """Fixes whose edits stand far right in a long line, and one that only puts a line in."""
    built = span_of(LONG, "net.py", "nn.Linear(features, width)")
    end = span_of(LONG, "net.py", "width))")
    after = Edit("net.py", (end.end_line, end.end_column), (end.end_line, end.end_column), "\n            features = width")
    diagnostic = Diagnostic(
        code="LC101",
        rule="in-features-mismatch",
        severity=Severity.ERROR,
        message="`layers.1` expects 30 features, but its input (N, 112) has 112",
        span=built,
        path="net.py",
        layer="layers.1",
        got=shape("N", 112),
        expected=("*", 30),
        times=2,
        fixes=(
            Fix("set_in_features", "carry the width to the next layer", Safety.SAFE, True, (after,)),
            Fix("set_out_features", "set all widths to 30", Safety.UNSAFE, True, (replaced(span_of(LONG, "net.py", "112, 56"), "30, 30"),)),
        ),
    )
    return report(model(path="net.py", layers=(), diagnostics=(diagnostic,)), sources={"net.py": LONG})


def clean_model(name: str = "Net", **changes: object) -> ModelReport:
    layers = tuple(replace(one, status="ok") for one in LENET_LAYERS)
    return model(name=name, status="ok", layers=layers, diagnostics=(), **changes)


REPORTS: dict[str, Report] = {
    "lenet": report(model()),
    "clean": report(clean_model()),
    "silent": silent(),
    "skipped": report(skipped()),
    "inferred": report(
        clean_model(
            inputs=(replace(IMAGE, source="inferred", why="datasets.MNIST at line 41"),),
            remarks=("x: (N, 1, 28, 28), inferred: datasets.MNIST at line 41",),
        )
    ),
    "several": report(
        model(), clean_model("Critic"), skipped(), files=(FileReport("model.py", "0" * 64, 3), FileReport("data.py", "1" * 64, 0))
    ),
    "no_models": report(files=(FileReport("data.py", "1" * 64, 0),)),
    "usage": Report(errors=(RunError("usage", "`1,x,28` is no shape: `x` is neither a size nor a letter"),)),
    "hostile": hostile(),
    "deep": deep(),
    "edits": edits(),
}
