"""Builds traces by hand, so that rules are tested without torch: layers, calls in order, and calls that fail."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from linearcheck.rules.layers import FUNCTIONS, declared_parameter_shapes
from linearcheck.sizes import NamedSize, Shape, Size
from linearcheck.trace.records import Call, CallError, Layer, PythonError, Role, Span, TensorInfo, Trace

BATCH = 12
PATH = "model.py"


def span(line: int, column: int = 9) -> Span:
    return Span(PATH, line, column, line, column + 10)


class TraceBuilder:
    """Records what a forward pass would: every method adds calls and returns their output."""

    def __init__(self, source: str = "") -> None:
        self.source = source
        self.calls: list[Call] = []
        self.building: list[Call] = []
        self.layers: dict[str, Layer] = {}
        self.inputs: list[TensorInfo] = []
        self.errors: list[PythonError] = []
        self._uid = 0

    def tensor(
        self, sizes: Shape, dtype: str = "float32", role: Role = "activation", name: str = "", contiguous: bool = True
    ) -> TensorInfo:
        self._uid += 1
        return TensorInfo(self._uid, tuple(map(_measured, sizes)), sizes, dtype, role, name, contiguous=contiguous)

    def input(self, sizes: Shape, name: str = "x", dtype: str = "float32") -> TensorInfo:
        made = self.tensor(sizes, dtype, "input", name)
        self.inputs.append(made)
        return made

    def parameter(self, sizes: tuple[int, ...], name: str, line: int) -> TensorInfo:
        made = self.tensor(sizes, "float32", "parameter", name)
        self.building.append(Call(len(self.building), "function", "zeros", "torch.zeros", "", span(line), {"size": sizes}, (made,)))
        return made

    def layer(
        self,
        name: str,
        torch_type: str,
        line: int,
        *,
        called_by: str = "user",
        weight: tuple[int, ...] | None = None,
        replaced: int | None = None,
        column: int = 20,
        **declared: Any,
    ) -> None:
        """A layer built on `line`; `weight` is another shape than declared, given on the line `replaced`."""
        plain = Layer(name, torch_type, torch_type, declared)
        shapes = declared_parameter_shapes(plain) | ({"weight": weight} if weight is not None else {})
        self.layers[name] = Layer(
            name,
            torch_type,
            torch_type,
            declared,
            {key: TensorInfo(0, shape, shape, "float32", "parameter", f"{name}.{key}") for key, shape in shapes.items()},
            span(line, column),
            {"weight": span(replaced)} if replaced is not None else {},
            caller_type="torch" if called_by == "torch" else "user",
        )

    def call(
        self,
        name: str,
        *tensors: TensorInfo,
        out: Shape,
        line: int,
        error: str = "",
        dtype: str = "",
        in_place: bool = False,
        **arguments: Any,
    ) -> TensorInfo:
        """A function that user code calls; the first tensor is "input", the second "other", a list of them "tensors"."""
        names = ("input", "other", "third")
        bound: dict[str, Any] = dict(zip(names, tensors, strict=False)) if name not in ("cat", "stack") else {"tensors": tensors}
        output = self.tensor(out, dtype or (tensors[0].dtype if tensors else "float32"))
        self._add("function", name, "", line, bound | arguments, output, error, None, in_place)
        return output

    def use(
        self, layer: str, x: TensorInfo, *, out: Shape, line: int, error: str = "", by_module: bool = False, **arguments: Any
    ) -> TensorInfo:
        """A call of a layer: the module call and the function that its forward calls, which is the one to fail unless `by_module`."""
        known = self.layers[layer]
        output = self.tensor(out)
        first = "query" if known.torch_type == "MultiheadAttention" else "src" if known.torch_type.startswith("Transformer") else "input"
        self._add("module", known.torch_type, layer, line, {first: x} | arguments, output, error if by_module else "", None)
        parent = len(self.calls) - 1
        if known.torch_type in FUNCTIONS and not by_module:
            weight = known.parameters.get("weight")
            own = {"weight": self.tensor(weight.shape, "float32", "parameter", f"{layer}.weight")} if weight is not None else {}
            options = {
                key: known.declared[key] for key in ("stride", "padding", "dilation", "groups", "kernel_size") if key in known.declared
            }
            self._add("function", FUNCTIONS[known.torch_type], layer, line, {first: x} | own | options | arguments, output, error, parent)
        return output

    def stop(self, error: str, message: str, source: str, line: int, **tensors: TensorInfo) -> None:
        """The model's own Python raises."""
        self.errors.append(PythonError(error, message, "", span(line), source, tensors, None))

    def trace(self, **further: Any) -> Trace:
        return Trace(
            tuple(self.calls), tuple(self.layers.values()), tuple(self.inputs), tuple(self.calls[-1].outputs) if self.calls else (),
            (BATCH, 2 * BATCH), python_errors=tuple(self.errors), sources={PATH: self.source} if self.source else {},
            building_calls=tuple(self.building), **further,
        )  # fmt: skip

    def _add(
        self, kind: Any, name: str, layer: str, line: int, arguments: dict[str, Any], output: TensorInfo, error: str, parent: int | None,
        in_place: bool = False,
    ) -> None:  # fmt: skip
        failed = CallError("RuntimeError", error) if error else None
        self.calls.append(
            Call(len(self.calls), kind, name, name, layer, span(line), arguments, (output,), failed, parent, in_place=in_place)
        )


def _measured(size: Size) -> int:
    if isinstance(size, NamedSize):
        return int(size.multiple * BATCH) + size.offset
    return size


def times(multiple: int) -> NamedSize:
    """`multiple * N`."""
    return NamedSize(("N",), Fraction(multiple))
