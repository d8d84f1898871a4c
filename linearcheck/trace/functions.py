"""Names of torch functions and of their arguments.

Source: `torch.overrides.get_testing_overrides()`, PyTorch's public table of overridable functions with their signatures
(1,426 entries in 2.13, built in 5 ms); what it words differently from its documentation is corrected here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.overrides

OPERATORS = {
    "truediv": "div",
    "floordiv": "floor_divide",
    "divide": "div",
    "multiply": "mul",
    "subtract": "sub",
    "pow": "pow",
    "rsub": "sub",
    "radd": "add",
    "rmul": "mul",
    "rdiv": "div",
    "rtruediv": "div",
    "rmatmul": "matmul",
    "rpow": "pow",
    "rfloordiv": "floor_divide",
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "idiv": "div",
    "itruediv": "div",
    "ipow": "pow",
    "imatmul": "matmul",
    "iand": "bitwise_and",
    "ior": "bitwise_or",
    "ixor": "bitwise_xor",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "rand": "bitwise_and",
    "ror": "bitwise_or",
    "invert": "bitwise_not",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d",
    "concat": "cat",
    "concatenate": "cat",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "t": "t",
    "movedim": "movedim",
    "moveaxis": "movedim",
    "mod": "remainder",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}

# What tells about a tensor without computing anything: never recorded.
SILENT = frozenset(
    "shape size dim ndim stride numel nelement element_size is_floating_point is_complex is_signed is_contiguous dtype device "
    "requires_grad "
    "requires_grad_ layout is_cuda is_cpu is_meta is_sparse is_quantized is_mps is_xpu is_leaf is_nested is_inference is_conj "
    "is_neg itemsize nbytes "
    "storage_offset storage untyped_storage data_ptr get_device names grad grad_fn retain_grad retains_grad register_hook backward "
    "len repr str format hash deepcopy dir reduce reduce_ex setstate _version _base _is_view output_nr volatile has_names "
    "dense_dim sparse_dim "
    "set_grad_enabled _set_grad_enabled is_tensor is_storage is_nonzero is_same_size result_type can_cast promote_types set_default_dtype "
    "get_default_dtype set_default_device get_default_device manual_seed is_shared pin_memory is_pinned share_memory_ ".split()
)
# What reads a value: impossible without data.
READING = frozenset("item tolist numpy is_nonzero equal allclose".split())
# `float(x)` and `0 in x` do too; `x.float()` does not.
READING_OPERATORS = frozenset("bool float int index contains array complex".split())
# Random and constant initialisers, which write into a parameter and change no shape.
INITIALISING = frozenset(
    "uniform normal zero fill constant kaiming_uniform kaiming_normal xavier_uniform xavier_normal trunc_normal ones zeros "
    "orthogonal eye sparse dirac "
    "bernoulli exponential erfinv clamp random cauchy log_normal geometric".split()
)
FACTORIES = frozenset(
    "zeros ones rand randn randint full empty arange linspace logspace eye tensor as_tensor randperm normal new_zeros "
    "new_ones new_full new_empty new_tensor "
    "from_numpy tril_indices triu_indices hann_window hamming_window bartlett_window blackman_window range scalar_tensor".split()
)

SIGNATURES: dict[str, tuple[str, ...]] = {
    "view": ("input", "*size"),
    "reshape": ("input", "*shape"),
    "permute": ("input", "*dims"),
    "expand": ("input", "*size"),
    "repeat": ("input", "*repeats"),
    "tile": ("input", "*dims"),
    "transpose": ("input", "dim0", "dim1"),
    "flatten": ("input", "start_dim", "end_dim"),
    "unflatten": ("input", "dim", "sizes"),
    "getitem": ("input", "index"),
    "setitem": ("input", "index", "value"),
    "split": ("input", "split_size", "dim"),
    "chunk": ("input", "chunks", "dim"),
    "squeeze": ("input", "dim"),
    "unsqueeze": ("input", "dim"),
    "einsum": ("equation", "*operands"),
    "softmax": ("input", "dim"),
    "log_softmax": ("input", "dim"),
    "sum": ("input", "dim", "keepdim"),
    "mean": ("input", "dim", "keepdim"),
    "stack": ("tensors", "dim"),
    "cat": ("tensors", "dim"),
    "max": ("input", "dim", "keepdim"),
    "min": ("input", "dim", "keepdim"),
    "movedim": ("input", "source", "destination"),
    "matmul": ("input", "other"),
    "roll": ("input", "shifts", "dims"),
    "flip": ("input", "*dims"),
    "to": ("input", "*destination"),
    "type": ("input", "dtype"),
    "split_with_sizes": ("input", "split_sizes", "dim"),
    "unbind": ("input", "dim"),
    "lstm": ("input", "hx"),
    "gru": ("input", "hx"),
    "rnn_tanh": ("input", "hx"),
    "rnn_relu": ("input", "hx"),
    "pixel_shuffle": ("input", "upscale_factor"),
    "pixel_unshuffle": ("input", "downscale_factor"),
    "broadcast_to": ("input", "*size"),
    "zeros": ("*size",),
    "ones": ("*size",),
    "randn": ("*size",),
    "rand": ("*size",),
    "empty": ("*size",),
    "new_zeros": ("input", "*size"),
    "new_ones": ("input", "*size"),
    "new_empty": ("input", "*size"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale"),
}


@dataclass(frozen=True, slots=True)
class FunctionName:
    """How one torch function is known: its bare name, full name, and what kind of thing it does."""

    bare: str
    qualified: str
    silent: bool
    reads_value: bool
    writes: bool
    reflected: bool


@functools.lru_cache(maxsize=4096)
def function_name(func: Callable[..., Any]) -> FunctionName:
    raw = getattr(func, "__name__", None) or type(func).__name__
    owner = getattr(func, "__self__", None)
    if raw in {"__get__", "__set__", "__delete__"}:
        attribute = getattr(owner, "__name__", "attribute")
        bare = attribute if raw == "__get__" else f"set_{attribute}"
        return FunctionName(bare, f"torch.Tensor.{attribute}", bare in SILENT or attribute in SILENT, False, raw == "__set__", False)
    dunder = raw.startswith("__") and raw.endswith("__")
    stripped = raw.strip("_") if dunder else raw
    writes = (dunder and stripped in {"iadd", "isub", "imul", "idiv", "itruediv", "ipow", "iand", "ior", "ixor", "imatmul", "setitem"}) or (
        not dunder and raw.endswith("_") and not raw.endswith("__")
    )
    bare = OPERATORS.get(stripped, stripped) if dunder else OPERATORS.get(raw.rstrip("_"), raw.rstrip("_") or raw)
    reflected = dunder and stripped in {"rsub", "radd", "rmul", "rdiv", "rtruediv", "rmatmul", "rpow", "rfloordiv", "rand", "ror"}
    silent = raw in SILENT or stripped in SILENT
    reads = stripped in (READING_OPERATORS if dunder else READING)
    return FunctionName(bare, _qualified(func, raw), silent, reads, writes, reflected)


def _qualified(func: Callable[..., Any], raw: str) -> str:
    owner = getattr(func, "__qualname__", raw)
    if owner.startswith(("TensorBase.", "Tensor.", "_TensorBase.")):
        return f"torch.Tensor.{raw}"
    module = getattr(func, "__module__", None) or "torch"
    return f"{module}.{raw}"


@functools.cache
def _table() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    try:
        return torch.overrides.get_testing_overrides()
    except Exception:  # the user's code has put something else in the place of one of torch's functions
        return {}


@functools.lru_cache(maxsize=4096)
def parameter_names(func: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a torch function's parameters, the tensor of a method being "input"; a name with a star takes the rest."""
    bare = function_name(func).bare
    if bare in SIGNATURES:
        return SIGNATURES[bare]
    described = _table().get(func)
    try:
        parameters = inspect.signature(described or func).parameters.values()
    except (TypeError, ValueError):
        return ()
    names = [f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    return tuple("input" if name in {"self", "a", "input_tensor"} and position == 0 else name for position, name in enumerate(names))


def bind_arguments(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name; those whose name is not known by their position.

    >>> bind_arguments(("input", "*size"), ("x", 2, 3), {})
    {'input': 'x', 'size': (2, 3)}
    """
    bound: dict[str, Any] = {}
    position = 0
    for name in names:
        if position >= len(args):
            break
        if name.startswith("*"):
            rest = tuple(args[position:])
            bound[name[1:]] = rest[0] if len(rest) == 1 and isinstance(rest[0], tuple) else rest
            position = len(args)
            break
        bound[name] = args[position]
        position += 1
    for index in range(position, len(args)):
        bound[str(index)] = args[index]
    for key, value in kwargs.items():
        bound["input" if key == "self" else key] = value
    return bound
