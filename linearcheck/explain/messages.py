"""The table: one record for each kind of message that PyTorch raises about shapes and dtypes, of this version and of older ones.

A record is the words, with their numbers as named groups, and what they mean: a summary, each number with its meaning, what to change.
What needs arithmetic is read by a function of `products`. The words stand here as PyTorch writes them, on one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from linearcheck.explain.products import (
    batch_norm,
    broadcast,
    checkpoint,
    concatenation,
    convolution_channels,
    kernel,
    matrix_product,
    reshape,
    sizes_in,
    small_map,
    target_batch,
    wrong_rank,
)
from linearcheck.explain.records import Message, Number, Pasted, Reader, Reading
from linearcheck.sizes import shape_text

_SHAPE = r"(?:torch\.Size\()?[\[(][-\d, ]*[\])]\)?"
_DTYPE = r"[\w.]+(?: (?:int|char|long|double|float))*"


def _message(name: str, pattern: str, read: Reader) -> Message:
    return Message(name, _compiled(pattern), read)


def _says(
    name: str,
    codes: str,
    pattern: str,
    summary: str,
    numbers: Mapping[str, str] | None = None,
    changes: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
) -> Message:
    """A record that needs no arithmetic. `numbers` says what each named group is, and all texts may name groups in braces."""

    def read(groups: Mapping[str, str], pasted: Pasted) -> Reading:
        shown = {group: _shown(text) for group, text in groups.items()}
        meanings = tuple(Number(shown[group], text.format(**shown)) for group, text in (numbers or {}).items() if groups.get(group))
        sizes = tuple(size for group in numbers or {} if groups.get(group) for size in sizes_in(groups[group]))
        said = tuple(change.format(**shown) for change in changes)
        return Reading(summary.format(**shown), tuple(codes.split()), meanings, said, sizes, options)

    return Message(name, _compiled(pattern), read)


def _compiled(pattern: str) -> re.Pattern[str]:
    """`<name>` stands for a number, `<name:shape>` for a shape, `<name:dtype>` and `<name:word>` for what they say."""
    kinds = {"": r"-?\d+", "shape": _SHAPE, "dtype": _DTYPE, "word": r"\S+?"}
    return re.compile(re.sub(r"(?<!\?P)<(\w+)(?::(\w+))?>", lambda m: f"(?P<{m[1]}>{kinds[m[2] or '']})", pattern), re.IGNORECASE)


def _shown(text: str | None) -> str:
    """A group as it is shown: shapes in one form, whatever PyTorch's."""
    if text is None:
        return ""
    return shape_text(sizes_in(text)) if re.fullmatch(_SHAPE, text) else text


_TO_FLOAT = "convert the input with `.float()` before the layer, or the model with `.to(x.dtype)`"
_LABELS = "labels of `cross_entropy` and `nll_loss` are whole numbers of classes: `target.long()`; those of `mse_loss` and `bce` are floats"
_INDEX = "indices have to be int64: `x.long()`"

