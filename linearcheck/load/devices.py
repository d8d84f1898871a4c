"""CUDA idioms on a machine without CUDA, where no function mode sees them: names of `torch.cuda`, wrappers, process groups, downloads.

`.cuda()`, `.to("cuda")` and `device="cuda"` are calls that a function mode rewrites (the recorder's; `rewriting_devices` while a file is
loaded). What is patched here either is no torch function (`torch.cuda.set_device`), or a class (`torch.cuda.Stream`). All patches go when
the context ends. Measured on the CPU build of torch 2.13; where CUDA is there, nothing is patched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from linearcheck.load.signals import Unavailable

ABSENT_DEVICES = frozenset({"cuda", "mps", "xpu", "npu", "hpu", "xla", "musa", "mtia"})
_TENSOR_TYPES = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


@contextmanager
def absent_devices() -> Iterator[None]:
    """While this is open, code written for CUDA and for several processes runs on this machine's one CPU."""
    import torch

    with ExitStack() as stack:
        for owner, name, replacement in [*_everywhere(), *([] if torch.cuda.is_available() else _without_cuda())]:
            if hasattr(owner, name):
                stack.enter_context(patch.object(owner, name, replacement))
        yield


@contextmanager
def rewriting_devices(here: str = "cpu") -> Iterator[None]:
    """While this is open, tensors that ask for an absent device are made `here`; for code that runs without a recorder."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Here(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = getattr(func, "__name__", "")
            kwargs = {key: _present(value, here) for key, value in (kwargs or {}).items() if not (key == "pin_memory" and value)}
            if name in ("cuda", "pin_memory", "xpu", "mps") or (name == "cpu" and here != "cpu"):
                return args[0]
            if name == "type" and len(args) > 1 and isinstance(args[1], str):
                args = (args[0], args[1].replace("torch.cuda.", "torch."), *args[2:])
            return func(*(_present(value, here) for value in args), **kwargs)

    with Here(), torch.device(here) if here != "cpu" else nullcontext():
        yield


def _present(value: Any, here: str = "cpu") -> Any:
    import torch

    kind = value.type if isinstance(value, torch.device) else value.split(":")[0] if isinstance(value, str) else ""
    if kind not in ABSENT_DEVICES and not (kind == "cpu" and here != "cpu"):
        return value
    return torch.device(here) if isinstance(value, torch.device) else here


class Idle:
    """Stands for a stream, an event, a graph or a device context: takes any call, does nothing, can be entered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _doing_nothing()

    def __enter__(self) -> Idle:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def elapsed_time(self, other: object) -> float:
        return 0.0

    def __call__(self, function: Any = None, *args: Any, **kwargs: Any) -> Any:
        return function


# Every patched name gets an object of its own: `torch._dynamo`, which torch may import at any time, refuses one object under two names.


def _doing_nothing() -> Callable[..., None]:
    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    return nothing


def _giving_idle() -> Callable[..., Idle]:
    def idle(*args: Any, **kwargs: Any) -> Idle:
        return Idle()

    return idle


def _idling(name: str) -> type[Idle]:
    return type(name, (Idle,), {})


def _without_cuda() -> Iterator[tuple[Any, str, Any]]:
    import torch

    cuda = torch.cuda
    for kind in _TENSOR_TYPES:
        yield cuda, f"{kind}Tensor", getattr(torch, f"{kind}Tensor")
    for name in ("set_device", "synchronize", "init", "ipc_collect", "reset_peak_memory_stats", "reset_max_memory_allocated", "set_stream"):
        yield cuda, name, _doing_nothing()
    for name in ("set_rng_state", "set_rng_state_all", "set_per_process_memory_fraction", "seed", "manual_seed", "manual_seed_all"):
        yield cuda, name, _doing_nothing()
    yield cuda, "current_device", lambda: 0
    yield cuda, "get_device_name", lambda device=None: "cpu"
    yield cuda, "get_device_capability", lambda device=None: (8, 0)
    properties = SimpleNamespace(name="cpu", total_memory=2**34, major=8, minor=0, multi_processor_count=1)
    yield cuda, "get_device_properties", lambda device=None: properties
    yield cuda, "mem_get_info", lambda device=None: (2**34, 2**34)
    yield cuda, "get_rng_state", lambda device=None: torch.get_rng_state()
    yield cuda, "get_rng_state_all", list
    for name in ("Stream", "Event", "CUDAGraph", "ExternalStream", "device", "device_of", "stream", "graph"):
        yield cuda, name, _idling(name)
    for name in ("current_stream", "default_stream"):
        yield cuda, name, _giving_idle()
    for name in ("range_push", "range_pop", "mark", "range_start", "range_end"):
        yield cuda.nvtx, name, _doing_nothing()
    yield cuda.nvtx, "range", _idling("range")
    yield cuda.nccl, "version", lambda: (2, 0, 0)
    for name in ("empty_cache", "synchronize", "manual_seed"):
        yield torch.mps, name, _doing_nothing()
    yield torch, "Generator", _generator_class()
    yield torch.Tensor, "record_stream", _doing_nothing()
    yield torch.nn.SyncBatchNorm, "convert_sync_batchnorm", classmethod(lambda cls, module, process_group=None: module)
    yield torch.nn.SyncBatchNorm, "forward", torch.nn.modules.batchnorm._BatchNorm.forward
    yield from _default_devices()


