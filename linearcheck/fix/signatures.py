"""In which order torch's layers and functions take their arguments: data, for edits of calls.

Source: the signatures of PyTorch 2.13 (`inspect.signature` of the classes; the documentation for functions written in C++).
`keepdim`, `bias` and what comes after have not moved since 2.0.
"""

from __future__ import annotations

_CONV = "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode device dtype"
_CONV_TRANSPOSE = "in_channels out_channels kernel_size stride padding output_padding groups bias dilation padding_mode device dtype"
_BATCH_NORM = "num_features eps momentum affine track_running_stats device dtype"
_RECURRENT = "input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size device dtype"
_ENCODER_LAYER = "d_model nhead dim_feedforward dropout activation layer_norm_eps batch_first norm_first bias device dtype"
_MAX_POOL = "kernel_size stride padding dilation return_indices ceil_mode"
_AVG_POOL = "kernel_size stride padding ceil_mode count_include_pad divisor_override"

LAYERS: dict[str, tuple[str, ...]] = {
    name: tuple(parameters.split())
    for name, parameters in {
        "Linear": "in_features out_features bias device dtype",
        "Bilinear": "in1_features in2_features out_features bias device dtype",
        "LazyLinear": "out_features bias device dtype",
        **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _CONV),
        **dict.fromkeys(("LazyConv1d", "LazyConv2d", "LazyConv3d"), _CONV.removeprefix("in_channels ")),
        **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), _CONV_TRANSPOSE),
        **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"), _BATCH_NORM),
        **dict.fromkeys(("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), _BATCH_NORM),
        "LayerNorm": "normalized_shape eps elementwise_affine bias device dtype",
        "RMSNorm": "normalized_shape eps elementwise_affine device dtype",
        "GroupNorm": "num_groups num_channels eps affine device dtype",
        "Embedding": "num_embeddings embedding_dim padding_idx max_norm norm_type scale_grad_by_freq sparse",
        "EmbeddingBag": "num_embeddings embedding_dim max_norm norm_type scale_grad_by_freq mode sparse",
        **dict.fromkeys(("LSTM", "GRU"), _RECURRENT),
        "RNN": "input_size hidden_size num_layers nonlinearity bias batch_first dropout bidirectional device dtype",
        **dict.fromkeys(("LSTMCell", "GRUCell"), "input_size hidden_size bias device dtype"),
        "RNNCell": "input_size hidden_size bias nonlinearity device dtype",
        "MultiheadAttention": "embed_dim num_heads dropout bias add_bias_kv add_zero_attn kdim vdim batch_first device dtype",
        "Transformer": "d_model nhead num_encoder_layers num_decoder_layers dim_feedforward dropout activation custom_encoder "
        "custom_decoder layer_norm_eps batch_first norm_first bias device dtype",
        **dict.fromkeys(("TransformerEncoderLayer", "TransformerDecoderLayer"), _ENCODER_LAYER),
        "TransformerEncoder": "encoder_layer num_layers norm enable_nested_tensor mask_check",
        "TransformerDecoder": "decoder_layer num_layers norm",
        **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), _MAX_POOL),
        "AvgPool1d": "kernel_size stride padding ceil_mode count_include_pad",
        **dict.fromkeys(("AvgPool2d", "AvgPool3d"), _AVG_POOL),
        **dict.fromkeys((f"Adaptive{kind}Pool{n}d" for kind in ("Avg", "Max") for n in (1, 2, 3)), "output_size return_indices"),
        **dict.fromkeys(("LPPool1d", "LPPool2d", "LPPool3d"), "norm_type kernel_size stride ceil_mode"),
        **dict.fromkeys(("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"), "kernel_size stride padding"),
        "PixelShuffle": "upscale_factor",
        "PixelUnshuffle": "downscale_factor",
        "Upsample": "size scale_factor mode align_corners recompute_scale_factor",
        **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin", "GLU"), "dim"),
        "Flatten": "start_dim end_dim",
        "Unflatten": "dim unflattened_size",
        "PReLU": "num_parameters init device dtype",
        "Fold": "output_size kernel_size dilation padding stride",
        "Unfold": "kernel_size dilation padding stride",
        "CosineSimilarity": "dim eps",
        "PairwiseDistance": "p eps keepdim",
        "ChannelShuffle": "groups",
        "Parameter": "data requires_grad",
    }.items()
}

