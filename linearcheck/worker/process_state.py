"""Put back what the user's code may have changed in a process that goes on to serve the next model."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import sys
import sysconfig
from collections.abc import Iterator
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def restored_afterwards() -> Iterator[None]:
    """Restore the interpreter's and torch's own settings, and forget modules that were imported from the user's folders.

    A function of torch that was replaced in place stays replaced: only a child of its own process forgets that.
    """
    python = _PythonState()
    torch_state = _torch_state()
    try:
        yield
    finally:
        python.restore()
        _restore_torch(torch_state)


class _PythonState:
    def __init__(self) -> None:
        self.path, self.argv, self.environ = list(sys.path), list(sys.argv), dict(os.environ)
        self.meta_path, self.path_hooks = list(sys.meta_path), list(sys.path_hooks)
        self.directory = os.getcwd()
        self.modules = dict(sys.modules)
        self.streams = sys.stdin, sys.stdout, sys.stderr
        self.recursion_limit = sys.getrecursionlimit()
        self.random_state = random.getstate()
        self.trace, self.profile = sys.gettrace(), sys.getprofile()

    def restore(self) -> None:
        sys.path[:], sys.argv[:] = self.path, self.argv
        sys.meta_path[:], sys.path_hooks[:] = self.meta_path, self.path_hooks
        sys.settrace(self.trace)
        sys.setprofile(self.profile)
        for name in os.environ.keys() - self.environ.keys():
            del os.environ[name]
        os.environ.update(self.environ)
        with contextlib.suppress(OSError):
            os.chdir(self.directory)
        for name, module in list(sys.modules.items()):
            if name not in self.modules and _is_from_a_project(module):
                del sys.modules[name]
        for name, module in self.modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        sys.stdin, sys.stdout, sys.stderr = self.streams
        sys.setrecursionlimit(self.recursion_limit)
        random.setstate(self.random_state)
        sys.path_importer_cache.clear()


_INSTALLED = tuple(
    os.path.join(path, "") for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_paths().get(name))
)
_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")


def _is_from_a_project(module: object) -> bool:
    """Whether a module belongs to the user's code, not to an installed package: packages cannot all be imported twice."""
    if not isinstance(module, ModuleType):
        return True
    path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return not isinstance(path, str) or not path.startswith((*_INSTALLED, _OURS))


def _torch_state() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "device": torch.get_default_device(),
        "dtype": torch.get_default_dtype(),
        "random": torch.random.get_rng_state(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "module hooks": _global_hooks(torch),
    }


def _global_hooks(torch: Any) -> dict[str, Any]:
    """`register_module_forward_hook` and its like fill dictionaries of the module `torch.nn.modules.module`."""
    return {
        name: copy.copy(value)
        for name, value in vars(torch.nn.modules.module).items()
        if name.startswith("_global_") and isinstance(value, dict)
    }


def _restore_torch(state: dict[str, Any]) -> None:
    torch = sys.modules.get("torch")
    if torch is None or not state:
        return
    torch.set_default_dtype(state["dtype"])
    torch.random.set_rng_state(state["random"])
    torch.set_grad_enabled(state["grad"])
    # The next two import much of torch, so only where it is needed.
    if torch.get_default_device() != state["device"]:
        torch.set_default_device(None)
    if torch.are_deterministic_algorithms_enabled() != state["deterministic"]:
        torch.use_deterministic_algorithms(state["deterministic"])
    for name, hooks in state["module hooks"].items():
        present = getattr(torch.nn.modules.module, name)
        present.clear()
        present.update(hooks)