MESSAGES: tuple[Message, ...] = (
    # nn.Linear and products
    _message(
        "matrix product",
        r"mat1 and mat2 shapes cannot be multiplied \((?P<rows>\d+)x(?P<got>\d+) and (?P<expected>\d+)x(?P<out>\d+)\)",
        matrix_product,
    ),
    _message(
        "matrix product, to version 1.6",
        r"size mismatch, m1: \[(?P<rows>\d+) x (?P<got>\d+)\], m2: \[(?P<expected>\d+) x (?P<out>\d+)\]",
        matrix_product,
    ),
    _message(
        "matrix product on meta",
        r"a and b must have same reduction dim, but got \[(?P<rows>\d+), (?P<got>\d+)\] X \[(?P<expected>\d+), (?P<out>\d+)\]",
        matrix_product,
    ),
    _says(
        "matrix product without numbers",
        "LC101 LC405",
        r"mat1 dim 1 must match mat2 dim 0",
        "a Linear or a matrix product gets another number of features than it takes",
        changes=("print the shape of the input before the layer: its last axis has to be `in_features`",),
    ),
    _says(
        "matrix and vector",
        "LC405",
        r"size mismatch, got (?:input \(<rows>\), mat \(<mat_rows>x<columns>\), vec \(<size>\)|<rows2>, <mat_rows2>x<columns2>,<size2>)",
        "a matrix times a vector: the columns of the matrix are not the elements of the vector",
        {
            "columns": "columns of the matrix",
            "size": "elements of the vector",
            "columns2": "columns of the matrix",
            "size2": "elements of the vector",
        },
    ),
    _says(
        "dot product",
        "LC405",
        r"inconsistent tensor size, expected tensor \[<a>\] and src \[<b>\] to have the same number of elements",
        "a product of two vectors with {a} and {b} elements",
        {"a": "elements of the first vector", "b": "elements of the second vector"},
    ),
    _says(
        "weight is no matrix",
        "LC105 LC405",
        r"(?:mat2|self|vec|mat|tensor|batch1|batch2|b) must be (?:a )?(?:matrix|2D|vector)(?:, got <rank>-D tensor)?",
        "a product gets a tensor with another number of axes than a matrix has",
        {"rank": "axes of the tensor that should have two"},
        (
            "a weight that was assigned (`layer.weight.data = ...`) has to be (out_features, in_features)",
            "`torch.matmul` takes any number of axes",
        ),
    ),
    _says(
        "batches of matrices",
        "LC405 LC306",
        r"Expected size for first two dimensions of batch2 tensor to be: \[<batch>, <expected>\] but got: \[<batch2>, <got>\]",
        "a product of batches of matrices: {expected} columns on the left meet {got} rows on the right, in {batch} and {batch2} matrices",
        {
            "batch": "matrices on the left: the batch, times the heads",
            "expected": "columns of each matrix on the left",
            "batch2": "matrices on the right",
            "got": "rows of each matrix on the right",
        },
        ("`q @ k.transpose(-2, -1)` where two sequences are compared", "columns on the left and rows on the right have to be one number"),
    ),
    _says(
        "batches of matrices, older",
        "LC405 LC306",
        r"Expected tensor to have size <expected> at dimension <axis>, but got size <got> for argument #2 'batch2'",
        "a product of batches of matrices: {expected} on the left meets {got} on axis {axis} of the right",
        {"expected": "size that the left side asks for", "got": "size of the right side", "axis": "axis of the right side"},
        ("`q @ k.transpose(-2, -1)` where two sequences are compared",),
    ),
    _says(
        "rank of a batch of matrices",
        "LC405",
        r"(?P<name>batch1|batch2) must be a 3D tensor",
        "`bmm` takes three axes, (N, rows, columns); one of its arguments has another number",
        changes=("`torch.matmul` (`@`) takes any number of axes", "or put the missing axis in with `unsqueeze`"),
    ),
    _says(
        "einsum, a letter with two sizes",
        "LC405",
        r"einsum\(\)(?::|,) (?:subscript (?P<letter>\w) has size <got> for operand <operand> which does not broadcast with previously"
        r" seen size <expected>"
        r"|operands do not broadcast with remapped shapes \[original->remapped\]: (?P<rest>.{0,200}))",
        "`einsum`: one letter stands for axes of different sizes",
        {
            "got": "size of the axis `{letter}` in operand {operand}, counted from 0",
            "expected": "size of `{letter}` in an operand before it",
            "rest": "the operands, before and after they are lined up",
        },
        ("give both axes one size, or another letter to one of them",),
    ),
    _says(
        "einsum, number of axes",
        "LC405",
        r"einsum\(\)(?::|,) the number of subscripts in the equation \(<letters>\) (?:does not match|is more than) the number of"
        r" dimensions \(<axes>\)"
        r" for operand <operand>",
        "`einsum`: {letters} letters for a tensor of {axes} axes",
        {"letters": "letters in the equation", "axes": "axes of operand {operand}, counted from 0"},
        ("write one letter for each axis, or `...` for those that do not matter",),
    ),
    _says(
        "einsum, the equation",
        "LC405",
        r"einsum\(\)(?::|,) (?P<what>(?:fewer|more) operands were provided|output subscript \w+ does not appear)",
        "`einsum`: {what}",
        changes=("the equation names each operand between commas, and every letter on the right of `->` also on the left",),
    ),
    _says(
        "tensordot",
        "LC405",
        r"contracted dimensions need to match, but first has size <a> in dim <axis> and second has size <b> in dim <axis2>",
        "`tensordot` sums over axes of {a} and {b}",
        {"a": "size of axis {axis} of the first tensor", "b": "size of axis {axis2} of the second tensor"},
    ),
    _says(
        "bilinear",
        "LC307",
        r"bilinear\(\): input(?P<number>[12]) size does not match weight size: got <got> but expected <expected>",
        "`nn.Bilinear` takes {expected} features as input {number}, and gets {got}",
        {"got": "features that come in", "expected": "`in{number}_features`"},
    ),
    # Convolution and pooling
    _message(
        "channels of a convolution",
        r"Given (?P<transposed>transposed=1)?(?:groups=\d+)?, (?:expected )?weight(?: of size)? ?(?P<weight>\[[\d, ]+\]|[\d ]+),"
        r" (?:so )?expected input ?(?P<input>\[[\d, ]+\]) to have (?P<expected>\d+) channels?, but got (?P<got>\d+) channels? instead",
        convolution_channels,
    ),
    _message(
        "rank of a convolution's input",
        rf"Expected \dD \(unbatched\) or \dD \(batched\) input to conv(?:_transpose)?(?P<dims>\d)d, but got input of size:"
        rf" (?P<got>{_SHAPE})",
        wrong_rank,
    ),
    _message(
        "rank of a convolution's input, to version 1.10",
        rf"Expected \d-dimensional input for (?P<weight>\d)-dimensional weight (?:\[[\d, ]+\]|[\d ]+?),? but got \d-dimensional input of"
        rf" size (?P<got>{_SHAPE})",
        wrong_rank,
    ),
    _says(
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
    _message(
        "kernel larger than the input",
        r"Calculated (?:padded )?input size per channel: \((?P<size>[\dx ]+)\)\. Kernel size: \((?P<kernel>[\dx ]+)\)\. Kernel size"
        r" can'?t(?: be)? greater",
        kernel,
    ),
    _message(
        "pooling of a small map",
        r"Given input size: \((?P<before>[-\dx ]+)\)\. Calculated output size: \((?P<after>[-\dx ]+)\)\. Output size is too small",
        small_map,
    ),
    _says(
        "pooling of a short sequence",
        "LC205",
        r"max_pool1d\(\) Invalid computed output size: <size>",
        "the window of `MaxPool1d` is longer than the sequence",
        {"size": "what would be left of the sequence"},
        ("use a longer input, or fewer pooling layers or strides before it",),
    ),
    _says(
        "rank of pooling",
        "LC203",
        r"(?:non-empty (?P<ranks>\dD or \dD) \(batch mode\) tensor expected for input"
        r"|Expected (?P<ranks2>\dD or \dD) \(batch mode\) tensor with (?:optional 0 dim batch size|possibly 0 batch size).{0,60}?for"
        r" input,? but got:? ?<got:shape>)",
        "pooling takes {ranks}{ranks2} feature maps, and gets another number of axes",
        {"got": "the input"},
        ("pool before the map is flattened", "one image without a batch has (C, H, W), a batch (N, C, H, W)"),
    ),
    _says(
        "bias of a convolution",
        "LC206",
        r"Given (?:transposed=\d, )?weight of size <weight:shape>, expected bias to be 1-dimensional with <expected> elements, but got"
        r" bias of size <got:shape>",
        "the bias of a convolution has {got} elements for {expected} output channels",
        {"weight": "the weight", "expected": "output channels", "got": "the bias"},
    ),
    _says(
        "padding of pooling",
        "",
        r"pad should be (?:at most|smaller than or equal to) half of (?:effective )?kernel size(?:, but got pad(?:W|H)?\s?=\s?<pad>,"
        r" kernel_size=<kernel>)?",
        "pooling may be padded by half of its kernel at most",
        {"pad": "the padding", "kernel": "the kernel"},
        ("use a smaller padding, or `F.pad` before the pooling",),
    ),
    _says(
        "reflection padding",
        "LC307",
        r"Padding size should be less than the corresponding input dimension, but got: padding \(<a>, <b>\) at dimension <axis> of input"
        r" <input:shape>",
        "padding by reflection of ({a}, {b}) needs an input that is larger on axis {axis}",
        {"a": "padding in front", "b": "padding behind", "input": "the input"},
    ),
    _says(
        "pixel shuffle",
        "LC307",
        r"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor"
        r"(?:, but input\.size\(-\d\)=<size> is not divisible by <factor>)?",
        "`PixelShuffle` needs channels that the square of its `upscale_factor` divides",
        {"size": "channels that come in", "factor": "the square of `upscale_factor`"},
    ),
    _says(
        "groups of a convolution",
        "LC901",
        r"(?P<what>in_channels|out_channels) must be divisible by groups",
        "a convolution with groups cannot be built: `groups` has to divide `{what}`",
    ),
    _says(
        "unfold and fold",
        "LC307 LC499",
        r"expected size of input's dimension <axis> to match the calculated number of sliding blocks (?P<product>[\d *]+) = <expected>,"
        r" but got input\.size\(\d\)=<got>",
        "`fold` puts {expected} blocks together, and gets {got}",
        {"expected": "blocks that output size, kernel and stride make", "got": "blocks that come in"},
    ),
    # Norms
    _message("norm", r"running_(?:mean|var) should contain (?P<got>\d+) elements not (?P<built>\d+)", batch_norm),
    _says(
        "group norm",
        "LC301",
        r"Expected number of channels in input to be divisible by num_groups, but got input of shape <input:shape> and num_groups=<groups>",
        "`GroupNorm` of {groups} groups needs channels that {groups} divides, and gets {input}",
        {"input": "the input; axis 1 are the channels", "groups": "`num_groups`"},
    ),
    _says(
        "weight of a group norm",
        "LC301",
        r"Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape <weight:shape> and"
        r" input of shape <input:shape>",
        "a norm is built for {weight} channels, but gets {input}",
        {"weight": "`num_channels` of the norm", "input": "the input; axis 1 are the channels"},
    ),
    _says(
        "groups of a norm",
        "LC901",
        r"num_channels (?:\(<channels>\) )?must be divisible by num_groups(?: \(<groups>\))?",
        "a group norm cannot be built: `num_groups` has to divide `num_channels`",
        {"channels": "`num_channels`", "groups": "`num_groups`"},
    ),
    _says(
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
    _says(
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
    _says(
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
    _says(
        "instance norm of a single value",
        "LC307",
        r"Expected more than 1 spatial element when training, got input size <input:shape>",
        "an instance norm gets a map of one element, {input}",
        {"input": "the input: height and width are 1"},
        ("use a larger input, fewer strides before it, or no instance norm on a map of 1 x 1",),
    ),
    # Embedding, recurrent layers, attention
    _says(
        "index of an embedding",
        "LC303",
        r"index out of range in self|index out of range: Tried to access index <index> out of table with <rows> rows",
        "an embedding (or `index_select`) is asked for a row that its table does not have",
        {"index": "the index that is asked for", "rows": "the last index of the table"},
        (
            "`num_embeddings` has to be the largest index + 1: count padding and unknown words too",
            "negative indices (a padding of -1) are out of range as well",
            "a position beyond the longest sequence does this too: `ids[:, :max_len]`",
        ),
    ),
    _says(
        "dtype of indices",
        "LC303 LC409",
        r"Expected tensor for argument #1 'indices' to have (?:one of the following scalar types: Long, Int; but got"
        r" (?:torch\.|CPU)?(?P<got>\w+?)(?:Tensor|Type)"
        r"|scalar type Long; but got (?:torch\.)?(?P<got2>\w+?)(?:Tensor|Type)?) instead",
        "an embedding looks up whole numbers, and gets {got}{got2}",
        changes=(_INDEX, "an embedding gets the indices of words, no vectors: values that are vectors already need none"),
    ),
    _says(
        "size of a recurrent layer's input",
        "LC304",
        r"input\.size\(-1\) must be equal to input_size\. Expected <expected>, got <got>",
        "a recurrent layer takes {expected} features, but the last axis of its input has {got}",
        {"expected": "`input_size`", "got": "last axis of the input"},
        (
            "build the layer with `input_size={got}`, or make what comes before it return {expected} features",
            "the last axis are the features, with and without `batch_first`",
        ),
    ),
    _says(
        "rank of a recurrent layer's input",
        "LC304",
        r"(?:(?:LSTM|GRU|RNN): Expected input to be 2-?D or 3-?D,? (?:but )?got <got>-?D|input must have <expected> dimensions, got"
        r" <got2>)",
        "a recurrent layer takes (T, N, F), or (N, T, F) with `batch_first=True`, and gets {got}{got2} axes",
        {"got": "axes of the input", "got2": "axes of the input", "expected": "axes that it takes"},
        (
            "feature maps: merge channels and height to features, `x.flatten(1, 2).transpose(1, 2)`",
            "one step only: `x.unsqueeze(1)`, with `batch_first=True`",
        ),
    ),
    _says(
        "hidden state",
        "LC304 LC305",
        r"Expected hidden(?:\[\d\])? size <expected:shape>, got <got:shape>",
        "a recurrent layer takes a hidden state of {expected}, and gets {got}",
        {"expected": "(layers * directions, N, hidden_size)", "got": "the hidden state that was given"},
        (
            "the batch is the second axis of a hidden state, with `batch_first=True` too",
            "make it for each batch, with its size: `torch.zeros(layers, x.size(0), hidden)`; the last batch of an epoch is often smaller",
            "the layer takes the batch from axis 1 of its input, from axis 0 with `batch_first=True`: the input may be the other way round",
        ),
    ),
    _says(
        "rank of a hidden state",
        "LC304",
        r"For (?P<kind>batched|unbatched) <rank>-D input, hx(?: and cx)? should also be \d-D but got (?P<got>[\w ,()-]+?) tensors?",
        "a recurrent layer gets {kind} input and a hidden state that is not",
        {"rank": "axes of the input", "got": "axes of the hidden state"},
        ("a hidden state is (layers * directions, N, hidden_size) for a batch, (layers * directions, hidden_size) for one sequence",),
    ),
    _says(
        "recurrent cell",
        "LC304",
        r"input has inconsistent input_size: got <got>,? expected <expected>|Input batch size <batch> doesn't match hidden\d? batch size"
        r" <batch2>"
        r"|hidden\d? has inconsistent hidden_size: got <got2>,? expected <expected2>",
        "a recurrent cell gets another size than it was built for",
        {
            "got": "features that come in",
            "expected": "`input_size`",
            "batch": "rows of the input",
            "batch2": "rows of the hidden state",
            "got2": "features of the hidden state",
            "expected2": "`hidden_size`",
        },
    ),
    _says(
        "lengths of packed sequences",
        "LC304 LC499",
        r"Expected `?len\(lengths\)`? to be equal to batch_size, but got <lengths> \(batch_size=<batch>\)",
        "`pack_padded_sequence` gets {lengths} lengths for {batch} sequences",
        {"lengths": "lengths", "batch": "sequences, axis 1 of the input, or axis 0 with `batch_first=True`"},
        ("give `batch_first=True` to `pack_padded_sequence` where the input is (N, T, F)",),
    ),
    _says(
        "heads of attention",
        "LC901",
        r"embed_dim must be divisible by num_heads",
        "attention cannot be built: `num_heads` has to divide `embed_dim`",
        changes=("choose a number of heads that divides the width (`d_model`)",),
    ),
    _says(
        "width of attention",
        "LC306",
        r"was expecting embedding dimension of <expected>, but got <got>",
        "attention is built for {expected} features, and gets {got}",
        {"expected": "`embed_dim`", "got": "last axis of the query"},
        ("build it with `embed_dim={got}`, or project the input to {expected} first",),
    ),
    _says(
        "width of a transformer",
        "LC306",
        r"the feature number of src and tgt must be equal to d_model",
        "a Transformer gets a source or target whose last axis is not `d_model`",
        changes=("embed or project both to `d_model` features",),
    ),
    _says(
        "batch of a transformer",
        "LC306 LC305",
        r"the batch number of src and tgt must be equal",
        "a Transformer gets a source and a target of different batch sizes",
        changes=("without `batch_first=True` axis 1 is the batch: (T, N, F)", "give `batch_first=True` where both are (N, T, F)"),
    ),
    _says(
        "padding mask of attention",
        "LC306 LC305",
        r"Expected key_padd?e?d?(?:ing)?_mask\.(?:shape|size\()\[?<axis>[\])] to be <expected>, but got <got>",
        "attention takes a padding mask of (N, S), and gets {got} instead of {expected} on axis {axis}",
        {"expected": "size that the key has there", "got": "size of the mask"},
        (
            "the mask is right as (N, S): then the key is not. Without `batch_first=True` attention takes (S, N, F)",
            "give `batch_first=True` to the layer, or transpose its input",
        ),
    ),
    _says(
        "mask of attention",
        "LC306 LC305",
        r"The shape of the <rank>D attn_mask is <got:shape>, but should be <expected:shape>",
        "attention takes a mask of {expected}, and gets {got}",
        {"got": "the mask that was given", "expected": "(target length, source length), behind N * heads where it has three axes"},
        ("where the lengths are the batch size, time and batch are swapped: `batch_first=True`",),
    ),
    _says(
        "key and value of attention",
        "LC306",
        r"key(?:'s)? shape <key:shape> does not match value shape <value:shape>",
        "attention gets a key of {key} and a value of {value}",
        {"key": "the key", "value": "the value"},
    ),
    _says(
        "rank of attention",
        "LC306",
        r"query should be unbatched 2D or batched 3D tensor but received <rank>-D query tensor",
        "attention takes (T, N, F), and gets {rank} axes",
        {"rank": "axes of the query"},
        ("flatten a feature map to a sequence: `x.flatten(2).transpose(1, 2)`",),
    ),
    # Reshapes and axes
    _message("view", r"shape '(?P<shape>\[[-\d, ]*\])' is invalid for input of size (?P<size>\d+)", reshape),
    _message("view, to version 0.4", r"size '(?P<shape>\[[-\dx ]*\])' is invalid for input(?: of)? with (?P<size>\d+) elements", reshape),
    _says(
        "view of a transposed tensor",
        "LC401 LC411",
        r"view size is not compatible with input tensor's size and stride|input is not contiguous at",
        "`view` would need the values in another order than they are stored in, mostly behind `transpose` or `permute`",
        changes=(
            "`x.reshape(...)`, or `x.contiguous().view(...)`",
            "then check that the axes that are merged are the right ones: both forms run, and a wrong order scrambles values",
        ),
    ),
    _says(
        "reshape of nothing",
        "LC401",
        r"cannot reshape tensor of 0 elements into shape <shape:shape>",
        "an empty tensor cannot be reshaped to {shape}",
        {"shape": "the shape that is asked for"},
        ("find out why it is empty: a mask that takes nothing, or a size of 0",),
    ),
    _says(
        "unflatten",
        "LC401",
        r"unflatten: Provided sizes <sizes:shape> don't multiply up to the size of dim <axis> \(<size>\)",
        "`unflatten` to {sizes} does not fit an axis of {size}",
        {"sizes": "the sizes that are asked for", "size": "size of axis {axis}"},
    ),
    _says(
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
    _says(
        "axis of a scalar",
        "LC413",
        r"Dimension specified as <axis> but tensor has no dimensions",
        "axis {axis} of a scalar is asked for",
        {"axis": "the axis that is asked for"},
    ),
    _says(
        "permute",
        "LC413",
        r"number of dim(?:ension)?s (?:in the tensor input does not match the length of the desired ordering of dimensions"
        r"(?: i\.e\. input\.dim\(\) = <axes> is not equal to len\(dims\) = <got>)?"
        r"|don't match in permute)",
        "`permute` names another number of axes than the tensor has",
        {"axes": "axes of the tensor", "got": "axes that are named"},
        ("name every axis once, the batch too",),
    ),
    _says(
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
    _says(
        "too many indices",
        "LC413",
        r"too many indices for tensor of dimension <rank>",
        "more indices are given than the tensor has axes",
        {"rank": "axes of the tensor"},
        ("an axis is missing: the batch, or one that `squeeze()` or an index took away",),
    ),
    _says(
        "mask as index",
        "LC413 LC407",
        r"The shape of the mask <mask:shape> at index <axis> does not match the shape of the indexed tensor <tensor:shape>",
        "a mask of {mask} indexes a tensor of {tensor}",
        {"mask": "the mask", "tensor": "the tensor"},
        ("a mask has the shape of the first axes of what it indexes",),
    ),
    _says(
        "lists of indices",
        "LC404 LC413",
        r"shape mismatch: indexing tensors could not be broadcast together with shapes (?P<shapes>(?:\[[\d, ]*\](?:, )?)+)",
        "index tensors of different lengths stand side by side: {shapes}",
        changes=("`x[rows[:, None], columns]` takes all pairs, `x[rows][:, columns]` too",),
    ),
    _says(
        "transpose of more than a matrix",
        "LC413",
        r"t\(\) expects a tensor with <= 2 dimensions, but self is <rank>D",
        "`t()` turns matrices alone, and gets {rank} axes",
        {"rank": "axes of the tensor"},
        ("`x.transpose(-2, -1)` turns the last two axes",),
    ),
    # Several tensors
    _message(
        "cat",
        r"Sizes of tensors must match except in dimension (?P<axis>\d+)\. (?:Expected(?: size)? (?P<expected>\d+)(?: in dimension"
        r" (?P<other>\d+))? but got(?: size)? (?P<got>\d+) for tensor number (?P<number>\d+)"
        r"|Got (?P<old_a>\d+) and (?P<old_b>\d+)(?: in dimension (?P<old_other>\d+))?)",
        lambda groups, pasted: concatenation({**groups, "other": groups["other"] or groups["old_other"]}, pasted),
    ),
    _says(
        "rank of cat",
        "LC403",
        r"Tensors must have same number of dimensions: got <a> and <b>",
        "`cat` gets tensors of {a} and {b} axes",
        {"a": "axes of the first tensor", "b": "axes of the other"},
        ("put the missing axis in with `unsqueeze`, or flatten both",),
    ),
    _says(
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
    _message(
        "broadcasting",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at non-singleton dimension (?P<axis>\d+)",
        broadcast,
    ),
    _says(
        "broadcasting in place",
        "LC404",
        r"output with shape <out:shape> doesn't match the broadcast shape <broadcast:shape>",
        "an operation in place (`+=`, `add_`) would have to grow {out} to {broadcast}",
        {"out": "the tensor that is written to", "broadcast": "what the operation makes"},
        ("write `x = x + y`; and find out whether the larger shape is meant",),
    ),
    _says(
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
    _says(
        "rank of expand",
        "LC415",
        r"expand\(.{0,80}?size=<target:shape>\): the number of sizes provided \(<sizes>\) must be greater or equal to the number of"
        r" dimensions in the tensor \(<axes>\)",
        "`expand` to {sizes} sizes of a tensor with {axes} axes",
        {"sizes": "sizes that are asked for", "axes": "axes of the tensor"},
    ),
    _says(
        "split",
        "LC415",
        r"split_with_sizes expects split_sizes to sum exactly to <size> \(input tensor's size at dimension <axis>\), but got"
        r" split_sizes=<sizes:shape>",
        "`split` into {sizes} does not add up to {size}",
        {"size": "size of axis {axis}", "sizes": "the parts that are asked for"},
    ),
    _says(
        "halves of GLU",
        "LC307",
        r"Halving dimension must be even, but dimension <axis> is size <size>",
        "`GLU` halves axis {axis}, which has {size}",
        {"size": "size of axis {axis}"},
    ),
    _says(
        "repeat",
        "LC415",
        r"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
        "`repeat` gets fewer numbers than the tensor has axes",
        changes=("give one number for each axis, the batch too: `x.repeat(1, 2, 2)`",),
    ),
    _says(
        "gather and scatter",
        "LC415",
        r"(?:Size does not match at dimension <axis> )?expected index <index:shape> to be (?:smaller|no larger) than self <tensor:shape>"
        r" apart from dimension <dim>"
        r"|Index tensor must have (?P<rank>the same number of dimensions) as (?:input|self|src) tensor",
        "`gather` or `scatter` gets an index that does not fit its tensor",
        {"index": "the index", "tensor": "the tensor; on every axis but {dim} the index may not be larger"},
        ("`index.unsqueeze(...)` gives it as many axes as the tensor has",),
    ),
    _says(
        "axes named twice",
        "LC413",
        r"(?:permute\(\): duplicate dims are not allowed|dim <axis> appears multiple times in the list of dims)",
        "`permute` or a reduction names one axis twice",
        {"axis": "the axis"},
        ("name every axis once",),
    ),
    _says(
        "cat of nothing",
        "LC403",
        r"(?:torch\.cat\(\): )?expected a non-empty list of Tensors|stack expects a non-empty TensorList",
        "`cat` or `stack` gets an empty list",
        changes=("find out why nothing was put into the list: a loop that ran no time, or a filter that let nothing through",),
    ),
    _says(
        "padding of more axes than there are",
        "LC307 LC499",
        r"Padding length (?:should be less than or equal to two times the input dimension but got padding length <length> and input of"
        r" dimension <axes>|too large)",
        "`F.pad` gets more numbers than the input has sides",
        {"length": "numbers: two for each axis, from the last one backwards", "axes": "axes of the input"},
    ),
    _says(
        "index_select",
        "LC413",
        r"INDICES element is out of DATA bounds, id=<index> axis_dim=<size>",
        "`index_select` is asked for {index} on an axis of {size}",
        {"index": "the index", "size": "size of the axis"},
    ),
    _says(
        "narrow",
        "LC415",
        r"start \(<start>\) \+ length \(<length>\) exceeds dimension size \(<size>\)",
        "`narrow` reaches beyond the end of its axis: {start} + {length} is more than {size}",
        {"start": "where it begins", "length": "how much it takes", "size": "size of the axis"},
    ),
    _says(
        "unfold",
        "LC415",
        r"maximum size for tensor at dimension <axis> is <size> but size is <window>",
        "`unfold` takes windows of {window} from an axis of {size}",
        {"size": "size of axis {axis}", "window": "the window"},
    ),
    _says(
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
    _says(
        "parameters of PReLU",
        "LC307",
        r"Mismatch of parameter numbers and input channel size\. Found parameter numbers = <built> and channel size = <got>",
        "`PReLU` is built for {built} channels, and gets {got}",
        {"built": "`num_parameters`", "got": "channels, axis 1 of the input"},
    ),
    _says(
        "distances",
        "LC499",
        r"X1 and X2 must have the same number of columns\. X1: <a> X2: <b>",
        "`cdist` compares points with {a} and {b} coordinates",
        {"a": "last axis of the first", "b": "last axis of the second"},
    ),
    _says(
        "cross product",
        "LC499",
        r"inputs dimension <axis> must have length 3\. Got <a> and <b>",
        "`cross` takes vectors of 3 elements, and gets {a} and {b} on axis {axis}",
        {"a": "size of the first there", "b": "size of the second there"},
    ),
    _says(
        "interpolation",
        "",
        r"Input and scale_factor must have the same number of spatial dimensions|Got <got>D input, but (?P<mode>\w+) mode needs"
        r" <expected>D input",
        "`interpolate` gets a map with another number of axes than its mode or scale is for",
        {"got": "axes of the input", "expected": "axes that `{mode}` takes"},
        ("(N, C, L) goes with `linear`, (N, C, H, W) with `bilinear`, (N, C, D, H, W) with `trilinear`",),
    ),
    _says(
        "grid_sample",
        "LC307",
        r"grid_sampler\(\): expected grid to have size <expected> in last dimension, but got grid with sizes <grid:shape>",
        "`grid_sample` takes a grid of (N, H, W, {expected}), and gets {grid}",
        {"grid": "the grid"},
    ),
    _says(
        "einops, a size",
        "LC401",
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
    _says(
        "einops, number of axes",
        "LC413",
        r"Error while processing \w+-reduction pattern [\"'](?P<pattern>[^\"']*)[\"']\.? Input (?:tensor )?shape: <input:shape>\.?"
        r" Additional info: .{0,200}?"
        r"(?:Wrong shape: expected (?P<many>>=)?<expected> dims\. Received <got>-dim tensor|Expected <expected2> dimensions, got <got2>)",
        "einops: `{pattern}` names {expected}{expected2} axes, and the tensor {input} has {got}{got2}",
        {"input": "the tensor", "expected": "axes in the pattern", "expected2": "axes in the pattern"},
    ),
    # Losses
    _message(
        "batch of a loss",
        r"Expected input batch_size \((?P<input>\d+)\) to match target batch_size \((?P<target>\d+)\)",
        target_batch,
    ),
    _says(
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
    _says(
        "elements of a loss's target, to version 0.3",
        "LC307 LC404",
        r"input and target have different number of elements: input\[(?P<input>[\d x]+)\] has <a> elements, while"
        r" target\[(?P<target>[\d x]+)\] has <b> elements",
        "a loss compares {a} outputs with {b} targets",
        {"a": "outputs", "b": "targets"},
    ),
    _says(
        "target of cross_entropy",
        "LC307",
        r"(?:0D or 1D target tensor expected, )?multi-target not supported|1D target tensor expected",
        "`cross_entropy` takes one class number for each sample, and gets a target with more axes",
        changes=(
            "`target.squeeze(1)` where it is (N, 1)",
            "`target.argmax(1)` where it is one-hot; or floats of the output's own shape as probabilities",
        ),
    ),
    _says(
        "spatial target of cross_entropy",
        "LC307",
        r"only batches of spatial targets supported \((?:3D|non-empty 3D) tensors\) but got targets of (?:dimension|size):"
        r" (?P<rank>[\d: ,\[\]]+)",
        "`cross_entropy` of a map takes a target of (N, H, W), and gets another number of axes",
        {"rank": "axes of the target"},
        ("`target.squeeze(1)` where the target is (N, 1, H, W)", "a target with colours has to be turned into class numbers first"),
    ),
    _says(
        "map of a loss's target",
        "LC307",
        r"(?:size mismatch \(got input: <input:shape> ?, target: <target:shape>|input and target batch or spatial sizes don't match:"
        r" ?target \[(?P<target2>[\d x*]+)\], ?input \[(?P<input2>[\d x*]+)\])",
        "the map that the model returns and its target have different sizes",
        {"input": "the output", "target": "the target", "input2": "the output", "target2": "the target"},
        ("`F.interpolate(output, size=target.shape[-2:])`, or pad so that the model keeps the size",),
    ),
    _says(
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
    # dtypes
    _says(
        "dtypes of a product",
        "LC409",
        r"(?:mat1 and mat2 must have the same dtype, but got <got:dtype> and <expected:dtype>"
        r"|expected m1 and m2 to have the same dtype, but got: (?P<got2>[\w ]+?) != (?P<expected2>\w+(?: int)?)"
        r"|dot : expected both vectors to have same dtype, but found <got3:dtype> and <expected3:dtype>)",
        "a Linear or a product gets {got}{got2}{got3} on one side and {expected}{expected2}{expected3} on the other",
        changes=(_TO_FLOAT, "numpy arrays are float64: `torch.from_numpy(a).float()`"),
    ),
    _says(
        "dtype of a convolution's input",
        "LC409",
        r"Input type \((?!(?:torch\.)?(?:cuda|c10|\w*Byte.*cuda))(?P<got>[\w. ]+)\) and (?P<what>bias|weight) type"
        r" \((?!(?:torch\.)?cuda)(?P<expected>[\w. ]+)\) should be the same",
        "a layer has a {what} of {expected}, but its input is {got}",
        changes=(_TO_FLOAT, "images come as uint8: `x.float() / 255`"),
    ),
    _says(
        "devices of a layer and its input",
        "",
        r"Input type \((?P<got>[\w.]+)\) and (?P<what>bias|weight) type \((?P<expected>[\w.]+)\) should be the same",
        "the input ({got}) and the {what} ({expected}) are on different devices; this is not about shapes",
        changes=("`model.to(device)` and `x.to(device)`, before the first call",),
    ),
    _says(
        "dtype of a recurrent layer's input",
        "LC409",
        r"RNN input dtype \((?P<got>[\w.]+)\) does not match weight dtype \((?P<expected>[\w.]+)\)|input must have the type"
        r" (?P<expected2>[\w.]+), got type (?P<got2>[\w.]+)",
        "a recurrent layer has weights of {expected}{expected2}, but its input is {got}{got2}",
        changes=(_TO_FLOAT,),
    ),
    _says(
        "scalar type",
        "LC409",
        r"expected scalar type (?P<expected>\w+) but (?:found|got) (?P<got>\w+)",
        "an operation takes {expected}, and gets {got}; which of its arguments it means is not said",
        changes=(_TO_FLOAT, _LABELS),
    ),
    _says(
        "scalar type of an argument, to version 1.7",
        "LC409",
        r"Expected object of (?:scalar type|type torch\.(?:cuda\.)?)\s?(?P<expected>\w+?)(?:Tensor)? but (?:got scalar type|found type"
        r" torch\.(?:cuda\.)?)\s?(?P<got>\w+?)(?:Tensor)?"
        r" for (?:argument #\d )?'?(?P<argument>\w+)'?",
        "the argument `{argument}` has to be {expected}, and is {got}",
        changes=(_LABELS, _TO_FLOAT),
    ),
    _says(
        "dtype of a target",
        "LC409",
        r"expected target dtype to be Long or Byte, but got (?P<got>\w+)|Found dtype (?P<got2>\w+) but expected"
        r" (?P<expected>\w+)|expected dtype (?P<expected2>\w+) but got dtype (?P<got3>\w+)",
        "a loss gets {got}{got2}{got3} where it takes another dtype",
        changes=(_LABELS,),
    ),
    _says(
        "operation without this dtype",
        "LC409",
        r"\"(?P<kernel>\w+)\" not implemented for '(?P<got>\w+)'",
        "an operation (`{kernel}`) is not made for {got}",
        changes=("convert with `.float()` before it; float16 on a CPU lacks many operations, `bfloat16` has more",),
    ),
    _says(
        "dtype of a result",
        "LC409",
        r"result type (?P<got>\w+) can't be cast to the desired output type (?P<expected>\w+)",
        "an operation makes {got}, and would have to write it into {expected}",
        changes=("write `x = x + y` instead of `x += y`, or convert `x` to {got} before", _LABELS),
    ),
    _says(
        "mixed dtypes of a norm",
        "LC409",
        r"mixed dtype \(CPU\): (?:all inputs must share same datatype|expect (?:input|parameter) to have scalar type of \w+)",
        "a norm has parameters of one dtype and an input of another",
        changes=(_TO_FLOAT,),
    ),
    _says(
        "mean of integers",
        "LC409",
        r"mean\(\): (?:could not infer output dtype\.|input dtype should be either|Input dtype must be).{0,120}?Got:? (?P<got>\w+)",
        "`mean` takes floats, and gets {got}",
        changes=("`x.float().mean()`",),
    ),
    _says(
        "dtype of an index",
        "LC409 LC413",
        r"tensors used as indices must be long,(?: int,)? byte or bool tensors|one_hot is only applicable to index tensor",
        "indices have to be whole numbers, and are floats",
        changes=(_INDEX,),
    ),
    _says(
        "dtype of a mask",
        "LC409",
        r"masked_fill_? only supports boolean masks, but got mask with dtype (?P<got>\w+)",
        "`masked_fill` takes a boolean mask, and gets {got}",
        changes=("`mask.bool()`, or `mask == 0`",),
    ),
    # Checkpoints
    _message(
        "checkpoint",
        r"(?:Error\(s\) in loading state_dict for (?P<model>[\w.]+).*"
        r"|size mismatch for \S+: copying a param with shape .*|(?:Missing|Unexpected) key\(s\) in state_dict: .*)",
        checkpoint,
    ),
    # Not about shapes or dtypes
    _says(
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
    _says(
        "failed assertion on the GPU",
        "",
        r"CUDA error: device-side assert triggered",
        "a kernel on the GPU met an index that is out of range; where is not said, and this line may be another one",
        changes=(
            "run on the CPU once: the message there names the index. Most often a label is not below the number of classes, "
            "or an index not below `num_embeddings`",
        ),
    ),
    _says(
        "more than one element",
        "LC499",
        r"a Tensor with <elements> elements cannot be converted to Scalar|only one element tensors can be converted to Python"
        r" scalars|only integer tensors of a single element can be converted to an index",
        "a tensor of several elements is used as one number (`item()`, `int()`, `float()`)",
        {"elements": "elements of the tensor"},
        ("reduce it first: `x.mean()`, `x.sum()`, or `tolist()`",),
    ),
    _says(
        "truth of a tensor",
        "",
        r"Boolean value of Tensor with (?:more than one|no) values? is ambiguous",
        "an `if`, `and` or `or` asks for the truth of a tensor with several elements",
        changes=(
            "`(x > 0).all()` or `.any()`; `torch.where` chooses element by element",
            "an instance is missing: `nn.CrossEntropyLoss()(out, y)`, not `nn.CrossEntropyLoss(out, y)`",
        ),
    ),
    _says(
        "gradient of more than a scalar",
        "",
        r"grad can be implicitly created only for scalar outputs",
        "`backward()` is called on a loss with several elements",
        changes=("`loss.mean().backward()`, and no `reduction='none'`",),
    ),
    _says(
        "samples of different sizes",
        "",
        r"each element in list of batch should be of equal size",
        "a `DataLoader` puts samples of different lengths into one batch; the model is not reached",
        changes=("pad or crop the samples to one length, or pass a `collate_fn` (`torch.nn.utils.rnn.pad_sequence`)",),
    ),
)
