"""Tells apart why PyTorch raised: a shape, a dtype, an axis out of range, or a value, device or gradient, which is not about sizes.

PyTorch has one exception type for nearly everything, so its words are read here, and only here, to choose a rule; no text of it is shown.
Source: the wordings of PyTorch 2.13, eager and on meta.
"""

from __future__ import annotations

import re

from linearcheck.trace.records import Call, CallError

_DTYPE = re.compile(
    r"same dtype|same type|dtype|scalar type|expected .*(?:Float|Double|Half|Long|Int)\w* but|not implemented for '|Input type|"
    r"can't be cast|"
    r"must be (?:Long|Int|long|int|tensors? of|bool)|indices must be|tensors used as indices|Bool tensor|can only be (?:floating|of type)|"
    r"index tensor|floating.?point|with a bool tensor is not supported|integ(?:er|ral)|complex",
    re.IGNORECASE,
)
_NOT_SHAPES = re.compile(
    r"requires grad|requires_grad|does not require grad|grad_fn|in-place operation|inplace update|leaf Variable|not implemented for (?!')|"
    r"is not available|Could not run '|NotImplemented|out of memory|not enough memory|can't allocate|ambiguous|singular|"
    r"positive-definite|converge|"
    r"probability|same device|on (?:the )?(?:cpu|cuda|meta)|CUDA|NVIDIA|generator|unexpected keyword|takes \d+ positional|"
    r"invalid combination of arguments|is only supported|deprecated|no attribute|not callable|padding mode|must be specified|"
    r"Cannot copy out of meta|unsupported (?:operand|type)|got an? invalid|Expected more than 1 value per channel when training",
    re.IGNORECASE,
)
_VALUES = re.compile(
    r"must be (?:non-?negative|non-?zero|positive|greater|between|either|in range|in \(0|less)|non-positive \w+|"
    r"negative \w+ is not supported|"
    r"greater than zero|cannot be (?:negative|greater|specified|empty)|be in range \[[^-]|expects \w+ >|found (?:std|sigma|lambda|from)|"
    r"at most half of|without overflow|not a valid value|is not valid$|cannot sample|cannot exceed 2|label_smoothing|ignore_index|"
    r"supports edge_order|only p == 1|single memory location|strided convolutions|upper bound|distribution|must be not zero|"
    r"modulo by zero|(?<!output_)size must be [123]$|argument must be|should contain one int|negative dimension|internal error",
    re.IGNORECASE,
)
_AXIS = re.compile(
    r"Dimension out of range|out of bounds|out of range|too many indices|index \d+ is|dimension specified as|"
    r"dims? .*(?:repeated|multiple times)|number of dimensions|do(?:es)? not match the (?:number|length)|sparse_dim|"
    r"Expected a proper Tensor|dimension .* does not exist|cannot permute",
    re.IGNORECASE,
)
_UNSUPPORTED_SHAPE = re.compile(r"not implemented for '|Only |\dD input")
"""NotImplementedErrors that are about a number of axes or a dtype."""
_SHAPE_ERRORS = frozenset({"RuntimeError", "ValueError", "IndexError", "AssertionError", "TypeError", "RuntimeWarning"})


def mentions_dtype(error: CallError | None) -> bool:
    return error is not None and bool(_DTYPE.search(error.message)) and not _VALUES.search(error.message)


def mentions_axis(error: CallError | None) -> bool:
    return error is not None and (error.type == "IndexError" or bool(_AXIS.search(error.message)))


def is_about_shapes(call: Call) -> bool:
    """Whether a call was refused for the sizes, the number of axes or the dtype of what it got."""
    error = call.error
    if error is None or not call.tensors:
        return False
    if error.type == "NotImplementedError" and not _UNSUPPORTED_SHAPE.search(error.message):
        return False
    return error.type in _SHAPE_ERRORS | {"NotImplementedError"} and not (
        _NOT_SHAPES.search(error.message) or _VALUES.search(error.message)
    )
