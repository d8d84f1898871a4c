"""Messages about losses."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message, says
from linearcheck.explain.products import target_batch
from linearcheck.explain.records import Message

LOSSES: tuple[Message, ...] = (
    message(
        "batch of a loss",
        r"Expected input batch_size \((?P<input>\d+)\) to match target batch_size \((?P<target>\d+)\)",
        target_batch,
    ),
    says(
        "shape of a loss's target",
        "LC307 LC404",
        r"(?:Target size \(<target:shape>\) must be the same as input size \(<input:shape>\)"
        r"|Using a target size \(<target2:shape>\) that is different to the input size \(<input2:shape>\))",
        "a loss compares output and target element by element, and they have different shapes",
        {"target": "the target", "input": "the output of the model", "target2": "the target", "input2": "the output of the model"},
        (
            "`output.squeeze(1)` where the output is (N, 1) and the target (N,); or `target.unsqueeze(1)`",
            "do not rely on broadcasting here: (N, 1) against (N,) compares every pair of samples",
        ),
    ),
    says(
        "elements of a loss's target, to version 0.3",
        "LC307 LC404",
        r"input and target have different number of elements: input\[(?P<input>[\d x]+)\] has <a> elements, while"
        r" target\[(?P<target>[\d x]+)\] has <b> elements",
        "a loss compares {a} outputs with {b} targets",
        {"a": "outputs", "b": "targets"},
    ),
    says(
        "target of cross_entropy",
        "LC307",
        r"(?:0D or 1D target tensor expected, )?multi-target not supported|1D target tensor expected",
        "`cross_entropy` takes one class number for each sample, and gets a target with more axes",
        changes=(
            "`target.squeeze(1)` where it is (N, 1)",
            "`target.argmax(1)` where it is one-hot; or floats of the output's own shape as probabilities",
        ),
    ),
    says(
        "spatial target of cross_entropy",
        "LC307",
        r"only batches of spatial targets supported \((?:3D|non-empty 3D) tensors\) but got targets of (?:dimension|size):"
        r" (?P<rank>[\d: ,\[\]]+)",
        "`cross_entropy` of a map takes a target of (N, H, W), and gets another number of axes",
        {"rank": "axes of the target"},
        ("`target.squeeze(1)` where the target is (N, 1, H, W)", "a target with colours has to be turned into class numbers first"),
    ),
    says(
        "map of a loss's target",
        "LC307",
        r"(?:size mismatch \(got input: <input:shape> ?, target: <target:shape>|input and target batch or spatial sizes don't match:"
        r" ?target \[(?P<target2>[\d x*]+)\], ?input \[(?P<input2>[\d x*]+)\])",
        "the map that the model returns and its target have different sizes",
        {"input": "the output", "target": "the target", "input2": "the output", "target2": "the target"},
        ("`F.interpolate(output, size=target.shape[-2:])`, or pad so that the model keeps the size",),
    ),
    says(
        "class out of bounds",
        "",
        r"Target <label> is out of bounds|Assertion [`'](?:cur_target|t) >= 0 && (?:cur_target|t) < n_classes['`] failed",
        "a label is not below the number of classes: the last axis of the output has too few",
        {"label": "the label"},
        (
            "labels count from 0: the largest one is the number of classes - 1",
            "give the last layer as many `out_features` as there are classes",
        ),
    ),
)
