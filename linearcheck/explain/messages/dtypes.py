"""Messages about dtypes."""

from __future__ import annotations

from linearcheck.explain.messages.writing import INDEX_DTYPE, LABELS, TO_FLOAT, says
from linearcheck.explain.records import Message

DTYPES: tuple[Message, ...] = (
    says(
        "dtypes of a product",
        "LC409",
        r"(?:mat1 and mat2 must have the same dtype, but got <got:dtype> and <expected:dtype>"
        r"|expected m1 and m2 to have the same dtype, but got: (?P<got2>[\w ]+?) != (?P<expected2>\w+(?: int)?)"
        r"|dot : expected both vectors to have same dtype, but found <got3:dtype> and <expected3:dtype>)",
        "a Linear or a product gets {got}{got2}{got3} on one side and {expected}{expected2}{expected3} on the other",
        changes=(TO_FLOAT, "numpy arrays are float64: `torch.from_numpy(a).float()`"),
    ),
    says(
        "dtype of a convolution's input",
        "LC409",
        r"Input type \((?!(?:torch\.)?(?:cuda|c10|\w*Byte.*cuda))(?P<got>[\w. ]+)\) and (?P<what>bias|weight) type"
        r" \((?!(?:torch\.)?cuda)(?P<expected>[\w. ]+)\) should be the same",
        "a layer has a {what} of {expected}, but its input is {got}",
        changes=(TO_FLOAT, "images come as uint8: `x.float() / 255`"),
    ),
    says(
        "devices of a layer and its input",
        "",
        r"Input type \((?P<got>[\w.]+)\) and (?P<what>bias|weight) type \((?P<expected>[\w.]+)\) should be the same",
        "the input ({got}) and the {what} ({expected}) are on different devices; this is not about shapes",
        changes=("`model.to(device)` and `x.to(device)`, before the first call",),
    ),
    says(
        "dtype of a recurrent layer's input",
        "LC409",
        r"RNN input dtype \((?P<got>[\w.]+)\) does not match weight dtype \((?P<expected>[\w.]+)\)|input must have the type"
        r" (?P<expected2>[\w.]+), got type (?P<got2>[\w.]+)",
        "a recurrent layer has weights of {expected}{expected2}, but its input is {got}{got2}",
        changes=(TO_FLOAT,),
    ),
    says(
        "scalar type",
        "LC409",
        r"expected scalar type (?P<expected>\w+) but (?:found|got) (?P<got>\w+)",
        "an operation takes {expected}, and gets {got}; which of its arguments it means is not said",
        changes=(TO_FLOAT, LABELS),
    ),
    says(
        "scalar type of an argument, to version 1.7",
        "LC409",
        r"Expected object of (?:scalar type|type torch\.(?:cuda\.)?)\s?(?P<expected>\w+?)(?:Tensor)? but (?:got scalar type|found type"
        r" torch\.(?:cuda\.)?)\s?(?P<got>\w+?)(?:Tensor)?"
        r" for (?:argument #\d )?'?(?P<argument>\w+)'?",
        "the argument `{argument}` has to be {expected}, and is {got}",
        changes=(LABELS, TO_FLOAT),
    ),
    says(
        "dtype of a target",
        "LC409",
        r"expected target dtype to be Long or Byte, but got (?P<got>\w+)|Found dtype (?P<got2>\w+) but expected"
        r" (?P<expected>\w+)|expected dtype (?P<expected2>\w+) but got dtype (?P<got3>\w+)",
        "a loss gets {got}{got2}{got3} where it takes another dtype",
        changes=(LABELS,),
    ),
    says(
        "operation without this dtype",
        "LC409",
        r"\"(?P<kernel>\w+)\" not implemented for '(?P<got>\w+)'",
        "an operation (`{kernel}`) is not made for {got}",
        changes=("convert with `.float()` before it; float16 on a CPU lacks many operations, `bfloat16` has more",),
    ),
    says(
        "dtype of a result",
        "LC409",
        r"result type (?P<got>\w+) can't be cast to the desired output type (?P<expected>\w+)",
        "an operation makes {got}, and would have to write it into {expected}",
        changes=("write `x = x + y` instead of `x += y`, or convert `x` to {got} before", LABELS),
    ),
    says(
        "mixed dtypes of a norm",
        "LC409",
        r"mixed dtype \(CPU\): (?:all inputs must share same datatype|expect (?:input|parameter) to have scalar type of \w+)",
        "a norm has parameters of one dtype and an input of another",
        changes=(TO_FLOAT,),
    ),
    says(
        "mean of integers",
        "LC409",
        r"mean\(\): (?:could not infer output dtype\.|input dtype should be either|Input dtype must be).{0,120}?Got:? (?P<got>\w+)",
        "`mean` takes floats, and gets {got}",
        changes=("`x.float().mean()`",),
    ),
    says(
        "dtype of an index",
        "LC409 LC413",
        r"tensors used as indices must be long,(?: int,)? byte or bool tensors|one_hot is only applicable to index tensor",
        "indices have to be whole numbers, and are floats",
        changes=(INDEX_DTYPE,),
    ),
    says(
        "dtype of a mask",
        "LC409",
        r"masked_fill_? only supports boolean masks, but got mask with dtype (?P<got>\w+)",
        "`masked_fill` takes a boolean mask, and gets {got}",
        changes=("`mask.bool()`, or `mask == 0`",),
    ),
)
