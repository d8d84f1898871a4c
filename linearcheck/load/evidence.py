"""What the user's file says about the inputs of its model: a comment, a declaration, a call with a sample, a constructor's shape."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from linearcheck.load.classes import ModuleFile
from linearcheck.load.discover import peel
from linearcheck.load.records import InputSource, LoadedModel
from linearcheck.load.scopes import Place, calls_in, places_in, value_at
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.spaces import Space
from linearcheck.load.tensors import TensorShape, tensor_shape
from linearcheck.source_text import source_lines

_COMMENT = re.compile(r"#\s*linearcheck:\s*(.*)$")
_COMMENT_SHAPE = re.compile(r"input-shape\s*=\s*(\S+)")
_CALLS_WITH_MODEL = frozenset(
    {"trace", "add_graph", "export", "FlopCountAnalysis", "profile", "flop_count", "get_model_complexity_info", "summary"}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is said of one input. `sizes` hold None where a size is not told; `batched` whether the first of them is the batch.

    `argument` is the name of `forward`'s argument, or its position.
    """

    argument: str | int
    sizes: tuple[int | str | None, ...]
    dtype: str | None
    source: InputSource
    why: str
    batched: bool | None = None
    fill: float | None = None


def commented_shapes(loaded: LoadedModel) -> tuple[list[str], int] | None:
    """Texts of `# linearcheck: input-shape=...` at the model's class, with the line; None where there is none."""
    space: Space = loaded.program.main().space
    lines = source_lines(space.source.text)
    node = next(
        (leaf.node for leaf in space.body.leaves if getattr(leaf.node, "name", None) == loaded.name or loaded.name in leaf.defines), None
    )
    if node is None:
        return None
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    last = (
        node.body[0].lineno if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else node.end_lineno or node.lineno
    )
    start = first - 1
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    for number in range(start, min(last, len(lines))):
        if (found := _COMMENT.search(lines[number])) and (texts := _COMMENT_SHAPE.findall(found[1])):
            return texts, number + 1
    return None


def declared_inputs(loaded: LoadedModel, module: Any, signature: inspect.Signature) -> list[Evidence]:
    """What the model declares: `example_input_array`, `dummy_inputs`, jaxtyping annotations, timm's `default_cfg`."""
    import torch

    example = _attribute(module, "example_input_array")
    if isinstance(example, torch.Tensor):
        return [_of_tensor(0, example, "example_input_array")]
    if isinstance(example, tuple | list) and example and all(isinstance(item, torch.Tensor) for item in example):
        return [_of_tensor(index, item, "example_input_array") for index, item in enumerate(example)]
    for name, value in (("example_input_array", example), ("dummy_inputs", _attribute(module, "dummy_inputs"))):
        if isinstance(value, dict) and value and all(isinstance(item, torch.Tensor) for item in value.values()):
            return [_of_tensor(str(key), item, name) for key, item in value.items() if str(key) in signature.parameters]
    annotated = [found for parameter in signature.parameters.values() if (found := _annotated(parameter)) is not None]
    if annotated:
        return annotated
    for config in (_attribute(module, "default_cfg"), _attribute(module, "pretrained_cfg")):
        size = config.get("input_size") if isinstance(config, Mapping) else _attribute(config, "input_size")
        if isinstance(size, tuple | list) and size and all(isinstance(item, int) for item in size):
            return [Evidence(0, ("N", *size), None, "declared", "default_cfg", True)]
    return []


def _attribute(owner: Any, name: str) -> Any:
    """An attribute of the user's, which may be a property that raises."""
    try:
        return getattr(owner, name, None)
    except Exception:
        return None


def _of_tensor(argument: str | int, value: Any, why: str) -> Evidence:
    dtype = str(value.dtype).removeprefix("torch.")
    return Evidence(
        argument,
        tuple(value.shape),
        None if dtype == "float32" else dtype,
        "declared",
        why,
        value.dim() > 1 or not value.is_floating_point(),
    )


