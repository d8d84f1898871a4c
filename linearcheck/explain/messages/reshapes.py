"""Messages about reshapes, and axes that are named by their number."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message, says
from linearcheck.explain.products import reshape
from linearcheck.explain.records import Message

RESHAPES: tuple[Message, ...] = (
    message("view", r"shape '(?P<shape>\[[-\d, ]*\])' is invalid for input of size (?P<size>\d+)", reshape),
    message("view, to version 0.4", r"size '(?P<shape>\[[-\dx ]*\])' is invalid for input(?: of)? with (?P<size>\d+) elements", reshape),
    says(
        "view of a transposed tensor",
        "LC401 LC411",
        r"view size is not compatible with input tensor's size and stride|input is not contiguous at",
        "`view` would need the values in another order than they are stored in, mostly behind `transpose` or `permute`",
        changes=(
            "`x.reshape(...)`, or `x.contiguous().view(...)`",
            "then check that the axes that are merged are the right ones: both forms run, and a wrong order scrambles values",
        ),
    ),
    says(
        "reshape of nothing",
        "LC401",
        r"cannot reshape tensor of 0 elements into shape <shape:shape>",
        "an empty tensor cannot be reshaped to {shape}",
        {"shape": "the shape that is asked for"},
        ("find out why it is empty: a mask that takes nothing, or a size of 0",),
    ),
    says(
        "unflatten",
        "LC401",
        r"unflatten: Provided sizes <sizes:shape> don't multiply up to the size of dim <axis> \(<size>\)",
        "`unflatten` to {sizes} does not fit an axis of {size}",
        {"sizes": "the sizes that are asked for", "size": "size of axis {axis}"},
    ),
    says(
        "axis out of range",
        "LC413 LC408",
        r"Dimension out of range \(expected to be in range of \[<low>, <high>\], but got <axis>\)",
        "axis {axis} is asked for, but the last one is {high}",
        {"axis": "the axis that is asked for", "high": "the last axis that there is: the tensor has one more axes than this number"},
        (
            "an axis is missing: one sample without its batch (`unsqueeze(0)`), or a `squeeze()` that took away the batch of one",
            "`squeeze(1)` takes away that axis alone",
        ),
    ),
    says(
        "axis of a scalar",
        "LC413",
        r"Dimension specified as <axis> but tensor has no dimensions",
        "axis {axis} of a scalar is asked for",
        {"axis": "the axis that is asked for"},
    ),
    says(
        "permute",
        "LC413",
        r"number of dim(?:ension)?s (?:in the tensor input does not match the length of the desired ordering of dimensions"
        r"(?: i\.e\. input\.dim\(\) = <axes> is not equal to len\(dims\) = <got>)?"
        r"|don't match in permute)",
        "`permute` names another number of axes than the tensor has",
        {"axes": "axes of the tensor", "got": "axes that are named"},
        ("name every axis once, the batch too",),
    ),
    says(
        "index out of bounds",
        "LC413",
        r"index <index> is out of bounds for (?:dimension|axis) <axis> with size <size>|select\(\): index <index2> out of range for"
        r" tensor of size <shape:shape> at dimension <axis2>",
        "an index is beyond the end of its axis",
        {
            "index": "the index",
            "size": "size of axis {axis}: the last index is one less",
            "index2": "the index",
            "shape": "the tensor; axis {axis2} is too short",
        },
    ),
    says(
        "too many indices",
        "LC413",
        r"too many indices for tensor of dimension <rank>",
        "more indices are given than the tensor has axes",
        {"rank": "axes of the tensor"},
        ("an axis is missing: the batch, or one that `squeeze()` or an index took away",),
    ),
    says(
        "mask as index",
        "LC413 LC407",
        r"The shape of the mask <mask:shape> at index <axis> does not match the shape of the indexed tensor <tensor:shape>",
        "a mask of {mask} indexes a tensor of {tensor}",
        {"mask": "the mask", "tensor": "the tensor"},
        ("a mask has the shape of the first axes of what it indexes",),
    ),
    says(
        "lists of indices",
        "LC404 LC413",
        r"shape mismatch: indexing tensors could not be broadcast together with shapes (?P<shapes>(?:\[[\d, ]*\](?:, )?)+)",
        "index tensors of different lengths stand side by side: {shapes}",
        changes=("`x[rows[:, None], columns]` takes all pairs, `x[rows][:, columns]` too",),
    ),
    says(
        "transpose of more than a matrix",
        "LC413",
        r"t\(\) expects a tensor with <= 2 dimensions, but self is <rank>D",
        "`t()` turns matrices alone, and gets {rank} axes",
        {"rank": "axes of the tensor"},
        ("`x.transpose(-2, -1)` turns the last two axes",),
    ),
)
