"""Messages about operations on several tensors: broadcasting, `cat`, `einsum`, indexing."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message, says
from linearcheck.explain.products import broadcast, concatenation
from linearcheck.explain.records import Message

SEVERAL_TENSORS: tuple[Message, ...] = (
    message(
        "cat",
        r"Sizes of tensors must match except in dimension (?P<axis>\d+)\. (?:Expected(?: size)? (?P<expected>\d+)(?: in dimension"
        r" (?P<other>\d+))? but got(?: size)? (?P<got>\d+) for tensor number (?P<number>\d+)"
        r"|Got (?P<old_a>\d+) and (?P<old_b>\d+)(?: in dimension (?P<old_other>\d+))?)",
        lambda groups, pasted: concatenation({**groups, "other": groups["other"] or groups["old_other"]}, pasted),
    ),
    says(
        "rank of cat",
        "LC403",
        r"Tensors must have same number of dimensions: got <a> and <b>",
        "`cat` gets tensors of {a} and {b} axes",
        {"a": "axes of the first tensor", "b": "axes of the other"},
        ("put the missing axis in with `unsqueeze`, or flatten both",),
    ),
    says(
        "stack",
        "LC403",
        r"stack expects each tensor to be equal size, but got <first:shape> at entry 0 and <other:shape> at entry <entry>",
        "`stack` gets {first} and {other}",
        {"first": "the first tensor", "other": "tensor number {entry}"},
        (
            "raised by a `DataLoader`: the samples have different sizes. Resize, crop or pad them, or pass a `collate_fn`",
            "in a model: give all of them one shape first",
        ),
    ),
    message(
        "broadcasting",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at non-singleton dimension (?P<axis>\d+)",
        broadcast,
    ),
    says(
        "broadcasting in place",
        "LC404",
        r"output with shape <out:shape> doesn't match the broadcast shape <broadcast:shape>",
        "an operation in place (`+=`, `add_`) would have to grow {out} to {broadcast}",
        {"out": "the tensor that is written to", "broadcast": "what the operation makes"},
        ("write `x = x + y`; and find out whether the larger shape is meant",),
    ),
    says(
        "expand",
        "LC415 LC404",
        r"The expanded size of the tensor \(<expected>\) must match the existing size \(<got>\) at non-singleton dimension <axis>"
        r"(?:\. Target sizes: <target:shape>\. Tensor sizes: <tensor:shape>)?",
        "a tensor cannot be expanded: {got} against {expected} on axis {axis}",
        {
            "expected": "size that is asked for on axis {axis}",
            "got": "size of the tensor there",
            "target": "the shape that is asked for",
            "tensor": "the tensor",
        },
        (
            "`expand` grows axes of size 1 alone; `repeat` copies",
            "an assignment `a[i] = b` and the bias of a Linear expand too: both sides need one shape",
        ),
    ),
    says(
        "rank of expand",
        "LC415",
        r"expand\(.{0,80}?size=<target:shape>\): the number of sizes provided \(<sizes>\) must be greater or equal to the number of"
        r" dimensions in the tensor \(<axes>\)",
        "`expand` to {sizes} sizes of a tensor with {axes} axes",
        {"sizes": "sizes that are asked for", "axes": "axes of the tensor"},
    ),
    says(
        "split",
        "LC415",
        r"split_with_sizes expects split_sizes to sum exactly to <size> \(input tensor's size at dimension <axis>\), but got"
        r" split_sizes=<sizes:shape>",
        "`split` into {sizes} does not add up to {size}",
        {"size": "size of axis {axis}", "sizes": "the parts that are asked for"},
    ),
    says(
        "halves of GLU",
        "LC307",
        r"Halving dimension must be even, but dimension <axis> is size <size>",
        "`GLU` halves axis {axis}, which has {size}",
        {"size": "size of axis {axis}"},
    ),
    says(
        "repeat",
        "LC415",
        r"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
        "`repeat` gets fewer numbers than the tensor has axes",
        changes=("give one number for each axis, the batch too: `x.repeat(1, 2, 2)`",),
    ),
    says(
        "gather and scatter",
        "LC415",
        r"(?:Size does not match at dimension <axis> )?expected index <index:shape> to be (?:smaller|no larger) than self <tensor:shape>"
        r" apart from dimension <dim>"
        r"|Index tensor must have (?P<rank>the same number of dimensions) as (?:input|self|src) tensor",
        "`gather` or `scatter` gets an index that does not fit its tensor",
        {"index": "the index", "tensor": "the tensor; on every axis but {dim} the index may not be larger"},
        ("`index.unsqueeze(...)` gives it as many axes as the tensor has",),
    ),
    says(
        "axes named twice",
        "LC413",
        r"(?:permute\(\): duplicate dims are not allowed|dim <axis> appears multiple times in the list of dims)",
        "`permute` or a reduction names one axis twice",
        {"axis": "the axis"},
        ("name every axis once",),
    ),
    says(
        "cat of nothing",
        "LC403",
        r"(?:torch\.cat\(\): )?expected a non-empty list of Tensors|stack expects a non-empty TensorList",
        "`cat` or `stack` gets an empty list",
        changes=("find out why nothing was put into the list: a loop that ran no time, or a filter that let nothing through",),
    ),
    says(
        "padding of more axes than there are",
        "LC307 LC499",
        r"Padding length (?:should be less than or equal to two times the input dimension but got padding length <length> and input of"
        r" dimension <axes>|too large)",
        "`F.pad` gets more numbers than the input has sides",
        {"length": "numbers: two for each axis, from the last one backwards", "axes": "axes of the input"},
    ),
    says(
        "index_select",
        "LC413",
        r"INDICES element is out of DATA bounds, id=<index> axis_dim=<size>",
        "`index_select` is asked for {index} on an axis of {size}",
        {"index": "the index", "size": "size of the axis"},
    ),
    says(
        "narrow",
        "LC415",
        r"start \(<start>\) \+ length \(<length>\) exceeds dimension size \(<size>\)",
        "`narrow` reaches beyond the end of its axis: {start} + {length} is more than {size}",
        {"start": "where it begins", "length": "how much it takes", "size": "size of the axis"},
    ),
    says(
        "unfold",
        "LC415",
        r"maximum size for tensor at dimension <axis> is <size> but size is <window>",
        "`unfold` takes windows of {window} from an axis of {size}",
        {"size": "size of axis {axis}", "window": "the window"},
    ),
    says(
        "unpacking",
        "LC414",
        r"(?:not enough|too many) values to unpack \(expected (?P<at_least>at least )?<expected>(?:, got <got>)?\)",
        "a line unpacks {expected} values from something else, such as `b, c, h, w = x.shape` of a tensor with fewer axes",
        {"expected": "names on the left", "got": "values on the right: the axes of the tensor, or the parts of `chunk`"},
        (
            "an axis is missing or there is one too many; print `x.shape` before the line",
            "`chunk(3)` of fewer than 3 rows returns fewer than 3 parts",
        ),
    ),
    says(
        "parameters of PReLU",
        "LC307",
        r"Mismatch of parameter numbers and input channel size\. Found parameter numbers = <built> and channel size = <got>",
        "`PReLU` is built for {built} channels, and gets {got}",
        {"built": "`num_parameters`", "got": "channels, axis 1 of the input"},
    ),
    says(
        "distances",
        "LC499",
        r"X1 and X2 must have the same number of columns\. X1: <a> X2: <b>",
        "`cdist` compares points with {a} and {b} coordinates",
        {"a": "last axis of the first", "b": "last axis of the second"},
    ),
    says(
        "cross product",
        "LC499",
        r"inputs dimension <axis> must have length 3\. Got <a> and <b>",
        "`cross` takes vectors of 3 elements, and gets {a} and {b} on axis {axis}",
        {"a": "size of the first there", "b": "size of the second there"},
    ),
    says(
        "interpolation",
        "",
        r"Input and scale_factor must have the same number of spatial dimensions|Got <got>D input, but (?P<mode>\w+) mode needs"
        r" <expected>D input",
        "`interpolate` gets a map with another number of axes than its mode or scale is for",
        {"got": "axes of the input", "expected": "axes that `{mode}` takes"},
        ("(N, C, L) goes with `linear`, (N, C, H, W) with `bilinear`, (N, C, D, H, W) with `trilinear`",),
    ),
    says(
        "grid_sample",
        "LC307",
        r"grid_sampler\(\): expected grid to have size <expected> in last dimension, but got grid with sizes <grid:shape>",
        "`grid_sample` takes a grid of (N, H, W, {expected}), and gets {grid}",
        {"grid": "the grid"},
    ),
    says(
        "einops, a size",
        "LC414",
        r"Error while processing \w+-reduction pattern [\"'](?P<pattern>[^\"']*)[\"']\.? Input (?:tensor )?shape: <input:shape>\.?"
        r" Additional info: (?P<given>\{.{0,200}?\})\.? Shape mismatch, (?:can't divide axis of length <length> in chunks of <chunk>|<a>"
        r" != <b>)",
        "einops: `{pattern}` does not fit {input}",
        {
            "input": "the tensor",
            "length": "size of the axis that is split",
            "chunk": "what it would have to be a multiple of",
            "a": "size of an axis of the tensor",
            "b": "size that the arguments give it",
        },
        ("choose sizes ({given}) that divide the axis, or pad the axis to a multiple",),
    ),
    says(
        "einops, number of axes",
        "LC414",
        r"Error while processing \w+-reduction pattern [\"'](?P<pattern>[^\"']*)[\"']\.? Input (?:tensor )?shape: <input:shape>\.?"
        r" Additional info: .{0,200}?"
        r"(?:Wrong shape: expected (?P<many>>=)?<expected> dims\. Received <got>-dim tensor|Expected <expected2> dimensions, got <got2>)",
        "einops: `{pattern}` names {expected}{expected2} axes, and the tensor {input} has {got}{got2}",
        {"input": "the tensor", "expected": "axes in the pattern", "expected2": "axes in the pattern"},
    ),
)
