"""Messages about embedding, recurrent and attention layers."""

from __future__ import annotations

from linearcheck.explain.messages.writing import INDEX_DTYPE, says
from linearcheck.explain.records import Message

SEQUENCES: tuple[Message, ...] = (
    says(
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
    says(
        "dtype of indices",
        "LC303 LC409",
        r"Expected tensor for argument #1 'indices' to have (?:one of the following scalar types: Long, Int; but got"
        r" (?:torch\.|CPU)?(?P<got>\w+?)(?:Tensor|Type)"
        r"|scalar type Long; but got (?:torch\.)?(?P<got2>\w+?)(?:Tensor|Type)?) instead",
        "an embedding looks up whole numbers, and gets {got}{got2}",
        changes=(INDEX_DTYPE, "an embedding gets the indices of words, no vectors: values that are vectors already need none"),
    ),
    says(
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
    says(
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
    says(
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
    says(
        "rank of a hidden state",
        "LC304",
        r"For (?P<kind>batched|unbatched) <rank>-D input, hx(?: and cx)? should also be \d-D but got (?P<got>[\w ,()-]+?) tensors?",
        "a recurrent layer gets {kind} input and a hidden state that is not",
        {"rank": "axes of the input", "got": "axes of the hidden state"},
        ("a hidden state is (layers * directions, N, hidden_size) for a batch, (layers * directions, hidden_size) for one sequence",),
    ),
    says(
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
    says(
        "lengths of packed sequences",
        "LC304 LC499",
        r"Expected `?len\(lengths\)`? to be equal to batch_size, but got <lengths> \(batch_size=<batch>\)",
        "`pack_padded_sequence` gets {lengths} lengths for {batch} sequences",
        {"lengths": "lengths", "batch": "sequences, axis 1 of the input, or axis 0 with `batch_first=True`"},
        ("give `batch_first=True` to `pack_padded_sequence` where the input is (N, T, F)",),
    ),
    says(
        "heads of attention",
        "LC306",
        r"embed_dim must be divisible by num_heads",
        "attention cannot be built: `num_heads` has to divide `embed_dim`",
        changes=("choose a number of heads that divides the width (`d_model`)",),
    ),
    says(
        "width of attention",
        "LC306",
        r"was expecting embedding dimension of <expected>, but got <got>",
        "attention is built for {expected} features, and gets {got}",
        {"expected": "`embed_dim`", "got": "last axis of the query"},
        ("build it with `embed_dim={got}`, or project the input to {expected} first",),
    ),
    says(
        "width of a transformer",
        "LC306",
        r"the feature number of src and tgt must be equal to d_model",
        "a Transformer gets a source or target whose last axis is not `d_model`",
        changes=("embed or project both to `d_model` features",),
    ),
    says(
        "batch of a transformer",
        "LC306 LC305",
        r"the batch number of src and tgt must be equal",
        "a Transformer gets a source and a target of different batch sizes",
        changes=("without `batch_first=True` axis 1 is the batch: (T, N, F)", "give `batch_first=True` where both are (N, T, F)"),
    ),
    says(
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
    says(
        "mask of attention",
        "LC306 LC305",
        r"The shape of the <rank>D attn_mask is <got:shape>, but should be <expected:shape>",
        "attention takes a mask of {expected}, and gets {got}",
        {"got": "the mask that was given", "expected": "(target length, source length), behind N * heads where it has three axes"},
        ("where the lengths are the batch size, time and batch are swapped: `batch_first=True`",),
    ),
    says(
        "key and value of attention",
        "LC306",
        r"key(?:'s)? shape <key:shape> does not match value shape <value:shape>",
        "attention gets a key of {key} and a value of {value}",
        {"key": "the key", "value": "the value"},
    ),
    says(
        "rank of attention",
        "LC306",
        r"query should be unbatched 2D or batched 3D tensor but received <rank>-D query tensor",
        "attention takes (T, N, F), and gets {rank} axes",
        {"rank": "axes of the query"},
        ("flatten a feature map to a sequence: `x.flatten(2).transpose(1, 2)`",),
    ),
)
