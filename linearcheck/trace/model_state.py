"""What a model would take from a checkpoint: the entries of its state dict, without calling any code of the model's own."""

from __future__ import annotations

import torch
from torch import nn

from linearcheck.trace.records import StateEntry


def state_entries(model: nn.Module) -> tuple[StateEntry, ...]:
    """Parameters and persistent buffers by the names that `load_state_dict` looks for, in its order.

    Source: `torch.nn.Module._load_from_state_dict` of PyTorch 2.13.
    """
    found: list[StateEntry] = []
    names: dict[int, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        skipped = module._non_persistent_buffers_set
        own = {**module._parameters, **{name: buffer for name, buffer in module._buffers.items() if name not in skipped}}
        for name, tensor in own.items():
            if tensor is None:
                continue
            full = f"{path}.{name}" if path else name
            first = names.setdefault(id(tensor), full)
            shape = None if torch.nn.parameter.is_lazy(tensor) else tuple(tensor.shape)
            found.append(StateEntry(full, shape, str(tensor.dtype).removeprefix("torch."), first if first != full else ""))
    return tuple(found)


def adapting_modules(model: nn.Module) -> tuple[str, ...]:
    """Modules whose own code may rename or change what is loaded: hooks before loading, or a loading function of the user's."""
    return tuple(path for path, module in model.named_modules() if _adapts(module))


def _adapts(module: nn.Module) -> bool:
    loads = type(module)._load_from_state_dict
    if loads is not nn.Module._load_from_state_dict and not (loads.__module__ or "").startswith("torch."):
        return True
    return bool(module._load_state_dict_pre_hooks) or type(module).load_state_dict is not nn.Module.load_state_dict