_REDUCTION = "input dim keepdim"

FUNCTIONS: dict[str, tuple[str, ...]] = {
    name: tuple(parameters.split())
    for name, parameters in {
        **dict.fromkeys(("softmax", "log_softmax", "softmin", "cumsum", "cumprod", "glu", "squeeze", "unsqueeze"), "input dim"),
        **dict.fromkeys(
            ("mean", "sum", "max", "min", "amax", "amin", "argmax", "argmin", "logsumexp", "median", "prod", "any", "all"), _REDUCTION
        ),
        **dict.fromkeys(("std", "var"), "input dim unbiased keepdim"),
        "norm": "input p dim keepdim",
        "normalize": "input p dim eps",
        **dict.fromkeys(("cat", "concat", "concatenate", "stack"), "tensors dim"),
        "flatten": "input start_dim end_dim",
        "unflatten": "input dim sizes",
        **dict.fromkeys(("transpose", "swapaxes", "swapdims"), "input dim0 dim1"),
        "chunk": "input chunks dim",
        "split": "input split_size dim",
        "unbind": "input dim",
        "narrow": "input dim start length",
        "select": "input dim index",
        "gather": "input dim index",
        "index_select": "input dim index",
        "topk": "input k dim",
        "roll": "input shifts dims",
        "flip": "input dims",
        "repeat_interleave": "input repeats dim",
        "cosine_similarity": "x1 x2 dim eps",
        "linear": "input weight bias",
        "bilinear": "input1 input2 weight bias",
        **dict.fromkeys(("conv1d", "conv2d", "conv3d"), "input weight bias stride padding dilation groups"),
        **dict.fromkeys(
            ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), "input weight bias stride padding output_padding groups dilation"
        ),
        **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), "input kernel_size stride padding dilation ceil_mode return_indices"),
        **dict.fromkeys(
            ("avg_pool1d", "avg_pool2d", "avg_pool3d"), "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
        ),
        **dict.fromkeys((f"adaptive_{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)), "input output_size"),
        "interpolate": "input size scale_factor mode align_corners",
        "pad": "input pad mode value",
        "pixel_shuffle": "input upscale_factor",
        "pixel_unshuffle": "input downscale_factor",
        "embedding": "input weight padding_idx",
        "layer_norm": "input normalized_shape weight bias eps",
        "group_norm": "input num_groups weight bias eps",
        "batch_norm": "input running_mean running_var weight bias training momentum eps",
        "dropout": "input p training",
        "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal",
        **dict.fromkeys(("matmul", "mm", "bmm"), "input other"),
        **dict.fromkeys(("add", "sub", "mul", "div"), "input other"),
        **dict.fromkeys(("addmm", "baddbmm"), "input mat1 mat2"),
        "mse_loss": "input target",
        "cross_entropy": "input target",
        "where": "condition input other",
        "cdist": "x1 x2 p",
    }.items()
}

# Functions whose sizes or axes may stand one after the other: `x.view(-1, 128)`, `x.permute(0, 2, 1)`, `torch.zeros(2, 3)`.
SIZES_AFTER_TENSOR = {"view", "reshape", "permute", "expand", "repeat", "tile", "new_zeros", "new_ones", "new_full", "new_empty"}
SIZES_FIRST = {"zeros", "ones", "empty", "randn", "rand"}

# The tensor that a function or layer is given first, by whichever name an author may pass it.
TENSOR_NAMES = ("input", "x", "self", "query", "src", "tensors", "x1", "input1")
