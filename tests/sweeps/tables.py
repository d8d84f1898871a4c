"""PyTorch's own tables of inputs, as traces: `module_db` (valid and refused inputs of modules) and `op_db` (refused inputs of
operations)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from linearcheck.load.records import InputPlan, LoadedModel
from linearcheck.trace.records import Trace
from linearcheck.trace.tracing import ConstructionError, trace_model


@dataclass(frozen=True)
class Row:
    """One row of a table: how the module is built and called."""

    name: str
    build: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    train: bool = False
    raises: type[BaseException] | None = None
    in_construction: bool = False
    regex: str = ""


def trace_row(row: Row) -> Trace | ConstructionError:
    loaded = LoadedModel(row.name, Path("table.py"), row.build, lambda path: False, lambda path: "", lambda path: path)
    plan = InputPlan((), has_batch=False, make_arguments=lambda n: (copy.deepcopy(row.args), copy.deepcopy(row.kwargs)))
    try:
        return trace_model(loaded, lambda model: plan, train=row.train).trace
    except ConstructionError as error:
        return error


def module_rows(only: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every valid row of `module_db`, float32 on the CPU, in training and in evaluation mode."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if only and info.module_cls.__name__ not in only:
            continue
        for train in (False, True):
            for number, sample in enumerate(
                info.module_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=train)
            ):
                made, given = sample.constructor_input, sample.forward_input
                if given is None:
                    continue
                yield Row(
                    f"{info.name}[{number}]{'train' if train else ''}",
                    _builder(info.module_cls, made.args, made.kwargs),
                    tuple(given.args),
                    dict(given.kwargs),
                    train,
                )


def module_error_rows() -> Iterator[Row]:
    """Every row of `module_error_inputs_func`: inputs that a module refuses."""
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

    for info in module_db:
        if info.module_error_inputs_func is None:
            continue
        for number, row in enumerate(
            info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=False)
        ):
            made, given = row.module_error_input.constructor_input, row.module_error_input.forward_input
            yield Row(
                f"{info.name}[{number}]",
                _builder(info.module_cls, made.args, made.kwargs),
                tuple(given.args) if given else (),
                dict(given.kwargs) if given else {},
                raises=row.error_type,
                in_construction=row.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR,
                regex=row.error_regex,
            )


def _builder(kind: type[nn.Module], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return lambda: kind(*copy.deepcopy(args), **copy.deepcopy(kwargs)).to(torch.float32)


class Operation(nn.Module):
    """One call of an operation as a model."""

    def __init__(self, op: Any) -> None:
        super().__init__()
        self.op = op

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.op(*args, **kwargs)


def op_error_rows() -> Iterator[Row]:
    """Every row of `op_db`'s `error_inputs` on the CPU."""
    from torch.testing._internal.common_methods_invocations import op_db

    for info in op_db:
        if info.error_inputs_func is None:
            continue
        for number, error in enumerate(info.error_inputs("cpu")):
            sample = error.sample_input
            yield Row(
                f"{info.name}[{number}]",
                lambda op=info.op: Operation(op),
                (sample.input, *sample.args),
                dict(sample.kwargs),
                raises=error.error_type,
                regex=error.error_regex,
            )