def _annotated(parameter: inspect.Parameter) -> Evidence | None:
    """Axes of `Float[Tensor, "b 3 224 224"]`, an object of jaxtyping or its text."""
    annotation = parameter.annotation
    text = getattr(annotation, "dim_str", None)
    kind = getattr(annotation, "__name__", "")
    if isinstance(annotation, str) and (
        found := re.match(r"""(?:\w+\.)?(\w+)\[\s*[\w.]+\s*,\s*["']([^"']+)["']\s*\]$""", annotation.strip())
    ):
        kind, text = found[1], found[2]
    if not isinstance(text, str) or "..." in text or "*" in text:
        return None
    axes: list[int | str | None] = []
    for part in text.split():
        part = part.lstrip("#?").split("=")[-1]
        if not part.isdigit() and not part.isidentifier():
            return None
        axes.append(int(part) if part.isdigit() else "N" if part.lower() in ("b", "batch", "n", "bs", "batch_size", "bsz") else part)
    dtype = "int64" if kind.startswith(("Int", "Integer")) else "bool" if kind.startswith("Bool") else None
    return Evidence(parameter.name, tuple(axes), dtype, "declared", f'annotated "{text}"', "N" in axes)


# ---- calls with the model


def called_inputs(loaded: LoadedModel, module: Any, signature: inspect.Signature) -> list[Evidence]:
    """What the file passes to the model: `model(torch.randn(1, 3, 32, 32))`, `summary(model, (1, 28, 28))`, an export, a trace."""
    space: Space = loaded.program.main().space
    holders = model_holders(loaded, module)
    best: list[Evidence] = []
    for place in calls_in(space):
        found = _from_call(place, holders, signature)
        if len(found) > len(best):
            best = found
    return best


def model_holders(loaded: LoadedModel, module: Any) -> frozenset[str]:
    """Names that hold the model in its file, `self.` before attributes: `net` of `net = Net().to(device)`."""
    space: Space = loaded.program.main().space
    file = _file_of(loaded)
    builders = {loaded.name, type(module).__name__}
    builders |= {name for name, function in file.functions.items() if _returns_call_of(function, builders)}
    holders = {loaded.name}
    for place in places_in(space):
        node = place.node
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        value = peel(node.value, file)
        function = value.func if isinstance(value, ast.Call) else None
        if isinstance(function, ast.Name) and function.id in builders:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    holders.add(target.id)
                elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    holders.add(f"self.{target.attr}")
    if len(file.models) <= 1:
        holders |= {"model", "net", "network"}  # the one model of the file, as the argument of `def train(model, ...)`
    return frozenset(holders)


def _returns_call_of(function: ast.FunctionDef | ast.AsyncFunctionDef, names: set[str]) -> bool:
    built = {
        target.id
        for part in ast.walk(function)
        if isinstance(part, ast.Assign) and any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(part.value))
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    returned = [part.value for part in ast.walk(function) if isinstance(part, ast.Return) and part.value is not None]
    return any(isinstance(n, ast.Name) and n.id in names | built for value in returned for n in ast.walk(value))


def _file_of(loaded: LoadedModel) -> ModuleFile:
    project = loaded.program.project
    return ModuleFile(project, project.target, project.module_name)


def _holds(expression: ast.expr, holders: frozenset[str]) -> bool:
    if isinstance(expression, ast.Name):
        return expression.id in holders
    if isinstance(expression, ast.Attribute):
        return f"self.{expression.attr}" in holders or (expression.attr == "module" and _holds(expression.value, holders))
    if isinstance(expression, ast.Call):
        if isinstance(expression.func, ast.Attribute) and expression.func.attr in ("cuda", "to", "cpu", "eval", "train"):
            return _holds(expression.func.value, holders)
        return isinstance(expression.func, ast.Name) and expression.func.id in holders
    return False


def _from_call(place: Place, holders: frozenset[str], signature: inspect.Signature) -> list[Evidence]:
    call = place.node
    assert isinstance(call, ast.Call)
    dotted = place.space.imports.dotted(call.func) or ""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted.rsplit(".", 1)[-1]
    if last in _CALLS_WITH_MODEL and call.args and _holds(call.args[0], holders):
        return _from_tool(place, call, dotted, last)
    if _holds(call.func, holders) and (call.args or call.keywords) and not _is_constructor(call.func, place):
        return _from_arguments(
            place, [*call.args], {k.arg: k.value for k in call.keywords if k.arg}, f"a call at line {place.line}", signature
        )
    return []


