"""Messages that are often pasted and are not about shapes or dtypes."""

from __future__ import annotations

from linearcheck.explain.messages.writing import says
from linearcheck.explain.records import Message

NOT_ABOUT_SHAPES: tuple[Message, ...] = (
    says(
        "devices",
        "",
        r"Expected all tensors to be on the same device|Tensor on device (?P<a>[\w:]+) is not on the expected device (?P<b>[\w:]+)|Input"
        r" and (?:hidden|parameter) tensors are not at the same device"
        r"|expected (?:device|self and mat2 to be on the same device)",
        "two tensors are on different devices; this is not about shapes",
        changes=(
            "`model.to(device)` and `x.to(device)`, before the first call",
            "tensors that `forward` makes have to be made there: `torch.zeros(..., device=x.device)`, or `register_buffer`",
        ),
    ),
    says(
        "failed assertion on the GPU",
        "",
        r"CUDA error: device-side assert triggered",
        "a kernel on the GPU met an index that is out of range; where is not said, and this line may be another one",
        changes=(
            "run on the CPU once: the message there names the index. Most often a label is not below the number of classes, "
            "or an index not below `num_embeddings`",
        ),
    ),
    says(
        "more than one element",
        "LC499",
        r"a Tensor with <elements> elements cannot be converted to Scalar|only one element tensors can be converted to Python"
        r" scalars|only integer tensors of a single element can be converted to an index",
        "a tensor of several elements is used as one number (`item()`, `int()`, `float()`)",
        {"elements": "elements of the tensor"},
        ("reduce it first: `x.mean()`, `x.sum()`, or `tolist()`",),
    ),
    says(
        "truth of a tensor",
        "",
        r"Boolean value of Tensor with (?:more than one|no) values? is ambiguous",
        "an `if`, `and` or `or` asks for the truth of a tensor with several elements",
        changes=(
            "`(x > 0).all()` or `.any()`; `torch.where` chooses element by element",
            "an instance is missing: `nn.CrossEntropyLoss()(out, y)`, not `nn.CrossEntropyLoss(out, y)`",
        ),
    ),
    says(
        "gradient of more than a scalar",
        "",
        r"grad can be implicitly created only for scalar outputs",
        "`backward()` is called on a loss with several elements",
        changes=("`loss.mean().backward()`, and no `reduction='none'`",),
    ),
    says(
        "samples of different sizes",
        "",
        r"each element in list of batch should be of equal size",
        "a `DataLoader` puts samples of different lengths into one batch; the model is not reached",
        changes=("pad or crop the samples to one length, or pass a `collate_fn` (`torch.nn.utils.rnn.pad_sequence`)",),
    ),
)
