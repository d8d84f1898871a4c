"""Stand-ins for packages that are not installed, for names that the user's own import statements ask for.

A stand-in can be named, called, used as a decorator (it returns what it decorates), entered with `with` and stored away. It cannot be
a tensor, a number, or a base class: there it raises `StandInUsed` with the package's name. Base classes that are known to be modules are
real `nn.Module`s. Torch is imported only when such a class is asked for.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from linearcheck.load.signals import StandInUsed

_MODULE_BASES = frozenset({"LightningModule", "BaseModule", "FairseqEncoder", "FairseqDecoder", "BaseFairseqModel", "FairseqEncoderModel"})
_PLAIN_BASES = frozenset(
    [
        "LightningDataModule",
        "Callback",
        "Dataset",
        "Env",
        "Trainer",
        "ABC",
        "PyTorchModelHubMixin",
        "ConfigMixin",
        "BaseModel",
        "TransformerMixin",
        "BaseEstimator",
        "ClassifierMixin",
        "RegressorMixin",
        "NeuralNet",
        "Wrapper",
        "ObservationWrapper",
        "RewardWrapper",
        "BasePredictor",
    ]
)


class StandIn:
    """One name of a missing package: the package itself, an attribute of it, or what a call of one returned."""

    def __init__(self, package: str, dotted: str) -> None:
        self.__dict__["_standin"] = (package, dotted)

    def used(self, use: str) -> StandInUsed:
        package, dotted = self.__dict__["_standin"]
        return StandInUsed(package, dotted, use)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        package, dotted = self.__dict__["_standin"]
        return stand_in_for(package, f"{dotted}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(_is_tensor(value) for value in (*args, *kwargs.values())):
            raise self.used("a tensor is passed to")
        if len(args) == 1 and not kwargs and _is_definition(args[0]):
            return args[0]
        package, dotted = self.__dict__["_standin"]
        return StandIn(package, dotted if dotted.endswith("(...)") else f"{dotted}(...)")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self.used("a class is derived from")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __subclasscheck__(self, subclass: type) -> bool:
        return False

    def __or__(self, other: Any) -> Any:  # `X | None` in an annotation
        return self

    __ror__ = __or__

    def __getitem__(self, key: Any) -> Any:
        package, dotted = self.__dict__["_standin"]
        return StandIn(package, f"{dotted}[...]")

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def __hash__(self) -> int:
        return hash(self.__dict__["_standin"])

    def __eq__(self, other: object) -> bool:
        return self is other

    def __bool__(self) -> bool:
        raise self.used("the model decides something by")

    def __iter__(self) -> Iterator[Any]:
        raise self.used("the model loops over")

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for value in _flat((*args, *(kwargs or {}).values())):
            if isinstance(value, StandIn):
                raise value.used("a tensor operation takes")
        raise TypeError("no stand-in among the arguments")

    def __repr__(self) -> str:
        return f"<stand-in for {self.__dict__['_standin'][1]}>"


def _refuse(use: str) -> Callable[..., Any]:
    def method(self: StandIn, *args: Any) -> Any:
        raise self.used(use)

    return method


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "floordiv",
    "rfloordiv",
    "mod",
    "rmod",
    "pow",
    "rpow",
    "neg",
    "matmul",
    "rmatmul",
    "lt",
    "le",
    "gt",
    "ge",
]:
    setattr(StandIn, f"__{_name}__", _refuse("the model computes with"))
for _name in ["int", "float", "index", "len", "complex", "round"]:
    setattr(StandIn, f"__{_name}__", _refuse("a size is taken from"))
setattr(StandIn, "__contains__", _refuse("the model looks something up in"))  # noqa: B010


class StandInModule(types.ModuleType):
    """A missing package as a module, for `import package` and for `from package import name`."""

    def __init__(self, package: str, dotted: str) -> None:
        super().__init__(dotted)
        self.__dict__["_standin"] = (package, dotted)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        package, dotted = self.__dict__["_standin"]
        return stand_in_for(package, f"{dotted}.{name}")


def stand_in_for(package: str, dotted: str) -> Any:
    """What stands in for one name of a missing package."""
    name = dotted.rsplit(".", 1)[-1]
    if name in _MODULE_BASES:
        return _module_base(name)
    if name in _PLAIN_BASES:
        return type(name, (), {"__init__": _accept_anything, "__module__": dotted.rsplit(".", 1)[0]})
    if package == "transformers" and (name == "PreTrainedModel" or name.endswith("PreTrainedModel")):
        return _pretrained_base(name)
    if package == "transformers" and name in ("PretrainedConfig", "PreTrainedConfig"):
        return type(name, (), {"__init__": _keep_keywords, "__module__": "transformers"})
    return StandIn(package, dotted)


def _accept_anything(self: Any, *args: Any, **kwargs: Any) -> None:
    return None


def _keep_keywords(self: Any, **kwargs: Any) -> None:
    for name, value in kwargs.items():
        setattr(self, name, value)


def _module_base(name: str) -> type:
    """A real `nn.Module` with what Lightning's and OpenMMLab's bases give a constructor."""
    from torch import nn

    class Base(nn.Module):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()

        def save_hyperparameters(self, *args: Any, **kwargs: Any) -> None:
            import inspect

            frame = inspect.currentframe()
            names = dict(frame.f_back.f_locals) if frame is not None and frame.f_back is not None else {}
            values = {key: value for key, value in names.items() if key not in ("self", "__class__")}
            for key in [key for key, value in values.items() if isinstance(value, dict) and key in ("kwargs", "hparams")]:
                values.update(values.pop(key))
            self.hparams = Attributes({**values, **getattr(self, "hparams", {})})

        def log(self, *args: Any, **kwargs: Any) -> None:
            return None

        log_dict = log

        @property
        def device(self) -> Any:
            return next((p.device for p in self.parameters()), "cpu")

    Base.__name__ = Base.__qualname__ = name
    return Base


def _pretrained_base(name: str) -> type:
    from torch import nn

    class Base(nn.Module):
        config_class: Any = None
        base_model_prefix = ""

        def __init__(self, config: Any = None, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.config = config

        def post_init(self) -> None:
            return None

        init_weights = post_init

        @property
        def dtype(self) -> Any:
            return next(self.parameters()).dtype

    Base.__name__ = Base.__qualname__ = name
    return Base


class Attributes(dict[str, Any]):
    """A dict whose items are attributes too, like Lightning's `hparams`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _flat(value)
        else:
            yield value


def _is_tensor(value: Any) -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_definition(value: Any) -> bool:
    return isinstance(value, type | types.FunctionType | staticmethod | classmethod | property)
