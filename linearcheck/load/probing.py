"""Runs a model with inputs of telling sizes and listens to what its first layers need of them.

Every axis whose size is not known gets a prime of its own, which divides no size of the model. Whatever `forward` does to the axes before
the first layer (permute, flatten, unsqueeze, view), the size that this layer sees tells by its factors which axes it was made of.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearcheck.exception_text import text_of
from linearcheck.load.devices import rewriting_devices
from linearcheck.load.signals import Unavailable

_CONVOLUTIONS = {f"conv{t}{d}d": d for t in ("", "_transpose") for d in (1, 2, 3)}
_WINDOWS = {f"{kind}_pool{d}d": d for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for d in (1, 2, 3)}
_RANKED = {**_CONVOLUTIONS, **_WINDOWS, "pixel_shuffle": 2, "pixel_unshuffle": 2}


Arrange = Callable[[Mapping[str, Tensor]], tuple[tuple[Any, ...], dict[str, Any]]]


class Need(BaseException):
    """What a layer needs of the tensor that it is given; ends the run that found it out.

    `axis` of a tensor of this `shape` is to be `size`; or the tensor is to have `rank` axes; or to be of another `dtype`; or `shape` is
    to hold `product` values per sample; or, where `swap` is set, time is to come before the batch. A `preference` is a need that the
    layer would do without: it reads a batch of rows as one sequence.
    """

    def __init__(self, tensor: Tensor, layer: str, *, axis: int = -1, size: int | None = None, rank: int | None = None) -> None:
        super().__init__(layer)
        self.shape, self.layer = tuple(tensor.shape), layer
        self.axis, self.size, self.rank = axis, size, rank
        self.dtype = ""
        self.product: int | None = None
        self.swap = self.preference = False
        self.is_added = False
        self.unit = "feature"
        self.tensor_id = id(tensor)
        self.is_input: str | None = None

    def with_dtype(self, dtype: str) -> Need:
        self.dtype = dtype
        return self

    def with_product(self, product: int) -> Need:
        self.product = product
        return self

    def with_unit(self, unit: str) -> Need:
        self.unit = unit
        return self

    def with_addend(self) -> Need:
        self.is_added = True
        return self

    def as_preference(self) -> Need:
        self.preference = True
        return self

    def with_swap(self) -> Need:
        self.swap = True
        return self


@dataclass
class Outcome:
    """How far a run came: the need that ended it, or the exception, or neither. `steps` counts calls; `misfit` are the features
    that a Linear (or a view before it) got, and those that it wants, `on_other_axis`: they stand on another axis; `fits`: it would take
    its input flattened; `folds`: the view makes more rows than samples of it. `operands` are the shapes that the call that raised got.
    """

    need: Need | None = None
    error: BaseException | None = None
    steps: int = 0
    fits: bool = False
    folds: bool = False
    met: int = 0
    misfit: tuple[int, int] | None = None
    on_other_axis: bool = False
    operands: tuple[tuple[int, ...], ...] = ()

    @property
    def completed(self) -> bool:
        return self.need is None and self.error is None


class _Listener(TorchFunctionMode):
    def __init__(self, inputs: Mapping[str, Tensor], batch: int, listening: bool, overheard: frozenset[str]) -> None:
        super().__init__()
        self.overheard = overheard  # layers that refuse for a reason which is not the input's: they are passed over
        self.names = {id(tensor): name for name, tensor in inputs.items()}
        self.batch, self.listening = batch, listening
        self.outcome = Outcome()
        self.entered = ""
        self.declared = False  # inside a layer of torch's own that has told what it needs: its weight may have been given another shape

    def layer(self, function: str) -> str:
        """The layer that is running, as the user names it, else the function."""
        return self.entered or function

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name not in ("__get__", "size", "dim"):
            self.outcome.steps += 1
        if self.listening and not self.declared:
            self._listen(name, args, kwargs)
        elif name == "linear":
            self._judge(args)
        elif name in ("view", "reshape"):
            self._judge_view(args)
        if name == "linear" and self.overheard and self.layer(name) in self.overheard and args[0].shape[-1] != args[1].shape[-1]:
            return args[0].new_zeros((*args[0].shape[:-1], args[1].shape[0]))
        try:
            return func(*args, **kwargs)
        except Exception:
            self.outcome.operands = tuple(tuple(value.shape) for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
            raise

    def _judge(self, args: Any) -> None:
        """Whether a Linear gets its features at all, one row per sample, or would if its input were flattened."""
        x, weight = args[0], args[1]
        outcome = self.outcome
        if outcome.misfit is not None or not isinstance(x, Tensor) or weight.dim() != 2:
            return
        features = weight.shape[1]
        if x.shape[-1] != features:
            is_map = x.dim() > 2 and x.shape[0] == self.batch
            is_flat = x.dim() == 1 and x.shape[0] % self.batch == 0  # the batch was flattened as well
            outcome.fits = (is_map or is_flat) and x.numel() // self.batch == features
            outcome.misfit = (x.numel() // self.batch if is_flat else x.shape[-1], features)
            outcome.on_other_axis = features in x.shape[1:-1]

    def _judge_view(self, args: Any) -> None:
        """Whether `view(-1, 400)` gets 400 values per sample; where it does not, it raises or folds the batch."""
        x = args[0]
        sizes = args[1] if len(args) == 2 and isinstance(args[1], tuple | list) else args[1:]
        if self.outcome.misfit is None and len(sizes) == 2 and sizes[0] in (-1, self.batch) and isinstance(sizes[1], int) and sizes[1] > 1:
            per_sample = x.numel() // self.batch
            merges_rows = sizes[1] == x.shape[-1]  # `x.view(-1, dim)` of (N, T, dim): every token a row, as meant
            if x.dim() > 2 and x.shape[0] == self.batch and per_sample != sizes[1] and not merges_rows:
                self.outcome.misfit = (per_sample, sizes[1])
                self.outcome.folds = per_sample % sizes[1] == 0

    def _listen(self, name: str, args: Any, kwargs: Mapping[str, Any]) -> None:
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        if not tensors:
            return
        x = tensors[0]
        if name in _CONVOLUTIONS and len(args) > 1:
            weight, groups = args[1], kwargs.get("groups", args[6] if len(args) > 6 and "transpose" not in name else 1)
            channels = weight.shape[0] if "transpose" in name else weight.shape[1] * (groups if isinstance(groups, int) else 1)
            self._convolution(x, channels, tuple(weight.shape[2:]), kwargs.get("padding", args[4] if len(args) > 4 else 0), name)
        elif name in _RANKED:
            self._rank(x, _RANKED[name] + 2, name)
        elif name == "linear" and len(args) > 1 and isinstance(args[1], Tensor):
            self._float(x, name)
            self._size(x, -1, args[1].shape[-1], name)
        elif name in ("embedding", "embedding_bag"):
            if x.is_floating_point():
                raise Need(x, self.layer(name)).with_dtype("int64")
            self.outcome.met += 1
        elif name == "layer_norm":
            shape = args[1] if len(args) > 1 else kwargs.get("normalized_shape", ())
            for offset, size in enumerate(reversed(tuple(shape)), 1):
                self._size(x, -offset, size, name)
        elif name in ("matmul", "__matmul__", "__rmatmul__", "mm") and len(tensors) > 1:
            self._matmul(tensors[0], tensors[1], name)
        elif name in ("add", "sub", "mul", "__add__", "__radd__", "__sub__", "__mul__", "__rmul__", "__iadd__") and len(tensors) > 1:
            self._broadcast(tensors[0], tensors[1], name)
        elif name in ("view", "reshape"):
            self._view(x, args[1:], name)
        elif (
            name in ("cross_entropy", "nll_loss")
            and len(tensors) > 1
            and tensors[1].is_floating_point()
            and tensors[1].dim() < tensors[0].dim()
        ):
            raise Need(tensors[1], self.layer(name)).with_dtype("int64")
        elif name in ("gather", "scatter", "index_select", "one_hot", "scatter_", "take_along_dim"):
            for tensor in tensors:
                if id(tensor) in self.names and tensor.is_floating_point() and tensor is not (tensors[0] if name != "one_hot" else None):
                    raise Need(tensor, self.layer(name)).with_dtype("int64")

    def _convolution(self, x: Tensor, channels: int, kernel: tuple[int, ...], padding: Any, layer: str) -> None:
        self._rank(x, len(kernel) + 2, layer)
        self._float(x, layer)
        self._size(x, 1, channels, layer, "channel")
        for axis, size in enumerate(kernel):
            padded = padding if isinstance(padding, int | str) else padding[axis]
            if size >= 8 and size > min(kernel) and padded == 0 and x.shape[axis + 2] != size:
                # A kernel over the whole axis: all mel bands, a whole embedding.
                raise Need(x, self.layer(layer), axis=axis + 2, size=size).with_unit("row")

    def _rank(self, x: Tensor, rank: int, layer: str) -> None:
        if x.dim() != rank:
            raise Need(x, self.layer(layer), rank=rank)

    def _sequence(self, x: Tensor, layer: str) -> None:
        """Steps and features; with two axes, of which the first is the batch, the steps are missing and the batch stands for them."""
        if x.dim() not in (2, 3):
            raise Need(x, self.layer(layer), rank=3)
        if x.dim() == 2 and x.shape[0] == self.batch and self.layer(layer) not in self.overheard:
            raise Need(x, self.layer(layer), rank=3).as_preference()

    def _float(self, x: Tensor, layer: str) -> None:
        if id(x) in self.names and not x.is_floating_point() and not x.is_complex():
            raise Need(x, self.layer(layer)).with_dtype("float32")

    def _size(self, x: Tensor, axis: int, size: int, layer: str, unit: str = "feature") -> None:
        if self.overheard and self.layer(layer) in self.overheard:
            return
        if x.dim() == 0 or not -x.dim() <= axis < x.dim() or x.shape[axis] != size:
            raise Need(x, self.layer(layer), axis=axis, size=size).with_unit(unit)
        self.outcome.met += 1

    def _matmul(self, left: Tensor, right: Tensor, layer: str) -> None:
        if left.dim() and right.dim() and left.shape[-1] != right.shape[-2 if right.dim() > 1 else -1]:
            if isinstance(right, nn.Parameter):
                raise Need(left, layer, axis=-1, size=right.shape[-2 if right.dim() > 1 else -1])
            if isinstance(left, nn.Parameter):
                raise Need(right, layer, axis=-2 if right.dim() > 1 else -1, size=left.shape[-1])

    def _broadcast(self, left: Tensor, right: Tensor, layer: str) -> None:
        for one, other in ((left, right), (right, left)):
            if isinstance(other, nn.Parameter):
                if other.dim() > one.dim() and other.shape[0] == 1:
                    raise Need(one, layer, rank=other.dim())  # a position embedding of (1, T, E)
                for offset in range(1, min(one.dim(), other.dim()) + 1):
                    mine, theirs = one.shape[-offset], other.shape[-offset]
                    if mine != theirs and theirs != 1 and mine != 1:
                        raise Need(one, layer, axis=-offset, size=theirs).with_addend()

    def _view(self, x: Tensor, sizes: Any, layer: str) -> None:
        flat = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list | torch.Size) else sizes
        if not flat or not all(isinstance(size, int) for size in flat):
            return
        if any(size > 1 and size in x.shape[1:] for size in flat):
            return  # taken from the tensor itself: no size of the model's
        product = 1
        for size in flat:
            product *= size if size > 0 else 1
        count = x.numel()
        if product <= 0 or (count % product == 0 if -1 in flat else count == product):
            return
        if flat[0] in (-1, self.batch):
            per_sample = product // self.batch if flat[0] == self.batch else product
            if -1 not in flat[1:]:
                raise Need(x, layer).with_product(per_sample)


class Prober:
    """Runs one model again and again, each time on a copy, with inputs made by `make`."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        first = next((tensor for tensor in [*module.parameters(), *module.buffers()]), None)
        self.device = first.device if first is not None else torch.device("cpu")

    def run(
        self, tensors: Mapping[str, Tensor], arrange: Arrange, batch: int, *, listen: bool, overheard: frozenset[str] = frozenset()
    ) -> Outcome:
        args, kwargs = arrange(tensors)
        model = _copy(self.module)
        listener = _Listener(tensors, batch, listen, overheard)
        with _quiet(), torch.no_grad(), rewriting_devices(self.device.type), _listening_to_layers(listener, model), listener:
            try:
                model(*args, **kwargs)
            except Need as need:
                listener.outcome.need = need
                need.is_input = listener.names.get(need.tensor_id)
            except (Exception, Unavailable) as error:
                listener.outcome.error = error
        return listener.outcome


