"""Which records of a pickle are tensors, with their shapes and dtypes.

Source: the functions of torch that a pickled tensor is rebuilt with, `torch/_utils.py` and `torch/_tensor.py` of PyTorch 2.13, back to 0.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from linearcheck.load.checkpoints.pickles import Global, Made, Stored

_STORAGES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32", "Short": "int16",
    "Char": "int8", "Byte": "uint8", "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128", "QInt8": "qint8",
    "QUInt8": "quint8", "QInt32": "qint32",
}  # fmt: skip
ITEM_BYTES = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
    "complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4,
}  # fmt: skip
_WRAPPERS = ("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_buffer")


@dataclass(frozen=True, slots=True)
class Tensor:
    """`storage` is the key under which its values are kept; None where that is not told."""

    shape: tuple[int, ...]
    dtype: str
    storage: str | None = None


def tensor_in(value: Any) -> Tensor | None:
    """The tensor that a record stands for, or None."""
    for _ in range(4):  # a parameter around a subclass around a tensor
        if not isinstance(value, Made):
            return None
        last = value.function.rpartition(".")[2]
        if last in _WRAPPERS or value.function in ("torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"):
            value = value.arguments[0] if value.arguments else None
        elif last == "_rebuild_from_type_v2" and len(value.arguments) >= 3 and isinstance(value.arguments[2], tuple):
            function = value.arguments[0]
            value = Made(function.name if isinstance(function, Global) else "?", value.arguments[2])
        else:
            return _rebuilt(last, value)
    return None


def _rebuilt(name: str, made: Made) -> Tensor | None:
    given = made.arguments
    if name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor") and len(given) >= 3:
        dtype = _dtype(given[6]) if name == "_rebuild_tensor_v3" and len(given) > 6 else _storage_dtype(given[0])
        return _tensor(given[2], dtype, storage_key(given[0]))
    if name == "_rebuild_sparse_tensor" and len(given) == 2 and isinstance(given[1], tuple) and len(given[1]) >= 3:
        values = tensor_in(given[1][1])
        return _tensor(given[1][-1] if not _is_shape(given[1][2]) else given[1][2], values.dtype if values else "")
    if name == "_rebuild_meta_tensor_no_storage" and len(given) >= 2:
        return _tensor(given[1], _dtype(given[0]))
    if name == "_rebuild_wrapper_subclass" and len(given) >= 3:
        return _tensor(given[2], _dtype(given[1]))
    if name == "_rebuild_device_tensor_from_numpy" and len(given) >= 2:
        array = tensor_in(given[0])
        return _tensor(array.shape, _dtype(given[1])) if array is not None else None
    if name == "_reconstruct" and "numpy" in made.function and isinstance(made.state, tuple) and len(made.state) >= 3:
        return _tensor(made.state[1], "")  # an array: what some tools keep instead of tensors
    return None


def _tensor(shape: Any, dtype: str, storage: str | None = None) -> Tensor | None:
    return Tensor(tuple(shape), dtype, storage) if _is_shape(shape) else None


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in value)


def storage_key(storage: Any) -> str | None:
    reference = storage.reference if isinstance(storage, Stored) else None
    return str(reference[2]) if isinstance(reference, tuple) and len(reference) >= 5 and reference[0] == "storage" else None


def storage_bytes(storage: Stored) -> int | None:
    """How many bytes a storage takes, None where that is not known."""
    reference = storage.reference
    count = reference[4] if isinstance(reference, tuple) and len(reference) >= 5 and reference[0] == "storage" else None
    size = ITEM_BYTES.get(_storage_dtype(storage), 1 if "Untyped" in _type_name(reference) else 0) if count is not None else 0
    return count * size if isinstance(count, int) and size else None


def _storage_dtype(storage: Any) -> str:
    name = _type_name(storage.reference) if isinstance(storage, Stored) else ""
    return _STORAGES.get(name.removesuffix("Storage"), "")


def _type_name(reference: Any) -> str:
    kind = reference[1] if isinstance(reference, tuple) and len(reference) > 1 else None
    return kind.name.rpartition(".")[2] if isinstance(kind, Global) else ""


def _dtype(value: Any) -> str:
    return value.name.removeprefix("torch.") if isinstance(value, Global) else ""
