"""Messages about convolution and pooling."""

from __future__ import annotations

from linearcheck.explain.messages.writing import SHAPE, message, says
from linearcheck.explain.products import convolution_channels, kernel, small_map, wrong_rank
from linearcheck.explain.records import Message

CONVOLUTIONS: tuple[Message, ...] = (
    message(
        "channels of a convolution",
        r"Given (?P<transposed>transposed=1)?(?:groups=\d+)?, (?:expected )?weight(?: of size)? ?(?P<weight>\[[\d, ]+\]|[\d ]+),"
        r" (?:so )?expected input ?(?P<input>\[[\d, ]+\]) to have (?P<expected>\d+) channels?, but got (?P<got>\d+) channels? instead",
        convolution_channels,
    ),
    message(
        "rank of a convolution's input",
        rf"Expected \dD \(unbatched\) or \dD \(batched\) input to conv(?:_transpose)?(?P<dims>\d)d, but got input of size:"
        rf" (?P<got>{SHAPE})",
        wrong_rank,
    ),
    message(
        "rank of a convolution's input, to version 1.10",
        rf"Expected \d-dimensional input for (?P<weight>\d)-dimensional weight (?:\[[\d, ]+\]|[\d ]+?),? but got \d-dimensional input of"
        rf" size (?P<got>{SHAPE})",
        wrong_rank,
    ),
    says(
        "stride of a convolution",
        "LC206",
        r"expected (?P<what>stride|padding|dilation) to be a single integer value or a list of <axes> values to match the convolution"
        r" dimensions,"
        r" but got \w+=(?P<got>\[[\d, ]+\])",
        "a convolution has {what} {got}, but its weight is one for {axes} axes",
        {"axes": "axes that the weight is made for: it has two more in all", "got": "the {what} that the layer was built with"},
        (
            "the weight was replaced by one with fewer axes: a Conv2d has (out, in, height, width)",
            "or the functional form gets a weight of another rank",
        ),
    ),
    message(
        "kernel larger than the input",
        r"Calculated (?:padded )?input size per channel: \((?P<size>[\dx ]+)\)\. Kernel size: \((?P<kernel>[\dx ]+)\)\. Kernel size"
        r" can'?t(?: be)? greater",
        kernel,
    ),
    message(
        "pooling of a small map",
        r"Given input size: \((?P<before>[-\dx ]+)\)\. Calculated output size: \((?P<after>[-\dx ]+)\)\. Output size is too small",
        small_map,
    ),
    says(
        "pooling of a short sequence",
        "LC205",
        r"max_pool1d\(\) Invalid computed output size: <size>",
        "the window of `MaxPool1d` is longer than the sequence",
        {"size": "what would be left of the sequence"},
        ("use a longer input, or fewer pooling layers or strides before it",),
    ),
    says(
        "rank of pooling",
        "LC203",
        r"(?:non-empty (?P<ranks>\dD or \dD) \(batch mode\) tensor expected for input"
        r"|Expected (?P<ranks2>\dD or \dD) \(batch mode\) tensor with (?:optional 0 dim batch size|possibly 0 batch size).{0,60}?for"
        r" input,? but got:? ?<got:shape>)",
        "pooling takes {ranks}{ranks2} feature maps, and gets another number of axes",
        {"got": "the input"},
        ("pool before the map is flattened", "one image without a batch has (C, H, W), a batch (N, C, H, W)"),
    ),
    says(
        "bias of a convolution",
        "LC206",
        r"Given (?:transposed=\d, )?weight of size <weight:shape>, expected bias to be 1-dimensional with <expected> elements, but got"
        r" bias of size <got:shape>",
        "the bias of a convolution has {got} elements for {expected} output channels",
        {"weight": "the weight", "expected": "output channels", "got": "the bias"},
    ),
    says(
        "padding of pooling",
        "",
        r"pad should be (?:at most|smaller than or equal to) half of (?:effective )?kernel size(?:, but got pad(?:W|H)?\s?=\s?<pad>,"
        r" kernel_size=<kernel>)?",
        "pooling may be padded by half of its kernel at most",
        {"pad": "the padding", "kernel": "the kernel"},
        ("use a smaller padding, or `F.pad` before the pooling",),
    ),
    says(
        "reflection padding",
        "LC307",
        r"Padding size should be less than the corresponding input dimension, but got: padding \(<a>, <b>\) at dimension <axis> of input"
        r" <input:shape>",
        "padding by reflection of ({a}, {b}) needs an input that is larger on axis {axis}",
        {"a": "padding in front", "b": "padding behind", "input": "the input"},
    ),
    says(
        "pixel shuffle",
        "LC307",
        r"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor"
        r"(?:, but input\.size\(-\d\)=<size> is not divisible by <factor>)?",
        "`PixelShuffle` needs channels that the square of its `upscale_factor` divides",
        {"size": "channels that come in", "factor": "the square of `upscale_factor`"},
    ),
    says(
        "groups of a convolution",
        "LC201",
        r"(?P<what>in_channels|out_channels) must be divisible by groups",
        "a convolution with groups cannot be built: `groups` has to divide `{what}`",
    ),
    says(
        "unfold and fold",
        "LC307 LC499",
        r"expected size of input's dimension <axis> to match the calculated number of sliding blocks (?P<product>[\d *]+) = <expected>,"
        r" but got input\.size\(\d\)=<got>",
        "`fold` puts {expected} blocks together, and gets {got}",
        {"expected": "blocks that output size, kernel and stride make", "got": "blocks that come in"},
    ),
)