def _is_constructor(function: ast.expr, place: Place) -> bool:
    return isinstance(function, ast.Name) and isinstance(place.space.names.get(function.id), type)


def _from_tool(place: Place, call: ast.Call, dotted: str, last: str) -> list[Evidence]:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    why = f"{last}(...) at line {place.line}"
    if last in ("summary", "get_model_complexity_info"):
        given = keywords.get("input_size") or keywords.get("input_res") or (call.args[1] if len(call.args) > 1 else None)
        if "input_data" in keywords or given is None:
            given = keywords.get("input_data")
            return _from_values(place, given, why) if given is not None else []
        value = _evaluated(place, given)
        shapes = (
            [value]
            if _is_shape(value)
            else list(value)
            if isinstance(value, tuple | list) and value and all(_is_shape(v) for v in value)
            else []
        )
        if not shapes:
            return _from_values(place, given, why)
        has_batch = dotted.startswith("torchinfo") and "batch_dim" not in keywords
        return [Evidence(i, tuple(s) if has_batch else ("N", *s), None, "inferred", why, True) for i, s in enumerate(shapes)]
    given = (
        keywords.get("inputs") or keywords.get("args") or keywords.get("example_inputs") or (call.args[1] if len(call.args) > 1 else None)
    )
    return _from_values(place, given, why) if given is not None else []


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple | list) and bool(value) and all(isinstance(size, int) and not isinstance(size, bool) for size in value)


def _from_values(place: Place, given: ast.expr, why: str) -> list[Evidence]:
    items = given.elts if isinstance(given, ast.Tuple | ast.List) else [given]
    return _from_arguments(place, list(items), {}, why, None)


def _from_arguments(
    place: Place, positional: list[ast.expr], keywords: Mapping[str, ast.expr], why: str, signature: inspect.Signature | None
) -> list[Evidence]:
    found: list[Evidence] = []
    arguments: list[tuple[str | int, ast.expr]] = [*enumerate(positional), *keywords.items()]
    for argument, expression in arguments:
        if isinstance(expression, ast.Starred):
            break
        shape = tensor_shape(place, expression)
        if shape is not None and any(size is not None for size in shape.sizes[1:] or shape.sizes):
            found.append(_evidence(argument, shape, why))
        elif isinstance(argument, int) and not found:
            return []
    return found


def _evidence(argument: str | int, shape: TensorShape, why: str) -> Evidence:
    batched = True if shape.is_batch_first or len(shape.sizes) > 1 or shape.dtype == "int64" else None
    return Evidence(argument, shape.sizes, shape.dtype, "inferred", why, batched)


def _evaluated(place: Place, expression: ast.expr) -> Any:
    try:
        return value_at(place, expression)
    except (Exception, Unavailable, OutsideEffect):
        return None


# ---- shapes that the constructor was given


_SHAPE_ARGUMENTS = re.compile(
    r"^(input|in|obs|observation|state|image|img|sample|data)_?(shape|dims?|size)$|^(input_shape|obs_shape|shape|observation_space)$"
)
_SIDE_ARGUMENTS = re.compile(
    r"^(image|img|input|crop|patch_grid|frame|spatial)_?(size|res|resolution|dim|side|hw)$|^(resolution|img_dim|image_dim|size)$"
)


def constructed_shapes(loaded: LoadedModel) -> Iterator[tuple[tuple[int, ...], str]]:
    """Shapes and image sizes among the constructor's arguments: `obs_shape=(4, 84, 84)`, `img_size=224` (as `(224,)`)."""
    for value in loaded.init:
        size = _literal(value.value)
        if size is None or not (_SHAPE_ARGUMENTS.match(value.name) or _SIDE_ARGUMENTS.match(value.name)):
            continue
        if isinstance(size, int) and size > 1 and _SIDE_ARGUMENTS.match(value.name):
            yield (size,), f"{value.name}={size}"
        elif _is_shape(size):
            yield tuple(size), f"{value.name}={value.value}"


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return None
