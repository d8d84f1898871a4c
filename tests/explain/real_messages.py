"""Messages as people pasted them into issues and forums, and as PyTorch's own source words them, of versions from 0.3 to 2.13.

`python -m tests.explain.real_messages` prints what `linearcheck explain` makes of each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Real:
    """A message, the rule that it is first taken for ("" where it is none of ours), and its numbers as they are shown."""

    text: str
    code: str
    numbers: tuple[str, ...]
    source: str


REAL = (
    Real("RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x1600 and 400x120)", "LC101", ("64", "1600", "400", "120"), "2.13"),
    Real("RuntimeError: mat1 and mat2 shapes cannot be multiplied (4096x4 and 256x120)", "LC102", ("4096", "4", "256", "120"), "2.13"),
    Real("RuntimeError: mat1 and mat2 shapes cannot be multiplied (154x768 and 1024x320)", "LC101", ("154", "768", "1024", "320"), "USD#1"),
    Real(
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (880x598 and 714x128)",
        "LC101",
        ("880", "598", "714", "128"),
        "RetroXpert#29",
    ),
    Real("RuntimeError: mat1 and mat2 shapes cannot be multiplied (863x1 and 11x5120)", "LC101", ("863", "1", "11", "5120"), "dolly#90"),
    Real(
        "RuntimeError:mat1 and mat2 shapes cannot be multiplied (512x2304 and 256x4)", "LC101", ("512", "2304", "256", "4"), "multi-AGV#2"
    ),
    Real("mat1 and mat2 shapes cannot be multiplied (1x16384 and 256x120)", "LC406", ("1", "16384", "256", "120"), "2.13"),
    Real("mat1 and mat2 shapes cannot be multiplied (64x32 and 64x32)", "LC405", ("64x32", "64x32"), "2.13"),
    Real(
        "RuntimeError: size mismatch, m1: [64 x 256], m2: [512 x 512] at c:\\miniconda2\\conda-bld\\generic/THTensorMath.c:1434",
        "LC101",
        ("64", "256", "512", "512"),
        "SEASS#11",
    ),
    Real(
        "RuntimeError: size mismatch, m1: [2394 x 7], m2: [16758 x 2] at /opt/conda/src/TH/generic/THTensorMath.cpp:2070",
        "LC102",
        ("2394", "7", "16758", "2"),
        "densenet.pytorch#19",
    ),
    Real("RuntimeError: size mismatch, m1: [1 x 784], m2: [10 x 784]", "LC405", ("1x784", "10x784"), "fast.ai lesson 5"),
    Real("RuntimeError: mat1 dim 1 must match mat2 dim 0", "LC101", (), "1.7"),
    Real("RuntimeError: size mismatch, got 1, 1x5,4", "LC405", ("5", "4"), "1.9"),
    Real("RuntimeError: mat2 must be a matrix, got 1-D tensor", "LC105", ("1",), "2.13"),
    Real(
        "RuntimeError: Expected size for first two dimensions of batch2 tensor to be: [32, 32] but got: [32, 64].",
        "LC405",
        ("32", "32", "32", "64"),
        "2.13",
    ),
    Real("RuntimeError: batch1 must be a 3D tensor", "LC405", (), "2.13"),
    Real(
        "einsum(): subscript d has size 64 for operand 1 which does not broadcast with previously seen size 32",
        "LC405",
        ("64", "32"),
        "2.13",
    ),
    Real(
        "RuntimeError: Given groups=1, weight of size [64, 3, 3, 3], expected input[1, 1, 256, 256] to have 3 channels, but got 1"
        " channels instead",
        "LC201",
        ("(1, 1, 256, 256)", "1", "3", "(64, 3, 3, 3)"),
        "UNet3plus_pth#19",
    ),
    Real(
        "RuntimeError: Given groups=1, weight of size [10, 3, 3, 3], expected input[1, 361, 424, 3] to have 3 channels, but got 361"
        " channels instead",
        "LC202",
        ("(1, 361, 424, 3)", "361", "3", "(10, 3, 3, 3)"),
        "facelandmarks#4",
    ),
    Real(
        "RuntimeError: Given groups=1, weight of size 32 6 3 3, expected input[8, 3, 336, 336] to have 6 channels, but got 3 channels"
        " instead",
        "LC201",
        ("(8, 3, 336, 336)", "3", "6", "(32, 6, 3, 3)"),
        "nuscenes-devkit#68",
    ),
    Real(
        "Given groups=1, weight of size [32, 1, 3, 3], expected input[1, 64, 28, 28] to have 1 channels, but got 64 channels instead",
        "LC203",
        ("(1, 64, 28, 28)", "64", "1", "(32, 1, 3, 3)"),
        "2.13",
    ),
    Real(
        "Given groups=1, weight[64, 3, 7, 7], so expected input[1, 1, 224, 224] to have 3 channels, but got 1 channels instead",
        "LC201",
        ("(1, 1, 224, 224)", "1", "3", "(64, 3, 7, 7)"),
        "0.4",
    ),
    Real(
        "RuntimeError: Given transposed=1, weight of size [8, 4, 2, 2], expected input[4, 6, 8, 8] to have 8 channels, but got 6"
        " channels instead",
        "LC201",
        ("(4, 6, 8, 8)", "6", "8", "(8, 4, 2, 2)"),
        "2.13",
    ),
    Real(
        "RuntimeError: Expected 4-dimensional input for 4-dimensional weight [64, 3, 7, 7], but got 3-dimensional input of size"
        " [3, 224, 224] instead.",
        "LC203",
        ("(3, 224, 224)", "2"),
        "pytorch-histogram-loss#13",
    ),
    Real(
        "Expected 4-dimensional input for 4-dimensional weight 64 3 7 7 94387354416688, but got 5-dimensional input of size"
        " [6, 3, 3, 224, 224] instead",
        "LC203",
        ("(6, 3, 3, 224, 224)", "2"),
        "ResNeXt-PyTorch#5",
    ),
    Real(
        "RuntimeError: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [64, 784]",
        "LC203",
        ("(64, 784)", "2"),
        "2.13",
    ),
    Real(
        "expected stride to be a single integer value or a list of 1 values to match the convolution dimensions, but got stride=[2, 2]",
        "LC206",
        ("1", "(2, 2)"),
        "facts, 2.13",
    ),
    Real(
        "RuntimeError: Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual"
        " input size",
        "LC205",
        ("4 x 4", "5 x 5"),
        "2.13",
    ),
    Real(
        "RuntimeError: Given input size: (512x1x1). Calculated output size: (512x0x0). Output size is too small at"
        " /pytorch/SpatialDilatedMaxPooling.c:67",
        "LC205",
        ("(512, 1, 1)", "(512, 0, 0)"),
        "1.0",
    ),
    Real("RuntimeError: non-empty 3D or 4D (batch mode) tensor expected for input", "LC203", (), "2.13"),
    Real("RuntimeError: running_mean should contain 32 elements not 16", "LC301", ("32", "16"), "2.13"),
    Real(
        "Expected number of channels in input to be divisible by num_groups, but got input of shape [4, 30, 8, 8] and num_groups=8",
        "LC301",
        ("(4, 30, 8, 8)", "8"),
        "2.13",
    ),
    Real("ValueError: expected 2D or 3D input (got 4D input)", "LC301", ("4",), "2.13"),
    Real(
        "RuntimeError: Given normalized_shape=[64], expected input with shape [*, 64], but got input of size[4, 64, 28, 28]",
        "LC302",
        ("(64,)", "(4, 64, 28, 28)"),
        "2.13",
    ),
    Real(
        "ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 512, 1, 1])",
        "LC407",
        ("(1, 512, 1, 1)",),
        "mmsegmentation#272",
    ),
    Real(
        "ValueError: Expected more than 1 value per channel when training, got input size [1, 256]",
        "LC407",
        ("(1, 256)",),
        "pytorch-summary#4",
    ),
    Real("IndexError: index out of range in self", "LC303", (), "2.13"),
    Real(
        "RuntimeError: index out of range: Tried to access index 30522 out of table with 30521 rows. at /pytorch/TensorUtils.cpp:418",
        "LC303",
        ("30522", "30521"),
        "1.4",
    ),
    Real(
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead",
        "LC303",
        (),
        "2.13",
    ),
    Real("RuntimeError: input.size(-1) must be equal to input_size. Expected 64, got 50", "LC304", ("64", "50"), "2.13"),
    Real("RuntimeError: input must have 3 dimensions, got 2", "LC304", ("2", "3"), "crann_traffic#2"),
    Real("RuntimeError: Expected hidden[0] size (1, 64, 256), got (64, 256)", "LC304", ("(1, 64, 256)", "(64, 256)"), "pytorch#3925"),
    Real("RuntimeError: Expected hidden[0] size (1, 32, 256), got [1, 8, 256]", "LC304", ("(1, 32, 256)", "(1, 8, 256)"), "handbook#11"),
    Real("AssertionError: embed_dim must be divisible by num_heads", "LC306", (), "2.13"),
    Real("AssertionError: was expecting embedding dimension of 64, but got 39", "LC306", ("64", "39"), "2.13"),
    Real("AssertionError: Expected key_padded_mask.shape[0] to be 7, but got 4", "LC306", ("7", "4"), "2.13"),
    Real("The shape of the 2D attn_mask is torch.Size([6, 6]), but should be (7, 7).", "LC306", ("(6, 6)", "(7, 7)"), "2.13"),
    Real("RuntimeError: shape '[-1, 400]' is invalid for input of size 1024", "LC401", ("1024", "(-1, 400)", "400"), "2.13"),
    Real(
        "RuntimeError: shape '[24, 1, 6400]' is invalid for input of size 460800",
        "LC401",
        ("460800", "(24, 1, 6400)", "153600", "19200"),
        "ultralyticsPro#39",
    ),
    Real(
        "RuntimeError: invalid argument 2: size '[-1 x 3 x 96 x 96]' is invalid for input with 6291456 elements at"
        " /pytorch/aten/src/TH/THStorage.c",
        "LC401",
        ("6291456", "(-1, 3, 96, 96)", "27648"),
        "world-models#5",
    ),
    Real("shape '[64, -1]' is invalid for input of size 1200", "LC407", ("1200", "(64, -1)", "64"), "2.13"),
    Real(
        "RuntimeError: view size is not compatible with input tensor's size and stride (at least one dimension spans across two"
        " contiguous subspaces)."
        " Use .reshape(...) instead.",
        "LC401",
        (),
        "2.13",
    ),
    Real(
        "RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 32 but got size 16 for tensor number 1 in the"
        " list.",
        "LC403",
        ("1", "32", "16"),
        "2.13",
    ),
    Real(
        "RuntimeError: invalid argument 0: Sizes of tensors must match except in dimension 1. Got 26 and 27 in dimension 3 at"
        " /opt/conda/THCTensorMath.cu:71",
        "LC403",
        ("1", "26", "27"),
        "WSL4MIS#7",
    ),
    Real("RuntimeError: Tensors must have same number of dimensions: got 4 and 3", "LC403", ("4", "3"), "2.13"),
    Real(
        "stack expects each tensor to be equal size, but got [3, 480, 640] at entry 0 and [3, 375, 500] at entry 1",
        "LC403",
        ("(3, 480, 640)", "(3, 375, 500)"),
        "2.13",
    ),
    Real(
        "The size of tensor a (101) must match the size of tensor b (20) at non-singleton dimension 1",
        "LC404",
        ("101", "20", "1"),
        "wtalc-pytorch#17",
    ),
    Real("output with shape [4, 16] doesn't match the broadcast shape [4, 4, 16]", "LC404", ("(4, 16)", "(4, 4, 16)"), "2.13"),
    Real(
        "The expanded size of the tensor (10) must match the existing size (4) at non-singleton dimension 1.  Target sizes: [4, 10]. "
        " Tensor sizes: [4, 4]",
        "LC415",
        ("10", "4", "(4, 10)", "(4, 4)"),
        "2.13",
    ),
    Real(
        "split_with_sizes expects split_sizes to sum exactly to 64 (input tensor's size at dimension 1), but got split_sizes=[32, 64]",
        "LC415",
        ("64", "(32, 64)"),
        "2.13",
    ),
    Real("IndexError: Dimension out of range (expected to be in range of [-1, 0], but got 1)", "LC413", ("1", "0"), "2.13"),
    Real("IndexError: index 5 is out of bounds for dimension 1 with size 5", "LC413", ("5", "5"), "2.13"),
    Real("IndexError: too many indices for tensor of dimension 2", "LC413", ("2",), "2.13"),
    Real("ValueError: not enough values to unpack (expected 4, got 2)", "LC414", ("4", "2"), "Python"),
    Real("ValueError: Expected input batch_size (60) to match target batch_size (10)", "LC402", ("60", "10"), "pytorch#139031"),
    Real(
        "ValueError: Target size (torch.Size([32, 36])) must be the same as input size (torch.Size([32, 6]))",
        "LC307",
        ("(32, 36)", "(32, 6)"),
        "Bert-Multi-Label#10",
    ),
    Real(
        "input and target batch or spatial sizes don't match:target [16 * 256 * 3],input [16*37*256*256]",
        "LC307",
        ("16*37*256*256", "16 * 256 * 3"),
        "road_connectivity#11",
    ),
    Real("RuntimeError: 0D or 1D target tensor expected, multi-target not supported", "LC307", (), "2.13"),
    Real("RuntimeError: mat1 and mat2 must have the same dtype, but got Long and Float", "LC409", (), "2.13"),
    Real("RuntimeError: Input type (double) and bias type (float) should be the same", "LC409", (), "2.13"),
    Real("RuntimeError: expected scalar type Long but found Float", "LC409", (), "TextZoom#57"),
    Real(
        "RuntimeError: Expected object of scalar type Long but got scalar type Float for argument #2 'target' in call to"
        " _thnn_nll_loss_forward",
        "LC409",
        (),
        "segmentation_models#466",
    ),
    Real(
        "Expected object of type torch.FloatTensor but found type torch.LongTensor for argument #2 'target'",
        "LC409",
        (),
        "pytorch-book#122",
    ),
    Real("RuntimeError: \"softmax_lastdim_kernel_impl\" not implemented for 'Long'", "LC409", (), "2.13"),
    Real("RuntimeError: result type Float can't be cast to the desired output type Long", "LC409", (), "2.13"),
    Real(
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight: copying a param with shape"
        " torch.Size([1000, 512])"
        " from checkpoint, the shape in current model is torch.Size([10, 512]).",
        "LC601",
        ("fc.weight",),
        "2.13",
    ),
    Real(
        'RuntimeError: Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "fc.weight", "fc.bias". \n\t'
        'Unexpected key(s) in state_dict: "module.fc.weight", "module.fc.bias". ',
        "LC602",
        ("2 missing", "2 unexpected"),
        "2.13",
    ),
    Real(
        'einops.EinopsError:  Error while processing rearrange-reduction pattern "b (r h) l -> b l h r".\n Input tensor shape:'
        " torch.Size([16, 11, 11])."
        " Additional info: {'r': 2}.\n Shape mismatch, can't divide axis of length 11 in chunks of 2",
        "LC414",
        ("(16, 11, 11)", "11", "2"),
        "prov-gigapath#94",
    ),
    Real(
        'einops.EinopsError:  Error while processing rearrange-reduction pattern "(b f) c h w -> b c f h w".\n Input tensor shape:'
        " torch.Size([2, 320, 16, 64, 64]). Additional info: {'b': 2}.\n Expected 4 dimensions, got 5",
        "LC414",
        ("(2, 320, 16, 64, 64)", "4"),
        "Hotshot-XL#42",
    ),
    Real("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!", "", (), "2.6"),
    Real("Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same", "", (), "2.6"),
    Real("RuntimeError: CUDA error: device-side assert triggered", "", (), "2.6"),
    Real("IndexError: Target 10 is out of bounds.", "", ("10",), "2.13"),
)


if __name__ == "__main__":
    from linearcheck.explain import explain

    for real in REAL:
        found = explain(real.text)
        assert found is not None
        print(real.text.splitlines()[0][:110])
        print(f"    {' '.join(found.codes) or '-'}: {found.reading.summary}")
        for number in found.numbers:
            print(f"        {number.text}: {number.meaning}")