def _generator_class() -> type:
    """`torch.Generator` whose device is always the CPU; real generators are its instances."""
    import torch

    original = torch.Generator

    class OnTheCPU(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, original)

        def __call__(cls, device: Any = "cpu") -> Any:
            return original(_present(device))

    return OnTheCPU("Generator", (), {"__module__": "torch"})


def _default_devices() -> Iterator[tuple[Any, str, Any]]:
    import torch

    set_device, set_type = torch.set_default_device, torch.set_default_tensor_type

    def set_default_device(device: Any) -> None:
        set_device(_present(device))

    def set_default_tensor_type(kind: Any) -> None:
        set_type(kind.replace("torch.cuda.", "torch.") if isinstance(kind, str) else kind)

    yield torch, "set_default_device", set_default_device
    yield torch, "set_default_tensor_type", set_default_tensor_type


def _everywhere() -> Iterator[tuple[Any, str, Any]]:
    """Several processes, pretrained weights and compilation: none of it is for a check, whatever the machine has."""
    import torch
    from torch import distributed, nn

    class DataParallel(nn.Module):
        """The wrappers as they are on one device: `module` holds the model, and is called."""

        def __init__(self, module: nn.Module, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.module = module

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return self.module(*args, **kwargs)

    class DistributedDataParallel(DataParallel):
        no_sync = Idle

    for owner in (nn, nn.parallel):
        yield owner, "DataParallel", DataParallel
    yield nn.parallel, "DistributedDataParallel", DistributedDataParallel
    if distributed.is_available() and not distributed.is_initialized():
        for name in ("init_process_group", "barrier", "destroy_process_group", "all_reduce", "broadcast"):
            yield distributed, name, _doing_nothing()
        yield distributed, "get_rank", lambda group=None: 0
        yield distributed, "get_world_size", lambda group=None: 1

    def compile(model: Any = None, **options: Any) -> Any:
        return model if model is not None else lambda function: function

    yield torch, "compile", compile
    yield nn.Module, "compile", _doing_nothing()
    load = nn.Module.load_state_dict

    def load_state_dict(self: Any, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        return _NO_KEYS if isinstance(state_dict, AbsentWeights) else load(self, state_dict, *args, **kwargs)

    yield nn.Module, "load_state_dict", load_state_dict
    yield torch.hub, "load_state_dict_from_url", _absent_weights
    hub_load: Any = torch.hub.load

    def load_what_is_here(repo_or_dir: Any, model: Any, *args: Any, source: str = "github", **kwargs: Any) -> Any:
        if source == "github" and not _is_in_hub_cache(torch.hub.get_dir(), repo_or_dir):
            raise Unavailable(
                f"`torch.hub.load` would download `{repo_or_dir}` and run its code",
                advice="Load it once yourself, so that it lies in the cache of torch.hub.",
            )
        return hub_load(repo_or_dir, model, *args, source=source, **kwargs)

    yield torch.hub, "load", load_what_is_here
    import sys

    for name in ("torchvision._internally_replaced_utils", "torchvision.models._api"):
        if (module := sys.modules.get(name)) is not None:
            yield module, "load_state_dict_from_url", _absent_weights


def _is_in_hub_cache(folder: str, repository: Any) -> bool:
    """Whether torch.hub has the repository, `owner/name` or `owner/name:branch`, in its folder."""
    name, _, branch = str(repository).partition(":")
    start = f"{name.replace('/', '_')}_{branch.replace('/', '_')}"
    try:
        return any(entry == start or (not branch and entry.startswith(start)) for entry in os.listdir(folder))
    except OSError:
        return False


class AbsentWeights(dict[str, Any]):
    """Pretrained weights that were not downloaded: shapes do not depend on them, so loading them does nothing."""


_NO_KEYS = SimpleNamespace(missing_keys=[], unexpected_keys=[])


def _absent_weights(*args: Any, **kwargs: Any) -> AbsentWeights:
    return AbsentWeights()
