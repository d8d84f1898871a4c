"""Messages about normalisation layers."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message, says
from linearcheck.explain.products import batch_norm
from linearcheck.explain.records import Message

NORMS: tuple[Message, ...] = (
    message("norm", r"running_(?:mean|var) should contain (?P<got>\d+) elements not (?P<built>\d+)", batch_norm),
    says(
        "group norm",
        "LC301",
        r"Expected number of channels in input to be divisible by num_groups, but got input of shape <input:shape> and num_groups=<groups>",
        "`GroupNorm` of {groups} groups needs channels that {groups} divides, and gets {input}",
        {"input": "the input; axis 1 are the channels", "groups": "`num_groups`"},
    ),
    says(
        "weight of a group norm",
        "LC301",
        r"Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape <weight:shape> and"
        r" input of shape <input:shape>",
        "a norm is built for {weight} channels, but gets {input}",
        {"weight": "`num_channels` of the norm", "input": "the input; axis 1 are the channels"},
    ),
    says(
        "groups of a norm",
        "LC301",
        r"num_channels (?:\(<channels>\) )?must be divisible by num_groups(?: \(<groups>\))?",
        "a group norm cannot be built: `num_groups` has to divide `num_channels`",
        {"channels": "`num_channels`", "groups": "`num_groups`"},
    ),
    says(
        "rank of a norm",
        "LC301",
        r"expected (?P<ranks>[\dD or]+?D) input \(got <got>D input\)",
        "a norm takes {ranks} input, and gets {got} axes",
        {"got": "axes of the input"},
        (
            "`BatchNorm1d` is for (N, C) and (N, C, L), `BatchNorm2d` for (N, C, H, W)",
            "norm before the map is flattened, or use the norm for flat features",
        ),
    ),
    says(
        "layer norm",
        "LC302",
        r"Given normalized_shape=<built:shape>, expected input with shape \[\*, (?P<tail>[\d, ]+)\], but got input of size ?<input:shape>",
        "`LayerNorm` is built for last axes of {built}, but gets {input}",
        {"built": "`normalized_shape`: the last axes of the input", "input": "the input"},
        (
            "`normalized_shape` has to be the last axes of {input}",
            "for the channels of a feature map: `GroupNorm(1, channels)`, or `permute` them last and back",
        ),
    ),
    says(
        "norm of a single value",
        "LC407",
        r"Expected more than 1 value per channel when training, got input size <input:shape>",
        "a batch norm in training mode gets one value per channel, {input}, whose variance nobody can tell",
        {"input": "the input: one sample, and one value for each channel"},
        (
            "the last batch of an epoch has one sample: `DataLoader(..., drop_last=True)`, or another batch size",
            "call `model.eval()` before a single sample is predicted",
            "no layer has a wrong shape, so a check at other batch sizes finds nothing",
        ),
        ("--train", "--size N=1"),
    ),
    says(
        "instance norm of a single value",
        "LC307",
        r"Expected more than 1 spatial element when training, got input size <input:shape>",
        "an instance norm gets a map of one element, {input}",
        {"input": "the input: height and width are 1"},
        ("use a larger input, fewer strides before it, or no instance norm on a map of 1 x 1",),
    ),
)
