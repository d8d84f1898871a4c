"""Reading the messages that need arithmetic: products of matrices, channels of convolutions, reshapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from linearcheck.explain.factors import common_channels, feature_maps, product_text
from linearcheck.explain.records import Number, Pasted, Reading
from linearcheck.sizes import shape_text

_LIKELY_BATCHES = frozenset({8, 10, 16, 20, 32, 50, 64, 100, 128, 256, 512, 1024})
_Groups = Mapping[str, str]


def sizes_in(text: str) -> tuple[int, ...]:
    """The numbers of a shape, however it is written.

    >>> sizes_in("torch.Size([4, 16])"), sizes_in("64 x 1 x 28"), sizes_in("-1, 400")
    ((4, 16), (64, 1, 28), (-1, 400))
    """
    return tuple(int(number) for number in re.findall(r"-?\d+", text))


def matrix_product(groups: _Groups, pasted: Pasted) -> Reading:
    """`mat1 and mat2 shapes cannot be multiplied (64x1600 and 400x120)`: a Linear, or a product of two matrices."""
    rows, got, expected, out = (int(groups[name]) for name in ("rows", "got", "expected", "out"))
    is_linear = pasted.is_from_linear
    if is_linear is False or (is_linear is None and got == out):
        return _product(rows, got, expected, out)
    codes, remarks = _linear_codes(rows, got, expected)
    changes = [*remarks, *_linear_changes(got, expected, out)]
    numbers = (
        Number(str(rows), "rows: the batch, times every further axis between it and the last one"),
        Number(str(got), _with_products("features that come in, the last axis of the input", got)),
        Number(str(expected), _with_products("`in_features` of the layer", expected)),
        Number(str(out), "`out_features` of the layer"),
    )
    summary = f"an `nn.Linear` takes {expected} features, but the last axis of its input has {got}"
    return Reading(summary, codes, numbers, tuple(changes), (got, expected))


def _product(rows: int, got: int, expected: int, out: int) -> Reading:
    turned = f"multiply by the transposed matrix: its {out} columns meet the {got}" if got == out else ""
    numbers = (
        Number(f"{rows}x{got}", f"the left matrix: {rows} rows, {got} columns"),
        Number(f"{expected}x{out}", f"the right matrix: {expected} rows, {out} columns"),
    )
    changes = [turned] if turned else []
    changes.append(f"the {got} columns on the left and the {expected} rows on the right have to be one number")
    codes = ("LC405", "LC105", "LC101") if got == out else ("LC405", "LC101")
    summary = f"a matrix product: {got} columns on the left do not meet {expected} rows on the right"
    return Reading(summary, codes, numbers, tuple(changes), (got, expected))


def _linear_codes(rows: int, got: int, expected: int) -> tuple[tuple[str, ...], list[str]]:
    """Which mistakes the four numbers allow, the likeliest first, and what to do about those that are not LC101."""
    likely: list[str] = []
    possible: list[str] = ["LC101"]
    remarks: list[str] = []
    if not (rows and got and expected):  # an empty tensor
        return ("LC101",), remarks
    merged = expected // got if expected % got == 0 else 0
    if merged and rows % merged == 0:
        batch, is_map = rows // merged, merged % got == 0
        shape = (batch, merged // got, got, got) if is_map else (batch, merged, got)
        remarks.append(f"flatten the input if it is {shape_text(shape)}: {' * '.join(map(str, shape[1:]))} = {expected}")
        (likely if is_map else possible).append("LC102")
        if not is_map:
            possible.append("LC402")
    if rows == 1 and got % expected == 0:
        factor = got // expected
        remarks.append(f"if the batch has {factor} samples, `flatten` took it in: write `torch.flatten(x, 1)`")
        (likely if factor in _LIKELY_BATCHES else possible).append("LC406")
    if rows % expected == 0 and rows > expected:
        remarks.append(f"if the {expected} features stand on another axis, as in (N, {expected}, {got}), move it last before the layer")
        possible.append("LC104")
    return (*likely, *possible), remarks


def _linear_changes(got: int, expected: int, out: int) -> list[str]:
    changes = [f"`nn.Linear({got}, {out})` where the layers before it are right"]
    common = common_channels(got, expected)
    if common is not None:
        channels, side, wanted = common
        changes.append(
            f"with {channels} channels the map is {side} x {side}, and the layer was made for {wanted} x {wanted}: "
            "the input has another size, or a convolution or pooling before has other arguments"
        )
    else:
        changes.append(f"or make what comes before it return {expected} features")
    larger, smaller = max(got, expected), min(got, expected)
    if larger == 2 * smaller > 0:
        changes.append(f"{larger} = 2 * {smaller}: both directions of a bidirectional layer, or two tensors put together by `cat`")
    return changes


def _with_products(meaning: str, size: int) -> str:
    products = product_text(size)
    return f"{meaning}; as a feature map {products}" if products else meaning


def convolution_channels(groups: _Groups, pasted: Pasted) -> Reading:
    """`Given groups=1, weight of size [32, 1, 3, 3], expected input[1, 64, 28, 28] to have 1 channels, but got 64 channels instead`."""
    weight, shape = sizes_in(groups["weight"]), sizes_in(groups["input"])
    expected, got = int(groups["expected"]), int(groups["got"])
    codes, changes = ["LC201"], []
    axes = " ".join(("N", "C", *("D", "H", "W")[-(len(shape) - 2) :]))
    if shape[-1] == expected and len(shape) > 2:
        codes.insert(0 if expected <= 4 or len(set(shape[1:-1])) == 1 < len(shape) - 2 else 1, "LC202")
        order = (0, len(shape) - 1, *range(1, len(shape) - 1))
        changes.append(f"the last axis has the {expected} channels: `x.permute{order}` puts them where a convolution takes them")
    if shape[0] == 1 and expected == 1 and len(shape) > 3:
        codes.insert(0, "LC203")
        changes.append(f"a batch of {got} one-channel images without its channel axis was read as one image: `x.unsqueeze(1)`")
    elif shape[0] == 1 and got in _LIKELY_BATCHES and expected in (1, 3):
        codes.append("LC203")
    if weight and weight[0] == got and not groups.get("transposed"):
        codes.append("LC206")
        changes.append(f"or the weight was assigned the wrong way round: (out, in, ...), and {got} is its first size")
    changes.append(f"build the convolution with `in_channels={got}` where the layers before it are right")
    changes.append(f"or make the layer before it return {expected} channels")
    if expected in (1, 3) and got in (1, 3, 4):
        changes.append("or load the images in the colour mode that the model was made for (`L` has 1 channel, `RGB` 3, `RGBA` 4)")
    built = "(in, out / groups, kernel)" if groups.get("transposed") else "(out, in / groups, kernel)"
    numbers = (
        Number(shape_text(shape), f"the input, read as {axes}"),
        Number(str(got), "channels that come in, axis 1 of the input"),
        Number(str(expected), "`in_channels` of the convolution"),
        Number(shape_text(weight), f"the weight: {built}"),
    )
    options = (f"--input-shape {','.join(map(str, shape[1:]))}",) if got <= 4 and len(shape) == 4 and codes[0] == "LC201" else ()
    summary = f"a convolution takes {expected} channels, but its input {shape_text(shape)} has {got}"
    return Reading(summary, tuple(codes), numbers, tuple(changes), (got, expected), options)


def reshape(groups: _Groups, pasted: Pasted) -> Reading:
    """`shape '[-1, 400]' is invalid for input of size 1024`."""
    shape, size = sizes_in(groups["shape"]), int(groups["size"])
    known = prod(axis for axis in shape if axis != -1)
    numbers = [
        Number(str(size), "values that the tensor has, the batch included"),
        Number(shape_text(shape), "the shape that is asked for"),
    ]
    codes, changes = ["LC401"], []
    if -1 in shape:
        numbers.append(
            Number(str(known), _with_products("values in every row of the new shape; it has to divide the number of values", known))
        )
        changes.append("`torch.flatten(x, 1)` or `x.view(x.size(0), -1)` keeps the batch and takes the features as they are")
        if shape[0] not in (-1, 1) and len(shape) == 2 and shape[1] == -1:
            codes = ["LC407", "LC401"]
            changes.insert(0, f"{shape[0]} is written where the batch stands: `x.view(x.size(0), -1)`")
    else:
        numbers.append(Number(str(known), "values that the new shape has"))
        if size % max(known, 1) == 0 or (shape[0] > 0 and size % (known // shape[0]) == 0):
            codes.append("LC407")
            changes.append(f"if {shape[0]} is the batch size, write `x.size(0)`: the last batch of an epoch is often smaller")
        if shape[0] > 0 and size % shape[0] == 0 and (row := size // shape[0]) != known // shape[0]:
            products = product_text(row)
            numbers.append(
                Number(str(row), f"values per row if axis 0 has {shape[0]}" + (f"; as a feature map {products}" if products else ""))
            )
            changes.append(f"`x.view(x.size(0), -1)`, and {row} as `in_features` of the layer behind it")
    return Reading(
        f"a `view` or `reshape` to {shape_text(shape)} does not fit {size} values", tuple(codes), tuple(numbers), tuple(changes), (known,)
    )


def broadcast(groups: _Groups, pasted: Pasted) -> Reading:
    """`The size of tensor a (6) must match the size of tensor b (4) at non-singleton dimension 1`."""
    a, b, axis = int(groups["a"]), int(groups["b"]), int(groups["axis"])
    codes, changes = ["LC404"], []
    larger, smaller = max(a, b), min(a, b)
    if axis == 0:
        codes += ["LC407", "LC402"]
        changes.append("axis 0 is the batch in most models: a size that is written there, or a `view` that folds the batch, does this")
        if smaller and larger % smaller == 0:
            changes.append(
                f"{larger} = {larger // smaller} * {smaller}: a `view` may have folded the batch, `x.view(x.size(0), -1)` keeps it"
            )
    elif abs(a - b) <= 2 and axis >= 2:
        changes.append(
            "sizes of two maps that differ by a rounding: an odd size was halved and doubled again; "
            "pad or crop the larger one, or give the up-sampling the size of the other"
        )
    else:
        changes.append("make both have one size on this axis, or 1 on one side (`unsqueeze` where an axis is missing)")
        changes.append("shapes are lined up from the right: an axis that is missing on the left is put in front")
    numbers = (
        Number(str(a), f"size of axis {axis} of the first tensor"),
        Number(str(b), f"size of axis {axis} of the second tensor"),
        Number(str(axis), "the axis, counted in the shape that both are broadcast to"),
    )
    summary = f"an operation on two tensors (`+`, `*`, a loss, a mask) gets {a} and {b} on axis {axis}, which do not broadcast"
    return Reading(summary, tuple(codes), numbers, tuple(changes), (a, b))


def concatenation(groups: _Groups, pasted: Pasted) -> Reading:
    """`Sizes of tensors must match except in dimension 1. Expected size 32 but got size 16 for tensor number 1 in the list.`"""
    axis = int(groups["axis"])
    expected, got = int(groups.get("expected") or groups["old_a"]), int(groups.get("got") or groups["old_b"])
    where = f"axis {groups['other']}" if groups.get("other") else f"an axis other than {axis}"
    numbers = [Number(str(axis), "the axis along which they are put together, where sizes may differ")]
    numbers.append(Number(str(expected), f"size of the first tensor on {where}"))
    numbers.append(Number(str(got), f"size of {'tensor number ' + groups['number'] if groups.get('number') else 'the other'} there"))
    changes = []
    if abs(expected - got) <= 2 and max(expected, got) > 4:
        changes.append(
            "maps of a skip connection that differ by a rounding: choose an input size that can be halved as often as the model does, "
            "or pad or crop one of the two (`F.interpolate(up, size=skip.shape[2:])`)"
        )
    changes.append("make every other axis agree, or put them together along another axis (`dim=`)")
    summary = f"`cat` along axis {axis} gets {expected} and {got} on {where}, which have to be equal"
    return Reading(summary, ("LC403",), tuple(numbers), tuple(changes), (expected, got))


def small_map(groups: _Groups, pasted: Pasted) -> Reading:
    """`Given input size: (16x1x1). Calculated output size: (16x0x0). Output size is too small`."""
    before, after = sizes_in(groups["before"].replace("x", " ")), sizes_in(groups["after"].replace("x", " "))
    numbers = (
        Number(shape_text(before), "the feature map that comes in: channels, then height and width"),
        Number(shape_text(after), "what pooling would make of it"),
    )
    changes = (
        "take away one of the pooling layers or strides before it, or use a larger input",
        "`nn.AdaptiveAvgPool2d(1)` pools a map of any size",
    )
    side = " x ".join(map(str, before[1:]))
    return Reading(
        f"pooling has nothing left to pool: a map of {side} is smaller than the window", ("LC205",), numbers, changes, before[1:]
    )


def kernel(groups: _Groups, pasted: Pasted) -> Reading:
    """`Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size`."""
    size, window = sizes_in(groups["size"]), sizes_in(groups["kernel"])
    numbers = (Number(groups["size"], "the input, with its padding"), Number(groups["kernel"], "the kernel, with its dilation"))
    changes = (
        "use a larger input, or take away a pooling layer or stride before it",
        f"or a smaller kernel, or more padding: {max(window)} has to fit into {min(size)}",
    )
    summary = f"a kernel of {groups['kernel']} is larger than its input of {groups['size']}"
    return Reading(summary, ("LC205",), numbers, changes, (*size, *window))


def batch_norm(groups: _Groups, pasted: Pasted) -> Reading:
    """`running_mean should contain 32 elements not 16`: the first number is what comes in."""
    got, built = int(groups["got"]), int(groups["built"])
    numbers = (Number(str(got), "channels that come in, axis 1 of the input"), Number(str(built), "`num_features` of the norm"))
    changes = (f"build the norm with {got} features", f"or make the layer before it return {built} channels")
    return Reading(f"a batch or instance norm is built for {built} channels, but gets {got}", ("LC301",), numbers, changes, (got, built))


def target_batch(groups: _Groups, pasted: Pasted) -> Reading:
    """`Expected input batch_size (128) to match target batch_size (64).`"""
    rows, labels = int(groups["input"]), int(groups["target"])
    codes, changes = ["LC402", "LC404"], []
    if labels and rows % labels == 0 and rows > labels:
        changes.append(
            f"{rows} = {rows // labels} * {labels}: a `view` cut every sample into {rows // labels} rows; `x.view(x.size(0), -1)`"
        )
    elif rows and labels % rows == 0:
        codes = ["LC402", "LC406", "LC404"]
        changes.append(f"{labels} = {labels // rows} * {rows}: samples were merged, or the labels were flattened (`target.view(-1)`)")
    changes.append("give the loss one row for each label: `output` is (N, classes), `target` is (N,)")
    numbers = (Number(str(rows), "rows of the output, axis 0"), Number(str(labels), "labels"))
    return Reading(f"the model returns {rows} rows for {labels} labels", tuple(codes), numbers, tuple(changes), (rows, labels))


def checkpoint(groups: _Groups, pasted: Pasted) -> Reading:
    """`Error(s) in loading state_dict for Net: size mismatch for fc.weight: copying a param with shape …`."""
    mismatches = re.findall(
        r"size mismatch for (\S+): copying a param with shape (?:torch\.Size\()?([\[(][\d, ]*[\])])\)? from checkpoint,"
        r" the shape in current model is (?:torch\.Size\()?([\[(][\d, ]*[\])])",
        pasted.text,
    )
    missing = re.findall(r'"([^"]+)"', _part(pasted.text, "Missing key(s) in state_dict:"))
    unexpected = re.findall(r'"([^"]+)"', _part(pasted.text, "Unexpected key(s) in state_dict:"))
    numbers = [
        Number(name, f"{shape_text(sizes_in(held))} in the checkpoint, {shape_text(sizes_in(built))} in the model")
        for name, held, built in mismatches[:8]
    ]
    if len(mismatches) > 8:
        numbers.append(Number(f"{len(mismatches) - 8} more", "with other shapes too"))
    numbers += [Number(f"{len(missing)} missing", _named(missing))] if missing else []
    numbers += [Number(f"{len(unexpected)} unexpected", _named(unexpected))] if unexpected else []
    changes = []
    if unexpected and all(name.startswith("module.") for name in unexpected):
        changes.append('the checkpoint was saved from `nn.DataParallel`: take the first "module." off its keys')
    elif unexpected and missing:
        changes.append("the same layers may have other names: compare the keys, and rename those of the checkpoint")
    if mismatches:
        changes.append("build the model with the arguments that it was saved with (number of classes, width, vocabulary)")
        changes.append("or leave these entries out and load the rest with `strict=False`; the left-out layers start untrained")
    codes = tuple(code for code, found in (("LC601", mismatches), ("LC602", missing or unexpected)) if found) or ("LC602",)
    sizes = tuple(dict.fromkeys(size for _, held, built in mismatches for size in (*sizes_in(held), *sizes_in(built))))
    summary = f"the checkpoint does not fit the model{' `' + groups['model'] + '`' if groups.get('model') else ''}"
    return Reading(summary, codes, tuple(numbers), tuple(changes), sizes, ("--weights CHECKPOINT",))


def _part(text: str, start: str) -> str:
    """What stands behind a heading of the message, up to the next one."""
    rest = text.partition(start)[2]
    return re.split(r"(?:Missing|Unexpected) key\(s\)|size mismatch for", rest)[0]


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def wrong_rank(groups: _Groups, pasted: Pasted) -> Reading:
    """`Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [4, 784]`, and its older forms."""
    got = sizes_in(groups["got"])
    dims = int(groups["dims"]) if groups.get("dims") else max(int(groups["weight"]) - 2, 1)
    layout = ("N", "C", *(("D", "H", "W")[-dims:] if dims > 1 else ("L",)))
    expected = shape_text(layout)
    numbers = (
        Number(shape_text(got), f"the input, {len(got)} axes"),
        Number(str(dims), f"axes that the convolution slides along: it takes {expected}"),
    )
    if len(got) == len(layout) - 1:
        changes = (
            "`x.unsqueeze(0)` where one sample comes without a batch",
            "`x.unsqueeze(1)` where a batch comes without the channel axis",
        )
    elif len(got) > len(layout):
        changes = ("merge the batch with the extra axis: `x.flatten(0, 1)`", f"or use the convolution for {len(got) - 2} axes")
    else:
        maps = feature_maps(got[-1], 1)
        shape = "-1, " + ", ".join(map(str, maps[0])) if maps else f"N, {', '.join(layout[1:])}"
        changes = (f"the input is flat: bring it into {expected} first, such as `x.view({shape})`", "or take away the `flatten` before it")
    return Reading(
        f"a convolution takes {expected}, but its input {shape_text(got)} has {len(got)} axes", ("LC203",), numbers, changes, got
    )