def _copy(module: nn.Module) -> nn.Module:
    """A copy that shares parameters and may change its state freely; the module itself where it cannot be copied."""
    memo: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    try:
        copied: nn.Module = copy.deepcopy(module, memo)
    except Exception:
        return module
    return copied.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _listening_to_layers(listener: _Listener, model: nn.Module) -> Iterator[None]:
    """Layers whose Python raises before any function is called tell what they need here."""
    names = {id(module): name for name, module in model.named_modules() if not next(module.children(), None)}

    def before(module: nn.Module, args: Any) -> None:
        listener.entered = names.get(id(module), "")
        listener.declared = False
        if listener.listening and args and isinstance(args[0], Tensor):
            _needs_of(module, args, listener)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        listener.entered, listener.declared = "", False

    handles = [nn.modules.module.register_module_forward_pre_hook(before), nn.modules.module.register_module_forward_hook(after)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _needs_of(module: nn.Module, args: tuple[Any, ...], listener: _Listener) -> None:
    x: Tensor = args[0]
    kind = type(module).__name__
    if isinstance(module, nn.Linear):
        listener._float(x, kind)
        listener._size(x, -1, module.in_features, kind)
        listener.declared = True
    elif isinstance(module, nn.modules.conv._ConvNd):
        listener._convolution(x, module.in_channels, tuple(module.kernel_size), module.padding, kind)
        listener.declared = True
    elif isinstance(module, nn.RNNBase):
        listener._sequence(x, kind)
        listener._size(x, -1, module.input_size, kind)
        if x.dim() == 3 and not module.batch_first and x.shape[0] == listener.batch:
            raise Need(x, listener.layer(kind)).with_swap()
    elif isinstance(module, nn.RNNCellBase):
        listener._size(x, -1, module.input_size, kind)
    elif isinstance(module, nn.MultiheadAttention):
        listener._sequence(x, kind)
        listener._size(x, -1, module.embed_dim, kind)
        if x.dim() == 3 and not module.batch_first and x.shape[0] == listener.batch:
            raise Need(x, listener.layer(kind)).with_swap()
    elif isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
        listener._sequence(x, kind)
        listener._size(x, -1, module.self_attn.embed_dim, kind)
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        ranks = {"1d": (2, 3), "2d": (4,), "3d": (5,)}.get(kind[-2:])
        if ranks is not None and x.dim() not in ranks:
            raise Need(x, listener.layer(kind), rank=ranks[-1] if x.dim() > 2 or len(ranks) == 1 else 2)
        if module.num_features > 0:
            listener._size(x, 1, module.num_features, kind, "channel")
    elif isinstance(module, nn.Bilinear):
        listener._float(x, kind)
        listener._size(x, -1, module.in1_features, kind)
        if len(args) > 1 and isinstance(args[1], Tensor):
            listener._size(args[1], -1, module.in2_features, kind)
    elif isinstance(module, nn.GroupNorm):
        listener._size(x, 1, module.num_channels, kind, "channel")


_UNPACK = re.compile(r"(?:not enough|too many) values to unpack \(expected (\d+)")


def rank_from_error(error: BaseException) -> int | str | None:
    """The number of axes that `b, c, h, w = x.shape` wants, or "more" where an index is out of range."""
    text = text_of(error)
    if isinstance(error, ValueError) and (found := _UNPACK.search(text)):
        return int(found[1])
    if isinstance(error, IndexError) and ("tuple index out of range" in text or "Dimension out of range" in text):
        return "more"
    if isinstance(error, RuntimeError) and (
        found := re.search(r"number of dimensions.*length \d+ is not equal to (\d+)|permute.*?(\d+)$", text)
    ):
        return int(found[2]) if found[2] else "more"
    return None
